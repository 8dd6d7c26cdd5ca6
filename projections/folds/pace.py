"""How many events each second of the log held, and where it ended: what a time line is drawn from.

    log_second      the second that is still open: one row
    log_seconds     the closed ones, in order; a second without events has no row

A second is one of the broker's clock, by its running maximum: when that clock goes back, events count to
the newest second until it is caught up with. So seconds and positions rise together.
"""

from dataclasses import dataclass
from typing import Final

from coord.events.catalog import EVENT_TYPES
from coord.events.envelope import Recorded
from coord.events.streams import EVENTS
from coord.projections.folds.shape import Draft, Projection, Reads, Table

SECOND_NS: Final = 1_000_000_000


@dataclass(slots=True)
class OpenSecond:
    """The newest second."""

    stream: str
    second_ns: int
    """Its start."""
    events: int
    position: int
    """Of its last event."""


@dataclass(slots=True)
class ClosedSecond:
    """One second that is over."""

    second_ns: int
    events: int
    position: int


LOG_SECOND: Final = Table("log_second", OpenSecond, key=("stream",))
LOG_SECONDS: Final = Table("log_seconds", ClosedSecond)


def _reads(_: Recorded) -> Reads:
    return ((LOG_SECOND, (EVENTS.name,)),)


def _count(draft: Draft, recorded: Recorded, _: object) -> None:
    second_ns = recorded.recorded_at_ns - recorded.recorded_at_ns % SECOND_NS
    now = draft.change(LOG_SECOND, EVENTS.name)
    if now is None:
        draft.put(LOG_SECOND, OpenSecond(EVENTS.name, second_ns, 1, recorded.position))
        return
    if second_ns > now.second_ns:
        draft.append(LOG_SECONDS, ClosedSecond(now.second_ns, now.events, now.position))
        now.second_ns, now.events = second_ns, 0
    now.events += 1
    now.position = recorded.position


PROJECTION: Final = Projection(
    name="pace",
    tables=(LOG_SECOND, LOG_SECONDS),
    on={kind.model: _count for kind in EVENT_TYPES},
    reads=_reads,
)
