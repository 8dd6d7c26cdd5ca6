"""Commands: wishes in the imperative, and the replies to them. They travel on `cmd.<pool>.<actor>.<verb>`.

A reply is done, refused or unknown; a refusal has a code that never changes, a reason in words and an
exit code. The same `request_id` again gets the same reply.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from coord.events.agent import WIP_LIMIT_MAX
from coord.events.alert import EVIDENCE_MAX, EntityKind, Evidence, Severity
from coord.events.directive import LIVE_SECONDS_MAX, PARAMETERS_MAX, Action
from coord.events.errors import Exit
from coord.events.model import (
    Command,
    Count,
    Json,
    LeaseSeconds,
    Name,
    Nanoseconds,
    Note,
    Position,
    Priority,
    Ratio,
    Title,
    Token,
    Words,
)  # fmt: skip
from coord.events.work import CAPABILITIES_MAX

Capabilities = Annotated[tuple[Token, ...], Field(max_length=CAPABILITIES_MAX)]

REFUSALS: Final = {
    "already_exists": "an item or a directive of that id exists with other content",
    "bad_parameters": "the action does not take these parameters, or not from this entity",
    "capability_missing": "the agent does not offer what the item needs",
    "illegal_transition": "the item is past the state this needs",
    "no_such_moment": "the log has no such position or time",
    "not_yet": "the past asked for is still being folded; ask again",
    "nothing_to_claim": "no open item fits this agent",
    "overloaded": "the coordinator has as many requests waiting as it takes",
    "stale_fence": "the claim this rests on is over",
    "superseded": "the agent registered again; this incarnation may start nothing new",
    "taken": "somebody else holds the item",
    "unknown_agent": "no agent of that name is registered",
    "unknown_id": "no item, alert or directive of that id exists",
    "unverified": "the scenario has not passed since the item was claimed",
    "wip_limit": "the agent holds as many items as it may",
    "wrong_holder": "the item is held by somebody else, or by nobody",
}
"""Refusal codes. A new one is a line here."""


class Submit(Command):
    """Submit an item of work."""

    request_id: Token
    item_id: Token | None = None
    """None: the coordinator makes one from the request id."""
    title: Title
    priority: Priority = 5
    capabilities: Capabilities = ()
    team: Token | None = None
    lease_seconds: LeaseSeconds | None = None
    body: Json = None
    verify: Token | None = None
    """A scenario's name: the item completes only with a passing run of it, newer than the claim."""


class Claim(Command):
    """Claim the best item for this agent, or a given one."""

    request_id: Token
    agent: Token
    incarnation: Position | None = None
    """None: the agent's present one; an agent nobody knows is registered on the way."""
    item_id: Token | None = None
    lease_seconds: LeaseSeconds | None = None


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
    """Give the item up for good."""

    reason: Note


class Release(Hold):
    """Give the item back."""

    reason: Note | None = None


class Cancel(Command):
    """End an item that nobody shall do any more."""

    request_id: Token
    item_id: Token
    reason: Note | None = None


class Register(Command):
    """Register an agent: a new incarnation."""

    request_id: Token
    agent: Token
    team: Token | None = None
    capabilities: Capabilities = ()
    wip_limit: int | None = Field(default=None, ge=1, le=WIP_LIMIT_MAX)
    host: Name | None = None


class Heartbeat(Command):
    """Show that an agent lives; renews every lease of this incarnation."""

    request_id: Token
    agent: Token
    incarnation: Position | None = None


class Retire(Command):
    """Leave on purpose."""

    request_id: Token
    agent: Token
    incarnation: Position | None = None
    reason: Note | None = None


class RaiseAlert(Command):
    """Raise an alert. Its id is made of rule, entity and first evidence, so that two watchdogs raise one."""

    request_id: Token
    alert_id: Token
    rule: Token
    entity_kind: EntityKind
    entity: Token
    severity: Severity
    summary: Title
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1, max_length=EVIDENCE_MAX)]


class ResolveAlert(Command):
    """Say that the cause of an alert is gone."""

    request_id: Token
    alert_id: Token
    reason: Note
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=EVIDENCE_MAX)] = ()


class Acknowledge(Command):
    """Take notice of an alert."""

    request_id: Token
    alert_id: Token
    by: Token
    note: Note | None = None


class Silence(Command):
    """Want no notice of an alert until a moment."""

    request_id: Token
    alert_id: Token
    by: Token
    until_ns: Nanoseconds
    reason: Note | None = None


class Direct(Command):
    """Issue a directive: ask something of a run, an agent or a node."""

    request_id: Token
    directive_id: Token | None = None
    """None: the coordinator makes one from the request id."""
    entity_kind: EntityKind = "run"
    entity: Token
    action: Action
    parameters: dict[str, Json] = Field(default_factory=dict, max_length=PARAMETERS_MAX)
    epoch: Count | None = None
    """Position up to which the issuer knew the entity. None: its last event as the coordinator finds it."""
    live_seconds: float = Field(default=60.0, gt=0, le=LIVE_SECONDS_MAX)
    alert: Token | None = None
    reason: Note


class Withdraw(Command):
    """Take a directive back that was not obeyed yet."""

    request_id: Token
    entity: Token
    directive_id: Token
    reason: Note


class ItemView(Words):
    """A work item right after the decision."""

    id: Token
    title: Title
    status: Literal["open", "claimed", "completed", "failed", "cancelled"]
    priority: Priority
    capabilities: tuple[Token, ...] = ()
    team: Token | None = None
    agent: Token | None = None
    incarnation: Position | None = None
    fence: Position | None = None
    lease_seconds: LeaseSeconds
    attempt: Count = 0
    body: Json = None
    result: Json = None
    reason: Note | None = None
    verify: Token | None = None


class AlertView(Words):
    """An alert right after the decision."""

    id: Token
    rule: Token
    entity_kind: EntityKind
    entity: Token
    severity: Severity
    summary: Title
    status: Literal["active", "acknowledged", "resolved"]
    silenced_until_ns: Nanoseconds | None = None


class DirectiveView(Words):
    """A directive right after the decision."""

    id: Token
    entity_kind: EntityKind
    entity: Token
    action: Action
    parameters: dict[str, Json]
    epoch: Count
    live_seconds: float
    alert: Token | None = None
    reason: Note
    status: Literal["issued", "withdrawn"]


class AgentView(Words):
    """An agent right after the decision."""

    agent: Token
    incarnation: Position
    status: Literal["active", "lost", "retired"]
    team: Token | None = None
    capabilities: tuple[Token, ...] = ()
    wip_limit: int | None = None
    holds: Count = 0


class Done(Words):
    """The wish is fulfilled; `already`: it was so before, and nothing was appended."""

    status: Literal["done"] = "done"
    id: Token
    """Of the item, the agent, the alert or the directive."""
    position: Position | None = None
    """Of the event that was appended; none when it was so already."""
    already: bool = False
    item: ItemView | None = None
    agent: AgentView | None = None
    alert: AlertView | None = None
    directive: DirectiveView | None = None


class Refusal(Words):
    """The answer is no; nothing was changed."""

    status: Literal["refused"] = "refused"
    code: Literal[tuple(REFUSALS)]  # type: ignore[valid-type]
    reason: Note
    hint: Note = ""
    exit_code: int = int(Exit.REFUSED)


class Unknown(Words):
    """It may or may not have happened; ask again with the same request id."""

    status: Literal["unknown"] = "unknown"
    reason: Note
    hint: Note = ""
    exit_code: int = int(Exit.UNKNOWN)


class Invalid(Words):
    """The command itself is malformed; nothing was decided."""

    status: Literal["invalid"] = "invalid"
    reason: Note
    hint: Note = ""
    exit_code: int = int(Exit.USAGE)


Reply = Annotated[Done | Refusal | Unknown | Invalid, Field(discriminator="status")]

COMMANDS: Final[dict[str, type[Command]]] = {
    "acknowledge": Acknowledge,
    "cancel": Cancel,
    "claim": Claim,
    "complete": Complete,
    "direct": Direct,
    "fail": Fail,
    "heartbeat": Heartbeat,
    "progress": Progress,
    "raise": RaiseAlert,
    "register": Register,
    "release": Release,
    "resolve": ResolveAlert,
    "retire": Retire,
    "silence": Silence,
    "submit": Submit,
    "withdraw": Withdraw,
}
"""By verb: the last token of the subject, and the path of the gateway."""


def refusal(code: str, reason: str, hint: str = "") -> Refusal:
    """Make a refusal; nothing to claim, or nothing yet, has an exit code of its own."""
    nothing = code in ("nothing_to_claim", "not_yet")
    return Refusal(
        code=code, reason=reason, hint=hint, exit_code=int(Exit.NOTHING if nothing else Exit.REFUSED)
    )
