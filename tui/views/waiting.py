"""What is shown when there is nothing to show: the house is away, or nothing has happened in it yet."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from coord.services.wording import age
from coord.tui.boxes import box, filled
from coord.tui.ink import Ink, Line, choose, dimmed, fit, line, said
from coord.tui.phrases import time_of, wrapped
from coord.tui.scene import Scene
from coord.tui.views.crew import NO_ANSWER
from coord.tui.views.items import STATES

REASON_LINES: Final = 2
LOST_LINES: Final = 8
"""What the box of a lost house takes."""


class Start(NamedTuple):
    """A way to begin."""

    command: str
    words: str


STARTS: Final = (
    Start('coord submit "my first item"', "an item of work; press 2, then c on it to claim it"),
    Start("coord train", "a small model learns; its loss curve appears under 4"),
    Start("coord demo", "five agents, a run and a loss spike, on real work"),
)


def asked(scene: Scene, key: str, what: str, width: int) -> list[Line]:
    """Say in place of an answer that it is being asked for, or in a sentence why there is none."""
    fault = scene.faults.get(key)
    if fault is None or key in scene.answers:
        return [line((f" {what} …", Ink.DIM))]
    return [line(" ", *one) for one in wrapped(f"✖ {fault}", max(width - 2, 1), Ink.WARN)]


def is_empty(scene: Scene) -> bool:
    """Whether nothing has happened in this house: no work, no agents, no runs, as far as was answered."""
    board = scene.answers.get("board")
    if (
        scene.past is not None
        or board is None
        or "agents" not in scene.answers
        or "runs" not in scene.answers
    ):
        return False
    return not (any(board.get("counts", {}).values()) or scene.rows("agents") or scene.rows("runs"))


def draw_empty(scene: Scene, width: int, height: int, chosen: str = "") -> list[Line]:
    """Say what would be here, and the commands that fill it; the chosen one is what `y` copies."""
    cells = max(len(start.command) for start in STARTS)
    wide = width >= cells + 60
    body: list[Line] = []
    for number, start in enumerate(STARTS, 1):
        here = start.command == chosen or (not chosen and number == 1)
        told = line(
            ("▸ " if here else "  ", Ink.ACCENT), f"{number}  ", (start.command.ljust(cells), Ink.ACCENT)
        )
        rest = line((f"   {start.words}", Ink.DIM))
        one = fit((*told, *rest) if wide else told, max(width - 2, 0))
        body.append(choose(one) if here else one)
        if not wide:
            body.append(line((f"     {start.words}", Ink.DIM)))
    body += [(), line((" y copies the line under the cursor to your clipboard, over ssh too", Ink.DIM))]
    if scene.link.folder:
        body.append(line((" this house is ", Ink.DIM), said(scene.link.folder, Ink.DIM)))
    title = "Nothing here yet — three ways to start"
    return filled(box(title, body, width, min(height, len(body) + 3)), width, height)


def draw_lost(scene: Scene, width: int, height: int) -> list[Line]:
    """Say that the house is away, what still works, and below it the last known figures of the work, dim.

    With a height of `LOST_LINES` it is the box alone, for the head of a body that is drawn dim below.
    """
    body = _lost_words(scene, width - 4)
    lines = box(_title(scene), [line(" ", *one) for one in body], width, min(height, LOST_LINES), ink=Ink.BAD)
    room = height - len(lines)
    if room >= 3 and "board" in scene.answers:
        seconds = age(scene.seconds_since(scene.link.since_ns))
        lines += box(f"Work (stale {seconds})", _last_known(scene), width, min(room, 4))
    return filled(lines, width, height)


def _title(scene: Scene) -> str:
    if scene.link.state == "connecting":
        return "Connecting"
    return f"The house is away since {age(scene.seconds_since(scene.link.since_ns))}"


def _lost_words(scene: Scene, width: int) -> list[Line]:
    """Say why the house is away, when the next try is, what to do, and what works without it."""
    link = scene.link
    reason = wrapped(link.reason or "nobody answers yet.", width, Ink.WARN)[:REASON_LINES]
    where = f" --data {link.folder}" if link.folder else ""
    return [
        fit(line(_shown(scene), (_tries(scene), Ink.DIM)), width),
        *reason,
        *[()] * (REASON_LINES - len(reason)),
        fit(
            line(
                ("what to do   ", Ink.DIM),
                said(f"coord up{where}", Ink.ACCENT),
                ("   R ", Ink.ACCENT),
                "tries now",
            ),
            width,
        ),
        fit(line(("still works  ", Ink.DIM), "looking at what is here, in every view, and copying"), width),
        fit(line(("does not     ", Ink.DIM), "news, past moments, verbs such as claim and cancel"), width),
    ]


def _shown(scene: Scene) -> str:
    if not scene.answers:
        return "Nothing was seen of it yet."
    last = f" ({time_of(scene.events[-1]['recorded_at_ns'])}Z)" if scene.events else ""
    return f"Below is what was last known{last}, drawn dim."


def _tries(scene: Scene) -> str:
    link = scene.link
    return f"   try {link.tries}, next in {link.retry_seconds:.0f}s" if link.tries else ""


def _last_known(scene: Scene) -> Sequence[Line]:
    counts = scene.answers.get("board", NO_ANSWER).get("counts", {})
    return [dimmed(line(*(f" {state} {counts.get(state, 0):,}  " for state in STATES)))]
