"""The whole screen from its parts: head, tabs, filter, the view, what was done, the time bar, the keys.

Pure: a state and a scene in, lines out, exactly `width` x `height` cells, at whatever size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from coord.tui import chrome
from coord.tui.boxes import filled
from coord.tui.helping import help_box
from coord.tui.ink import Line, dimmed, fit, to_ascii
from coord.tui.missing import missing, without
from coord.tui.scene import Drawn, Scene, View, chosen_id
from coord.tui.state import State
from coord.tui.timebar import Bar, bar_box, bar_row
from coord.tui.views.waiting import LOST_LINES, STARTS, draw_empty, draw_lost, is_empty

BODY_COLUMNS_MIN: Final = 40
BODY_ROWS_MIN: Final = 8
TALL: Final = 30
"""From so many rows on, the last action keeps a row of its own, and the time bar opens as a box."""


class Framed(NamedTuple):
    """A screen, and what lies where on it, for the mouse."""

    lines: list[Line]
    drawn: Drawn
    body_row: int
    """The row that the body begins at."""
    tabs: Mapping[str, tuple[int, int]]
    """From and to which cell of the second row each tab lies."""
    bar_rows: tuple[int, int]
    bar_cells: tuple[int, int]


def frame(
    state: State, scene: Scene, views: Mapping[str, View], width: int, height: int, seconds: float = 0.0,
    since: int = 0,
) -> Framed:  # fmt: skip
    """Draw the screen.

    Args:
        state: where somebody is.
        scene: what is known.
        views: by name, in order.
        width: in cells.
        height: in lines.
        seconds: now, on the clock that never jumps: sentences stand for a while.
        since: how many events came since the picture was frozen.
    """
    view = views[state.view]
    tabs = chrome.tabs(state, list(views.values()), width)
    above = [chrome.head(scene, width, since), tabs.line][: max(height - 1, 1)]
    bar = _bar(state, scene, width, height)
    below = _below(state, view, bar, width, height, seconds)
    has_filter = chrome.has_filter_line(state) and height >= BODY_ROWS_MIN
    room = max(height - len(above) - len(below) - has_filter, 0)
    drawn = _body(state, scene, view, width, room)
    if drawn.missing:
        below = _below(state, replace(view, keys=()), bar, width, height, seconds)
    filter_line = [chrome.filter_line(state, view, drawn.told, width)] if has_filter else []
    lines = filled([*above, *filter_line, *drawn.lines, *below], width, height)
    start = len(above) + len(filter_line) + room
    return Framed(
        [to_ascii(line) for line in lines] if state.ascii else lines, drawn, len(above) + len(filter_line),
        tabs.cells, (start + len(below) - 1 - len(bar.lines), start + len(below) - 1), bar.cells,
    )  # fmt: skip


def _bar(state: State, scene: Scene, width: int, height: int) -> Bar:
    if height < BODY_ROWS_MIN:
        return Bar([], (0, 0))
    return bar_box(scene, width) if state.bar and height >= TALL else bar_row(scene, width)


def _below(state: State, view: View, bar: Bar, width: int, height: int, seconds: float) -> Sequence[Line]:
    said = chrome.message(state, seconds, width)
    keys = chrome.keys(state, view, width)
    if height >= TALL:
        return [said, *bar.lines, keys]
    last = said if state.prompt is None and chrome.has_message(state, seconds) else keys
    return [*bar.lines, last]


def _body(state: State, scene: Scene, view: View, width: int, height: int) -> Drawn:
    wide, high = max(width, BODY_COLUMNS_MIN), max(height, BODY_ROWS_MIN)
    if state.help is not None:
        return Drawn(filled(help_box(view, state.help, wide, high), width, height))
    drawn = _lost_or_drawn(state, scene, view, wide, high)
    if (wide, high) == (width, height):
        return drawn
    return drawn._replace(lines=[fit(line, width) for line in drawn.lines[:height]])


def _lost_or_drawn(state: State, scene: Scene, view: View, width: int, height: int) -> Drawn:
    """Draw the view; above it, while the connection is lost, why, and its values dim."""
    if scene.link.state != "lost":
        if state.view == "overview" and is_empty(scene):
            return _empty(state, scene, width, height)
        return _drawn(state, scene, view, width, height)
    if not scene.answers:
        return Drawn(draw_lost(scene, width, height))
    top = min(LOST_LINES, height // 2)
    drawn = _drawn(state, scene, view, width, height - top)
    lines = [*draw_lost(scene, width, top), *map(dimmed, drawn.lines)]
    return drawn._replace(lines=lines, at={row + top: name for row, name in drawn.at.items()})


def _drawn(state: State, scene: Scene, view: View, width: int, height: int) -> Drawn:
    """Draw the view, or that the row which was to be opened is not there."""
    drawn = view.draw(scene, state.place, width, height)
    words = missing(scene, view, state.place, drawn)
    return without(words, width, height) if words else drawn


def _empty(state: State, scene: Scene, width: int, height: int) -> Drawn:
    commands = tuple(start.command for start in STARTS)
    chosen = chosen_id(state.place, commands)
    return Drawn(draw_empty(scene, width, height, chosen), commands)
