"""The graph: items below what they depend on, joined by lines; only items that others hang on, or that hang on others.

A row an item, as in the list, so that thousands of them cost no more than a screen and are gone through alike.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from coord.tui.ink import Ink, Line, Span, choose, line, said
from coord.tui.memo import remembered
from coord.tui.scene import Row
from coord.tui.table import Cell, Column, Listed, listed
from coord.tui.views.items import look_of
from coord.tui.views.rails import RAIL_CELLS, Drawing, draw_rails

RAILS_SHARE: Final = 4
"""Rails take a fourth of the width at most."""
RAILS_MIN: Final = 3
AFTER_CELLS: Final = 26
"""Two names, each with its glyph."""
_UNKNOWN: Final = "?"
"""Stands before an item that is not among these."""


class Graph(NamedTuple):
    """A drawn graph."""

    table: Listed
    unrailed: int
    """How many items are waited for without a line of their own: no more fitted."""


def needs_of(rows: Sequence[Row]) -> dict[str, Sequence[str]]:
    """Return what each item depends on."""
    return {row["id"]: row.get("depends_on") or () for row in rows}


def draw(
    columns: Sequence[Column[Row]],
    rows: Sequence[Row],
    every: Mapping[str, Row],
    at: int,
    width: int,
    height: int,
) -> Graph:
    """Draw the rows round the chosen one into exactly `width` x `height` cells, their head above them.

    Args:
        columns: of the list; what an item depends on stands behind its name.
        rows: in the order of a drawing.
        every: all items that are known, by id.
        at: index of the row with the cursor.
        width: in cells.
        height: in lines.
    """
    rails = _rails(rows, max(width // RAILS_SHARE // RAIL_CELLS, RAILS_MIN))
    shown = [*columns[:1], _after(every), *columns[1:]]
    table = listed(shown, rows, at, max(width - rails.cells, 0), height)
    seen = range(table.first, min(table.first + height - 1, len(rows)))
    beside = [line(" " * rails.cells), *(_railed(rows[place], rails, place, place == at) for place in seen)]
    lines = [
        _spliced(one, beside[place] if place < len(beside) else beside[0])
        for place, one in enumerate(table.lines)
    ]
    return Graph(table._replace(lines=lines), rails.unrailed)


def along(rows: Sequence[Row], at: int, step: int) -> str:
    """Return the next item along a line: one that it depends on (the nearest above), or one that depends on it (the nearest below)."""
    here = rows[at]
    if step < 0:
        wanted = here.get("depends_on") or ()
        return next((row["id"] for row in reversed(rows[:at]) if row["id"] in wanted), "")
    return next((row["id"] for row in rows[at + 1 :] if here["id"] in (row.get("depends_on") or ())), "")


@remembered
def _rails(rows: Sequence[Row], most: int) -> Drawing:
    return draw_rails(needs_of(rows), most)


def _railed(row: Row, rails: Drawing, place: int, chosen: bool) -> Line:
    here = rails.rows[place]
    glyph, ink = look_of(row)
    spans = (Span(here.before, Ink.DIM), Span(glyph, ink), Span(here.behind, Ink.DIM))
    return choose(spans) if chosen else spans


def _spliced(spans: Line, beside: Line) -> Line:
    """Put the rails between the mark of the cursor and the columns."""
    return (*spans[:1], *beside, *spans[1:])


def _after(every: Mapping[str, Row]) -> Column[Row]:
    """Name what an item depends on, each with the glyph of its state."""

    def named(name: str) -> str:
        known = every.get(name)
        return f"{look_of(known)[0] if known else _UNKNOWN} {name}"

    def of(row: Row) -> Cell:
        wanted = row.get("depends_on") or ()
        vain = (row.get("waits") or {}).get("in_vain")
        done = all((every.get(one) or {}).get("status") == "completed" for one in wanted)
        words = f"← {'  '.join(map(named, wanted))}" if wanted else ""
        return said(words, Ink.BAD if vain else Ink.DIM if done else Ink.TEXT)

    return Column("AFTER", AFTER_CELLS, of, flexible=True)
