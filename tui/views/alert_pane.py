"""One alert in full: what it rests on, what its rule looks for, what was done and whether it helped."""

from collections.abc import Iterator, Sequence
from typing import Final

from coord.services.wording import age
from coord.tui.boxes import box
from coord.tui.ink import Ink, Line, fit, line, said
from coord.tui.memo import remembered
from coord.tui.phrases import asked_for, became, by_whom, wrapped
from coord.tui.plot import BARS
from coord.tui.rules import RULES, Rule
from coord.tui.scene import Answer, Row, Scene
from coord.tui.views.alert_rows import answer_of, glyph_of, subject_of

_NAMES: Final = 10
_HOURS: Final = 24
_HOUR_SECONDS: Final = 3_600.0


def alert_box(scene: Scene, alert: Row, width: int, height: int) -> list[Line]:
    """Draw the pane of an alert; where there is room each threshold of its rule stands with its meaning."""
    inner = width - 2
    glyph, ink = glyph_of(alert)
    title = said(f"{glyph} {alert['rule']} · {subject_of(alert)}").text
    body = [fit(line(" ", *one), inner) for one in _fitted(scene, alert, inner - 2, height - 2)]
    return box(title, body, width, height, "↵ that moment  o subject", ink if ink is Ink.BAD else Ink.DIM)


def lines_of(scene: Scene, alert: Row, width: int, room: int) -> int:
    """Return how many lines the pane of an alert wants, when it may have `room`."""
    return len(_fitted(scene, alert, width - 4, room - 2)) + 2


def position_of(scene: Scene, alert: Row) -> int | None:
    """Return where an alert was raised; else the newest event it rests on; None: it rests on readings."""
    raised = _raised(scene.answers.get("timeline")) | _raised(scene.answers.get("curve"))
    evidence = [one["position"] for one in alert.get("evidence", ()) if one["stream"] == "EVENTS"]
    return raised.get(alert["id"]) or max(evidence, default=None)


def _fitted(scene: Scene, alert: Row, width: int, room: int) -> list[Line]:
    full = list(_lines(scene, alert, width, True))
    return full if len(full) <= room else list(_lines(scene, alert, width, False))


def _lines(scene: Scene, alert: Row, width: int, meanings: bool) -> Iterator[Line]:
    yield from wrapped(alert["summary"], width, Ink.STRONG)
    yield from _done(alert, width)
    yield from _named("state", [_state(alert)], width)
    yield from _named("evidence", _evidence(scene, alert), width)
    yield from _often(answer_of(scene), alert, width)
    rule = RULES.get(alert["rule"])
    if rule is not None:
        yield from _named("rule", [rule.what], width)
        yield from _limits(rule, width, meanings)
        yield from _named("from", [rule.source], width)


def _done(alert: Row, width: int) -> Iterator[Line]:
    directives = list(reversed(alert.get("directives") or ()))
    if not directives:
        none = (
            "nothing was asked of anybody"
            if alert["status"] == "resolved"
            else "nothing was asked of anybody yet"
        )
        yield from _named("done", [none], width, Ink.DIM)
    for place, one in enumerate(directives):
        words, ink = became(one)
        name = "done" if place == 0 else ""
        head = line((name.ljust(_NAMES), Ink.DIM), (f"◆ {asked_for(one)} ", Ink.STRONG), (words, ink))
        yield fit(
            (*head, *line((f"  by {by_whom(one)}", Ink.DIM), (f"  #{one['position']:,}", Ink.ACCENT))), width
        )
        if one.get("answer"):
            yield from _named("", [one["answer"]], width, Ink.DIM)


def _state(alert: Row) -> str:
    since = age(alert["state_seconds"])
    by = f" by {alert['by']}" if alert.get("by") else ""
    why = f": {alert['reason']}" if alert.get("reason") else ""
    if alert["status"] == "resolved":
        lasted = age(max(0.0, alert["age_seconds"] - alert["state_seconds"]))
        return f"✔ over since {since}, after {lasted}{why}"
    silent = f"; no notice for {age(alert['silenced_seconds'])} more" if alert.get("silenced_seconds") else ""
    took = (
        f"noticed{by} {since} ago{why}"
        if alert["status"] == "acknowledged"
        else f"open for {since}, nobody took notice"
    )
    return took + silent


def _evidence(scene: Scene, alert: Row) -> list[str]:
    raised = _raised(scene.answers.get("timeline")).get(alert["id"])
    found = [f"{one['stream'].lower()} #{one['position']:,}" for one in alert.get("evidence", ())[:8]]
    more = len(alert.get("evidence", ())) - len(found)
    told = f"raised at #{raised:,}, from " if raised else ""
    return [told + ", ".join(found) + (f" and {more} more" if more > 0 else "")]


def _limits(rule: Rule, width: int, meanings: bool) -> Iterator[Line]:
    if not rule.settings:
        yield from _named("limits", ["it has no threshold of its own"], width)
    elif not meanings:
        yield from _named("limits", ["  ".join(f"{name} {value}" for name, value, _ in rule.settings)], width)
    else:
        wide = max(len(name) for name, _, _ in rule.settings)
        for place, (name, value, what) in enumerate(rule.settings):
            head = line(
                (("limits" if place == 0 else "").ljust(_NAMES), Ink.DIM), f"{name.ljust(wide)} {value:>6}  "
            )
            yield fit((*head, *line((what, Ink.DIM))), width)


def _often(answer: Answer | None, alert: Row, width: int) -> Iterator[Line]:
    counts, total, cut = _fired(answer, alert["rule"])
    day = sum(counts)
    bars = "".join(BARS[min(count - 1, len(BARS) - 1)] if count else "·" for count in counts)
    least = "at least " if cut else ""
    words = f"{least}{day} in 24 h, {least}{total} in all   24 h ago "
    yield fit(line(("fired".ljust(_NAMES), Ink.DIM), words, (bars, Ink.WARN), (" now", Ink.DIM)), width)


@remembered
def _fired(answer: Answer | None, rule: str) -> tuple[Sequence[int], int, bool]:
    """Count how often a rule fired in each of the last 24 hours, and in all, among the alerts that are known."""
    counts, total = [0] * _HOURS, 0
    for row in (answer or {}).get("rows", ()):
        if row["rule"] == rule:
            total += 1
            hour = int(row["age_seconds"] // _HOUR_SECONDS)
            if hour < _HOURS:
                counts[_HOURS - 1 - hour] += 1
    return counts, total, bool((answer or {}).get("truncated"))


@remembered
def _raised(answer: Answer | None) -> dict[str, int]:
    marks = (answer or {}).get("marks", ())
    return {mark["id"]: mark["position"] for mark in marks if mark["kind"] == "alert" and mark.get("id")}


def _named(name: str, texts: Sequence[str], width: int, ink: Ink = Ink.TEXT) -> Iterator[Line]:
    """Write a name and its text, wrapped beside it."""
    rows = [one for text in texts for one in wrapped(text, max(width - _NAMES, 1), ink)]
    for place, row in enumerate(rows):
        yield line(((name if place == 0 else "").ljust(_NAMES), Ink.DIM), *row)
