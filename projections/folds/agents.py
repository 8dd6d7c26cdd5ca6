"""Agents as a table: one row a name, under its present incarnation.

Its counts are of facts: what the log says this name claimed, completed, failed, released and let
expire, over all its incarnations. How many items it holds is counted from `work` when asked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from coord.events import agent as facts
from coord.events import work
from coord.events.envelope import Recorded
from coord.projections.folds.oddities import note
from coord.projections.folds.shape import Draft, Projection, Reads, Table


@dataclass(slots=True)
class Agent:
    """One agent."""

    agent: str
    status: str
    """active, lost or retired."""
    incarnation: int
    team: str | None
    capabilities: tuple[str, ...]
    wip_limit: int | None
    host: str | None
    registered_at_ns: int
    changed_at_ns: int
    """Of its last change of state."""
    acted_at_ns: int
    """Of the last event that shows it alive."""
    position: int
    """Of its last event of its own subject."""
    claimed: int = 0
    completed: int = 0
    failed: int = 0
    released: int = 0
    expired: int = 0


AGENTS: Final = Table("agents", Agent, key=("agent",))
_OF_WORK: Final[dict[type, str]] = {
    work.WorkClaimed: "claimed",
    work.WorkCompleted: "completed",
    work.WorkFailed: "failed",
    work.WorkReleased: "released",
    work.WorkLeaseExpired: "expired",
}


def _reads(recorded: Recorded) -> Reads:
    if recorded.aggregate == "agent":
        return ((AGENTS, (recorded.entity,)),)
    name = getattr(recorded.event, "agent", None) if recorded.aggregate == "work" else None
    return ((AGENTS, (name,)),) if name else ()


def _registered(draft: Draft, recorded: Recorded, event: facts.AgentRegistered) -> None:
    at_ns = recorded.recorded_at_ns
    agent = Agent(
        agent=recorded.entity,
        status="active",
        incarnation=recorded.position,
        team=event.team,
        capabilities=event.capabilities,
        wip_limit=event.wip_limit,
        host=event.host,
        registered_at_ns=at_ns,
        changed_at_ns=at_ns,
        acted_at_ns=at_ns,
        position=recorded.position,
    )
    before = draft.get(AGENTS, recorded.entity)
    if before is not None:
        for name in _OF_WORK.values():
            setattr(agent, name, getattr(before, name))
    draft.put(AGENTS, agent)


def _moves_to(status: str, *, alive: bool) -> Callable[[Draft, Recorded, Any], None]:
    def move(draft: Draft, recorded: Recorded, event: Any) -> None:
        agent = draft.change(AGENTS, recorded.entity)
        if agent is None:
            note(draft, recorded, "no such agent was registered")
            return
        agent.position = recorded.position
        if agent.incarnation != event.incarnation:
            note(draft, recorded, f"the agent's incarnation is {agent.incarnation}, not {event.incarnation}")
            return
        agent.status = status
        agent.changed_at_ns = recorded.recorded_at_ns
        if alive:
            agent.acted_at_ns = recorded.recorded_at_ns

    return move


def _worked(draft: Draft, recorded: Recorded, event: Any) -> None:
    agent = draft.change(AGENTS, event.agent)
    if agent is None:
        return
    count = _OF_WORK.get(type(event))
    if count is not None:
        setattr(agent, count, getattr(agent, count) + 1)
    if not isinstance(event, work.WorkLeaseExpired):
        agent.acted_at_ns = recorded.recorded_at_ns


PROJECTION: Final = Projection(
    name="agents",
    tables=(AGENTS,),
    on={
        facts.AgentRegistered: _registered,
        facts.AgentLost: _moves_to("lost", alive=False),
        facts.AgentReturned: _moves_to("active", alive=True),
        facts.AgentRetired: _moves_to("retired", alive=False),
        **dict.fromkeys((*_OF_WORK, work.WorkProgressed), _worked),
    },
    reads=_reads,
)
