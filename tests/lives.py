"""The lives of items and agents in a history that is being drawn: what may come next, and who would say it."""

from dataclasses import dataclass, field
from typing import Any, Final

from coord.events import agent, work
from coord.events.catalog import kind_of
from coord.events.model import Event

_PLANNED: Final = ("work.reprioritised.v1", "work.cancelled.v1")
_ENDED: Final = ("work.reopened.v1", "work.reopened.v1", "work.claimed.v2")
_NEXT: Final[dict[str, tuple[str, ...]]] = {
    "nothing": ("work.submitted.v5",),
    "open": ("work.claimed.v2",) * 5 + ("work.blocked.v1", "work.dependencies_set.v1", *_PLANNED),
    "claimed": (
        "work.progressed.v1", "work.completed.v1", "work.failed.v2", "work.failed.v2", "work.released.v2",
        "work.lease_expired.v2", "work.lease_expired.v2", "work.stuck.v1", "work.moved_on.v1", *_PLANNED,
    ),
    "blocked": ("work.unblocked.v1", "work.dependencies_set.v1", *_PLANNED),
    "parked": ("work.requeued.v1", *_PLANNED),
    "completed": _ENDED,
    "failed": _ENDED,
    "cancelled": _ENDED,
    "nobody": ("agent.registered.v2",),
    "agent": (
        "agent.lost.v1", "agent.returned.v1", "agent.drained.v1", "agent.drained.v1", "agent.evicted.v1",
        "agent.retired.v1", "agent.registered.v2",
    ),
}  # fmt: skip
"""By what an item or agent is."""
_BECOMES: Final[dict[type[Event], str]] = {
    work.WorkSubmitted: "open",
    work.WorkClaimed: "claimed",
    work.WorkCompleted: "completed",
    work.WorkCancelled: "cancelled",
    work.WorkBlocked: "blocked",
    work.WorkUnblocked: "open",
    work.WorkRequeued: "open",
    work.WorkReopened: "open",
    agent.AgentRegistered: "agent",
}
_OF_HOLDERS: Final = (
    work.WorkProgressed, work.WorkCompleted, work.WorkFailed, work.WorkReleased, work.WorkLeaseExpired,
    work.WorkStuck, work.WorkMovedOn,
)  # fmt: skip


@dataclass
class Lives:
    """What is known so far. It need not be right: what it leads to is only likelier to fit."""

    states: dict[str, str] = field(default_factory=dict)
    holders: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By item: agent, incarnation and fence of its last claim. By agent: its incarnation."""

    def next_of(self, entity: str) -> tuple[str, ...]:
        """Return the types of what may come next, the likelier ones more than once."""
        return _NEXT[self.states.get(entity, "nothing" if entity.startswith("w-") else "nobody")]

    def fitting(self, event: Event, entity: str) -> Event:
        """Return an event as the present holder, or the present incarnation, would say it."""
        if not isinstance(event, _OF_HOLDERS) and kind_of(event).aggregate != "agent":
            return event
        known = self.holders.get(entity, {})
        fields = type(event).model_fields
        return event.model_copy(update={name: value for name, value in known.items() if name in fields})

    def went_on(self, event: Event, entity: str, position: int) -> None:
        """Take note of an event."""
        self.states[entity] = getattr(event, "then", _BECOMES.get(type(event), self.states.get(entity, "")))
        if isinstance(event, work.WorkClaimed):
            told = {"agent": event.agent, "incarnation": event.incarnation, "fence": position}
            self.holders[entity] = told
        elif isinstance(event, agent.AgentRegistered):
            self.holders[entity] = {"incarnation": position}
        if not self.states[entity]:
            del self.states[entity]
