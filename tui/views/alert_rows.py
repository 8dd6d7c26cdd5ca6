"""The list of alerts: open ones first by severity, what is silenced behind them, and then what is over."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from coord.services.wording import age
from coord.tui.filtering import Field, Filtered, filtered
from coord.tui.ink import SEVERITIES, Ink, said
from coord.tui.memo import remembered
from coord.tui.phrases import NONE, asked_for, became
from coord.tui.scene import Answer, Place, Row, Scene
from coord.tui.table import Cell, Column

ORDERS: Final = ("worst", "newest", "rule", "subject")
GROUPED: Final = "grouped"
OPEN: Final = "open"
"""Words of the place's mode: by subject, and without what is over."""
_SEVERITY: Final = ("critical", "warning", "info")


def answer_of(scene: Scene) -> Answer | None:
    """Return all alerts; until they have come, the open ones that every view has."""
    return scene.answers.get("alerts_all") or scene.answers.get("alerts")


def alert_rows(scene: Scene, place: Place) -> Filtered:
    """Return the alerts that the place's filter and order leave."""
    words = place.mode.split()
    ordered = _ordered(answer_of(scene), place.sort, place.reversed, GROUPED in words, OPEN in words)
    return filtered(ordered, place.filter, _FIELDS) if place.filter else Filtered(ordered)


def subject_of(alert: Row) -> str:
    """Return what an alert is about: run tiny-gpt."""
    return f"{alert['entity_kind']} {alert['entity']}"


def glyph_of(alert: Row) -> tuple[str, Ink]:
    """Return the mark of an alert: of its severity, or that it is over."""
    if alert["status"] == "resolved":
        return "✔", Ink.OK
    if alert.get("silenced_seconds"):
        return "·", Ink.DIM
    return SEVERITIES.get(alert["severity"], ("·", Ink.TEXT))


def state_words(alert: Row) -> str:
    """Return the state of an alert in one word or two."""
    if alert["status"] != "resolved" and alert.get("silenced_seconds"):
        return f"silent {age(alert['silenced_seconds'])}"
    return {"acknowledged": "noticed"}.get(alert["status"], str(alert["status"]))


def done_words(alert: Row) -> tuple[str, Ink]:
    """Say what was done last about an alert, and what came of it."""
    directives = alert.get("directives") or ()
    if not directives:
        is_left = alert["status"] == "active" and not alert.get("silenced_seconds")
        return ("nothing yet", Ink.WARN) if is_left else (NONE, Ink.DIM)
    words, ink = became(directives[0])
    more = f" (+{len(directives) - 1})" if len(directives) > 1 else ""
    return f"◆ {asked_for(directives[0])} {words}{more}", ink


def done_shortly(alert: Row) -> tuple[str, Ink]:
    """Say the same where there is little room."""
    words, ink = done_words(alert)
    directives = alert.get("directives") or ()
    return (f"◆ {directives[0]['action']} {directives[0]['status']}", ink) if directives else (words, ink)


def columns(grouped: bool, rows: Sequence[Row], wide: bool) -> Sequence[Column[Row]]:
    """Return what the list shows; where there is little room the glyph alone tells the state."""
    seen = _repeated(rows) if grouped else frozenset()
    done = done_words if wide else done_shortly
    return (
        Column("", 1, glyph_of),
        Column("STATE", 11, lambda alert: (state_words(alert), _state_ink(alert)), rank=4),
        Column("SINCE", 5, _since, right=True),
        Column("RULE", 17 if wide else 14, lambda alert: said(alert["rule"], _faded(alert, Ink.STRONG))),
        Column("SUBJECT", 16 if wide else 12, lambda alert: _subject(alert, seen)),
        Column(
            "SUMMARY", 18 if wide else 14, lambda alert: said(alert["summary"], _faded(alert)), flexible=True
        ),
        Column("WHAT WAS DONE", 24 if wide else 18, lambda alert: said(*done(alert)), flexible=True, rank=2),
        Column("BY", 8, lambda alert: said(alert.get("by") or NONE, Ink.DIM), rank=5),
    )


@remembered
def _ordered(answer: Answer | None, sort: str, backwards: bool, grouped: bool, only_open: bool) -> list[Row]:
    rows = [row for row in (answer or {}).get("rows", ()) if not only_open or row["status"] != "resolved"]
    rows.sort(key=_KEYS.get(sort, _worst), reverse=backwards)
    if grouped:
        first: dict[str, int] = {}
        for place, row in enumerate(rows):
            first.setdefault(subject_of(row), place)
        rows.sort(key=lambda row: first[subject_of(row)])
    return rows


def _worst(alert: Row) -> tuple[bool, bool, int, float]:
    over = alert["status"] == "resolved"
    rank = _SEVERITY.index(alert["severity"]) if alert["severity"] in _SEVERITY else len(_SEVERITY)
    return over, bool(alert.get("silenced_seconds")), 0 if over else rank, _key_age(alert)


def _key_age(alert: Row) -> float:
    return float(alert["state_seconds"] if alert["status"] == "resolved" else alert["age_seconds"])


_KEYS: Final[Mapping[str, Callable[[Row], Any]]] = {
    "newest": lambda alert: alert["age_seconds"],
    "rule": lambda alert: (alert["rule"], alert["age_seconds"]),
    "subject": lambda alert: (alert["entity_kind"], alert["entity"], alert["age_seconds"]),
}
_FIELDS: Final[Mapping[str, Field]] = {
    "state": lambda alert: f"{alert['status']}{' silenced' if alert.get('silenced_seconds') else ''}",
    "age": lambda alert: alert["age_seconds"],
    "subject": subject_of,
    "done": lambda alert: done_words(alert)[0],
}


@remembered
def _repeated(rows: Sequence[Row]) -> frozenset[str]:
    """Return ids of rows whose subject is that of the row above."""
    return frozenset(row["id"] for before, row in pairwise(rows) if subject_of(before) == subject_of(row))


def _subject(alert: Row, repeated: frozenset[str]) -> Cell:
    return ("  ″", Ink.DIM) if alert["id"] in repeated else said(subject_of(alert), _faded(alert))


def _since(alert: Row) -> Cell:
    return age(alert["state_seconds"] if alert["status"] == "resolved" else alert["age_seconds"]), Ink.DIM


def _state_ink(alert: Row) -> Ink:
    return Ink.TEXT if alert["status"] == "active" and not alert.get("silenced_seconds") else Ink.DIM


def _faded(alert: Row, ink: Ink = Ink.TEXT) -> Ink:
    return Ink.DIM if alert["status"] == "resolved" else ink
