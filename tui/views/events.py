"""The view of events: the newest last, filtered here and searched for in the log; one in full, and what changed."""

from collections.abc import Sequence
from dataclasses import replace
from shlex import quote
from typing import Final

from coord.tui.boxes import beside, filled, shares
from coord.tui.filtering import told
from coord.tui.ink import Ink, Line, cell, dimmed, fit, line, said
from coord.tui.phrases import toggled
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
    Write,
)
from coord.tui.table import listed
from coord.tui.views.event_diff import diff_box, diff_wishes
from coord.tui.views.event_pane import causes_of, effects_of, event_box
from coord.tui.views.event_rows import (
    FOUND,
    Rows,
    Shown,
    columns,
    row_of,
    search_fields,
    shown_events,
    slice_text,
)

WIDE: Final = 100
RAW: Final = "raw"
NO_DIFF: Final = "nodiff"
"""Words of the place's mode: the event as JSON; no comparison, although a moment is marked."""
_BESIDE_MIN: Final = 100
_AFTER_MAX: Final = 3
_VIEWS: Final = {
    "work": "work",
    "agent": "agents",
    "run": "runs",
    "node": "nodes",
    "alert": "alerts",
    "directive": "runs",
}


def wishes(place: Place) -> tuple[Wish, ...]:
    """Search the log when there is a filter; the newest events every scene has."""
    return (Wish(FOUND, "events", search_fields(place.filter), 2.0),) if place.filter else ()


def follows(scene: Scene, place: Place) -> tuple[Wish, ...]:
    """Ask both moments what stood there, when they are compared."""
    past = scene.past
    if past is None or past.compared is None or not _is_compared(scene, place):
        return ()
    return diff_wishes(past.compared, past.position)


def draw(scene: Scene, place: Place, width: int, height: int) -> Drawn:
    """Draw the list, and the chosen event below it."""
    shown = shown_events(scene, place)
    ids = list(map(str, shown.positions))
    words = told(place.filter, len(ids), shown.total, shown.fault)
    if not ids:
        return Drawn(filled(_empty(scene, place), width, height), told=words)
    at = _index(place, ids)
    entry = shown.entries[int(ids[at])]
    pane = _pane_height(height, place.opened)
    lines: list[Line] = [_head(scene, place, width)] if height >= 12 else []
    rows, clicks = _list(scene, shown, at, width, height - pane - len(lines))
    clicked = {len(lines) + row: ids[index] for row, index in clicks.items()}
    lines += rows
    if pane:
        lines += _panes(scene, place, shown, entry, width, pane)
    return Drawn(filled(lines, width, height), ids, clicked, told=words)


def press(key: str, scene: Scene, place: Place, drawn: Drawn) -> Outcome:
    """Move, follow, go to causes and moments, change how an event is shown, compare, or write what is shown."""
    if key in _MODES:
        return _mode(key, scene, place)
    shown = shown_events(scene, place)
    if not shown.positions:
        return None
    at = _index(place, drawn.ids)
    entry = shown.entries[shown.positions[at]]
    if key in _MOVES:
        return _moved(key, place, drawn, at)
    if key == "f":
        return replace(place, chosen="" if place.chosen else str(entry["position"]))
    if key == "enter":
        return Go("events", str(entry["position"]), entry["position"], place.filter)
    if key == "o":
        return _subject(entry)
    if key == "h":
        return Go("events", filter=f"entity={row_of(entry)['entity']}")
    if key in ("c", "C"):
        return _linked(key, place, shown, entry)
    return _written(shown) if key == "w" else None


def copies(_scene: Scene, place: Place, drawn: Drawn) -> tuple[str, str]:
    """Copy the position, or the command that prints the event; of a filter that follows, the command that searches."""
    position = drawn.ids[_index(place, drawn.ids)] if drawn.ids else ""
    if place.filter and not place.chosen:
        given = [f"--{name} {quote(str(value))}" for name, value in search_fields(place.filter).items()]
        return position, " ".join(("coord events", *given))
    return position, f"coord events --at '#{position}' --limit 1 --json"


def _index(place: Place, ids: Sequence[str]) -> int:
    """Return the row of the cursor: the chosen one, else the newest."""
    return ids.index(place.chosen) if place.chosen in ids else len(ids) - 1


def _pane_height(height: int, opened: bool) -> int:
    """Return how many lines the chosen event has; opened, it leaves the list only its neighbours."""
    if height < 11:
        return height // 2 if opened else 0
    return height * 2 // 3 if opened else max(height // 3, 6)


def _is_compared(scene: Scene, place: Place) -> bool:
    return scene.past is not None and scene.past.compared is not None and NO_DIFF not in place.mode.split()


def _head(scene: Scene, place: Place, width: int) -> Line:
    follow = ("● following", Ink.OK) if not place.chosen else ("○ held at the cursor, f follows", Ink.DIM)
    if scene.past is not None:
        follow = (f"up to #{scene.past.position:,}", Ink.PAST)
    last = scene.past.last_position if scene.past else scene.position
    parts = [
        line(
            "  ",
            follow,
            (f"   {last:,} in the log, the newest {len(scene.events):,} here", Ink.DIM),
        )
    ]
    if place.filter:
        parts.append(_searched(scene))
    return fit(tuple(span for part in parts for span in part), width)


def _searched(scene: Scene) -> Line:
    fault, answer = scene.faults.get(FOUND), scene.answers.get(FOUND)
    if answer is None:
        return (
            line(("   ✖ ", Ink.BAD), said(fault, Ink.WARN))
            if fault
            else line(("   searching the log …", Ink.DIM))
        )
    found, more = len(answer["events"]), " (older ones may match, too)" if answer.get("truncated") else ""
    return line((f"   the log was searched from #{answer['searched_from']:,}: {found:,}{more}", Ink.DIM))


def _list(scene: Scene, shown: Shown, at: int, width: int, height: int) -> tuple[list[Line], dict[int, int]]:
    """Draw the rows; in the past, what had not happened yet stands dimmed below a line that says so."""
    wide, rows = width >= WIDE, Rows(shown.entries, shown.positions)
    if scene.past is None:
        table = listed(columns(shown, wide), rows, at, width, height)
        return table.lines, _clicks(table.first, len(rows), height - 1)
    here = sum(position <= scene.past.position for position in shown.positions)
    after = rows[here : here + min(_AFTER_MAX, max(height - 6, 0))]
    room = height - 1 - len(after)
    table = listed(columns(shown, wide), rows[:here], min(at, here - 1), width, room)
    used = min(room, here + 1)
    later = [dimmed(one) for one in listed(columns(shown, wide), after, -1, width, len(after) + 1).lines[1:]]
    return [*table.lines[:used], _here(width), *later], _clicks(table.first, here, room - 1)


def _clicks(first: int, count: int, room: int) -> dict[int, int]:
    return {1 + row: first + row for row in range(min(room, count - first))}


def _here(width: int) -> Line:
    words = " you are here: what stands below had not happened yet "
    side = max((width - len(words)) // 2, 0)
    return fit(line((cell("┄" * side + words + "┄" * width, width), Ink.PAST)), width)


def _panes(scene: Scene, place: Place, shown: Shown, entry: Row, width: int, height: int) -> list[Line]:
    raw, compared = RAW in place.mode.split(), _is_compared(scene, place)
    if not compared:
        return event_box(entry, shown.entries, raw, width, height)
    if width < _BESIDE_MIN:
        return diff_box(scene, width, height)
    left, right = shares(width, 1, 1)
    return beside(event_box(entry, shown.entries, raw, left, height), diff_box(scene, right, height))


def _empty(scene: Scene, place: Place) -> list[Line]:
    if place.filter:
        return [line(("  no event matches the filter", Ink.DIM)), _searched(scene)]
    if scene.link.state == "connecting" or scene.position:
        return [line(("  asking for the newest events …", Ink.DIM))]
    return [
        line(("  Events", Ink.STRONG), (" stand here as they are written, the newest last.", Ink.DIM)),
        line(
            ("  There is none yet. One is made by:  ", Ink.DIM), ("coord submit 'my first item'", Ink.ACCENT)
        ),
    ]


_ALL: Final = 1_000_000
_MOVES: Final = {
    "up": -1,
    "k": -1,
    "down": 1,
    "j": 1,
    "pageup": -20,
    "pagedown": 20,
    "home": -_ALL,
    "g": -_ALL,
    "end": _ALL,
    "G": _ALL,
}
_MODES: Final = ("x", "d", "v", "tab", "shift+tab")


def _moved(key: str, place: Place, drawn: Drawn, at: int) -> Outcome:
    """Move the cursor; at the end it follows again."""
    to = min(max(at + _MOVES[key], 0), len(drawn.ids) - 1)
    return replace(place, chosen="" if to == len(drawn.ids) - 1 and _MOVES[key] > 0 else drawn.ids[to])


def _mode(key: str, scene: Scene, place: Place) -> Outcome:
    if key in ("v", "tab", "shift+tab"):
        return replace(place, opened=not place.opened)
    if key == "x":
        return replace(place, mode=toggled(place.mode, RAW))
    if scene.past is None or scene.past.compared is None:
        return Say("In the past (t), m marks a moment; d then shows what changed from there to here.")
    return replace(place, mode=toggled(place.mode, NO_DIFF))


def _subject(entry: Row) -> Outcome:
    _, _, aggregate, entity = (*str(entry["subject"]).split(".", 3), "", "", "", "")[:4]
    view = _VIEWS.get(aggregate)
    return Go(view, entity) if view else Say(f"There is no view of its own for {aggregate or 'this'}.")


def _linked(key: str, place: Place, shown: Shown, entry: Row) -> Outcome:
    """Go to the first cause, or to the next effect: in the list, or else in the past."""
    if key == "c":
        found = [cause.position for cause in causes_of(entry, shown.entries)]
    else:
        found = effects_of(entry, shown.entries)
    if not found:
        return Say("It names nothing before it." if key == "c" else "None of the events here names it.")
    if found[0] in shown.positions:
        return replace(place, chosen=str(found[0]))
    return Go("events", str(found[0]), found[0])


def _written(shown: Shown) -> Outcome:
    first, last = shown.positions[0], shown.positions[-1]
    return Write(f"events-{first}-{last}.jsonl", slice_text(shown))


KEYS: Final = (
    Key("f", "f", "follow", "Keeps the cursor on the newest event; moving away from it ends that."),
    Key("enter", "↵", "moment", "Goes to the moment right behind this event."),
    Key("c", "c C", "cause", "Goes to what led to it; C to what it led to, among the events here."),
    Key("o", "o", "subject", "Goes to what it is about."),
    Key("x", "x", "JSON", "Shows the event as it stands in the log, or its fields in words."),
    Key("v", "v", "larger", "Gives the event most of the view."),
    Key(
        "d", "d", "diff", "In the past: hides what changed since the moment that m marked, or shows it again."
    ),
    Key("w", "w", "write", "Writes the events that the filter leaves into a file, one JSON a line."),
)

VIEW: Final = View("events", "Events", "Evts", wishes, draw, press, KEYS, (), copies, follows, opens="event")
