"""What happened to a run on its way: spikes and other alerts, what was asked because of them, and whether it helped."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from coord.services.wording import age
from coord.tui.ink import SEVERITIES, Ink, Line, line, said
from coord.tui.memo import remembered
from coord.tui.phrases import asked_for, became, by_whom, day_and_time, ink_of_status
from coord.tui.plot import Flag, short_number
from coord.tui.scene import Answer, Row, Scene
from coord.tui.table import Column

_GLYPHS: Final[Mapping[str, tuple[str, Ink]]] = {
    "start": ("▸", Ink.DIM),
    "end": ("■", Ink.DIM),
    "out_of_memory": ("✖", Ink.BAD),
}
_SHORT: Final = {
    "skip_batch": "skip",
    "lower_learning_rate": "lower lr",
    "restore_learning_rate": "restore lr",
    "halve_micro_batch": "half batch",
    "roll_back": "roll back",
    "checkpoint_now": "checkpoint",
}
"""Actions over a curve."""
_NO_STOPS: Final = ("checkpoint",)
"""Too many to be listed, stopped at, or drawn on the axis."""


class Moment(NamedTuple):
    """One mark, with all that is known of it."""

    kind: str
    step: int
    position: int
    at_ns: int
    glyph: str
    ink: Ink
    what: str
    outcome: str
    outcome_ink: Ink
    more: str
    """Text from elsewhere: it is made safe where it is drawn."""
    cause: int = 0
    """Position of the alert that led to a directive."""


def moments_of(scene: Scene, curve: Answer | None) -> Sequence[Moment]:
    """Return the marks of a run's curve, by step, told with the alerts and directives behind them."""
    answers = scene.answers
    return _moments(curve, answers.get("run_alerts"), answers.get("run"), answers.get("run_asked"))


def stops(moments: Sequence[Moment]) -> list[Moment]:
    """Return those that a person goes to: of the starts, only those that go on from a step."""
    return [one for one in moments if one.kind not in _NO_STOPS and (one.kind != "start" or one.step)]


def flags_of(moments: Sequence[Moment], first: float, last: float, across: int) -> list[Flag]:
    """Place marks on the axis from `first` to `last`; those that would hide one another stand side by side."""
    shown = sorted((one for one in stops(moments) if first <= one.step <= last), key=_rank)
    cell = (last - first) / max(across - 1, 1)
    taken: set[int] = set()
    flags: list[Flag] = []
    for one in reversed(shown):
        column = round((one.step - first) / cell) if cell else 0
        while column in taken and one.kind in ("alert", "directive", "out_of_memory"):
            column += 1
        if column not in taken:
            taken.add(column)
            flags.append(Flag(first + column * cell, one.glyph, one.ink, _label(one)))
    return flags


def listed_columns() -> Sequence[Column[Moment]]:
    """Return the columns of the list of moments."""
    return (
        Column("WHEN", 12, lambda one: (day_and_time(one.at_ns), Ink.DIM), rank=2),
        Column("STEP", 8, lambda one: f"{one.step:,}", right=True),
        Column("WHAT", 26, lambda one: said(f"{one.glyph} {one.what}", one.ink)),
        Column("WHAT CAME OF IT", 30, lambda one: said(one.outcome, one.outcome_ink), flexible=True),
        Column("", 10, lambda one: said(one.more, Ink.DIM), flexible=True, rank=3),
        Column("POSITION", 9, lambda one: (f"#{one.position:,}", Ink.ACCENT), right=True, rank=1),
    )


def story(moments: Sequence[Moment]) -> Iterator[Line]:
    """Tell each alert in one line, the newest first: what it was, what was done, whether it helped."""
    for alert in reversed([one for one in moments if one.kind == "alert"]):
        answers = [one for one in moments if one.cause == alert.position]
        parts = [line((f"{alert.glyph} {alert.step:,} ", alert.ink), said(alert.what, Ink.STRONG))]
        parts += [line((f"◆ {one.what} ", one.ink), said(one.outcome, one.outcome_ink)) for one in answers]
        parts.append(line(said(alert.outcome, alert.outcome_ink)))
        yield tuple(
            span
            for place, part in enumerate(parts)
            for span in ((*line((" → ", Ink.DIM)), *part) if place else part)
        )


@remembered
def _moments(
    curve: Answer | None, alerts: Answer | None, run: Answer | None, asked: Answer | None
) -> tuple[Moment, ...]:
    rows = {alert["id"]: alert for alert in (alerts or {}).get("rows", ())}
    directives = {one["id"]: one for alert in rows.values() for one in alert.get("directives", ())}
    for row in (run or {}).get("rows", ()):
        directives |= {one["id"]: one for one in row.get("directives", ())}
    marks = (curve or {}).get("marks", ())
    raised = {mark["id"]: mark["position"] for mark in marks if mark["kind"] == "alert"}
    askers = {one["position"]: one["actor"] for one in (asked or {}).get("events", ()) if one.get("actor")}
    return tuple(_moment(mark, rows, directives, raised, askers) for mark in marks)


def _moment(
    mark: Row,
    alerts: Mapping[str, Row],
    directives: Mapping[str, Row],
    raised: Mapping[str, int],
    askers: Mapping[int, str],
) -> Moment:
    kind = mark["kind"]
    common = {
        "kind": kind,
        "step": mark.get("step") or 0,
        "position": mark["position"],
        "at_ns": mark["at_ns"],
    }
    if kind == "alert":
        return Moment(**common, **_alert(mark, alerts.get(mark.get("id") or "")))
    if kind == "directive":
        directive = directives.get(mark.get("id") or "")
        cause = raised.get((directive or {}).get("alert") or "", 0)
        return Moment(**common, **_directive(mark, directive, askers.get(mark["position"], "")), cause=cause)
    glyph, ink = _GLYPHS.get(kind, ("·", Ink.DIM))
    return Moment(
        **common,
        glyph=glyph,
        ink=ink,
        what=kind.replace("_", " "),
        outcome="",
        outcome_ink=ink,
        more=mark["words"],
    )


def _alert(mark: Row, alert: Row | None) -> dict[str, Any]:
    severity = mark.get("severity") or "warning"
    ink = SEVERITIES.get(severity, SEVERITIES["warning"])[1]
    status = (alert or mark).get("status") or "active"
    if alert is None:
        outcome = status
    elif status == "resolved":
        why = f": {alert['reason']}" if alert.get("reason") else ""
        outcome = f"✔ over after {age(max(0.0, alert['age_seconds'] - alert['state_seconds']))}{why}"
    else:
        by = f" by {alert['by']}" if alert.get("by") and status == "acknowledged" else ""
        outcome = f"{status}{by} for {age(alert['state_seconds'])}"
    return {
        "glyph": "▲",
        "ink": ink,
        "what": alert["rule"] if alert else severity,
        "outcome": outcome,
        "outcome_ink": ink_of_status(status),
        "more": mark["words"],
    }


def _directive(mark: Row, directive: Row | None, asker: str) -> dict[str, Any]:
    if directive is None:
        status = mark.get("status") or "issued"
        return {
            "glyph": "◆", "ink": ink_of_status(status), "what": mark["words"].partition(" ")[0], "outcome": status,
            "outcome_ink": ink_of_status(status), "more": mark["words"],
        }  # fmt: skip
    outcome, ink = became(directive)
    told = directive.get("answer") or directive["reason"]
    return {
        "glyph": "◆", "ink": ink, "what": asked_for(directive), "outcome": outcome, "outcome_ink": ink,
        "more": f"by {asker or by_whom(directive)}: {told}",
    }  # fmt: skip


def _rank(one: Moment) -> tuple[int, int]:
    """What matters most is placed first."""
    order = {"directive": 2, "alert": 3, "out_of_memory": 3, "end": 1, "start": 1}
    return order.get(one.kind, 0), -one.step


def _label(one: Moment) -> str:
    if one.kind == "alert":
        return short_number(one.step) if one.step >= 1_000 else str(one.step)
    if one.kind != "directive":
        return ""
    action, _, given = one.what.partition(" ")
    return (
        f"lr{given.split()[0]}" if action == "lower_learning_rate" and given else _SHORT.get(action, action)
    )
