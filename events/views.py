"""What a command was about, right after the decision: the things that replies show."""

from typing import Literal

from pydantic import Field

from coord.events.alert import EntityKind, Severity
from coord.events.directive import Action
from coord.events.model import (
    Count,
    Json,
    LeaseSeconds,
    Nanoseconds,
    Note,
    Position,
    Priority,
    Seconds,
    Title,
    Token,
    Words,
)
from coord.events.planning import Concurrency, Dependencies, OnStuck, Retry, Scores

ItemStatus = Literal["open", "claimed", "blocked", "parked", "completed", "failed", "cancelled"]
AgentStatus = Literal["active", "lost", "draining", "evicted", "retired"]


class ItemView(Words):
    """A work item right after the decision."""

    id: Token
    title: Title
    status: ItemStatus
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
    parent: Token | None = None
    depends_on: Dependencies = ()
    not_before_ns: Nanoseconds | None = None
    deadline_ns: Nanoseconds | None = None
    retry: Retry | None = None
    tries: Count = 0
    """Failures and leases that ran out, since it was submitted, requeued or reopened."""
    concurrency: Concurrency | None = None
    stuck: bool = False
    """Its holder lives and shows no work."""
    stuck_seconds: Seconds | None = None
    on_stuck: OnStuck = "tell"
    scores: Scores | None = None
    """Why its holder was given it."""


class Ranked(Words):
    """One item as it stands in the order of claims."""

    id: Token
    title: Title
    place: Count
    """1: the next to be claimed. 0: it cannot be claimed now."""
    scores: Scores | None = None
    waits_for: tuple[Note, ...] = ()
    """What must come before it can be claimed, in words; empty when it can."""
    fault: Note | None = None
    """Why it cannot be claimed though it waits for nothing: its state, a limit, or that it is not for this agent."""


class TeamView(Words):
    """A team right after the decision."""

    team: Token
    wip_limit: int | None = None
    share: float = 1.0
    holds: Count = 0


class Explanation(Words):
    """The order of claims at this moment, for one agent."""

    agent: Token | None = None
    item: Ranked | None = None
    """The item that was asked for."""
    ranked: tuple[Ranked, ...] = ()
    """The best first; of an item that was asked for, the last before it: none where it cannot be claimed."""
    fitting: Count = 0
    """Open items that this agent could take now."""
    waiting: Count = 0
    """Open items that nobody can take now."""
    fault: Note | None = None
    """Why the agent is given nothing now, though items fit it: it has left, is drained, or holds as many as it may."""
    full: tuple[TeamView, ...] = ()
    """Teams that hold as many items as they may, and have others that would fit the agent."""
    kept_back: Count = 0
    """Those others: they do not count as fitting."""
    truncated: bool = False
    """More items fit than were weighed."""
    weights: dict[str, float] = Field(default_factory=dict)
    """What each score counts."""


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
    status: AgentStatus
    team: Token | None = None
    capabilities: tuple[Token, ...] = ()
    wip_limit: int | None = None
    holds: Count = 0
    serves: tuple[Token, ...] = ()
