"""Commands about work items: wishes in the imperative. They change nothing unless they are answered "done"."""

from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from coord.events.model import (
    Command,
    Count,
    Json,
    LeaseSeconds,
    Nanoseconds,
    Note,
    Position,
    Priority,
    Ratio,
    Title,
    Token,
    Words,
    each_once,
)
from coord.events.planning import (
    Concurrency,
    Dependencies,
    IdempotencyKey,
    OnStuck,
    Retry,
    Said,
    StuckSeconds,
)
from coord.events.work import CAPABILITIES_MAX

SUBMIT_MAX: Final = 1_000
"""Items of one batch: as many as the log appends together or not at all."""
SUBMIT_BYTES_MAX: Final = 4 * 1024 * 1024
"""Size of such a command, over a socket; over NATS it is no larger than a message."""
CLAIM_MAX: Final = 100
WAIT_SECONDS_MAX: Final = 3_600.0
WATCHED_MAX: Final = 200
EXPLAINED_MAX: Final = 100

Capabilities = Annotated[tuple[Token, ...], Field(max_length=CAPABILITIES_MAX), AfterValidator(each_once)]
WaitSeconds = Annotated[float, Field(ge=0, le=WAIT_SECONDS_MAX)]


class NewItem(Words):
    """What an item is submitted with."""

    item_id: Token | None = None
    """None: the coordinator makes one, from the idempotency key if there is one, else from the request id."""
    title: Title
    priority: Priority = 5
    capabilities: Capabilities = ()
    team: Token | None = None
    lease_seconds: LeaseSeconds | None = None
    body: Json = None
    verify: Token | None = None
    """A scenario's name: the item completes only with a passing run of it, newer than the claim."""
    parent: Token | None = None
    """An item that is there, or stands before this one in its batch."""
    depends_on: Dependencies = ()
    not_before_ns: Nanoseconds | None = None
    deadline_ns: Nanoseconds | None = None
    retry: Retry | None = None
    concurrency: Concurrency | None = None
    idempotency_key: IdempotencyKey | None = None
    """The same key makes the same id, for ever: what was submitted under it is already so."""
    not_before_said: Said | None = None
    deadline_said: Said | None = None
    """Words that mean another moment later: who says the same again submits the same, whatever moment it is by then."""
    stuck_seconds: StuckSeconds | None = None
    on_stuck: OnStuck = "tell"

    @model_validator(mode="after")
    def _one_id(self) -> Self:
        if self.item_id is not None and self.idempotency_key is not None:
            raise ValueError("an item has an id of its own or one made from its idempotency key, not both")
        return self

    @model_validator(mode="after")
    def _said_moments(self) -> Self:
        for name in ("not_before", "deadline"):
            if getattr(self, f"{name}_said") is not None and getattr(self, f"{name}_ns") is None:
                raise ValueError(f"{name}_said is given without {name}_ns")
        return self


class Submit(NewItem, Command):
    """Submit an item of work."""

    request_id: Token


class SubmitMany(Command):
    """Submit items that are appended together or not at all. They may depend on each other, in any order."""

    request_id: Token
    items: Annotated[tuple[NewItem, ...], Field(min_length=1, max_length=SUBMIT_MAX)]


class Claim(Command):
    """Claim the best items for this agent, or a given one."""

    request_id: Token
    agent: Token
    incarnation: Position | None = None
    """None: the agent's present one; an agent nobody knows is registered on the way."""
    item_id: Token | None = None
    lease_seconds: LeaseSeconds | None = None
    count: int = Field(default=1, ge=1, le=CLAIM_MAX)
    """At most so many at once, the best first; together or none."""
    wait_seconds: WaitSeconds = 0.0
    """How long to wait for an item that fits, or for the given one; pushed, in the order of asking."""


class Hold(Command):
    """What every command of a holder names."""

    request_id: Token
    agent: Token
    incarnation: Position | None = None
    item_id: Token
    fence: Count | None = None
    """The position of the claim. Without the right one the command is refused."""


class Progress(Hold):
    """Say how far the work is; renews the lease."""

    fraction: Ratio | None = None
    note: Note | None = None


class Complete(Hold):
    """Finish the item."""

    result: Json = None


class Fail(Hold):
    """Give the item up: for good, or until its next attempt where its retry policy has one left."""

    reason: Note


class Release(Hold):
    """Give the item back. From the second time in a row on it rests before it can be claimed again."""

    reason: Note | None = None
    unbegun: bool = False
    """Nobody has begun it: it is open again at once, and that counts for nothing."""


class Named(Command):
    """What every command about one item names that needs no claim."""

    request_id: Token
    item_id: Token


class Cancel(Named):
    """End an item that nobody shall do any more."""

    reason: Note | None = None


class Block(Named):
    """Keep an open item from being claimed."""

    reason: Note


class Unblock(Named):
    """Let a blocked item be claimed again."""

    reason: Note | None = None


class Reprioritise(Named):
    """Give an item another priority."""

    priority: Priority
    reason: Note | None = None


class Depend(Named):
    """Say what an item depends on, all of it; none: on nothing. A cycle is refused."""

    depends_on: Dependencies


class Requeue(Named):
    """Open a parked item again, with all its attempts before it."""

    reason: Note | None = None


class Reopen(Named):
    """Open an item again that had ended."""

    reason: Note


class Wait(Command):
    """Wait until items have ended (or are parked), or until a claim is over. Changes nothing.

    Answered "done" with the items as they are then; after `wait_seconds` refused as `not_yet`.
    """

    request_id: Token
    item_ids: Annotated[tuple[Token, ...], Field(min_length=1, max_length=WATCHED_MAX)]
    any: bool = False
    """The first of them is enough."""
    fence: Position | None = None
    """Wait until the one item is not held under this claim any more."""
    wait_seconds: WaitSeconds = 60.0


class Explain(Command):
    """Ask in which order items would be claimed, and why. Changes nothing."""

    request_id: Token
    agent: Token | None = None
    """For whom; none: for an agent that could take the item."""
    item_id: Token | None = None
    """Why this one waits, and what is before it; none: the order as it is."""
    limit: int = Field(default=10, ge=1, le=EXPLAINED_MAX)
