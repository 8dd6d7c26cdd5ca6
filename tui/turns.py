"""What a key does: from the state and what is on the screen to the next state, and what is to be done outside.

typed text -> help -> time bar -> what holds everywhere -> the view -> what lists have in common
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from coord.tui import moments
from coord.tui.missing import LEAVE
from coord.tui.prompts import asked_before, pressed_in_prompt
from coord.tui.scene import Act, Copy, Drawn, Go, Outcome, Place, Say, Scene, View, Write, chosen_id, index_of
from coord.tui.seeking import live, pressed_in_bar
from coord.tui.state import Clip, Help, OpenPalette, Prompt, Quit, Retry, Save, State, Turn

PAGE_ROWS: Final = 10
_MOVES: Final = {
    "down": 1, "j": 1, "up": -1, "k": -1, "pagedown": PAGE_ROWS, "pageup": -PAGE_ROWS,
    "g": -(10**9), "G": 10**9, "home": -(10**9), "end": 10**9,
}  # fmt: skip
_COMMANDS: Final = {
    "overview": "coord tui", "work": "coord board", "events": "coord tail", "agents": "coord agents",
    "runs": "coord runs", "nodes": "coord nodes", "alerts": "coord alerts", "health": "coord health",
}  # fmt: skip


def pressed(
    state: State,
    scene: Scene,
    views: Mapping[str, View],
    drawn: Drawn,
    key: str,
    character: str | None,
    seconds: float,
) -> Turn:
    """Do what a key means.

    Args:
        state: where somebody is.
        scene: what is on the screen.
        views: by name, in the order of their numbers.
        drawn: what the view drew last.
        key: as Textual names it.
        character: what it writes; None: nothing.
        seconds: now, on the clock that never jumps.
    """
    if state.prompt is not None:
        return pressed_in_prompt(state, scene, key, character, seconds)
    if state.help is not None:
        return Turn(_in_help(state, state.help, key, character))
    if state.bar:
        turn = pressed_in_bar(state, scene, key, seconds)
        if turn is not None:
            return turn
    everywhere = _everywhere(state, scene, views, key, seconds)
    if everywhere is not None:
        return everywhere
    if drawn.missing and key not in LEAVE:
        return Turn(state.saying(f"{drawn.missing} esc shows the list.", seconds))
    outcome = None if drawn.missing else views[state.view].press(key, scene, state.place, drawn)
    if outcome is not None:
        return came_to(state, scene, outcome, seconds)
    return _in_lists(state, scene, views[state.view], drawn, key, seconds)


def came_to(state: State, scene: Scene, outcome: Outcome, seconds: float) -> Turn:
    """Do what a view wants."""
    match outcome:
        case Place():
            return Turn(state.at(outcome))
        case Say():
            return Turn(state.saying(outcome.words, seconds))
        case Copy():
            return Turn(state.saying(copied(outcome.text), seconds), Clip(outcome.text))
        case Write():
            return Turn(state, Save(outcome.path, outcome.text))
        case Go():
            return Turn(went(state, scene, outcome))
        case Act():
            return asked_before(state, scene, outcome, seconds)
    return Turn(state)


def went(state: State, scene: Scene, there: Go) -> State:
    """Go somewhere else; the way back stays."""
    past = state.past
    if there.position is not None:
        past = replace(moments.at_position(scene, there.position), compared=state.compared, speed=0.0)
    before = state.places.get(there.view, Place())
    place = replace(
        before, chosen=there.chosen or before.chosen, filter=there.filter, opened=bool(there.chosen)
    )
    return replace(state.going(there.view, place, past), bar=state.bar, frozen_at=None)


def copied(text: str) -> str:
    """Say what was copied."""
    first = text.partition("\n")[0]
    shown = first if len(first) <= 60 else first[:59] + "…"
    more = f" ({len(text):,} characters)" if shown != text else ""
    return f"Copied: {shown}{more}"


def clicked(state: State, drawn: Drawn, column: int, row: int) -> State:
    """Choose the row that was clicked on; a click on the chosen one changes nothing."""
    within = not drawn.columns or any(start <= column < end for start, end in drawn.columns)
    found = drawn.at.get(row) if within else None
    return state if found is None else state.at(replace(state.place, chosen=found))


def moved(state: State, drawn: Drawn, rows: int) -> State:
    """Move the cursor by so many rows; it stays within the list."""
    if not drawn.ids:
        return state
    there = min(max(index_of(state.place, drawn.ids) + rows, 0), len(drawn.ids) - 1)
    return state.at(replace(state.place, chosen=drawn.ids[there]))


def _everywhere(
    state: State, scene: Scene, views: Mapping[str, View], key: str, seconds: float
) -> Turn | None:
    names = list(views)
    if len(key) == 1 and key in "123456789":
        return _to_view(state, names, int(key) - 1, seconds)
    match key:
        case "q" | "ctrl+c":
            return Turn(state, Quit())
        case "question_mark" | "f1":
            return Turn(replace(state, help=Help()))
        case "colon" | "ctrl+p":
            return Turn(state, OpenPalette())
        case "slash" | "exclamation_mark":
            return Turn(_filtering(state, "!" if key == "exclamation_mark" else ""))
        case "t":
            return Turn(replace(state, bar=True))
        case "space":
            return Turn(_frozen(state, seconds))
        case "u":
            return _undone(state, scene, seconds)
        case "alt+left" | "ctrl+o":
            return Turn(state.back())
        case "alt+right":
            return Turn(state.forward())
        case "R" if scene.link.state != "live":
            return Turn(state.saying("Trying.", seconds), Retry())
    return None


def _to_view(state: State, names: list[str], place: int, seconds: float) -> Turn:
    if place >= len(names):
        return Turn(state.saying(f"There is no view {place + 1}.", seconds))
    return Turn(state if names[place] == state.view else replace(state.going(names[place], None, state.past)))


def _filtering(state: State, first: str) -> State:
    before = state.place.filter
    text = f"{before} {first}".strip() if before and first else before or first
    return replace(state, prompt=Prompt("filter", text, before)).at(replace(state.place, filter=text))


def _frozen(state: State, seconds: float) -> State:
    if state.past is not None:
        return state.saying("The past stands still already; t and then space plays it.", seconds)
    return replace(state, frozen_at=seconds if state.frozen_at is None else None)


def _undone(state: State, scene: Scene, seconds: float) -> Turn:
    done = state.done
    if done is None or done.undo is None or seconds >= done.until_seconds:
        return Turn(state.saying("There is nothing to undo.", seconds))
    return asked_before(replace(state, done=done._replace(undo=None)), scene, done.undo, seconds)


def _in_help(state: State, help: Help, key: str, character: str | None) -> State:
    match key:
        case "escape" | "question_mark" | "f1" | "enter":
            return replace(state, help=None)
        case "down" | "pagedown":
            return replace(state, help=help._replace(first=help.first + (1 if key == "down" else PAGE_ROWS)))
        case "up" | "pageup":
            first = help.first - (1 if key == "up" else PAGE_ROWS)
            return replace(state, help=help._replace(first=max(first, 0)))
        case "backspace":
            return replace(state, help=Help(help.text[:-1]))
    if character is not None and character.isprintable():
        return replace(state, help=Help((help.text + character)[:40]))
    return state


def _in_lists(state: State, scene: Scene, view: View, drawn: Drawn, key: str, seconds: float) -> Turn:
    place = state.place
    if key in _MOVES:
        return Turn(moved(state, drawn, _MOVES[key]))
    chosen = chosen_id(place, drawn.ids)
    match key:
        case "tab" | "shift+tab":
            return Turn(state.at(_next_pane(place, drawn, 1 if key == "tab" else -1)))
        case "enter" if chosen:
            return Turn(state.at(replace(place, chosen=chosen, opened=True)))
        case "backspace" | "escape":
            return Turn(_out(state, key))
        case "s" if view.orders:
            return Turn(_sorted(state, view, seconds))
        case "S" if view.orders:
            return Turn(state.at(replace(place, reversed=not place.reversed)))
        case "y" | "Y":
            return _copied(state, scene, view, drawn, key)
        case "h" if chosen:
            return Turn(went(state, scene, Go("events", filter=chosen)))
        case "o" if chosen:
            return Turn(state.saying(f"Nothing that {chosen} is about can be opened from here.", seconds))
    return Turn(state)


def _next_pane(place: Place, drawn: Drawn, step: int) -> Place:
    """Go from one pane to the next: of a list and the row under the cursor, to the other of the two."""
    if drawn.panes:
        return replace(place, pane=(place.pane + step) % len(drawn.panes))
    chosen = chosen_id(place, drawn.ids)
    return replace(place, chosen=chosen or place.chosen, opened=bool(chosen) and not place.opened)


def _out(state: State, key: str) -> State:
    """One step out: of the pane, of the row, of the filter, of the past, of this place."""
    place = state.place
    if place.pane:
        return state.at(replace(place, pane=0))
    if place.opened:
        return state.at(replace(place, opened=False))
    if key == "escape" and state.frozen_at is not None:
        return replace(state, frozen_at=None)
    if key == "escape" and place.filter:
        return state.at(replace(place, filter=""))
    if key == "escape" and state.past is not None:
        return live(state)
    return state.back() if key == "backspace" else replace(state, said=None)


def _sorted(state: State, view: View, seconds: float) -> State:
    orders, place = view.orders, state.place
    now = orders.index(place.sort) if place.sort in orders else 0
    there = orders[(now + 1) % len(orders)]
    sort = "" if there == orders[0] else there
    return state.at(replace(place, sort=sort, reversed=False)).saying(f"Sorted: {there}.", seconds)


def _copied(state: State, scene: Scene, view: View, drawn: Drawn, key: str) -> Turn:
    chosen = chosen_id(state.place, drawn.ids)
    usual = (chosen, _COMMANDS.get(view.name, f"coord {view.name}"))
    name, command = view.copies(scene, state.place, drawn) if view.copies else usual
    text = name if key == "y" else command
    if not text:
        return Turn(state)
    return Turn(state, Clip(text))
