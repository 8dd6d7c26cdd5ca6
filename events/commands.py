"""Commands: wishes in the imperative, and the replies to them. They travel on `cmd.<pool>.<actor>.<verb>`.

A reply is done, refused or unknown; a refusal has a code that never changes, a reason in words and an
exit code. The same `request_id` again gets the same reply.
"""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from coord.events.agent import TEAMS_MAX, WIP_LIMIT_MAX
from coord.events.alert import EVIDENCE_MAX, EntityKind, Evidence, Severity
from coord.events.directive import LIVE_SECONDS_MAX, PARAMETERS_MAX, Action
from coord.events.errors import Exit
from coord.events.model import (
    Command,
    Count,
    Json,
    Name,
    Nanoseconds,
    Note,
    Position,
    Title,
    Token,
    Words,
    each_once,
)  # fmt: skip
from coord.events.team import SHARE_MAX
from coord.events.views import (
    AgentView,
    AlertView,
    DirectiveView,
    Explanation,
    ItemView,
    TeamView,
)
from coord.events.weights import POINTS_MAX, WEIGHTS
from coord.events.work_commands import (
    Block,
    Cancel,
    Capabilities,
    Claim,
    Complete,
    Depend,
    Explain,
    Fail,
    Hold,
    Named,
    NewItem,
    Progress,
    Release,
    Reopen,
    Reprioritise,
    Requeue,
    Submit,
    SubmitMany,
    Unblock,
    Wait,
)

ACTIVE_MAX: Final = 1_000

REFUSALS: Final = {
    "already_exists": "an item or a directive of that id exists with other content",
    "bad_parameters": "the action does not take these parameters, or not from this entity",
    "blocked": "somebody has blocked the item",
    "capability_missing": "the agent does not offer what the item needs",
    "dependency_cycle": "the items would wait for each other",
    "draining": "the agent ends what it holds and is given nothing new",
    "evicted": "the agent was put out; it must register again",
    "illegal_transition": "the item is not in the state this needs",
    "no_such_moment": "the log has no such position or time",
    "not_kept": "readings of that moment are kept no longer",
    "not_yet": "what was waited for has not come; ask again",
    "nothing_to_claim": "no open item fits this agent",
    "overloaded": "the coordinator has as many requests waiting as it takes",
    "stale_fence": "the claim this rests on is over",
    "superseded": "the agent registered again; this incarnation may start nothing new",
    "taken": "somebody else holds the item",
    "unknown_agent": "no agent of that name is registered",
    "unknown_id": "no item, alert or directive of that id exists",
    "unverified": "the scenario has not passed since the item was claimed",
    "waiting": "the item waits for others to be completed, for its time, or for its concurrency key",
    "wip_limit": "the agent, or its team, holds as many items as it may",
    "wrong_holder": "the item is held by somebody else, or by nobody",
}
"""Refusal codes. A new one is a line here."""


class Register(Command):
    """Register an agent: a new incarnation. Of one that was registered before, what is not said stays as it was."""

    request_id: Token
    agent: Token
    team: Token | Literal[""] | None = None
    """Empty: of none."""
    capabilities: Capabilities | None = None
    """Those it has from now on; an empty list: none."""
    wip_limit: int | None = Field(default=None, ge=0, le=WIP_LIMIT_MAX)
    """0: any number."""
    host: Name | None = None
    serves: Annotated[tuple[Token, ...], Field(max_length=TEAMS_MAX), AfterValidator(each_once)] | None = None
    """Other teams whose items it takes, too; an empty list: none."""
    if_unknown: bool = False
    """Only where nobody of this name is there, or it has retired; else it stays as it is, and one that was put out stays out."""


class Heartbeat(Command):
    """Show that an agent lives; renews the leases of this incarnation."""

    request_id: Token
    agent: Token
    incarnation: Position | None = None
    active: Annotated[tuple[Token, ...], Field(max_length=ACTIVE_MAX)] = ()
    """Items whose process was seen to work since the last heartbeat: evidence, where a ping is none."""
    every_seconds: float | None = Field(default=None, gt=0, le=86_400)
    """How often it will come: after two that did not, the agent is lost."""
    items: Annotated[tuple[Token, ...], Field(max_length=ACTIVE_MAX)] | None = None
    """Renews the leases of these alone; none: of all. Who names what it runs keeps nothing alive that another process of
    the agent's name has left behind."""


class Retire(Command):
    """Leave on purpose."""

    request_id: Token
    agent: Token
    incarnation: Position | None = None
    reason: Note | None = None


class Drain(Command):
    """Have an agent end what it holds and be given nothing new."""

    request_id: Token
    agent: Token
    incarnation: Position | None = None
    reason: Note | None = None


class Evict(Command):
    """Put an agent out, whatever it does: what it holds is open again."""

    request_id: Token
    agent: Token
    reason: Note


class ConfigureTeam(Command):
    """Say what holds for a team from now on; what is not said stays as it is."""

    request_id: Token
    team: Token
    wip_limit: int | None = Field(default=None, ge=0, le=WIP_LIMIT_MAX)
    """0: any number."""
    share: float | None = Field(default=None, gt=0, le=SHARE_MAX)


class Weigh(Command):
    """Say what a part of health may cost at most from now on."""

    request_id: Token
    part: Literal[tuple(WEIGHTS)]  # type: ignore[valid-type]
    """The name of its deduction."""
    points: float | None = Field(default=None, ge=0, le=POINTS_MAX)
    """None: as many as usual."""


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


class Done(Words):
    """The wish is fulfilled; `already`: it was so before, and nothing was appended."""

    status: Literal["done"] = "done"
    id: Token
    """Of the item, the first of several, the agent, the team, the alert, the directive or the part of health."""
    position: Position | None = None
    """Of the event that was appended; none when it was so already."""
    already: bool = False
    item: ItemView | None = None
    items: tuple[ItemView, ...] = ()
    """Of a command about several, or a claim of more than one: all of them, in order."""
    agent: AgentView | None = None
    team: TeamView | None = None
    explanation: Explanation | None = None
    alert: AlertView | None = None
    directive: DirectiveView | None = None
    points: float | None = None
    """What the part of health may cost at most."""


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
    "block": Block,
    "cancel": Cancel,
    "claim": Claim,
    "complete": Complete,
    "configure-team": ConfigureTeam,
    "depend": Depend,
    "direct": Direct,
    "drain": Drain,
    "evict": Evict,
    "explain": Explain,
    "fail": Fail,
    "heartbeat": Heartbeat,
    "progress": Progress,
    "raise": RaiseAlert,
    "register": Register,
    "release": Release,
    "reopen": Reopen,
    "reprioritise": Reprioritise,
    "requeue": Requeue,
    "resolve": ResolveAlert,
    "retire": Retire,
    "silence": Silence,
    "submit": Submit,
    "submit-many": SubmitMany,
    "unblock": Unblock,
    "wait": Wait,
    "weigh": Weigh,
    "withdraw": Withdraw,
}
"""By verb: the last token of the subject, and the path of the gateway."""


def refusal(code: str, reason: str, hint: str = "") -> Refusal:
    """Make a refusal; nothing to claim, or nothing yet, has an exit code of its own."""
    nothing = code in ("nothing_to_claim", "not_yet")
    return Refusal(
        code=code, reason=reason, hint=hint, exit_code=int(Exit.NOTHING if nothing else Exit.REFUSED)
    )


__all__ = [
    "COMMANDS", "REFUSALS", "Acknowledge", "Block", "Cancel", "Capabilities", "Claim",
    "Complete", "ConfigureTeam", "Depend", "Direct", "Done", "Drain", "Evict", "Explain", "Fail",
    "Heartbeat", "Hold", "Invalid", "Named", "NewItem", "Progress", "RaiseAlert", "Refusal", "Register",
    "Release", "Reopen", "Reply", "Reprioritise", "Requeue", "ResolveAlert", "Retire", "Silence", "Submit", "SubmitMany",
    "Unblock", "Unknown", "Wait", "Weigh", "Withdraw", "refusal",
]  # fmt: skip
