"""The overview: what needs attention first, in sentences; then the work, the newest run, machines, agents, events.

Wide and narrow bodies have layouts of their own; a body of a few lines is the list of troubles alone.
"""

from collections.abc import Sequence
from typing import Final

from coord.services.wording import age, display_width, shortened
from coord.tui.boxes import beside, box, filled, marked, shares
from coord.tui.ink import Ink, Line, cell, choose, fit, line, said
from coord.tui.phrases import waiting
from coord.tui.scene import Drawn, Go, Key, Outcome, Place, Scene, View, Wish, chosen_id, index_of
from coord.tui.views import waiting as nothing
from coord.tui.views.ages import late
from coord.tui.views.attention import troubles
from coord.tui.views.crew import GONE, NO_ANSWER, Crew, crew_of
from coord.tui.views.machines import TREND_CELLS, machines_box
from coord.tui.views.overview_panes import (
    LOSS,
    agents_box,
    events_box,
    in_work_box,
    run_box,
    run_of,
    work_box,
)
from coord.tui.views.troubles import Trouble

ROWS_MAX: Final = 1_000
WIDE: Final = 100
LOW: Final = 16
"""A body of fewer lines is the list of troubles alone."""
IN_WORK_LINES_MIN: Final = 8
SUBJECT_CELLS: Final = 20
TREND_SECONDS: Final = 600.0
POINTS: Final = 300
"""Of the curve: two for each cell of a wide screen."""


def wishes(_: Place) -> tuple[Wish, ...]:
    """Ask for everything there is, in short."""
    return (
        Wish("board", "board", {"limit": ROWS_MAX}, 1.0),
        Wish("agents", "agents", {"limit": ROWS_MAX}, 1.0),
        Wish("runs", "runs", {}, 1.0),
        Wish("nodes", "nodes", {}, 2.0),
        Wish(
            "overview_trend",
            "trend",
            {
                "metrics": ["cpu_utilization_ratio", "memory_available_bytes", "memory_total_bytes"],
                "seconds": TREND_SECONDS,
                "bins": TREND_CELLS,
            },
            10.0,
        ),
    )


def follows(scene: Scene, _: Place) -> tuple[Wish, ...]:
    """Ask for the curve of the run that is shown."""
    row = run_of(scene)
    return (
        (Wish("curve", "curve", {"run": row["run"], "metrics": [LOSS], "points": POINTS}, 1.0),)
        if row
        else ()
    )


def draw(scene: Scene, place: Place, width: int, height: int) -> Drawn:
    """Draw everything, the worst first."""
    if nothing.is_empty(scene) and not troubles(scene):
        commands = [start.command for start in nothing.STARTS]
        at = chosen_id(place, commands)
        return Drawn(nothing.draw_empty(scene, width, height, at), commands)
    found = troubles(scene)
    ids = [trouble.id for trouble in found]
    crew = crew_of(scene.answers.get("agents", NO_ANSWER), scene.answers.get("board", NO_ANSWER))
    layout = _low if height < LOW else _wide if width >= WIDE else _narrow
    lines, at_lines, columns, panes = layout(scene, place, found, crew, width, height)
    return Drawn(filled(lines, width, height), ids, at_lines, columns, panes=panes)


Laid = tuple[list[Line], dict[int, str], Sequence[tuple[int, int]], Sequence[str]]
"""Lines, the troubles among them, the cells they take, and the panes from the upper left on."""


def _wide(scene: Scene, place: Place, found: Sequence[Trouble], crew: Crew, width: int, height: int) -> Laid:
    above = min(max(len(found) + 2, 8), max(height // 4, 8))
    below = max(height // 4, 6)
    middle = height - above - below
    left, right = shares(width, 72, 28) if width < 180 else shares(width, 76, 24)
    upper, at = _attention(scene, place, found, left, above)
    big, side = shares(width, 63, 37)
    row = run_of(scene)
    panes = ("", "work", *(("runs",) if row else ()), "nodes", "agents", "events")
    pane = _Pane(place, panes)
    main = pane("runs", run_box(scene, row, big, middle)) if row else in_work_box(scene, crew, big, middle)
    machines = min(max(len(scene.rows("nodes")), 3) + 2, middle // 2)
    lines = [
        *beside(upper, pane("work", work_box(scene, crew, right, above))),
        *beside(
            main,
            [
                *pane("nodes", machines_box(scene, side, machines)),
                *_people(scene, crew, pane, side, middle - machines, row is not None),
            ],
        ),
        *pane("events", events_box(scene, width, below)),
    ]
    return lines, at, [(0, left)], panes


class _Pane:
    """Marks the box that `tab` has come to."""

    def __init__(self, place: Place, panes: Sequence[str]) -> None:
        self._view = panes[place.pane % len(panes)]

    def __call__(self, view: str, lines: list[Line]) -> list[Line]:
        return marked(lines) if view == self._view else lines


def _people(scene: Scene, crew: Crew, pane: _Pane, width: int, height: int, has_run: bool) -> list[Line]:
    """Draw the agents, and below them what is in work, where there is room for both and the run has its place."""
    agents = sum(row["status"] not in GONE for row in crew.rows) + 2
    if not has_run or height - agents < IN_WORK_LINES_MIN:
        return pane("agents", agents_box(scene, crew, width, height))
    above = pane("agents", agents_box(scene, crew, width, agents))
    return [*above, *in_work_box(scene, crew, width, height - agents)]


def _narrow(
    scene: Scene, place: Place, found: Sequence[Trouble], crew: Crew, width: int, height: int
) -> Laid:
    """Lay out below 100 columns: lists before curves, and events only where there is room to spare."""
    above = min(max(len(found), 1) + 2, max(height // 4, 5))
    newest = max(height - 24, 0) // 2
    newest = newest if newest >= 4 else 0
    below = min(max(height // 4 + 1, 6), 12)
    middle = height - above - below - newest
    upper, at = _attention(scene, place, found, width, above)
    left, right = shares(width, 56, 44)
    row = run_of(scene)
    boxes = ("runs", "work", "agents", "nodes") if row else ("agents", "work", "events", "nodes")
    panes = ("", *boxes, *(("events",) if newest and row else ()))
    pane = _Pane(place, panes)
    main = run_box(scene, row, left, middle) if row else agents_box(scene, crew, left, middle)
    corner = agents_box(scene, crew, left, below) if row else events_box(scene, left, below)
    lines = [
        *upper,
        *beside(pane(boxes[0], main), pane("work", work_box(scene, crew, right, middle))),
        *beside(pane(boxes[2], corner), pane("nodes", machines_box(scene, right, below))),
        *(pane("events", events_box(scene, width, newest)) if newest else ()),
    ]
    return lines, at, (), panes


def _low(scene: Scene, place: Place, found: Sequence[Trouble], _: Crew, width: int, height: int) -> Laid:
    lines, at = _attention(scene, place, found, width, height)
    return lines, at, (), ("",)


def _attention(
    scene: Scene, place: Place, found: Sequence[Trouble], width: int, height: int
) -> tuple[list[Line], dict[int, str]]:
    """Draw the troubles round the one under the cursor, and say which line is which."""
    room = max(height - 2, 0)
    at = index_of(place, [trouble.id for trouble in found])
    first = max(0, min(at - room // 2, len(found) - room)) if len(found) > room else 0
    shown = found[first : first + room]
    body = [_row(trouble, scene, width - 2, first + number == at) for number, trouble in enumerate(shown)]
    worst = min((trouble.rank for trouble in found if not trouble.quiet), default=2)
    ink = (Ink.BAD, Ink.WARN, Ink.DIM)[worst]
    hidden = len(found) - first - len(shown)
    hint = f"{hidden} more · a alerts" if hidden else "a alerts"
    lines = box("Needs attention", body or [_calm(scene)], width, height, hint, ink)
    return lines, {number + 1: trouble.id for number, trouble in enumerate(shown)}


def _calm(scene: Scene) -> Line:
    for key in ("alerts", "board", "agents", "health"):
        if key not in scene.answers:
            return waiting(scene, key, f" asking for the {key}")
    score = scene.answers.get("health", NO_ANSWER).get("score")
    return line(
        (" ✔ ", Ink.OK),
        "nothing needed you then" if scene.past else "nothing needs you now",
        ("" if score is None else f"  health {score:.0f}", Ink.DIM),
    )


def _row(trouble: Trouble, scene: Scene, width: int, chosen: bool) -> Line:
    glyph, ink = trouble.glyph
    since = "" if trouble.age_seconds is None else age(trouble.age_seconds + late(scene, trouble.key))
    subject = min(SUBJECT_CELLS if width >= WIDE - 20 else 16, max(width // 3, 8))
    words, done = _shared(trouble, max(width - subject - 10, 0))
    whole = fit(
        line(
            ("▸" if chosen else " ", Ink.ACCENT),
            (f"{glyph} ", ink),
            (cell(said(trouble.subject).text, subject) + " ", Ink.STRONG),
            (words, Ink.DIM if trouble.quiet else Ink.TEXT),
            (done, Ink.DIM if trouble.quiet else Ink.ACCENT),
            (f" {since:>4} ", Ink.DIM),
        ),
        width,
    )
    return choose(whole) if chosen else whole


def _shared(trouble: Trouble, width: int) -> tuple[str, str]:
    """Share the room: what was done is told whole where it can be, and what is wrong as far as there is room."""
    words = said(trouble.words).text
    for done in (trouble.done, trouble.done_briefly):
        told = f" {said(done).text}" if done else ""
        room = width - display_width(told)
        if room >= min(display_width(words), width // 2):
            shown = shortened(words, room)
            return shown, told + " " * (room - display_width(shown))
    return cell(words, width), ""


def press(key: str, scene: Scene, place: Place, drawn: Drawn) -> Outcome:
    """Answer a key."""
    if key == "a":
        return Go("alerts")
    if key == "enter" and place.pane and drawn.panes:
        return Go(drawn.panes[place.pane % len(drawn.panes)])
    if key not in ("enter", "o"):
        return None
    at = chosen_id(place, drawn.ids)
    return next((trouble.go for trouble in troubles(scene) if trouble.id == at), None)


def copies(scene: Scene, place: Place, drawn: Drawn) -> tuple[str, str]:
    """Copy the id of what is wrong, and the command that shows it; in an empty house, the way to begin."""
    at = chosen_id(place, drawn.ids)
    trouble = next((one for one in troubles(scene) if one.id == at), None)
    if trouble is None:
        return (at, at) if at else ("", "coord health")
    name = trouble.go.chosen
    commands = {
        "alerts": "coord alerts",
        "agents": f"coord history {name} --aggregate agent",
        "work": f"coord show {name}",
        "runs": f"coord runs {name}",
        "nodes": f"coord nodes {name}",
    }
    return name, commands.get(trouble.go.view, f"coord health {name}".strip())


KEYS: Final = (
    Key(
        "enter",
        "↵",
        "go there",
        "Go to the view and the row that the line speaks of; of a box that tab marks, to its view.",
    ),
    Key("a", "a", "alerts", "Go to all alerts."),
)

VIEW: Final = View(
    name="overview",
    title="Overview",
    short="Over",
    wishes=wishes,
    draw=draw,
    press=press,
    keys=KEYS,
    copies=copies,
    follows=follows,
)
