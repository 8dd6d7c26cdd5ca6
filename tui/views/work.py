"""Work: every item with why it does not move; as a list, or as a board by state; one of them in full.

Everything that has a verb has it on the item under the cursor. A claim needs a name to be made for; a release
takes the item from whoever holds it, with the fence of that very claim.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from coord.services.wording import NOTHING, age, percent
from coord.tui.boxes import box, filled
from coord.tui.filtering import Filtered, filtered, told
from coord.tui.ink import Ink, Line, fit, line, said
from coord.tui.memo import remembered
from coord.tui.phrases import waiting
from coord.tui.scene import (
    Act,
    Answer,
    Drawn,
    Go,
    Key,
    Outcome,
    Place,
    Row,
    Say,
    Scene,
    View,
    Wish,
    chosen_id,
    index_of,
)
from coord.tui.table import Column, listed
from coord.tui.views import board
from coord.tui.views.ages import late
from coord.tui.views.crew import LOST, NO_ANSWER, SILENT, Crew, crew_of
from coord.tui.views.item_pane import details, history_lines, run_of, shown_of, summary
from coord.tui.views.items import ORDERS, STATES, fields, in_order, seconds_left, why

ITEMS_MAX: Final = 1_000
"""As many as one answer holds; the counts are of all."""
WIDE: Final = 100
NARROW: Final = 64
ROOMY: Final = 150
ID_CELLS_MAX: Final = 20
PANE_LINES: Final = 11
PANE_LINES_NARROW: Final = 6
PANE_FROM_LINES: Final = 14
"""A lower body shows the list alone."""
BOARD: Final = "board"


class Seen(NamedTuple):
    """What of the items is shown."""

    rows: Sequence[Row]
    total: int
    crew: Crew
    fault: str
    id_cells: int
    """What the longest id takes, within reason."""


def seen(scene: Scene, place: Place) -> Seen:
    """Filter and sort the items; worked out once an answer."""
    answers = scene.answers
    return _seen(
        answers.get("board", NO_ANSWER),
        answers.get("agents", NO_ANSWER),
        place.filter,
        place.sort,
        place.reversed,
    )


@remembered
def _seen(items: Answer, agents: Answer, filter: str, sort: str, reversed: bool) -> Seen:
    crew = crew_of(agents, items)
    rows: Sequence[Row] = items.get("rows", ())
    kept = filtered(rows, filter, fields(crew)) if filter else Filtered(list(rows))
    ordered = in_order(kept.rows, sort or ORDERS[0], crew)
    cells = min(max((len(row["id"]) for row in rows), default=4), ID_CELLS_MAX)
    return Seen(ordered[::-1] if reversed else ordered, len(rows), crew, kept.fault, max(cells, 4))


def wishes(_: Place) -> tuple[Wish, ...]:
    """Ask for all items and agents, and for the runs that work on them."""
    return (
        Wish("board", "board", {"limit": ITEMS_MAX}, 1.0),
        Wish("agents", "agents", {"limit": ITEMS_MAX}, 1.0),
        Wish("runs", "runs", {}, 2.0),
    )


def follows(scene: Scene, place: Place) -> tuple[Wish, ...]:
    """Ask for what the pane shows."""
    item = chosen_id(place, [row["id"] for row in seen(scene, place).rows])
    if not item:
        return ()
    return (
        Wish("show", "show", {"id": item}, 1.0),
        Wish("history", "history", {"id": item, "aggregate": "work"}, 1.0),
    )


def draw(scene: Scene, place: Place, width: int, height: int) -> Drawn:
    """Draw the list or the board with the pane below, or one item alone."""
    if "board" not in scene.answers:
        return Drawn(filled([waiting(scene, "board", "asking for the work items")], width, height))
    found = seen(scene, place)
    ids = [row["id"] for row in found.rows]
    note = told(place.filter, len(ids), found.total, found.fault)
    at = index_of(place, ids)
    if place.opened and at >= 0:
        return Drawn(_opened(found.rows[at], scene, found.crew, width, height), ids, told=note)
    below = _pane_lines(width, height)
    head = [fit(_counts(scene, place, width), width)] if height > 3 else []
    body, lines_at, columns = _listing(scene, place, found, at, width, height - below - len(head))
    lines = [*head, *body]
    if below:
        lines += _pane(found.rows[at] if at >= 0 else None, scene, found.crew, width, below)
    shifted = {number + len(head): name for number, name in lines_at.items()}
    return Drawn(filled(lines, width, height), ids, shifted, columns, note)


def _pane_lines(width: int, height: int) -> int:
    if height < PANE_FROM_LINES:
        return 0
    return min(PANE_LINES if width >= WIDE else PANE_LINES_NARROW, height // 2) + max(height - 36, 0) // 3


def _listing(
    scene: Scene, place: Place, found: Seen, at: int, width: int, height: int
) -> tuple[list[Line], dict[int, str], Sequence[tuple[int, int]]]:
    if not found.rows:
        return [fit(_nothing(found), width)], {}, ()
    if place.mode == BOARD:
        return board.draw(
            found.rows,
            scene.answers["board"].get("counts", {}),
            found.crew,
            at,
            late(scene, "board"),
            width,
            height,
        )
    table = listed(columns(found, late(scene, "board"), width), found.rows, at, width, height)
    shown = range(table.first, min(table.first + height - 1, len(found.rows)))
    return table.lines, {place - table.first + 1: found.rows[place]["id"] for place in shown}, ()


def _nothing(found: Seen) -> Line:
    if found.total:
        return line(("  nothing matches the filter; esc takes it away", Ink.DIM))
    return line(
        ("  no work yet. Fill the board with: ", Ink.DIM), ('coord submit "my first item"', Ink.ACCENT)
    )


def _counts(scene: Scene, place: Place, width: int) -> Line:
    answer = scene.answers["board"]
    counts = answer.get("counts", {})
    parts = [
        piece
        for state, (glyph, ink) in STATES.items()
        for piece in (
            (f" {glyph} ", ink),
            f"{counts.get(state, 0):,} {state}" if width >= WIDE else f"{counts.get(state, 0):,}",
        )
    ]
    order = f"sort {place.sort or ORDERS[0]}{' reversed' if place.reversed else ''}"
    cut = f"   the {len(answer['rows']):,} most urgent" if answer.get("truncated") else ""
    other = "list" if place.mode == BOARD else "board"
    return line(*parts, (f"   {order}   v {other}{cut}", Ink.DIM))


def columns(found: Seen, late_seconds: float, width: int) -> list[Column[Row]]:
    """Return the columns of the list; below 100 columns those that matter most."""
    crew = found.crew

    def state(item: Row) -> tuple[str, Ink]:
        glyph, ink = STATES[item["status"]]
        return f"{glyph} {item['status']}", ink

    def holder(item: Row) -> tuple[str, Ink]:
        name = item.get("agent")
        mood = crew.moods.get(name) if item["status"] == "claimed" and name else None
        if name is None or mood is None:
            return name or NOTHING, Ink.TEXT if name else Ink.DIM
        return f"{mood.glyph} {name}", mood.ink if mood in (LOST, SILENT) else Ink.TEXT

    def lease(item: Row) -> tuple[str, Ink]:
        left = seconds_left(item, crew, late_seconds)
        if left is None:
            return NOTHING, Ink.DIM
        low = left < item["lease_seconds"] / 3
        return age(max(left, 0.0)), Ink.WARN if low else Ink.TEXT

    def reason(item: Row) -> tuple[str, Ink]:
        found = why(item, crew, late_seconds)
        return said(found.words).text, found.ink

    wide = width >= WIDE
    if width < NARROW:
        return [
            Column("ITEM", min(found.id_cells, 12), lambda item: said(item["id"])),
            Column("", 1, lambda item: STATES[item["status"]]),
            Column("FOR", 4, lambda item: age(item["state_seconds"] + late_seconds), right=True),
            Column("WHY / NEXT", 10, reason, flexible=True),
        ]
    return [
        Column("ITEM", found.id_cells, lambda item: said(item["id"])),
        Column("P", 1, lambda item: str(item["priority"]), right=True),
        Column("STATE", 11, state),
        Column("FOR", 4, lambda item: age(item["state_seconds"] + late_seconds), right=True),
        Column("AGE", 4, lambda item: age(item["age_seconds"] + late_seconds), right=True, rank=6 if width < ROOMY else 0),
        Column("AGENT", 8, holder),
        Column("TRY", 3, lambda item: str(item.get("attempt") or NOTHING), right=True, rank=3 if wide else 8),
        Column("DONE", 5, lambda item: percent(item.get("progress")), right=True, rank=4 if wide else 7),
        Column("LEASE", 5, lease, right=True, rank=1),
        Column("TITLE", max((width - 62) // 3, 14), lambda item: said(item["title"]), rank=0 if wide else 9),
        Column("WHY / NEXT", 34, reason, flexible=True),
    ]  # fmt: skip


def _pane(item: Row | None, scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    if item is None:
        return box("", (), width, height)
    inner = width - 4
    head = summary(item, scene, crew, inner)
    verbs = _verbs(item, scene)
    more = details(item, scene, inner)
    room = height - 2 - len(head) - 1
    spread = [(), *more, ()] if room > len(more) + 1 else more
    body = [*head, *[*spread, *[()] * room][: max(room, 0)], verbs]
    if room < 0:
        body = [*head[: height - 3], verbs]
    title = said(f"{item['id']} {item['title']}").text
    return box(title, [line(" ", *one) for one in body], width, height, "↵")


def _verbs(item: Row, scene: Scene) -> Line:
    able = [key for key in KEYS if key.key in _able(item, scene)]
    return line(*(piece for key in able for piece in ((key.shown, Ink.ACCENT), f" {key.words}   ")))


def _able(item: Row, scene: Scene) -> tuple[str, ...]:
    if scene.past is not None:
        return ("o", "h") if run_of(scene, item["id"]) else ("h",)
    verbs = {"open": ("c", "X"), "claimed": ("r", "X")}.get(item["status"], ())
    return (*verbs, *(("o",) if run_of(scene, item["id"]) else ()), "h")


def _opened(item: Row, scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    inner = width - 4
    body = [*summary(item, scene, crew, inner), (), *details(item, scene, inner), (), _verbs(item, scene), ()]
    body.append(line(("   POSITION TIME (UTC)     AFTER   EVENT                WHAT", Ink.DIM)))
    body += history_lines(scene, item["id"])
    title = said(f"{item['id']} {item['title']}").text
    return box(title, [line(" ", *one) for one in body], width, height, "esc back")


def press(key: str, scene: Scene, place: Place, _: Drawn) -> Outcome:
    """Answer a key."""
    if key == "v":
        return replace(place, mode="" if place.mode == BOARD else BOARD)
    found = seen(scene, place)
    at = index_of(place, [row["id"] for row in found.rows])
    if at < 0:
        return None
    item = found.rows[at]
    if key in ("left", "right") and place.mode == BOARD and not place.opened:
        other = board.beside(found.rows, at, -1 if key == "left" else 1)
        return replace(place, chosen=other) if other else None
    if key == "enter":
        return replace(place, chosen=item["id"], opened=True)
    if key == "escape" and place.opened:
        return replace(place, opened=False)
    if key == "h":
        return Go("events", filter=item["id"])
    if key == "o":
        run = run_of(scene, item["id"])
        return Go("runs", run) if run else Say(f"No run says that it works for {item['id']}.")
    return _command(key, item, scene) if key in ("c", "r", "X") else None


def _command(key: str, item: Row, scene: Scene) -> Outcome:
    name, status = item["id"], item["status"]
    if key == "c":
        if status != "open":
            return Say(f"{name} is {status}; only an open item can be claimed.")
        return Act("claim", {"item_id": name}, f"coord claim {name}", wants="agent")
    if key == "r":
        return _release(item, scene) if status == "claimed" else Say(f"{name} is {status}; nobody holds it.")
    if status not in ("open", "claimed"):
        return Say(f"{name} has ended: it is {status}.")
    held = f" {item['agent']} holds it and will be refused." if status == "claimed" else ""
    return Act(
        "cancel",
        {"item_id": name},
        f"coord cancel {name}",
        asks=f"Cancel {name}? Nobody shall do it any more.{held}",
    )


def _release(item: Row, scene: Scene) -> Outcome:
    name, agent, fence = item["id"], item["agent"], item["fence"]
    held: dict[str, object] = {"agent": agent, "item_id": name, "fence": fence}
    incarnation = shown_of(scene, name).get("item", {}).get("incarnation")
    if incarnation is not None:
        held["incarnation"] = incarnation
    return Act(
        "release",
        held,
        f"coord release {name} --agent {agent} --fence {fence}",
        asks=f"Take {name} from {agent}? It is open again, and what {agent} still says of it is refused.",
    )


def copies(_: Scene, place: Place, drawn: Drawn) -> tuple[str, str]:
    """Copy the id of the item, and the command that shows it."""
    name = chosen_id(place, drawn.ids)
    return name, f"coord show {name}" if name else "coord board"


KEYS: Final = (
    Key("enter", "↵", "open", "The item alone, with its whole history."),
    Key("c", "c", "claim", "Claim the item for an agent that you name."),
    Key("r", "r", "release", "Take the item from its holder, with the fence of its claim; asks."),
    Key("X", "X", "cancel", "End the item; asks."),
    Key("o", "o", "run", "Go to the run that works for this item."),
    Key("h", "h", "history", "Its events, in the view of events."),
    Key("v", "v", "board/list", "Items by state side by side, or all in a list."),
)

VIEW: Final = View(
    name="work",
    title="Work",
    short="Work",
    wishes=wishes,
    draw=draw,
    press=press,
    keys=KEYS,
    orders=ORDERS,
    copies=copies,
    follows=follows,
)
