"""Agents as a table: one row a name, under its present incarnation.

An agent that is drained is draining while it is here: one that was lost and returns is draining again.
Its counts are of facts: what the log says this name claimed, completed, failed, released and was taken
from it, over all its incarnations. How many items it holds is counted from `work` when asked.
"""

from collections.abc import Sequence
from typing import Any, Final

from coord.events import agent as facts
from coord.events import work
from coord.events.envelope import Recorded
from coord.projections.folds.oddities import note
from coord.projections.folds.shape import Draft, Projection, Reads, Row, Table


class Agent(Row):
    """One agent."""

    agent: str
    status: str
    """active, draining, lost, evicted or retired."""
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
    present_since_ns: int
    """When it registered first, after it had last left or was put out."""
    serves: tuple[str, ...] = ()
    """Other teams whose items it takes, too."""
    draining: bool = False
    reason: str | None = None
    """Why it drains, has left or was put out."""
    claimed: int = 0
    completed: int = 0
    failed: int = 0
    released: int = 0
    expired: int = 0


AGENTS: Final = Table("agents", Agent, key=("agent",))
GONE: Final = frozenset({"evicted", "retired"})
_OF_WORK: Final[dict[type, str]] = {
    work.WorkClaimed: "claimed",
    work.WorkCompleted: "completed",
    work.WorkFailed: "failed",
    work.WorkReleased: "released",
    work.WorkLeaseExpired: "expired",
}


def _reads(some: Sequence[Recorded]) -> Reads:
    if some[0].aggregate == "agent":
        yield AGENTS, {(one.entity,) for one in some}
    else:
        events: list[Any] = [one.event for one in some]
        yield AGENTS, {(event.agent,) for event in events}


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
        present_since_ns=at_ns,
        serves=event.serves,
    )
    before = draft.get(AGENTS, recorded.entity)
    if before is not None:
        if before.status not in GONE:
            agent.present_since_ns = before.present_since_ns
        for name in _OF_WORK.values():
            setattr(agent, name, getattr(before, name))
    draft.put(AGENTS, agent)


def _present(draft: Draft, recorded: Recorded, incarnation: int) -> Agent | None:
    """Return the agent to change; None, and a note, when this incarnation is not the present one."""
    agent = draft.change(AGENTS, recorded.entity)
    if agent is None:
        note(draft, recorded, "no such agent was registered")
        return None
    agent.position = recorded.position
    if agent.incarnation != incarnation:
        note(draft, recorded, f"the agent's incarnation is {agent.incarnation}, not {incarnation}")
        return None
    return agent


def _lost(draft: Draft, recorded: Recorded, event: facts.AgentLost) -> None:
    agent = _present(draft, recorded, event.incarnation)
    if agent is not None:
        _becomes(recorded, agent, "lost")


def _returned(draft: Draft, recorded: Recorded, event: facts.AgentReturned) -> None:
    agent = _present(draft, recorded, event.incarnation)
    if agent is not None:
        _becomes(recorded, agent, "draining" if agent.draining else "active")
        agent.acted_at_ns = recorded.recorded_at_ns


def _drained(draft: Draft, recorded: Recorded, event: facts.AgentDrained) -> None:
    agent = _present(draft, recorded, event.incarnation)
    if agent is not None:
        agent.draining, agent.reason = True, event.reason
        if agent.status == "active":
            _becomes(recorded, agent, "draining")


def _evicted(draft: Draft, recorded: Recorded, event: facts.AgentEvicted) -> None:
    agent = _present(draft, recorded, event.incarnation)
    if agent is not None:
        _becomes(recorded, agent, "evicted")
        agent.reason = event.reason


def _retired(draft: Draft, recorded: Recorded, event: facts.AgentRetired) -> None:
    agent = _present(draft, recorded, event.incarnation)
    if agent is not None:
        _becomes(recorded, agent, "retired")
        agent.reason = event.reason


def _becomes(recorded: Recorded, agent: Agent, status: str) -> None:
    agent.status = status
    agent.changed_at_ns = recorded.recorded_at_ns


def _worked(draft: Draft, recorded: Recorded, event: Any) -> None:
    agent = draft.change(AGENTS, event.agent)
    if agent is None:
        return
    count = _OF_WORK.get(type(event))
    if count is not None:
        setattr(agent, count, getattr(agent, count) + 1)
    if type(event) is not work.WorkLeaseExpired:
        agent.acted_at_ns = recorded.recorded_at_ns


PROJECTION: Final = Projection(
    name="agents",
    tables=(AGENTS,),
    on={
        facts.AgentRegistered: _registered,
        facts.AgentLost: _lost,
        facts.AgentReturned: _returned,
        facts.AgentDrained: _drained,
        facts.AgentEvicted: _evicted,
        facts.AgentRetired: _retired,
        **dict.fromkeys((*_OF_WORK, work.WorkProgressed, work.WorkMovedOn), _worked),
    },
    reads=_reads,
)
