"""A log that is written in memory: events in order, as folds read them."""

from coord.events.catalog import kind_of
from coord.events.envelope import Envelope, Recorded
from coord.events.model import Event

NS = 1_000_000_000


class Written:
    """Events with their positions and a broker's clock that is moved by hand."""

    def __init__(self) -> None:
        self.events: list[Recorded] = []
        self.at_ns = 1_000 * NS

    @property
    def position(self) -> int:
        """Of the last event."""
        return len(self.events)

    def write(self, entity: str, event: Event, actor: str = "") -> Recorded:
        """Append an event."""
        kind = kind_of(event)
        position = len(self.events) + 1
        envelope = Envelope(
            id=f"e-{position}", type=kind.type, source="/test", time="2026-01-01T00:00:00Z", actor=actor
        )
        recorded = Recorded(position, self.at_ns, "local", kind.aggregate, entity, envelope, event)
        self.events.append(recorded)
        return recorded

    def rest(self, seconds: float) -> None:
        """Let the broker's time pass."""
        self.at_ns += round(seconds * NS)
