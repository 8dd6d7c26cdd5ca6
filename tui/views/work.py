"""Work: every item with why it does not move; as a list, as a board by state, or as a graph of what waits for what;
one of them in full.

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
from coord.tui.table import ids_at, listed
from coord.tui.views import board, graph
from coord.tui.views.ages import late
from coord.tui.views.crew import Crew
from coord.tui.views.item_pane import details, history_lines, run_of, summary
from coord.tui.views.items import ORDERS, counted
from coord.tui.views.searched import none_left, told_of_cut
from coord.tui.views.work_acts import VERBS, able, command, worded
from coord.tui.views.work_rows import (
    BOARD,
    FOUND,
    GRAPH,
    LINKED,
    MODES,
    WIDE,
    Seen,
    asked_of,
    columns,
    graph_columns,
    key_of,
    seen,
)

ITEMS_MAX: Final = 1_000
"""As many as one answer holds; the counts are of all."""
PANE_LINES: Final = 11
PANE_LINES_NARROW: Final = 6


def wishes(place: Place) -> tuple[Wish, ...]:
    """Ask for all items and agents, and for the runs that work on them; for a graph, what it is drawn of."""
    linked = (Wish(LINKED, "board", {"linked": True, "limit": ITEMS_MAX}, 1.0),)
    return (
        *(linked if place.mode == GRAPH else ()),
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
    board = scene.answers.get(key_of(place), {})
    is_cut = place.filter and board.get("truncated")
    asked = asked_of(place.filter, found.crew, board) if is_cut else {}
    linked = {"linked": True} if place.mode == GRAPH else {}
    return (Wish(FOUND, "board", {**asked, **linked, "limit": ITEMS_MAX}, 1.0),) if asked else ()


def draw(scene: Scene, place: Place, width: int, height: int) -> Drawn:
    """Draw the list, the board or the graph with the pane below, or one item alone."""
    asked = next((key for key in ("board", key_of(place)) if key not in scene.answers), None)
    if asked is not None:
        return Drawn(filled([waiting(scene, asked, "asking for the work items")], width, height))
    found = seen(scene, place)
    ids = [row["id"] for row in found.rows]
    note = told_of_cut(place.filter, len(ids), found.total, found.fault, found.cut)
    at = index_of(place, ids)
    if place.opened and at >= 0:
        return Drawn(_opened(found.rows[at], scene, found.crew, width, height), ids, told=note)
    below = pane_lines(PANE_LINES if width >= WIDE else PANE_LINES_NARROW, height)
    head = 1 if height > 3 else 0
    body, lines_at, columns, more = _listing(scene, place, found, at, width, height - below - head)
    lines = [*[fit(_counts(scene, place, width, more), width)][:head], *body]
    if below:
        lines += _pane(found.rows[at] if at >= 0 else None, scene, found.crew, width, below)
    shifted = {number + head: name for number, name in lines_at.items()}
    return Drawn(filled(lines, width, height), ids, shifted, columns, note)


def _listing(
    scene: Scene, place: Place, found: Seen, at: int, width: int, height: int
) -> tuple[list[Line], dict[int, str], Sequence[tuple[int, int]], str]:
    """Return the lines, which item is on which of them, where they can be clicked, and what is to be said of them."""
    if not found.rows:
        return [fit(_nothing(found, place), width)], {}, (), ""
    if place.mode == GRAPH:
        drawn = graph.draw(
            graph_columns(found, late(scene, LINKED)), found.rows, found.every, at, width, height
        )
        left = f"{drawn.unrailed:,} lines have no room: ← names them" if drawn.unrailed else ""
        return drawn.table.lines, ids_at(drawn.table, [row["id"] for row in found.rows], 0, height), (), left
    if place.mode == BOARD:
        lines, at_lines, cells = board.draw(
            found.rows,
            scene.answers["board"].get("counts", {}),
            found.crew,
            at,
            late(scene, "board"),
            width,
            height,
        )
        return lines, at_lines, cells, ""
    table = listed(columns(found, late(scene, "board"), width), found.rows, at, width, height)
    return table.lines, ids_at(table, [row["id"] for row in found.rows], 0, height), (), ""


def _nothing(found: Seen, place: Place) -> Line:
    if found.total:
        return none_left("nothing", found.cut)
    if place.mode == GRAPH:
        return line(
            ("  no item waits for another. That one does is said with: ", Ink.DIM),
            ("coord depend ID --on OTHER", Ink.ACCENT),
        )
    return line(
        ("  no work yet. Fill the board with: ", Ink.DIM), ('coord submit "my first item"', Ink.ACCENT)
    )


def _counts(scene: Scene, place: Place, width: int, more: str) -> Line:
    answer = scene.answers[key_of(place)]
    parts = [
        piece
        for state, glyph, ink, count, within in counted(answer)
        for piece in (
            (f" {glyph} ", ink),
            f"{count:,} {state}" if width >= WIDE else f"{count:,}",
            (f" ({within})" if within else "", Ink.WARN if state == "claimed" else Ink.DIM),
        )
    ]
    order = f"sort {place.sort or ORDERS[0]}{' reversed' if place.reversed else ''}"
    linked = " linked" if place.mode == GRAPH else ""
    cut = (
        f"   the {len(answer['rows']):,} most urgent{linked}"
        if answer.get("truncated")
        else linked and "   linked only"
    )
    shown = f"   {order}   v {next_mode(place) or 'list'}"
    return line(
        *parts,
        (f"   {more}" if more else "", Ink.WARN),
        (f"{cut}{shown}" if linked else f"{shown}{cut}", Ink.DIM),
    )


def next_mode(place: Place) -> str:
    """Return what `v` shows next: the list, the board, the graph, and the list again."""
    return MODES[(MODES.index(place.mode) + 1) % len(MODES)] if place.mode in MODES else ""


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
            for piece in ((key.shown, Ink.ACCENT), f" {worded(key, item)}   ")
        )
    )


def _opened(item: Row, scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    inner = width - 4
    body = [*summary(item, scene, crew, inner), (), *details(item, scene, inner), (), _verbs(item, scene), ()]
    body += history_lines(scene, item["id"])
    title = said(f"{item['id']} {item['title']}").text
    return box(title, [line(" ", *one) for one in body], width, height, "esc back")


def press(key: str, scene: Scene, place: Place, _: Drawn) -> Outcome:
    """Answer a key."""
    if key == "v":
        return replace(place, mode=next_mode(place), opened=False)
    found = seen(scene, place)
    at = index_of(place, [row["id"] for row in found.rows])
    if at < 0:
        return None
    item = found.rows[at]
    if key in ("left", "right") and place.mode and not place.opened:
        step = -1 if key == "left" else 1
        other = (graph.along if place.mode == GRAPH else board.beside)(found.rows, at, step)
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
    Key(
        "b",
        "b",
        "block",
        "Keep an open item from being claimed, with a reason; a blocked one may be claimed again.",
    ),
    Key(
        "e",
        "e",
        "open again",
        "Open what is parked, with all its attempts, or what has ended, with a reason.",
    ),
    Key("X", "X", "cancel", "End the item; asks."),
    Key("o", "o", "run", "Go to the run that works for this item."),
    Key("h", "h", "history", "Its events, in the view of events."),
    Key(
        "v",
        "v",
        "list/board/graph",
        "Items by state side by side, or joined with what waits for them, or all in a list.",
    ),
    Key(
        "left",
        "←→",
        "along",
        "On the board: the state beside this one; in the graph: what it waits for, what waits for it.",
    ),
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
