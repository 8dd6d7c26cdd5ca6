"""Times of the clock on an axis of time: round ones, as many as have room, in UTC.

14:02:10 ... 14:02:20    14:00 ... 15:00    Fri 00:00 ... 08:00 ... 16:00    12 Nov ... 19 Nov
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from coord.tui.plot import Tick

NOW: Final = "now"
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_STEPS: Final = (
    1, 2, 5, 10, 15, 30,
    _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE,
    _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR,
    _DAY, 2 * _DAY, 7 * _DAY, 28 * _DAY, 364 * _DAY,
)  # fmt: skip
"""Seconds between two times; every one but the last three divides a day."""
_GAP: Final = 3
"""Cells between two times at least."""
_SECOND_NS: Final = 1_000_000_000


def clock_ticks(first_ns: int, last_ns: int, across: int, now: bool = False) -> list[Tick]:
    """Return times between two moments, in nanoseconds since 1970, for so many cells.

    With `now` the end is called so, and no time stands where that does.
    """
    step = _step(first_ns, last_ns, across)
    ticks = list(_ticks(first_ns, last_ns, step))
    if not now:
        return ticks
    cells = (last_ns - first_ns) / max(across - 1, 1)
    free = [one for one in ticks if one.x + cells * (len(one.label) + 1 + len(NOW)) <= last_ns]
    return [*free, Tick(last_ns, NOW)]


def _step(first_ns: int, last_ns: int, across: int) -> int:
    """Return the seconds between two times: the fewest that leave room for what is written there."""
    seconds = max((last_ns - first_ns) / _SECOND_NS, 1e-9)
    days = _day(first_ns) != _day(last_ns)
    for step in _STEPS:
        if step / seconds * across >= _cells(step, days) + _GAP:
            return step
    return _STEPS[-1]


def _cells(step: int, days: bool) -> int:
    if step < _MINUTE:
        return len("14:02:10")
    if step < _DAY:
        return len("Fri 14:02") if days else len("14:02")
    return len("12 Nov")


def _ticks(first_ns: int, last_ns: int, step: int) -> Iterator[Tick]:
    """Yield the times; where the span has several days, the first of each day is written with it."""
    width_ns = step * _SECOND_NS
    day, days = None, _day(first_ns) != _day(last_ns)
    for at_ns in range(-(-first_ns // width_ns) * width_ns, last_ns + 1, width_ns):
        begins = days and _day(at_ns) != day and _MINUTE <= step < _DAY
        day = _day(at_ns)
        yield Tick(at_ns, _written(at_ns, step, begins))


def _written(at_ns: int, step: int, with_day: bool) -> str:
    form = "%H:%M:%S" if step < _MINUTE else "%d %b" if step >= _DAY else "%a %H:%M" if with_day else "%H:%M"
    return datetime.fromtimestamp(at_ns // _SECOND_NS, UTC).strftime(form)


def _day(at_ns: int) -> int:
    return at_ns // (_DAY * _SECOND_NS)
