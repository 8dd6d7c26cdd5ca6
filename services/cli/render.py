"""Tables for people. Every cell is made safe here, and nowhere else.

In a terminal a table fits its width: the least important columns go first, then the flexible one is cut
with an ellipsis, and a sentence says so. In a pipe nothing is cut and nothing is coloured.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from coord.services.cli import terminal
from coord.services.cli.safe import safe
from coord.services.wording import ELLIPSIS, NOTHING, age, display_width, percent, shortened, size

_GAP: Final = "  "
_FLEXIBLE_MIN: Final = 12

Cell = str | int | float | None


class Column(NamedTuple):
    """One column."""

    title: str
    right: bool = False
    flexible: bool = False
    """Is cut when the terminal is too narrow; one of a table's columns is."""
    rank: int = 0
    """Goes before lower ranks do; 0 stays."""
    paint: Mapping[str, str] = {}
    """Colour by the text of the cell."""


class Table(NamedTuple):
    """Lines to print, and whether something was cut to make them fit."""

    lines: list[str]
    cut: bool


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int | None = None) -> Table:
    """Lay rows out under their titles; `width` is the terminal's, None: as wide as need be."""
    cells = [[_text(cell) for cell in row] for row in rows]
    shown = list(range(len(columns)))
    widths = [
        max([display_width(column.title), *(display_width(row[place]) for row in cells)])
        for place, column in enumerate(columns)
    ]
    cut = False
    if width is not None:
        shown, cut = _fitted(columns, widths, width)
    head = _line(columns, shown, widths, [column.title for column in columns], painted=False)
    body = [_line(columns, shown, widths, row, painted=True) for row in cells]
    return Table([terminal.painted(head, "dim"), *body], cut)


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a table, fitted to the terminal."""
    made = table(columns, rows, terminal.columns())
    for line in made.lines:
        terminal.out(line)
    if made.cut:
        terminal.talk("coord: cut to the width of this terminal; --json has it whole.")


def print_pairs(pairs: Sequence[tuple[str, Cell]]) -> None:
    """Print named values, one a line; what is not there is left out."""
    known = [(name, _text(value)) for name, value in pairs if value is not None and value != ""]
    wide = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        terminal.out(f"  {terminal.painted(f'{name:{wide}}', 'dim')}  {value}")


def _text(cell: Cell) -> str:
    return NOTHING if cell is None or cell == "" else safe(cell)


def _fitted(columns: Sequence[Column], widths: list[int], width: int) -> tuple[list[int], bool]:
    """Choose the columns that fit and narrow the flexible one; `widths` is changed."""
    shown = list(range(len(columns)))
    flexible = next((place for place, column in enumerate(columns) if column.flexible), None)
    cut = False

    def excess() -> int:
        return sum(widths[place] for place in shown) + len(_GAP) * (len(shown) - 1) - width

    def spare() -> int:
        return max(widths[flexible] - _FLEXIBLE_MIN, 0) if flexible in shown and flexible is not None else 0

    while excess() > spare() and any(columns[place].rank for place in shown):
        shown.remove(max(shown, key=lambda place: columns[place].rank))
        cut = True
    if excess() > 0 and flexible in shown and flexible is not None:
        widths[flexible] = max(widths[flexible] - excess(), min(_FLEXIBLE_MIN, widths[flexible]))
        cut = True
    return shown, cut


def _line(
    columns: Sequence[Column],
    shown: Sequence[int],
    widths: Sequence[int],
    cells: Sequence[str],
    painted: bool,
) -> str:
    parts = []
    for place in shown:
        text = shortened(cells[place], widths[place])
        padding = " " * (widths[place] - display_width(text))
        colour = columns[place].paint.get(cells[place]) if painted else None
        text = terminal.painted(text, colour) if colour else text
        parts.append(padding + text if columns[place].right else text + padding)
    return _GAP.join(parts).rstrip()


__all__ = [
    "ELLIPSIS", "Cell", "Column", "Table", "age", "display_width", "percent", "print_pairs", "print_table",
    "shortened", "size", "table",
]  # fmt: skip
