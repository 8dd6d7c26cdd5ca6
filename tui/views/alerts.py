"""The view of alerts: the worst that is open first, with what was done about it; below, the chosen one in full."""

from dataclasses import replace
from typing import Final

from coord.tui.boxes import filled
from coord.tui.ink import Ink, Line, fit, line
from coord.tui.phrases import stale, toggled, waiting
from coord.tui.scene import (
    Act,
    Drawn,
    Go,
    Key,
    Outcome,
    Place,
    Row,
    Say,
    Scene,
    View,
    Wish,
    chosen_id,
    index_of,
)
from coord.tui.table import ids_at, listed
from coord.tui.views.alert_pane import alert_box, lines_of, position_of
from coord.tui.views.alert_rows import GROUPED, OPEN, ORDERS, alert_rows, answer_of, columns
from coord.tui.views.searched import none_left, told_of_cut, unreached
from coord.tui.views.silencing import silenced

WIDE: Final = 100
_KEPT: Final = 300
_PANE_LEAST: Final = 6
_VIEWS: Final = {
    "run": "runs",
    "node": "nodes",
    "agent": "agents",
    "work": "work",
    "team": "agents",
    "system": "health",
}


def wishes(_place: Place) -> tuple[Wish, ...]:
    """Ask for the open alerts and then for those that were over last."""
    return (Wish("alerts_all", "alerts", {"limit": _KEPT}, 2.0),)


def draw(scene: Scene, place: Place, width: int, height: int) -> Drawn:
    """Draw the list, and the chosen alert below it."""
    answer = answer_of(scene)
    if answer is None:
        return Drawn(filled([waiting(scene, "alerts_all", "asking for the alerts")], width, height))
    left = alert_rows(scene, place)
    ids = [alert["id"] for alert in left.rows]
    cut = unreached(answer, answer.get("counts"))
    words = told_of_cut(place.filter, len(ids), len(answer["rows"]), left.fault, cut)
    if not ids:
        return Drawn(filled(_empty(place, answer, cut), width, height), told=words)
    chosen = index_of(place, ids)
    alert = left.rows[chosen]
    head = [_counts(scene, place, answer, width)] if height >= 12 else []
    if place.opened:
        return Drawn([*head, *alert_box(scene, alert, width, height - len(head))], ids, told=words)
    most = max(height - len(head) - len(ids) - 1, (height - len(head)) // 2)
    pane = _pane_height(lines_of(scene, alert, width, most), most, height - len(head))
    rows = min(height - len(head) - pane, len(ids) + 1)
    grouped = GROUPED in place.mode.split()
    table = listed(columns(grouped, left.rows, width >= WIDE), left.rows, chosen, width, rows)
    lines = [*head, *table.lines, *(alert_box(scene, alert, width, pane) if pane else [])]
    at = ids_at(table, ids, len(head), height)
    return Drawn(filled(lines, width, height), ids, at, told=words)


def press(key: str, scene: Scene, place: Place, _drawn: Drawn) -> Outcome:
    """Take notice, silence, go to the moment or the subject, or group."""
    rows = alert_rows(scene, place).rows
    found = index_of(place, [alert["id"] for alert in rows])
    if key == "g":
        return replace(place, mode=toggled(place.mode, GROUPED))
    if key == "v":
        return replace(place, mode=toggled(place.mode, OPEN))
    if found < 0:
        return None
    alert = rows[found]
    if key in ("A", "S"):
        return _acted(key, scene, alert)
    if key == "o":
        return _to_subject(alert)
    if key == "f":
        return replace(place, chosen=alert["id"], opened=not place.opened)
    if key == "enter":
        return _to_moment(scene, alert)
    return None


def copies(_scene: Scene, place: Place, drawn: Drawn) -> tuple[str, str]:
    """Copy the alert, or the command that takes notice of it."""
    alert = chosen_id(place, drawn.ids)
    return alert, f"coord ack {alert}"


def _pane_height(wanted: int, most: int, height: int) -> int:
    """Return how many lines the pane has: what it wants, at most what the list leaves or half of all."""
    return 0 if height < _PANE_LEAST + 4 else min(wanted, most)


def _counts(scene: Scene, place: Place, answer: object, width: int) -> Line:
    counts = answer.get("counts", {}) if isinstance(answer, dict) else {}
    words = "   ".join(f"{name} {counts.get(name, 0):,}" for name in ("active", "acknowledged", "resolved"))
    grouped = "by subject" if GROUPED in place.mode.split() else "by severity"
    shown = "open only" if OPEN in place.mode.split() else "open, then over"
    note = stale(scene, "alerts_all")
    return fit(line((f"  {words}   shown {grouped}, {shown}", Ink.DIM), *((note,) if note else ())), width)


def _empty(place: Place, answer: object, cut: str) -> list[Line]:
    counts = answer.get("counts", {}) if isinstance(answer, dict) else {}
    if place.filter and cut:
        return [none_left("no alert", cut)]
    if place.filter or any(counts.values()):
        return [line(("  no alert is left by the filter and by what is shown (v)", Ink.DIM))]
    return [
        line(("  ✔ ", Ink.OK), ("No alert was raised.", Ink.STRONG)),
        line(("  What the watchdog looks for:  ", Ink.DIM), ("coord watchdog rules", Ink.ACCENT)),
    ]


def _acted(key: str, scene: Scene, alert: Row) -> Outcome:
    if scene.past is not None:
        return Say("This is a past moment: nothing can be done about it. esc goes back to now.")
    if alert["status"] == "resolved":
        return Say(f"{alert['rule']} of {alert['entity']} is over.")
    name = alert["id"]
    if key == "A":
        return Act("acknowledge", {"alert_id": name}, f"coord ack {name}")
    return silenced([alert], scene.now_ns)


def _to_subject(alert: Row) -> Outcome:
    if alert["entity_kind"] == "team":
        return Go("agents", filter=f"team={alert['entity']}")
    return Go(_VIEWS.get(alert["entity_kind"], "overview"), alert["entity"])


def _to_moment(scene: Scene, alert: Row) -> Outcome:
    position = position_of(scene, alert)
    if position is None:
        return Say("It rests on readings alone, which have no place among the events: t goes to their time.")
    return Go(_VIEWS.get(alert["entity_kind"], "alerts"), alert["entity"], position)


KEYS: Final = (
    Key("A", "A", "notice", "Takes notice of the alert: it stays open, and costs less health."),
    Key("S", "S", "silence 1h", "Wants no notice of the alert for an hour; it stays open and listed."),
    Key("enter", "↵", "moment", "Goes to the moment at which it was raised, and to what it is about."),
    Key("o", "o", "subject", "Goes to what it is about, as it is now."),
    Key("g", "g", "group", "Puts alerts about one subject together."),
    Key("v", "v", "open only", "Leaves out what is over; again: shows it."),
    Key("f", "f", "full", "Lets the alert fill the view."),
)

VIEW: Final = View("alerts", "Alerts", "Alrt", wishes, draw, press, KEYS, ORDERS, copies, opens="alert")
