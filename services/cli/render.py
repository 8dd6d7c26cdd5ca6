"""Tables for people. Every cell is made safe here, and nowhere else.

In a terminal a table fits its width: the least important columns go first, then the flexible ones are cut
with an ellipsis, the widest most, and a sentence says so. In a pipe nothing is cut and nothing is coloured.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from coord.services.cli import terminal
from coord.services.cli.safe import safe
from coord.services.wording import NOTHING, age, display_width, shortened

_GAP: Final = "  "
_FLEXIBLE_MIN: Final = 12

GOOD: Final = 80.0
POOR: Final = 50.0
"""From which score on something is good, and below which it is bad."""


class Toned(NamedTuple):
    """A cell that means one of terminal.COLOURS, whatever it says."""

    text: str | int | float | None
    meaning: str


Cell = str | int | float | Toned | None


class Column(NamedTuple):
    """One column."""

    title: str
    right: bool = False
    flexible: bool = False
    """Is cut when the terminal is too narrow."""
    rank: int = 0
    """Goes before lower ranks do; 0 stays."""
    paint: Mapping[str, str] = {}
    """Colour by the text of the cell."""
    least: int = _FLEXIBLE_MIN
    """A flexible column is cut no further; what has a rank goes before that."""


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
    head = _line(columns, shown, widths, [column.title for column in columns], [""] * len(columns))
    body = [
        _line(columns, shown, widths, row, _meanings(columns, row, given))
        for row, given in zip(cells, rows, strict=True)
    ]
    return Table([terminal.painted(head, "dim"), *body], cut)


def print_table(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], seldom: Sequence[Column] = ()
) -> None:
    """Print a table, fitted to the terminal; a column of `seldom` is left out where it says nothing."""
    shown = [
        place
        for place, column in enumerate(columns)
        if column not in seldom or any(_plain(row[place]) not in (None, "") for row in rows)
    ]
    columns, rows = [columns[place] for place in shown], [[row[place] for place in shown] for row in rows]
    made = table(columns, rows, terminal.columns())
    for line in made.lines:
        terminal.out(line)
    if made.cut:
        terminal.talk("coord: cut to the width of this terminal; --json has it whole.")


def print_pairs(pairs: Sequence[tuple[str, Cell]]) -> None:
    """Print named values, one a line; what is not there is left out."""
    known = [(name, value) for name, value in pairs if _plain(value) not in (None, "")]
    wide = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        told = terminal.painted(_text(value), value.meaning if isinstance(value, Toned) else "")
        terminal.out(f"  {terminal.painted(f'{name:{wide}}', 'dim')}  {told}")


def as_of(answer: Mapping[str, Any]) -> str:
    """Say at which moment of the log an answer speaks."""
    moment = answer["as_of"]
    late = f", {moment['lag']} events behind" if moment.get("lag") else ""
    return terminal.painted(f"   as of position {moment['position']}{late}", "dim")


def aged(seconds: float | None) -> Toned:
    """Write how long ago something was: beside what matters, so it is dim."""
    return Toned(age(seconds), "dim")


def scored(score: float | None) -> Toned | None:
    """Write a score from 0 to 100."""
    return None if score is None else Toned(f"{score:.0f}", meaning_of(score))


def meaning_of(score: float) -> str:
    """Say whether a score is good."""
    return "ok" if score >= GOOD else "warn" if score >= POOR else "bad"


def _text(cell: Cell) -> str:
    text = _plain(cell)
    return NOTHING if text is None or text == "" else safe(text)


def _plain(cell: Cell) -> str | int | float | None:
    return cell.text if isinstance(cell, Toned) else cell


def _meanings(columns: Sequence[Column], texts: Sequence[str], cells: Sequence[Cell]) -> list[str]:
    return [
        cell.meaning if isinstance(cell, Toned) else column.paint.get(text, "")
        for column, text, cell in zip(columns, texts, cells, strict=True)
    ]


def _fitted(columns: Sequence[Column], widths: list[int], width: int) -> tuple[list[int], bool]:
    """Choose the columns that fit and narrow the flexible ones; `widths` is changed."""
    shown = list(range(len(columns)))
    cut = False

    def excess() -> int:
        return sum(widths[place] for place in shown) + len(_GAP) * (len(shown) - 1) - width

    def narrowable() -> list[int]:
        return [place for place in shown if columns[place].flexible and widths[place] > columns[place].least]

    while excess() > sum(widths[place] - columns[place].least for place in narrowable()):
        if not any(columns[place].rank for place in shown):
            break
        shown.remove(max(shown, key=lambda place: columns[place].rank))
        cut = True
    while excess() > 0 and (flexible := narrowable()):
        widths[max(flexible, key=lambda place: widths[place] - columns[place].least)] -= 1
        cut = True
    return shown, cut


def _line(
    columns: Sequence[Column],
    shown: Sequence[int],
    widths: Sequence[int],
    cells: Sequence[str],
    meanings: Sequence[str],
) -> str:
    parts = []
    for place in shown:
        text = shortened(cells[place], widths[place])
        padding = " " * (widths[place] - display_width(text))
        text = terminal.painted(text, meanings[place])
        parts.append(padding + text if columns[place].right else text + padding)
    return _GAP.join(parts).rstrip()
