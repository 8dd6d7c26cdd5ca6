"""Work: every item with why it does not move; as a list, or as a board by state; one of them in full.

Everything that has a verb has it on the item under the cursor. A claim needs a name to be made for; a release
takes the item from whoever holds it, with the fence of that very claim.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from coord.tui.boxes import box, filled, pane_lines
from coord.tui.ink import Ink, Line, fit, line, said
from coord.tui.phrases import waiting
from coord.tui.scene import (
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
from coord.tui.table import listed
from coord.tui.views import board
from coord.tui.views.ages import late
from coord.tui.views.crew import Crew
from coord.tui.views.item_pane import details, history_lines, run_of, summary
from coord.tui.views.items import ORDERS, STATES
from coord.tui.views.searched import none_left, told_of_cut
from coord.tui.views.work_acts import VERBS, able, command
from coord.tui.views.work_rows import FOUND, WIDE, Seen, asked_of, columns, seen

ITEMS_MAX: Final = 1_000
"""As many as one answer holds; the counts are of all."""
PANE_LINES: Final = 11
PANE_LINES_NARROW: Final = 6
BOARD: Final = "board"


def wishes(_: Place) -> tuple[Wish, ...]:
    """Ask for all items and agents, and for the runs that work on them."""
    return (
        Wish("board", "board", {"limit": ITEMS_MAX}, 1.0),
        Wish("agents", "agents", {"limit": ITEMS_MAX}, 1.0),
        Wish("runs", "runs", {}, 2.0),
    )


def follows(scene: Scene, place: Place) -> tuple[Wish, ...]:
    """Ask for what the pane shows."""
    found = seen(scene, place)
    ids = [row["id"] for row in found.rows]
    item = place.chosen if place.opened and place.chosen else chosen_id(place, ids)
    if not item:
        return _narrower(scene, place, found)
    return (
        *_narrower(scene, place, found),
        Wish("show", "show", {"id": item}, 1.0),
        Wish("history", "history", {"id": item, "aggregate": "work"}, 1.0),
    )


def _narrower(scene: Scene, place: Place, found: Seen) -> tuple[Wish, ...]:
    """Ask for what the filter names, when the board holds more items than one answer."""
    board = scene.answers.get("board", {})
    is_cut = place.filter and board.get("truncated")
    asked = asked_of(place.filter, found.crew, board) if is_cut else {}
    return (Wish(FOUND, "board", {**asked, "limit": ITEMS_MAX}, 1.0),) if asked else ()


def draw(scene: Scene, place: Place, width: int, height: int) -> Drawn:
    """Draw the list or the board with the pane below, or one item alone."""
    if "board" not in scene.answers:
        return Drawn(filled([waiting(scene, "board", "asking for the work items")], width, height))
    found = seen(scene, place)
    ids = [row["id"] for row in found.rows]
    note = told_of_cut(place.filter, len(ids), found.total, found.fault, found.cut)
    at = index_of(place, ids)
    if place.opened and at >= 0:
        return Drawn(_opened(found.rows[at], scene, found.crew, width, height), ids, told=note)
    below = pane_lines(PANE_LINES if width >= WIDE else PANE_LINES_NARROW, height)
    head = [fit(_counts(scene, place, width), width)] if height > 3 else []
    body, lines_at, columns = _listing(scene, place, found, at, width, height - below - len(head))
    lines = [*head, *body]
    if below:
        lines += _pane(found.rows[at] if at >= 0 else None, scene, found.crew, width, below)
    shifted = {number + len(head): name for number, name in lines_at.items()}
    return Drawn(filled(lines, width, height), ids, shifted, columns, note)


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
        return none_left("nothing", found.cut)
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
    fitting = able(item, scene)
    return line(
        *(
            piece
            for key in KEYS
            if key.key in fitting
            for piece in ((key.shown, Ink.ACCENT), f" {key.words}   ")
        )
    )


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
    return command(key, item, scene) if key in VERBS else None


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
    opens="item",
)
