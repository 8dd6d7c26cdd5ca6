"""The weights of health: what each part may cost the system at most; `e` changes the chosen one, by the command `weigh`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from coord.events.weights import WEIGHTS as USUAL
from coord.tui.boxes import filled
from coord.tui.filtering import Filtered, filtered, told
from coord.tui.ink import Ink, Line, fit, line, said
from coord.tui.memo import remembered
from coord.tui.phrases import NONE
from coord.tui.scene import Act, Answer, Drawn, Outcome, Place, Row, index_of
from coord.tui.table import Cell, Column, ids_at, listed

WEIGHTS: Final = "weights"
"""The mode in which they are shown."""
_BACK: Final = ("escape", "backspace")
_BAR_CELLS: Final = 20


def draw_weights(answer: Answer, place: Place, width: int, height: int) -> Drawn:
    """Draw every part, the heaviest first."""
    left = _left(answer, place)
    ids = [row["id"] for row in left.rows]
    words = told(place.filter, len(ids), len(_rows(answer)), left.fault)
    if not ids:
        none = line(("  no part matches the filter", Ink.DIM))
        return Drawn(filled([_head(width), none], width, height), told=words)
    table = listed(_columns(), left.rows, index_of(place, ids), width, max(height - 1, 0))
    return Drawn(
        filled([_head(width), *table.lines], width, height), ids, ids_at(table, ids, 1, height), told=words
    )


def press_weights(key: str, answer: Answer, place: Place) -> Outcome:
    """Change the chosen weight, or go back to the parts."""
    if key in _BACK and not (key == "escape" and place.filter):
        return replace(place, mode="")
    rows = _left(answer, place).rows
    found = index_of(place, [row["id"] for row in rows])
    return _weighed(rows[found]) if key in ("e", "enter") and found >= 0 else None


def _left(answer: Answer, place: Place) -> Filtered:
    rows = _rows(answer)
    return filtered(rows, place.filter, {}) if place.filter else Filtered(rows)


@remembered
def _rows(answer: Answer) -> list[Row]:
    lost = {one["name"]: one for one in answer.get("deductions", ())}
    weights = answer.get("weights") or USUAL
    rows = [
        {
            "id": f"system/{part}",
            "part": part,
            "points": points,
            "usual": USUAL.get(part, points),
            "lost": lost.get(part, {}).get("points", 0.0),
            "why": lost.get(part, {}).get("reason", ""),
        }
        for part, points in weights.items()
    ]
    return sorted(rows, key=lambda row: (-row["points"], row["part"]))


def _weighed(row: Row) -> Act:
    part, before = row["part"], row["points"]
    undo = Act("weigh", {"part": part, "points": before}, f"coord weigh {part} --points {before:g}")
    return Act("weigh", {"part": part}, f"coord weigh {part}", wants="points", numeric=True, undo=undo)


def _head(width: int) -> Line:
    return fit(
        line(
            ("  What each part may cost at most", Ink.STRONG),
            ("   e changes the chosen one   esc back", Ink.DIM),
        ),
        width,
    )


def _columns() -> Sequence[Column[Row]]:
    return (
        Column("PART", 15, lambda row: said(row["part"], Ink.STRONG)),
        Column("WEIGHT", 6, _points, right=True),
        Column("USUAL", 5, lambda row: (f"{row['usual']:g}", Ink.DIM), right=True, rank=3),
        Column("LOST", 6, _lost, right=True),
        Column("OF IT", _BAR_CELLS, _bar, rank=2),
        Column("WHY", 20, lambda row: said(row["why"], Ink.TEXT), flexible=True, rank=1),
    )


def _points(row: Row) -> Cell:
    return f"{row['points']:g}", Ink.TEXT if row["points"] == row["usual"] else Ink.ACCENT


def _lost(row: Row) -> Cell:
    return (f"−{row['lost']:.1f}", Ink.WARN) if row["lost"] else (NONE, Ink.DIM)


def _bar(row: Row) -> Cell:
    share = row["lost"] / row["points"] if row["points"] else 0.0
    return "█" * round(min(share, 1.0) * _BAR_CELLS), Ink.WARN
