"""Facts about work items: aggregate `work`, one subject an item.

    open --claimed--> claimed --completed--> completed
     ^ ^                |  |----failed------> failed | open (tried again) | parked (tried often enough)
     | |--released------|  |
     | |--lease_expired-|  |---cancelled----> cancelled   (from every state that is no end)
     | `-> parked          |   (where it was released, or its claims were lost, too often)
     |---unblocked-- blocked <--blocked-- open
     |---requeued--- parked
     `---reopened--- completed, failed, cancelled

`fence` is the position of the `work.claimed` event a later fact rests on.
"""

from typing import Literal

from pydantic import Field

from coord.events.model import (
    Event,
    Json,
    LeaseSeconds,
    Nanoseconds,
    Note,
    Position,
    Priority,
    Ratio,
    Seconds,
    Title,
    Token,
)
from coord.events.planning import (
    Concurrency,
    Dependencies,
    IdempotencyKey,
    OnStuck,
    ReclaimCause,
    Retry,
    Said,
    Scores,
    StuckSeconds,
)

CAPABILITIES_MAX = 32


class WorkSubmitted(Event):
    """An item of work exists and may be claimed."""

    title: Title
    priority: Priority = 5
    """0 to 9; 9 is claimed first."""
    capabilities: tuple[Token, ...] = Field(default=(), max_length=CAPABILITIES_MAX)
    """What an agent must offer to be given this item."""
    team: Token | None = None
    lease_seconds: LeaseSeconds = 30.0
    """How long a claim lasts without a sign of life from its holder."""
    body: Json = None
    """What the item is about, for the agent: any JSON."""
    verify: Token | None = None
    """A scenario's name: the item completes only with a passing run of it, newer than the claim."""
    parent: Token | None = None
    """The item this one is a part of; it decides nothing."""
    depends_on: Dependencies = ()
    """Items that must be completed before this one can be claimed."""
    not_before_ns: Nanoseconds | None = None
    """It cannot be claimed earlier."""
    deadline_ns: Nanoseconds | None = None
    """The nearer, the earlier it is claimed; nothing ends because it has passed."""
    retry: Retry | None = None
    """None: it is tried once when it fails, and parked when as many claims were lost as its coordinator bears."""
    concurrency: Concurrency | None = None
    idempotency_key: IdempotencyKey | None = None
    """What its id was made from."""
    not_before_said: Said | None = None
    deadline_said: Said | None = None
    """How the two moments were said, where the same words mean another moment later: by them the same submission is known."""
    stuck_seconds: StuckSeconds | None = None
    """How long its holder may live without evidence of work before the item counts as stuck."""
    on_stuck: OnStuck = "tell"


class WorkClaimed(Event):
    """One agent holds the item; this event's position is the fence."""

    agent: Token
    incarnation: Position
    """Position of the holder's `agent.registered`."""
    lease_seconds: LeaseSeconds
    attempt: int = Field(ge=1)
    """1 for the first claim of this item, counting every claim since."""
    scores: Scores | None = None
    """Why it was chosen; none when it was claimed by its id."""


class WorkProgressed(Event):
    """The holder is getting on; renews the lease."""

    agent: Token
    fence: Position
    fraction: Ratio | None = None
    note: Note | None = None


class WorkCompleted(Event):
    """The item is done, once and for all."""

    agent: Token
    fence: Position
    result: Json = None


class WorkFailed(Event):
    """The holder gave up: for good, or this try."""

    agent: Token
    fence: Position
    reason: Note
    then: Literal["failed", "open", "parked"] = "failed"
    """What the item is now."""
    retry_seconds: Seconds | None = None
    """How long it rests before it can be claimed again."""


class WorkReleased(Event):
    """The holder gave the item back; it is open again, or parked."""

    agent: Token
    fence: Position
    reason: Note | None = None
    in_a_row: int = Field(default=0, ge=0)
    """How often it was given back by now without progress, this time included; 0: it counts for nothing."""
    then: Literal["open", "parked"] = "open"
    retry_seconds: Seconds | None = None
    """How long it rests before it can be claimed again."""


class WorkLeaseExpired(Event):
    """The coordinator ended the claim; the item is open again, or parked."""

    agent: Token
    incarnation: Position
    fence: Position
    lease_seconds: LeaseSeconds
    silent_seconds: Seconds
    """How long the coordinator itself saw no sign of life, on its monotonic clock."""
    cause: ReclaimCause = "silence"
    """`silence`: its lease ran out. The others tell more, or came before its end."""
    reason: Note | None = None
    then: Literal["open", "parked"] = "open"
    retry_seconds: Seconds | None = None


class WorkCancelled(Event):
    """Nobody shall do this item any more."""

    reason: Note | None = None


class WorkBlocked(Event):
    """Nobody shall claim this item for now."""

    reason: Note


class WorkUnblocked(Event):
    """It may be claimed again."""

    reason: Note | None = None


class WorkReprioritised(Event):
    """It matters more, or less, than it did."""

    priority: Priority
    reason: Note | None = None


class WorkDependenciesSet(Event):
    """What must be completed before it is claimed, all of it: this replaces what was said before."""

    depends_on: Dependencies


class WorkRequeued(Event):
    """A parked item is open again, with all its attempts before it."""

    reason: Note | None = None


class WorkReopened(Event):
    """An item that had ended is open again: what it came to does not count."""

    reason: Note


class WorkStuck(Event):
    """The holder lives and shows no work."""

    agent: Token
    fence: Position
    idle_seconds: Seconds
    """Since the last evidence of work that the coordinator saw."""


class WorkMovedOn(Event):
    """A stuck claim shows work again."""

    agent: Token
    fence: Position
