"""The life of a work item as one line: submitted ─ claimed a4 ─ ✖ lease of a4 ran out ╌ 7h ╌ claimed a7 ─ now.

Long waits are compressed to their length. When the line is too short for a whole life, its beginning and its
end stay, and what lies between is counted.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from coord.services import clock
from coord.services.wording import age
from coord.tui.ink import Ink, Line, Span, fit, line, said, width_of
from coord.tui.phrases import day_and_time, time_of
from coord.tui.scene import Row
from coord.tui.telling import kind_of

DAY_NS: Final = 86_400 * 10**9
WEEK_NS: Final = 6 * DAY_NS
"""For so long the name of a day says which."""
EXACT_SECONDS: Final = 600.0
"""A life that is shorter is told to the second."""
IDLE_SECONDS: Final = 60.0
"""A wait that is longer is told by its length."""

_TAKEN: Final = {
    "agent_lost": "its agent was lost",
    "node_lost": "its machine was lost",
    "evicted": "its agent was put out",
    "stuck": "taken back: stuck",
}
"""Why a claim was ended, where it was not silence alone."""


class Stage(NamedTuple):
    """One step of a life."""

    at_ns: int
    words: str
    ink: Ink
    waiting: bool
    """Whether nobody holds the item from here on."""


def stages_of(events: Sequence[Row]) -> list[Stage]:
    """Read the stages from an item's history; progress changes no stage."""
    return [stage for stage in map(_stage, events) if stage is not None]


def _stage(entry: Row) -> Stage | None:
    told: Any = entry.get("fields") or {}
    agent = told.get("agent") or entry.get("actor") or "?"
    at_ns = entry["recorded_at_ns"]
    match kind_of(entry):
        case "work.submitted":
            return Stage(at_ns, "submitted", Ink.TEXT, True)
        case "work.claimed":
            return Stage(at_ns, f"claimed {agent}", Ink.ACCENT, False)
        case "work.lease_expired":
            words = _TAKEN.get(told.get("cause", "silence"), "lease ran out")
            return Stage(at_ns, f"✖ {words}{_then(told, 'open')}", Ink.BAD, True)
        case "work.released":
            return Stage(at_ns, f"released by {agent}{_then(told, 'open')}", Ink.WARN, True)
        case "work.completed":
            return Stage(at_ns, f"✔ completed by {agent}", Ink.OK, False)
        case "work.failed":
            again = told.get("then", "failed") != "failed"
            return Stage(at_ns, f"✖ failed by {agent}{_then(told, 'failed')}", Ink.BAD, again)
        case "work.cancelled":
            return Stage(at_ns, "cancelled", Ink.DIM, False)
        case "work.blocked" | "work.unblocked" | "work.requeued" | "work.reopened" as kind:
            return Stage(at_ns, kind.partition(".")[2], Ink.WARN, True)
        case "work.stuck":
            return Stage(at_ns, "⚠ stuck", Ink.WARN, False)
        case "work.moved_on":
            return Stage(at_ns, "works again", Ink.ACCENT, False)
    return None


def _then(told: Any, otherwise: str) -> str:
    """Say what an item became by an end of its claim, where that is not what one would think."""
    then = told.get("then", otherwise)
    return "" if then == otherwise else ", open again" if then == "open" else f", {then}"


def life_line(stages: Sequence[Stage], now_ns: int, ended: bool, width: int) -> Line:
    """Draw a life into one line of exactly `width` cells."""
    if not stages:
        return fit((), width)
    for kept in range(len(stages), 0, -1):
        drawn = _drawn(stages, kept, now_ns, ended)
        if width_of(drawn) <= width:
            return fit(drawn, width)
    return fit(_drawn(stages, 1, now_ns, ended), width)


def _drawn(stages: Sequence[Stage], kept: int, now_ns: int, ended: bool) -> Line:
    """Draw the first stage and the newest, `kept` in all."""
    newest = max(kept - 1, 1)
    shown = stages if kept >= len(stages) else [stages[0], *stages[-newest:]] if kept > 1 else stages[-1:]
    left_out = len(stages) - len(shown)
    until_ns = stages[-1].at_ns if ended else now_ns
    exact = until_ns - stages[0].at_ns < EXACT_SECONDS * 1e9
    parts: list[Span] = []
    day = now_ns // DAY_NS
    for place, stage in enumerate(shown):
        if place == 1 and left_out:
            parts += line((f" ╌ {left_out} more ╌ ", Ink.DIM))
        elif place:
            parts += _gap(shown[place - 1], stage.at_ns)
        parts += (Span(_moment(stage.at_ns, day, now_ns, exact), Ink.DIM), said(stage.words, stage.ink))
        day = stage.at_ns // DAY_NS
    if not ended:
        parts += (*_gap(shown[-1], now_ns), Span("now", Ink.STRONG))
    return tuple(parts)


def _gap(stage: Stage, until_ns: int) -> Line:
    seconds = (until_ns - stage.at_ns) / 1e9
    if stage.waiting and seconds >= IDLE_SECONDS:
        return line((f" ╌ waits {age(seconds)} ╌ ", Ink.DIM))
    return line((f" ─ {age(seconds)} ─ " if seconds >= 1 else " ─ ", Ink.DIM))


def _moment(at_ns: int, day: int, now_ns: int, exact: bool) -> str:
    """Write a time, with its day where that is another than that of the stage before."""
    time = time_of(at_ns)[: 8 if exact else 5]
    if at_ns // DAY_NS == day:
        return f"{time} "
    near = now_ns - at_ns < WEEK_NS
    return f"{day_and_time(at_ns)[:3] if near else clock.rfc3339(at_ns)[5:10]} {time} "
