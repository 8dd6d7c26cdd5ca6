"""What the mouse does: a click chooses, opens a tab or goes to a moment; a drag on the time bar seeks. Nothing is mouse-only."""

from dataclasses import replace

from coord.tui.frame import Framed
from coord.tui.moments import at_time, time_at
from coord.tui.scene import Scene
from coord.tui.seeking import seek
from coord.tui.state import State
from coord.tui.turns import clicked, moved

_TAB_ROW = 1


def pressed_at(state: State, scene: Scene, framed: Framed, column: int, row: int) -> State:
    """Do what a click means."""
    if state.help is not None:
        return replace(state, help=None)
    if row == _TAB_ROW:
        name = next((name for name, (start, end) in framed.tabs.items() if start <= column < end), state.view)
        return state if name == state.view else state.going(name, None, state.past)
    if _on_bar(framed, column, row):
        return dragged(state, scene, framed, column, row)
    return clicked(state, framed.drawn, column, row - framed.body_row)


def dragged(state: State, scene: Scene, framed: Framed, column: int, row: int) -> State:
    """Go to the moment under the mouse, where that is the time bar."""
    line = scene.answers.get("timeline")
    if not line or not _on_bar(framed, column, row):
        return state
    start, end = framed.bar_cells
    there = at_time(scene, time_at(line, column - start, end - start)) if column < end - 1 else None
    return seek(replace(state, bar=True), there)


def scrolled(state: State, framed: Framed, rows: int) -> State:
    """Move the cursor, or the help."""
    if state.help is not None:
        return replace(state, help=state.help._replace(first=max(state.help.first + rows, 0)))
    return moved(state, framed.drawn, rows)


def _on_bar(framed: Framed, column: int, row: int) -> bool:
    first, end = framed.bar_rows
    return first <= row < end and framed.bar_cells[0] <= column <= framed.bar_cells[1]
