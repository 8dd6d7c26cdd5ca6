"""The list of agents: which are shown in which order, and their columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from coord.services.wording import NOTHING, age
from coord.tui.filtering import Field, Filtered, filtered
from coord.tui.ink import Ink, said
from coord.tui.memo import remembered
from coord.tui.scene import Answer, Place, Row, Scene
from coord.tui.table import Cell, Column
from coord.tui.views.crew import GONE, IDLE, LOST, NO_ANSWER, SILENT, Crew, crew_of, least_lease, note
from coord.tui.views.items import FRESH_SECONDS

WIDE: Final = 100
NARROW: Final = 64
NAME_CELLS_MAX: Final = 20
ORDERS: Final = ("worst", "agent", "holds", "silent", "score", "team")
_SCORE_LOW: Final = 90.0
_SCORE_BAD: Final = 60.0


class Seen(NamedTuple):
    """What of the agents is shown."""

    rows: Sequence[Row]
    total: int
    crew: Crew
    fault: str
    name_cells: int


def seen(scene: Scene, place: Place) -> Seen:
    """Filter and sort the agents; worked out once an answer."""
    answers = scene.answers
    return _seen(
        answers.get("agents", NO_ANSWER),
        answers.get("board", NO_ANSWER),
        place.filter,
        place.sort,
        place.reversed,
    )


@remembered
def _seen(agents: Answer, board: Answer, filter: str, sort: str, reversed: bool) -> Seen:
    crew = crew_of(agents, board)
    kept = filtered(crew.rows, filter, fields(crew)) if filter else Filtered(list(crew.rows))
    ordered = _in_order(kept.rows, sort, crew)
    cells = min(max((len(row["agent"]) for row in crew.rows), default=5), NAME_CELLS_MAX)
    return Seen(ordered[::-1] if reversed else ordered, len(crew.rows), crew, kept.fault, max(cells, 5))


def fields(crew: Crew) -> dict[str, Field]:
    """Return what can be filtered by, beside the row's own fields."""
    return {
        "state": lambda row: crew.moods[row["agent"]].name,
        "offers": lambda row: " ".join(row.get("capabilities", ())),
        "item": lambda row: " ".join(item["id"] for item in crew.held.get(row["agent"], ())),
        "silent": lambda row: row.get("silent_seconds"),
        "lease": lambda row: least_lease(row["agent"], crew),
        "note": lambda row: note(row, crew),
    }


def _in_order(rows: Sequence[Row], sort: str, crew: Crew) -> list[Row]:
    match sort:
        case "agent":
            return sorted(rows, key=lambda row: row["agent"])
        case "holds":
            return sorted(rows, key=lambda row: (-row["holds"], row["agent"]))
        case "silent":
            return sorted(rows, key=lambda row: -(row.get("silent_seconds") or 0.0))
        case "score":
            return sorted(rows, key=lambda row: row.get("score", 101.0))
        case "team":
            return sorted(
                rows, key=lambda row: (row.get("team") is None, row.get("team") or "", row["agent"])
            )
    return sorted(rows, key=lambda row: (_badness(row, crew), row.get("score", 101.0), row["agent"]))


def _badness(row: Row, crew: Crew) -> int:
    """Rank an agent, 0 is worst: work in danger comes before agents in danger, and these before old losses."""
    mood = crew.moods[row["agent"]]
    if mood in (LOST, SILENT) and row["holds"]:
        return mood.rank
    fresh = (row.get("silent_seconds") or 0.0) < FRESH_SECONDS
    if mood is LOST and not fresh:
        return IDLE.rank + 3
    return mood.rank + 2 if row["status"] not in GONE else IDLE.rank + 4


@dataclass(frozen=True)
class _Cells:
    """What stands in the columns of one agent."""

    crew: Crew
    late_seconds: float

    def is_troubled(self, row: Row) -> bool:
        return self.crew.moods[row["agent"]] in (LOST, SILENT)

    def state(self, row: Row) -> Cell:
        mood = self.crew.moods[row["agent"]]
        return f"{mood.glyph} {mood.name}", mood.ink

    def item(self, row: Row) -> Cell:
        held = self.crew.held.get(row["agent"], ())
        if not held:
            return str(row["holds"]) if row["holds"] else NOTHING
        return said(held[0]["id"] + (f" +{row['holds'] - 1}" if row["holds"] > 1 else ""))

    def holds_for(self, row: Row) -> Cell:
        held = self.crew.held.get(row["agent"], ())
        return age(held[0]["state_seconds"] + self.late_seconds) if held else NOTHING

    def heard(self, row: Row) -> Cell:
        silent = row.get("silent_seconds")
        if silent is None:
            return NOTHING, Ink.DIM
        return age(silent + self.late_seconds), Ink.WARN if self.is_troubled(row) else Ink.TEXT

    def lease(self, row: Row) -> Cell:
        left = least_lease(row["agent"], self.crew, self.late_seconds)
        if left is None:
            return NOTHING, Ink.DIM
        return age(max(left, 0.0)), Ink.WARN if self.is_troubled(row) else Ink.TEXT

    def ends(self, row: Row) -> Cell:
        return f"{row['completed']}/{row['failed']}/{row['expired']}"

    def score(self, row: Row) -> Cell:
        value = row.get("score")
        if value is None:
            return NOTHING, Ink.DIM
        return f"{value:.0f}", Ink.BAD if value < _SCORE_BAD else Ink.WARN if value < _SCORE_LOW else Ink.TEXT

    def note(self, row: Row) -> Cell:
        words = note(row, self.crew, self.late_seconds)
        return said(words, self.crew.moods[row["agent"]].ink if self.is_troubled(row) else Ink.TEXT)


def columns(found: Seen, late_seconds: float, width: int) -> list[Column[Row]]:
    """Return the columns of the list; below 100 columns those that matter most."""
    cells = _Cells(found.crew, late_seconds)
    wide = width >= WIDE
    name = Column[Row]("AGENT", found.name_cells, lambda row: said(row["agent"]))
    state, item = Column("STATE", 10, cells.state), Column("ITEM", 14 if wide else 12, cells.item)
    if width < NARROW:
        return [name, state, item._replace(width=8), Column("NOTE", 8, cells.note, flexible=True)]
    return [
        name,
        state,
        item,
        Column("FOR", 4, cells.holds_for, right=True),
        Column("HEARD", 5, cells.heard, right=True),
        Column("LEASE", 5, cells.lease, right=True),
        Column("OK/FAIL/EXP", 11, cells.ends, right=True, rank=4),
        Column("SCORE", 5, cells.score, right=True, rank=5),
        Column("TEAM", 8, lambda row: said(row.get("team") or NOTHING), rank=6),
        Column("OFFERS", max((width - 90) // 3, 14), _offers, rank=7),
        Column("NOTE", 24, cells.note, flexible=True),
    ]


def _offers(row: Row) -> Cell:
    return said(", ".join(row.get("capabilities", ())) or NOTHING)
