"""What several views say in the same words: moments, directives and what became of them, faults, the past."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from coord.services.wording import age, display_width, safe
from coord.tui.ink import Ink, Line, Part, Span, cell, fit, line, said
from coord.tui.plot import short_number
from coord.tui.scene import Row, Scene

MISSING: Final = "∅"
"""Nothing was read: no zero."""
NONE: Final = "—"
"""There is nothing of this kind."""
_NAME_CELLS_MAX: Final = 24
_STATUSES: Final = {
    "issued": Ink.ACCENT,
    "applied": Ink.OK,
    "refused": Ink.BAD,
    "withdrawn": Ink.DIM,
    "active": Ink.BAD,
    "acknowledged": Ink.WARN,
    "resolved": Ink.OK,
}


def time_of(at_ns: int) -> str:
    """Write a moment of today's kind: 14:02:11, in UTC."""
    return _moment(at_ns).strftime("%H:%M:%S")


def exact_time(at_ns: int) -> str:
    """Write a moment to the millisecond: 14:02:11.204."""
    return f"{time_of(at_ns)}.{at_ns // 1_000_000 % 1_000:03d}"


def day_and_time(at_ns: int) -> str:
    """Write a moment with its weekday: Fri 14:02:11."""
    return _moment(at_ns).strftime("%a %H:%M:%S")


def ink_of_status(status: str) -> Ink:
    """Return the ink of what became of an alert or a directive."""
    return _STATUSES.get(status, Ink.TEXT)


def asked_for(directive: Row) -> str:
    """Say what a directive asks for: skip_batch 450, lower_learning_rate 0.5 for 500 steps."""
    given = directive.get("parameters") or {}
    words = [str(directive["action"])]
    words += [_parameter(name, value) for name, value in given.items()]
    return " ".join(words)


def became(directive: Row) -> tuple[str, Ink]:
    """Say what became of a directive, and how quickly."""
    status = str(directive["status"])
    ink = ink_of_status(status)
    if status == "issued":
        late = directive["age_seconds"] > directive["live_seconds"]
        return ("never answered", Ink.WARN) if late else (f"asked {age(directive['age_seconds'])} ago", ink)
    step, after = directive.get("step"), directive.get("answered_seconds")
    where = "" if step is None else f" at step {step:,}"
    return f"{status}{where}{'' if after is None else f' after {quick(after)}'}", ink


def by_whom(directive: Row) -> str:
    """Say who asked: a directive under an alert is the watchdog's own."""
    return "watchdog" if directive.get("alert") else "a person"


def quick(seconds: float) -> str:
    """Write how long an answer took: 42 ms, 3s."""
    return f"{1_000 * seconds:.0f} ms" if seconds < 1 else age(seconds)


def figure(value: Any) -> str:
    """Write a metric's value; what is no number is said as it was told, and nothing is ∅."""
    if value is None:
        return MISSING
    if isinstance(value, str):
        return "NaN" if value.lower() == "nan" else safe(value)[:8]
    return "NaN" if math.isnan(value) else short_number(float(value))


def wrapped(text: str, width: int, ink: Ink = Ink.TEXT) -> list[Line]:
    """Break a text of one paragraph into lines of at most `width` cells; long words are cut."""
    lines: list[str] = []
    for word in safe(text).split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return [fit(line((one, ink)), width) for one in lines]


def fault_of(scene: Scene, key: str) -> Line | None:
    """Return why a question was not answered, when there is nothing older to show in its place."""
    fault = scene.faults.get(key)
    return None if fault is None or key in scene.answers else line(("  ✖ ", Ink.BAD), said(fault, Ink.WARN))


def stale(scene: Scene, key: str) -> Span | None:
    """Return a note that an answer is old because the last question failed."""
    if key not in scene.faults or key not in scene.answers:
        return None
    return Span(f" as of {age(scene.asked_seconds.get(key, 0.0))} ago ", Ink.WARN)


def waiting(scene: Scene, key: str, what: str) -> Line:
    """Say what would stand here: a fault, or that nobody has answered yet."""
    return fault_of(scene, key) or line((f"  {what} …", Ink.DIM))


def pairs(*named: tuple[str, Part | None]) -> list[Line]:
    """Write names and values, one a line; what is None is left out."""
    width = max((display_width(safe(name)) for name, value in named if value is not None), default=0)
    width = min(width, _NAME_CELLS_MAX) + 2
    return [
        line((cell(safe(name), width), Ink.DIM), value if isinstance(value, str | Span) else Span(*value))
        for name, value in named
        if value is not None
    ]


def words_of(place_mode: str) -> Sequence[str]:
    """Return the words that a view keeps in a place's mode."""
    return place_mode.split()


def toggled(mode: str, word: str) -> str:
    """Add a word to a mode, or take it away."""
    words = mode.split()
    return " ".join([one for one in words if one != word] if word in words else [*words, word])


def _parameter(name: str, value: Any) -> str:
    shown = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    said_as: Mapping[str, str] = {
        "batches": f"{shown}",
        "factor": f"×{shown}",
        "steps": f"for {shown} steps",
        "before_step": f"before {shown}",
        "skip_batches": f"skipping {shown}",
    }
    return safe(said_as.get(name, f"{name} {shown}"))


def _moment(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns / 1e9, UTC)
