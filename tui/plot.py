"""Curves in braille: each character cell holds two by four dots, each dot column the lowest to the highest.

An extreme is never lost: a bin of many points is drawn from its lowest to its highest value. The range is
printed beside the curve; values that are no number leave a hole.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from coord.services.wording import display_width
from coord.tui.ink import Ink, Line, Span, cell, fit

BARS: Final = "▁▂▃▄▅▆▇"
"""The highest leaves a gap, so that rows of bars below each other stay apart."""
LABEL_CELLS: Final = 8
"""What the scale at the left takes at least."""
OUTLIER: Final = 3.0
_MOST: Final = 0.95
_ASIDE: Final = 3
"""Cells that a label may stand beside its mark."""
_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


class Trace(NamedTuple):
    """One curve: bins in order of x."""

    xs: Sequence[float]
    lowest: Sequence[float]
    highest: Sequence[float]
    ink: Ink = Ink.OK


class Flag(NamedTuple):
    """A mark on the axis, such as ▲ for a spike and ◆ for a directive."""

    x: float
    glyph: str
    ink: Ink
    label: str = ""
    """Written over the curve where there is room."""


class Scale(NamedTuple):
    """What the plot shows: the ranges of both axes; `log` makes the y axis logarithmic."""

    first: float
    last: float
    low: float
    high: float
    log: bool = False


def short_number(value: float) -> str:
    """Write a number in at most seven characters."""
    size = abs(value)
    if not math.isfinite(value):
        return str(value)
    if size >= 1e6 or 0 < size < 1e-3:
        return f"{value:.1e}".replace("e-0", "e-").replace("e+0", "e")
    if size >= 1_000:
        return f"{value / 1_000:.1f}k" if size < 100_000 else f"{value / 1_000:.0f}k"
    return f"{value:.3f}" if size < 10 else f"{value:.1f}"


class Tick(NamedTuple):
    """What stands on the axis at an x."""

    x: float
    label: str


class Axes(NamedTuple):
    """How the axes are labelled."""

    within: tuple[float, float] | None = None
    """The range of y where there is a limit; else it is what holds every value."""
    worded: Callable[[float], str] = short_number
    """Writes a value beside the curve."""
    ticks: Sequence[Tick] | None = None
    """In their order; a tick at the very end stands before it. None: numbers at even distances."""


USUAL: Final = Axes()


def wants_log(traces: Sequence[Trace]) -> bool:
    """Whether a few values would flatten the others on a linear scale, and all are above 0.

    That is so where the highest is more than three times what 95 of 100 stay below.
    """
    tops = sorted(y for trace in traces for y in trace.highest if math.isfinite(y))
    lows = [y for trace in traces for y in trace.lowest if math.isfinite(y)]
    if not tops or min(lows, default=0.0) <= 0:
        return False
    return tops[-1] > OUTLIER * tops[int(_MOST * (len(tops) - 1))]


def scale_of(traces: Sequence[Trace], log: bool = False) -> Scale | None:
    """Find the ranges that hold every finite value; None when there is none. `log` needs values above 0."""
    xs = [x for trace in traces for x in trace.xs]
    ys = [y for trace in traces for side in (trace.lowest, trace.highest) for y in side if math.isfinite(y)]
    if log:
        ys = [y for y in ys if y > 0]
    if not xs or not ys:
        return None
    return Scale(min(xs), max(xs), min(ys), max(ys), log)


def plot(
    traces: Sequence[Trace],
    flags: Sequence[Flag],
    width: int,
    height: int,
    log: bool = False,
    cursor: float | None = None,
    axes: Axes = USUAL,
) -> list[Line]:
    """Draw curves over an axis with its marks, into exactly `width` x `height` cells."""
    scale = scale_of(traces, log)
    if scale is not None and axes.within is not None:
        scale = scale._replace(low=axes.within[0], high=axes.within[1])
    down = height - 1
    labels = _labels(scale, down, axes.worded) if scale is not None else []
    side = max((display_width(one) + 1 for one in labels), default=0)
    side = max(side, LABEL_CELLS)
    across = width - side
    if scale is None or across < 4 or down < 2:
        return [fit((), width) for _ in range(height)]
    inks, dots = _dots(traces, scale, across, down)
    rows = [_curve_row(inks[y], dots[y]) for y in range(down)]
    _lay_labels(rows, flags, scale, across)
    if cursor is not None:
        _lay_cursor(rows, column_of(cursor, scale, across))
    body = [
        (Span(cell(labels[y], side - 1, right=True) + " ", Ink.DIM), *_joined(row))
        for y, row in enumerate(rows)
    ]
    ticks = _numbers(scale, across) if axes.ticks is None else axes.ticks
    axis = (Span(" " * side), *_axis(flags, ticks, scale, across))
    return [fit(row, width) for row in (*body, axis)]


def thinned(trace: Trace, most: int) -> Trace:
    """Join neighbours until there are at most so many bins; no extreme is lost, and a hole stays one."""
    count = len(trace.xs)
    if count <= most:
        return trace
    ends = [count * (place + 1) // most for place in range(most)]
    groups = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    return Trace(
        [trace.xs[end - 1] for end in ends],
        [min(filter(math.isfinite, trace.lowest[one]), default=math.nan) for one in groups],
        [max(filter(math.isfinite, trace.highest[one]), default=math.nan) for one in groups],
        trace.ink,
    )


def column_of(x: float, scale: Scale, across: int) -> int:
    """Return the column of an x."""
    span = scale.last - scale.first
    place = (x - scale.first) / span if span else 0.0
    return min(max(int(place * (across - 1) + 0.5), 0), across - 1)


def bars(values: Sequence[float | None], width: int, low: float, high: float) -> str:
    """Draw values as a row of bars on a fixed scale; where nothing is known stands a blank.

    The newest value is at the right. Values beyond the scale are drawn at its end.
    """
    if width <= 0 or not values:
        return " " * max(width, 0)
    count, shown = len(values), min(width, len(values))
    picked = [
        _newest(values[place * count // shown : (place + 1) * count // shown]) for place in range(shown)
    ]
    return "".join(_bar(value, low, high) for value in picked).rjust(width)


def _newest(values: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None and math.isfinite(value)), None)


def _bar(value: float | None, low: float, high: float) -> str:
    if value is None:
        return " "
    share = _share(value, low, high) if high > low else 0.0
    return BARS[min(max(int(share * len(BARS)), 0), len(BARS) - 1)]


def _dots(
    traces: Sequence[Trace], scale: Scale, across: int, down: int
) -> tuple[list[list[Ink]], list[bytearray]]:
    inks = [[Ink.DIM] * across for _ in range(down)]
    dots = [bytearray(across) for _ in range(down)]
    for trace in traces:
        for column, top, bottom in _strokes(trace, scale, across * 2, down * 4):
            for y in range(top, bottom + 1):
                dots[y >> 2][column >> 1] |= _DOTS[column & 1][y & 3]
                inks[y >> 2][column >> 1] = trace.ink
    return inks, dots


def _strokes(trace: Trace, scale: Scale, columns: int, rows: int) -> Iterator[tuple[int, int, int]]:
    """Yield (dot column, upper dot, lower dot), each joined with the one before."""
    before: tuple[int, int, int] | None = None
    for x, low, high in zip(trace.xs, trace.lowest, trace.highest, strict=True):
        if not math.isfinite(low) or not math.isfinite(high) or (scale.log and low <= 0):
            before = None
            continue
        column = column_of(x, scale, columns)
        top, bottom = _dot_row(high, scale, rows), _dot_row(low, scale, rows)
        if before is not None:
            yield from _joint(before, column, top, bottom)
        yield column, top, bottom
        before = (column, top, bottom)


def _joint(
    before: tuple[int, int, int], column: int, top: int, bottom: int
) -> Iterator[tuple[int, int, int]]:
    """Fill what lies between two strokes, so that the curve has no holes."""
    left, upper, lower = before
    from_y, to_y = (lower, top) if top > lower else (upper, bottom) if bottom < upper else (top, top)
    if column <= left + 1:
        yield column, min(from_y, to_y), max(from_y, to_y)
        return
    last = from_y
    for place in range(left + 1, column):
        y = from_y + round((to_y - from_y) * (place - left) / (column - left))
        yield place, min(last, y), max(last, y)
        last = y
    yield column, min(last, to_y), max(last, to_y)


def _dot_row(value: float, scale: Scale, rows: int) -> int:
    low, high, value = (
        (math.log(scale.low), math.log(scale.high), math.log(value))
        if scale.log
        else (scale.low, scale.high, value)
    )
    share = _share(value, high, low) if high > low else 0.5
    return min(max(round(share * (rows - 1)), 0), rows - 1)


def _share(value: float, start: float, end: float) -> float:
    """Tell how far a value is on the way; of a way that is longer than a float can be, halves are compared."""
    way = end - start
    return (value - start) / way if math.isfinite(way) else (value / 2 - start / 2) / (end / 2 - start / 2)


def _curve_row(inks: Sequence[Ink], dots: bytearray) -> list[Span]:
    return [Span(chr(0x2800 + dot) if dot else " ", ink) for ink, dot in zip(inks, dots, strict=True)]


def _lay_labels(rows: list[list[Span]], flags: Sequence[Flag], scale: Scale, across: int) -> None:
    """Write the labels of marks into the upper rows, where they hide nothing."""
    for flag in flags:
        words = f"{flag.glyph}{flag.label}" if flag.label else ""
        _lay_label(rows[: len(rows) // 2], words, flag.ink, column_of(flag.x, scale, across), across)


def _lay_label(rows: list[list[Span]], words: str, ink: Ink, column: int, across: int) -> None:
    """Write a label over its mark, else right beside it, as high as there is room; at the edge on its left."""
    wide = display_width(words)
    starts = (column, *range(column + 1, column + 1 + _ASIDE)) if column + wide < across else (column - wide,)
    for row in rows if words else ():
        for start in starts:
            around = (
                row[max(start - 1, 0) : start + wide + 1] if start == column else row[start : start + wide]
            )
            if 0 <= start <= across - wide and all(place.text == " " for place in around):
                row[start : start + wide] = [Span(mark, ink) for mark in words]
                return


def _lay_cursor(rows: list[list[Span]], column: int) -> None:
    for row in rows:
        if row[column].text == " ":
            row[column] = Span("┊", Ink.ACCENT)


def _joined(row: Sequence[Span]) -> Iterator[Span]:
    """Join neighbours of one ink: fewer spans, fewer bytes to the terminal."""
    text, ink = "", Ink.TEXT
    for span in row:
        if span.ink != ink and span.text != " ":
            if text:
                yield Span(text, ink)
            text, ink = "", span.ink
        text += span.text
    if text:
        yield Span(text, ink)


def _labels(scale: Scale, down: int, worded: Callable[[float], str]) -> list[str]:
    """Write the highest and the lowest value, and the middle one where there is room; the other rows have none."""
    shown = {0, down - 1} | ({(down - 1) // 2} if down >= 6 else set())
    return [worded(_value_at(scale, y, down)) if y in shown else "" for y in range(down)]


def _value_at(scale: Scale, y: int, down: int) -> float:
    share = y / max(down - 1, 1)
    if scale.log:
        return math.exp(math.log(scale.high) + share * (math.log(scale.low) - math.log(scale.high)))
    return scale.high * (1 - share) + scale.low * share


def _numbers(scale: Scale, across: int) -> Iterator[Tick]:
    for place in range(0, across, max(across // 6, 12)):
        x = scale.first + (scale.last - scale.first) * place / max(across - 1, 1)
        yield Tick(x, short_number(x) if x >= 1_000 else str(round(x)))


def _axis(flags: Sequence[Flag], ticks: Iterable[Tick], scale: Scale, across: int) -> Iterator[Span]:
    """Draw the axis; a tick that a mark or the one before would hide a part of is left out."""
    marks = [Span("─", Ink.DIM)] * across
    flagged = {column_of(flag.x, scale, across): Span(flag.glyph, flag.ink) for flag in flags}
    free = 0
    for tick in ticks:
        start, wide = column_of(tick.x, scale, across), display_width(tick.label)
        at_end = tick.x == scale.last
        cells = range(across - wide, across) if at_end else range(start, start + wide)
        if free <= cells.start and cells.stop < across + at_end and flagged.keys().isdisjoint(cells):
            marks[cells.start : cells.stop] = [Span(mark, Ink.DIM) for mark in tick.label]
            free = cells.stop + 1
    for column, mark in flagged.items():
        marks[column] = mark
    return _joined(marks)


__all__ = [
    "BARS",
    "LABEL_CELLS",
    "OUTLIER",
    "Axes",
    "Flag",
    "Scale",
    "Tick",
    "Trace",
    "bars",
    "column_of",
    "plot",
    "scale_of",
    "short_number",
    "thinned",
    "wants_log",
]
