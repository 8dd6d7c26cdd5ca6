"""The list of items: which are shown in which order, and their columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from coord.services.wording import NOTHING, age, display_width, percent
from coord.tui.filtering import Filtered, filtered
from coord.tui.ink import Ink, said
from coord.tui.memo import remembered
from coord.tui.scene import Answer, Place, Row, Scene
from coord.tui.table import Cell, Column
from coord.tui.views.crew import LOST, NO_ANSWER, SILENT, Crew, crew_of
from coord.tui.views.graph import needs_of
from coord.tui.views.items import ORDERS, WITHIN, fields, in_order, look_of, seconds_left, standing, state_of
from coord.tui.views.rails import in_rows
from coord.tui.views.searched import narrowed, unreached

WIDE: Final = 100
NARROW: Final = 64
ROOMY: Final = 150
ID_CELLS_MAX: Final = 20
TITLE_CELLS: Final = 14
"""What titles have at least, from 100 columns on; of each column more they get two thirds, as far as they need it."""
FOUND: Final = "board_found"
"""Key of the board that was asked for what the filter names, when that of all items was cut."""
LINKED: Final = "board_linked"
"""Key of the board of items that depend on others, or that others depend on: the graph's."""
BOARD: Final = "board"
GRAPH: Final = "graph"
MODES: Final = ("", BOARD, GRAPH)
"""What the items are shown as, beside a list."""
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
    title_cells: int
    """What the longest title takes."""
    cut: str = ""
    """What was not searched."""
    every: Mapping[str, Row] = {}
    """Of a graph: all items that are known, by id."""


def key_of(place: Place) -> str:
    """Return under which key the items stand that a place shows."""
    return LINKED if place.mode == GRAPH else "board"


def seen(scene: Scene, place: Place) -> Seen:
    """Filter and sort the items; worked out once an answer."""
    answers = scene.answers
    board = answers.get("board", NO_ANSWER)
    crew = crew_of(answers.get("agents", NO_ANSWER), board)
    items, found = answers.get(key_of(place), NO_ANSWER), answers.get(FOUND) if place.filter else None
    listed = _seen(items, crew, found, place.filter, place.sort, place.reversed)
    return _woven(listed, board, items) if place.mode == GRAPH else listed


@remembered
def _woven(listed: Seen, board: Answer, linked: Answer) -> Seen:
    """Order the items as a graph of them is drawn."""
    rows = {row["id"]: row for row in listed.rows}
    known = (*board.get("rows", ()), *linked.get("rows", ()), *listed.rows)
    ordered = [rows[name] for name in in_rows(needs_of(listed.rows))]
    return listed._replace(rows=ordered, every={row["id"]: row for row in known})


@remembered
def _seen(items: Answer, crew: Crew, found: Answer | None, filter: str, sort: str, reversed: bool) -> Seen:
    rows: Sequence[Row] = (found or items).get("rows", ())
    kept = filtered(rows, filter, fields(crew)) if filter else Filtered(list(rows))
    ordered = in_order(kept.rows, sort or ORDERS[0], crew)
    cells = min(max((len(row["id"]) for row in rows), default=4), ID_CELLS_MAX)
    title = max((display_width(row["title"]) for row in rows), default=0)
    counts = items.get("counts", {})
    asked = asked_of(filter, crew, items) if found else {}
    total = sum(counts.values()) if found else len(rows)
    every = {**counts, **{name: items.get(name) or 0 for name in WITHIN.values()}}
    cut = unreached(found or items, _counted(asked, every))
    return Seen(ordered[::-1] if reversed else ordered, total, crew, kept.fault, max(cells, 4), title, cut)


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
        return look_of(item)

    def state(self, item: Row) -> Cell:
        glyph, ink = look_of(item)
        return f"{glyph} {state_of(item)}", ink

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
        found = standing(item, self.crew, self.late_seconds)
        return said(found.words, found.ink)


def graph_columns(found: Seen, late_seconds: float) -> list[Column[Row]]:
    """Return the columns beside a graph: those that say most stay longest where it is narrow."""
    cells = _Cells(found.crew, late_seconds)
    return [
        Column("ITEM", found.id_cells, cells.id),
        Column("STATE", 9, lambda item: (state_of(item), look_of(item)[1]), rank=2),
        Column("FOR", 4, cells.state_seconds, right=True, rank=3),
        Column("AGENT", 8, cells.holder, rank=5),
        Column("TITLE", 14, lambda item: said(item["title"]), flexible=True, rank=4),
        Column("WHY / NEXT", 24, cells.why, flexible=True, rank=6),
    ]


def _title_cells(found: Seen, width: int) -> int:
    room = TITLE_CELLS + max(width - WIDE, 0) * 2 // 3
    return min(max(found.title_cells, len("TITLE")), room)


def columns(found: Seen, late_seconds: float, width: int) -> list[Column[Row]]:
    """Return the columns of the list; below 100 columns those that matter most."""
    cells = _Cells(found.crew, late_seconds)
    since = Column[Row]("FOR", 4, cells.state_seconds, right=True)
    if width < NARROW:
        return [
            Column("ITEM", min(found.id_cells, max(width // 3, 12)), cells.id),
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
        Column("TITLE", _title_cells(found, width), lambda item: said(item["title"]), rank=0 if wide else 9),
        Column("WHY / NEXT", 34, cells.why, flexible=True),
    ]
