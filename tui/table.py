"""A list as lines: fixed columns chosen by width, a cursor, and only the rows that are in sight.

Rows are made into text only when they are in sight, so a thousand of them cost no more than forty.
"""

from collections.abc import Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from coord.tui.ink import Ink, Line, Span, cell, choose, fit, line

R = TypeVar("R")
Cell = str | tuple[str, Ink] | Span
FLEXIBLE_LEAST: Final = 8
"""A flexible column is no narrower, however long the ids beside it are."""
_GAP: Final = 1
_BLANK: Final = Span(" ")


class Column(NamedTuple, Generic[R]):
    """One column."""

    title: str
    width: int
    """In cells; to or from the widths of columns with `flexible` what is left or missing is shared out."""
    of: Callable[[R], Cell]
    """Text is made safe by whoever writes it: `said` for what comes from elsewhere."""
    right: bool = False
    flexible: bool = False
    rank: int = 0
    """Goes before lower ranks do when the width is short; 0 stays."""


class Listed(NamedTuple):
    """Lines, and which row each of them is."""

    lines: list[Line]
    first: int
    """Index of the first row in sight; `lines[0]` is the head, `lines[1]` that row."""
    above: int
    below: int


def listed(columns: Sequence[Column[R]], rows: Sequence[R], chosen: int, width: int, height: int) -> Listed:
    """Draw a head and the rows round the chosen one into exactly `width` x `height` cells.

    Args:
        columns: what to show of a row.
        rows: all of them, in order.
        chosen: index of the row with the cursor; below 0: none.
        width: in cells.
        height: in lines, the head included.
    """
    shown, widths = _fitted(columns, width)
    room = max(height - 1, 0)
    first = _first(chosen, len(rows), room)
    head = line(
        "  ", *(piece for column, wide in zip(shown, widths, strict=True) for piece in _titled(column, wide))
    )
    lines = [fit(head, width)]
    for place in range(first, min(first + room, len(rows))):
        lines.append(_row(shown, widths, rows[place], place == chosen, width))
    lines += [fit((), width)] * (height - len(lines))
    return Listed(lines[:height], first, first, max(len(rows) - first - room, 0))


def ids_at(table: Listed, ids: Sequence[str], top: int, height: int) -> dict[int, str]:
    """Return which id stands on which line, when the head stands on line `top` of `height` lines."""
    shown = range(min(len(table.lines) - 1, len(ids) - table.first))
    return {top + 1 + row: ids[table.first + row] for row in shown if top + 1 + row < height}


def _first(chosen: int, count: int, room: int) -> int:
    """Keep the cursor in the middle third: the rows round it stay in sight."""
    return max(0, min(chosen - room // 2, count - room)) if count > room else 0


def _fitted(columns: Sequence[Column[R]], width: int) -> tuple[list[Column[R]], list[int]]:
    shown = list(columns)
    while _needed(shown) > width and any(column.rank for column in shown):
        shown.remove(max(shown, key=lambda column: column.rank))
    spare = width - _needed(shown)
    flexible = sum(column.flexible for column in shown)
    widths = []
    for column in shown:
        more = spare // flexible if column.flexible else 0
        widths.append(max(column.width + more, min(column.width, FLEXIBLE_LEAST)))
    return shown, widths


def _needed(columns: Sequence[Column[R]]) -> int:
    return 2 + sum(column.width + _GAP for column in columns)


def _titled(column: Column[R], width: int) -> tuple[Span, Span]:
    return Span(cell(column.title, width, column.right), Ink.DIM), Span(" ")


def _row(columns: Sequence[Column[R]], widths: Sequence[int], row: R, chosen: bool, width: int) -> Line:
    spans: list[Span] = [Span("▸ ", Ink.ACCENT) if chosen else Span("  ")]
    for column, wide in zip(columns, widths, strict=True):
        said = column.of(row)
        span = said if isinstance(said, Span) else Span(said) if isinstance(said, str) else Span(*said)
        spans += (Span(cell(span.text, wide, column.right), span.ink, span.chosen), _BLANK)
    whole = fit(spans, width)
    return choose(whole) if chosen else whole
