"""The list of items: which are shown in which order, and their columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from coord.services.wording import NOTHING, age, percent
from coord.tui.filtering import Filtered, filtered
from coord.tui.ink import Ink, said
from coord.tui.memo import remembered
from coord.tui.scene import Answer, Place, Row, Scene
from coord.tui.table import Cell, Column
from coord.tui.views.crew import LOST, NO_ANSWER, SILENT, Crew, crew_of
from coord.tui.views.items import ORDERS, fields, in_order, look_of, seconds_left, why
from coord.tui.views.searched import narrowed, unreached

WIDE: Final = 100
NARROW: Final = 64
ROOMY: Final = 150
ID_CELLS_MAX: Final = 20
FOUND: Final = "board_found"
"""Key of the board that was asked for what the filter names, when that of all items was cut."""
_LOW_SHARE: Final = 1 / 3
"""Of a lease: less is left than a living agent leaves."""


class Seen(NamedTuple):
    """What of the items is shown."""

    rows: Sequence[Row]
    total: int
    crew: Crew
    fault: str
    id_cells: int
    """What the longest id takes, within reason."""
    cut: str = ""
    """What was not searched."""


def seen(scene: Scene, place: Place) -> Seen:
    """Filter and sort the items; worked out once an answer."""
    answers = scene.answers
    return _seen(
        answers.get("board", NO_ANSWER),
        answers.get("agents", NO_ANSWER),
        answers.get(FOUND) if place.filter else None,
        place.filter,
        place.sort,
        place.reversed,
    )


@remembered
def _seen(
    items: Answer, agents: Answer, found: Answer | None, filter: str, sort: str, reversed: bool
) -> Seen:
    crew = crew_of(agents, items)
    rows: Sequence[Row] = (found or items).get("rows", ())
    kept = filtered(rows, filter, fields(crew)) if filter else Filtered(list(rows))
    ordered = in_order(kept.rows, sort or ORDERS[0], crew)
    cells = min(max((len(row["id"]) for row in rows), default=4), ID_CELLS_MAX)
    counts = items.get("counts", {})
    asked = asked_of(filter, crew, items) if found else {}
    total = sum(counts.values()) if found else len(rows)
    cut = unreached(found or items, _counted(asked, counts))
    return Seen(ordered[::-1] if reversed else ordered, total, crew, kept.fault, max(cells, 4), cut)


def asked_of(filter: str, crew: Crew, items: Answer) -> dict[str, str]:
    """Return what the board can be asked for, so that nothing that the filter leaves is missing."""
    teams = {row["team"] for row in (*crew.rows, *items.get("rows", ())) if row.get("team")}
    return narrowed(filter, crew.by_name, teams)


def _counted(asked: Mapping[str, str], counts: Mapping[str, int]) -> Mapping[str, int] | None:
    """Return how many items there are of what was asked for; None: they are not counted so."""
    if set(asked) == {"status"}:
        return {asked["status"]: counts.get(asked["status"], 0)}
    return None if asked else counts


@dataclass(frozen=True)
class _Cells:
    """What stands in the columns of one item."""

    crew: Crew
    late_seconds: float

    def id(self, item: Row) -> Cell:
        return said(item["id"])

    def glyph(self, item: Row) -> Cell:
        return look_of(item["status"])

    def state(self, item: Row) -> Cell:
        glyph, ink = look_of(item["status"])
        return f"{glyph} {item['status']}", ink

    def state_seconds(self, item: Row) -> Cell:
        return age(item["state_seconds"] + self.late_seconds)

    def age(self, item: Row) -> Cell:
        return age(item["age_seconds"] + self.late_seconds)

    def holder(self, item: Row) -> Cell:
        name = item.get("agent")
        mood = self.crew.moods.get(name) if item["status"] == "claimed" and name else None
        if name is None or mood is None:
            return said(name or NOTHING, Ink.TEXT if name else Ink.DIM)
        return said(f"{mood.glyph} {name}", mood.ink if mood in (LOST, SILENT) else Ink.TEXT)

    def attempt(self, item: Row) -> Cell:
        return str(item.get("attempt") or NOTHING)

    def progress(self, item: Row) -> Cell:
        return percent(item.get("progress"))

    def lease(self, item: Row) -> Cell:
        left = seconds_left(item, self.crew, self.late_seconds)
        if left is None:
            return NOTHING, Ink.DIM
        return age(max(left, 0.0)), Ink.WARN if left < item["lease_seconds"] * _LOW_SHARE else Ink.TEXT

    def why(self, item: Row) -> Cell:
        found = why(item, self.crew, self.late_seconds)
        return said(found.words, found.ink)


def columns(found: Seen, late_seconds: float, width: int) -> list[Column[Row]]:
    """Return the columns of the list; below 100 columns those that matter most."""
    cells = _Cells(found.crew, late_seconds)
    since = Column[Row]("FOR", 4, cells.state_seconds, right=True)
    if width < NARROW:
        return [
            Column("ITEM", min(found.id_cells, 12), cells.id),
            Column("", 1, cells.glyph),
            since,
            Column("WHY / NEXT", 10, cells.why, flexible=True),
        ]
    wide = width >= WIDE
    return [
        Column("ITEM", found.id_cells, cells.id),
        Column("P", 1, lambda item: str(item["priority"]), right=True),
        Column("STATE", 11, cells.state),
        since,
        Column("AGE", 4, cells.age, right=True, rank=6 if width < ROOMY else 0),
        Column("AGENT", 8, cells.holder),
        Column("TRY", 3, cells.attempt, right=True, rank=3 if wide else 8),
        Column("DONE", 5, cells.progress, right=True, rank=4 if wide else 7),
        Column("LEASE", 5, cells.lease, right=True, rank=1),
        Column("TITLE", max((width - 62) // 3, 14), lambda item: said(item["title"]), rank=0 if wide else 9),
        Column("WHY / NEXT", 34, cells.why, flexible=True),
    ]
