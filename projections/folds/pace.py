"""How many events each second of the log held, and where it ended: what a time line is drawn from.

    log_second      the second that is still open: one row
    log_seconds     the closed ones, in order; a second without events has no row

A second is one of the broker's clock, by its running maximum: when that clock goes back, events count to
the newest second until it is caught up with. So seconds and positions rise together.
"""

from collections.abc import Sequence
from typing import Final

from coord.events.envelope import Recorded
from coord.events.streams import EVENTS
from coord.projections.folds.shape import Draft, Projection, Reads, Row, Table

SECOND_NS: Final = 1_000_000_000


class OpenSecond(Row):
    """The newest second."""

    stream: str
    second_ns: int
    """Its start."""
    events: int
    position: int
    """Of its last event."""


class ClosedSecond(Row):
    """One second that is over."""

    second_ns: int
    events: int
    position: int


LOG_SECOND: Final = Table("log_second", OpenSecond, key=("stream",))
LOG_SECONDS: Final = Table("log_seconds", ClosedSecond)


def _reads(_: Sequence[Recorded]) -> Reads:
    return ((LOG_SECOND, ((EVENTS.name,),)),)


def _count(draft: Draft, every: Sequence[Recorded]) -> None:
    now = draft.change(LOG_SECOND, EVENTS.name)
    if now is None:
        now = draft.put(LOG_SECOND, OpenSecond(EVENTS.name, _second_of(every[0]), 0, 0))
    first, ends_ns = 0, now.second_ns + SECOND_NS
    for number, recorded in enumerate(every):
        if recorded.recorded_at_ns >= ends_ns:
            _add(now, every[first:number])
            draft.append(LOG_SECONDS, ClosedSecond(now.second_ns, now.events, now.position))
            now.second_ns, now.events = _second_of(recorded), 0
            first, ends_ns = number, now.second_ns + SECOND_NS
    _add(now, every[first:])


def _add(now: OpenSecond, some: Sequence[Recorded]) -> None:
    if some:
        now.events += len(some)
        now.position = some[-1].position


def _second_of(recorded: Recorded) -> int:
    return recorded.recorded_at_ns - recorded.recorded_at_ns % SECOND_NS


PROJECTION: Final = Projection(
    name="pace", tables=(LOG_SECOND, LOG_SECONDS), on={}, reads=_reads, on_all=_count
)
