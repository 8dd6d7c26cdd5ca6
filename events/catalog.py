"""Every event type by name. A new event is one class in its family's module and one line here.

A type is `family.name.version`; the family is the aggregate in the subject it is stored under.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import msgspec
from pydantic import ValidationError

from coord.events import agent, alert, directive, health, node, run, team, verification, work
from coord.events.body import encode_object, is_surely_fine, parse_object
from coord.events.errors import InvalidEvent
from coord.events.model import Event, first_fault, written
from coord.events.plain import plain_reader
from coord.events.upcasters import UPCASTERS


@dataclass(frozen=True, slots=True)
class EventType:
    """One type in its present version."""

    name: str
    """Without version, e.g. `work.claimed`."""
    version: int
    model: type[Event]

    type: str = field(init=False)
    """As it stands in `ce-type`."""
    aggregate: str = field(init=False)
    """The family: the third token of its subject."""

    def __post_init__(self) -> None:
        """Write both once: they are asked for with every event."""
        object.__setattr__(self, "type", f"{self.name}.v{self.version}")
        object.__setattr__(self, "aggregate", self.name.partition(".")[0])


EVENT_TYPES: Final = (
    EventType("agent.drained", 1, agent.AgentDrained),
    EventType("agent.evicted", 1, agent.AgentEvicted),
    EventType("agent.lost", 1, agent.AgentLost),
    EventType("agent.registered", 2, agent.AgentRegistered),
    EventType("agent.retired", 1, agent.AgentRetired),
    EventType("agent.returned", 1, agent.AgentReturned),
    EventType("alert.acknowledged", 1, alert.AlertAcknowledged),
    EventType("alert.raised", 1, alert.AlertRaised),
    EventType("alert.resolved", 1, alert.AlertResolved),
    EventType("alert.silenced", 1, alert.AlertSilenced),
    EventType("directive.issued", 1, directive.DirectiveIssued),
    EventType("directive.withdrawn", 1, directive.DirectiveWithdrawn),
    EventType("health.weighed", 1, health.HealthWeighed),
    EventType("node.lost", 1, node.NodeLost),
    EventType("node.readings_dropped", 1, node.NodeReadingsDropped),
    EventType("node.registered", 1, node.NodeRegistered),
    EventType("node.returned", 1, node.NodeReturned),
    EventType("run.checkpoint_written", 1, run.RunCheckpointWritten),
    EventType("run.directive_applied", 1, run.RunDirectiveApplied),
    EventType("run.directive_refused", 1, run.RunDirectiveRefused),
    EventType("run.evaluated", 1, run.RunEvaluated),
    EventType("run.finished", 1, run.RunFinished),
    EventType("run.lost", 1, run.RunLost),
    EventType("run.metrics_recorded", 1, run.RunMetricsRecorded),
    EventType("run.out_of_memory", 1, run.RunOutOfMemory),
    EventType("run.started", 1, run.RunStarted),
    EventType("team.configured", 1, team.TeamConfigured),
    EventType("verification.recorded", 2, verification.VerificationRecorded),
    EventType("work.blocked", 1, work.WorkBlocked),
    EventType("work.cancelled", 1, work.WorkCancelled),
    EventType("work.claimed", 2, work.WorkClaimed),
    EventType("work.completed", 1, work.WorkCompleted),
    EventType("work.dependencies_set", 1, work.WorkDependenciesSet),
    EventType("work.failed", 2, work.WorkFailed),
    EventType("work.lease_expired", 2, work.WorkLeaseExpired),
    EventType("work.moved_on", 1, work.WorkMovedOn),
    EventType("work.progressed", 1, work.WorkProgressed),
    EventType("work.released", 2, work.WorkReleased),
    EventType("work.reopened", 1, work.WorkReopened),
    EventType("work.reprioritised", 1, work.WorkReprioritised),
    EventType("work.requeued", 1, work.WorkRequeued),
    EventType("work.stuck", 1, work.WorkStuck),
    EventType("work.submitted", 5, work.WorkSubmitted),
    EventType("work.unblocked", 1, work.WorkUnblocked),
)

AGGREGATES: Final = tuple(sorted({kind.aggregate for kind in EVENT_TYPES}))
_BY_TYPE: Final = {kind.type: kind for kind in EVENT_TYPES}
_BY_MODEL: Final = {kind.model: kind for kind in EVENT_TYPES}

assert len(_BY_TYPE) == len(_BY_MODEL) == len(EVENT_TYPES)
assert not UPCASTERS.keys() & _BY_TYPE.keys()


def kind_of(event: Event) -> EventType:
    """Return the catalog's entry of an event."""
    return _BY_MODEL[type(event)]


def find_kind(type_: str) -> EventType | None:
    """Return the entry of a present type, or of the present type an old one is read as."""
    if type_ in UPCASTERS:
        name, _, _ = type_.rpartition(".v")
        return next(kind for kind in EVENT_TYPES if kind.name == name)
    return _BY_TYPE.get(type_)


def encode_event(event: Event) -> bytes:
    """Encode an event's fields as its body.

    Raises:
        InvalidEvent: a field holds what `decode_event` would refuse.
    """
    try:
        raw = written(event)
    except (OverflowError, UnicodeError, msgspec.MsgspecError, RecursionError):
        raw = b""
    if raw and is_surely_fine(raw):
        return raw
    return encode_object(event.model_dump(mode="json", exclude_none=True))


def decode_event(type_: str, raw: bytes, aggregate: str) -> Event:
    """Decode a body into the present version of its type.

    Raises:
        InvalidEvent: unknown type, a subject of another family, or fields that do not fit.
    """
    return _reading(type_, aggregate)(raw)


@lru_cache(maxsize=1024)
def _reading(type_: str, aggregate: str) -> Callable[[bytes], Event]:
    """Return what reads a body of a type on subjects of an aggregate.

    Raises:
        InvalidEvent: there is no such type, or it does not belong there.
    """
    kind = find_kind(type_)
    if kind is None:
        raise InvalidEvent(f"the type {type_[:100]!a} is not in the catalog.")
    if kind.aggregate != aggregate:
        raise InvalidEvent(f"{type_} stands on a subject of {aggregate!a}, not of {kind.aggregate}.")
    upcaster = UPCASTERS.get(type_)
    model = upcaster.model if upcaster else kind.model
    quickly = plain_reader(model)

    def read(raw: bytes) -> Event:
        try:
            event = quickly(raw) or _read_in_full(model, raw)
            return upcaster.upcast(event) if upcaster else event
        except ValidationError as error:
            raise InvalidEvent(f"{type_}: {first_fault(error)}") from error

    return read


def _read_in_full(model: type[Event], raw: bytes) -> Event:
    parse_object(raw)
    return model.model_validate_json(raw, strict=True)
