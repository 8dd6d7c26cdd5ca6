"""The life of an agent: its state, its fold, and every decision about it.

register --> active --(silence)--> lost --(heard)--> active
               `--retire--> retired        register again, from any state: a new incarnation
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from coord.events import agent as facts
from coord.events.commands import Drain, Evict, Refusal, Register, Retire, refusal
from coord.events.envelope import Recorded
from coord.events.model import Event
from coord.events.views import AgentStatus, AgentView

T = TypeVar("T")
Decision = Sequence[Event] | Refusal


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent under its present incarnation."""

    name: str
    incarnation: int
    """Position of its `agent.registered`."""
    position: int
    """Of its last event."""
    status: Literal["active", "lost", "evicted", "retired"] = "active"
    team: str | None = None
    capabilities: tuple[str, ...] = ()
    wip_limit: int | None = None
    serves: tuple[str, ...] = ()
    host: str | None = None
    draining: bool = False
    reason: str | None = None
    """Why it was put out."""

    @property
    def gone(self) -> bool:
        """It has left, or was put out: what it says is no sign of life."""
        return self.status in ("evicted", "retired")

    @property
    def shown_status(self) -> AgentStatus:
        """As it is told: an active agent that is drained is draining."""
        return "draining" if self.draining and self.status == "active" else self.status


def evolve(agent: Agent | None, recorded: Recorded) -> Agent | None:
    """Apply one event; what does not fit the state leaves it as it is but for the position."""
    event = recorded.event
    if agent is not None and recorded.position <= agent.position:
        return agent
    if isinstance(event, facts.AgentRegistered):
        return Agent(
            recorded.entity,
            recorded.position,
            recorded.position,
            team=event.team,
            capabilities=event.capabilities,
            wip_limit=event.wip_limit,
            serves=event.serves,
            host=event.host,
        )
    if agent is None:
        return None
    moved = replace(agent, position=recorded.position)
    if getattr(event, "incarnation", agent.incarnation) != agent.incarnation:
        return moved
    match event:
        case facts.AgentLost():
            return replace(moved, status="lost")
        case facts.AgentReturned():
            return replace(moved, status="active")
        case facts.AgentDrained():
            return replace(moved, draining=True)
        case facts.AgentEvicted():
            return replace(moved, status="evicted", reason=event.reason)
        case facts.AgentRetired():
            return replace(moved, status="retired")
    return moved


def moved(agent: Agent, position: int) -> Agent:
    """Note that something stands on the agent's subject that does not change it."""
    return replace(agent, position=max(agent.position, position))


def view(agent: Agent, holds: int) -> AgentView:
    """Show an agent as replies do."""
    return AgentView(
        agent=agent.name,
        incarnation=agent.incarnation,
        status=agent.shown_status,
        team=agent.team,
        capabilities=agent.capabilities,
        wip_limit=agent.wip_limit,
        holds=holds,
        serves=agent.serves,
    )


def decide_register(agent: Agent | None, command: Register) -> Decision:
    """Register: a new incarnation, unless only an unknown agent is to be registered.

    What is not said stays as it was, whatever became of the agent; none, an empty text and 0 take away.
    """
    if command.if_unknown and agent is not None and agent.status != "retired":
        return fault_of(agent, agent.name, None) or []
    known = agent or Agent(command.agent, incarnation=1, position=1)
    return [
        facts.AgentRegistered(
            team=_said(command.team, known.team) or None,
            capabilities=_said(command.capabilities, known.capabilities),
            wip_limit=_said(command.wip_limit, known.wip_limit) or None,
            host=_said(command.host, known.host),
            serves=_said(command.serves, known.serves),
        )
    ]


def _said(said: T | None, known: T) -> T:
    return known if said is None else said


def fault_of(agent: Agent | None, name: str, incarnation: int | None) -> Refusal | None:
    """Say why an agent is not heard: unknown, superseded by its own restart, put out, or retired."""
    if agent is None:
        return refusal("unknown_agent", f"no agent {name} is registered.", f"coord register {name}")
    if incarnation not in (None, agent.incarnation):
        return refusal(
            "superseded",
            f"{name} registered again as incarnation {agent.incarnation}; {incarnation} may start nothing new.",
            "Set COORD_INCARNATION to what coord register printed last.",
        )
    if agent.status == "evicted":
        return refusal("evicted", f"{name} was put out.", f"coord register {name}")
    if agent.status == "retired":
        return refusal("superseded", f"{name} has retired.", f"coord register {name}")
    return None


def draining_fault(agent: Agent) -> Refusal | None:
    """Refuse something new to an agent that is drained."""
    if not agent.draining:
        return None
    told = f"{agent.name} is drained: it ends what it holds."
    return refusal("draining", told, f"coord register {agent.name} makes it active again.")


def decide_return(agent: Agent, lost_seconds: float) -> Decision:
    """A sign of life: a lost agent is back; any other was here already."""
    if agent.status != "lost":
        return []
    return [facts.AgentReturned(incarnation=agent.incarnation, lost_seconds=lost_seconds)]


def decide_lost(agent: Agent | None, incarnation: int, silent_seconds: float) -> Decision:
    """The timekeeper heard nothing of this incarnation for too long."""
    if agent is None or agent.status != "active" or agent.incarnation != incarnation:
        return []
    return [facts.AgentLost(incarnation=incarnation, silent_seconds=silent_seconds)]


def decide_retire(agent: Agent | None, command: Retire) -> Decision:
    """Retire: the incarnation starts nothing new."""
    if agent is not None and agent.status == "retired" and command.incarnation in (None, agent.incarnation):
        return []
    fault = fault_of(agent, command.agent, command.incarnation)
    if fault:
        return fault
    assert agent is not None
    return [facts.AgentRetired(incarnation=agent.incarnation, reason=command.reason)]


def decide_drain(agent: Agent | None, command: Drain) -> Decision:
    """Give the agent nothing new; again is already so."""
    fault = fault_of(agent, command.agent, command.incarnation)
    if fault:
        return fault
    assert agent is not None
    if agent.draining:
        return []
    return [facts.AgentDrained(incarnation=agent.incarnation, reason=command.reason)]


def decide_evict(agent: Agent | None, command: Evict) -> Decision:
    """Put the agent out, whatever state it is in; again is already so."""
    if agent is None:
        return refusal(
            "unknown_agent", f"no agent {command.agent} is registered.", "coord agents lists them."
        )
    if agent.status == "evicted":
        return []
    return [facts.AgentEvicted(incarnation=agent.incarnation, reason=command.reason)]
