"""The view of machines: the list, the chosen one over time on fixed scales, its processes, what it is made of."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from coord.tui.boxes import filled
from coord.tui.filtering import told
from coord.tui.ink import Ink, Line, line
from coord.tui.phrases import waiting
from coord.tui.scene import (
    Drawn,
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
from coord.tui.views.node_pane import (
    BINS,
    WINDOWS,
    bars_box,
    by_of,
    detail_box,
    gauge_of,
    window_of,
)
from coord.tui.views.node_readings import GAUGES, MACHINE, readings_of
from coord.tui.views.node_rows import ORDERS, columns, node_rows
from coord.tui.views.run_acts import directed
from coord.tui.views.silencing import about, silenced

_SERIES_MAX: Final = 1_000
_PROCESSES: Final = 20
_BY: Final = ("cpu", "memory", "gpu")


def wishes(place: Place) -> tuple[Wish, ...]:
    """Ask for the machines, and for their last hour."""
    metrics = (*(one.metric for one in MACHINE), gauge_of(place).metric)
    trend = {"metrics": metrics, "seconds": window_of(place)[0], "bins": BINS, "limit": _SERIES_MAX}
    return (
        Wish("nodes", "nodes", {"inventory": True}, 1.0),
        Wish("node_trend", "trend", trend, 5.0),
    )


def follows(scene: Scene, place: Place) -> tuple[Wish, ...]:
    """Ask for the processes of the chosen machine."""
    node = _chosen(scene, place)
    if node is None:
        return ()
    fields = {"node": node["node"], "by": by_of(place), "limit": _PROCESSES}
    return (Wish("node_top", "top", fields, 2.0),)


def draw(scene: Scene, place: Place, width: int, height: int) -> Drawn:
    """Draw the list, the bars below it, and the chosen machine in full."""
    if "nodes" not in scene.answers:
        return Drawn(filled([waiting(scene, "nodes", "asking for the machines")], width, height))
    left = node_rows(scene, place)
    ids = [node["node"] for node in left.rows]
    words = told(place.filter, len(ids), len(scene.rows("nodes")), left.fault)
    if not ids:
        return Drawn(filled(_empty(place), width, height), told=words)
    chosen = index_of(place, ids)
    node = left.rows[chosen]
    rows = 2 if place.opened else min(len(ids) + 1, max(height // 4, 3))
    table = listed(columns(scene.answers.get("node_trend")), left.rows, chosen, width, rows)
    lines = [
        *table.lines,
        *_below(scene, place, [node] if place.opened else left.rows, node, width, height - rows),
    ]
    return Drawn(filled(lines, width, height), ids, ids_at(table, ids, 0, height), told=words)


def press(key: str, scene: Scene, place: Place, _drawn: Drawn) -> Outcome:
    """Change what is drawn, for how long and in which order, order the processes, silence or drain the machine."""
    if key == "m":
        names = [one.name for one in GAUGES]
        return replace(place, metric=names[(names.index(gauge_of(place).name) + 1) % len(names)])
    if key in ("plus", "+", "minus", "-"):
        stride = -1 if key in ("plus", "+") else 1
        return replace(place, window=min(max(place.window + stride, -1), len(WINDOWS) - 2))
    if key == "b":
        return replace(place, mode=_BY[(_BY.index(by_of(place)) + 1) % len(_BY)])
    if key == "S":
        return _sorted(place)
    node = _chosen(scene, place)
    if node is None:
        return None
    return _silenced(scene, node) if key == "s" else _drained(scene, node) if key == "D" else None


def copies(_scene: Scene, place: Place, drawn: Drawn) -> tuple[str, str]:
    """Copy the machine's name, or the command that shows it."""
    node = chosen_id(place, drawn.ids)
    return node, f"coord nodes {node} --inventory"


def _chosen(scene: Scene, place: Place) -> Row | None:
    rows = node_rows(scene, place).rows
    found = index_of(place, [node["node"] for node in rows])
    return None if found < 0 else rows[found]


def _below(
    scene: Scene, place: Place, nodes: Sequence[Row], node: Row, width: int, height: int
) -> list[Line]:
    if height < 5:
        return []
    gpus = sum(len(readings_of(one).gpus) for one in nodes) or 1
    wanted = len(MACHINE) + gpus + 4
    top = height if height < 12 else min(wanted, height * 3 // 5)
    lines = bars_box(scene, place, nodes, node, width, top)
    return lines + (detail_box(scene, place, node, width, height - top) if height - top >= 3 else [])


def _empty(place: Place) -> list[Line]:
    if place.filter:
        return [line(("  no machine matches the filter", Ink.DIM))]
    return [
        line(("  Machines", Ink.STRONG), (" stand here with what their monitors read.", Ink.DIM)),
        line(
            ("  No monitor has spoken yet. One runs with:  ", Ink.DIM), ("coord serve hardware", Ink.ACCENT)
        ),
    ]


def _sorted(place: Place) -> Place:
    """Go on to the same order from its other end, and then to the next one: `s` silences here."""
    if not place.reversed:
        return replace(place, reversed=True)
    now = ORDERS.index(place.sort) if place.sort in ORDERS else 0
    following = ORDERS[(now + 1) % len(ORDERS)]
    return replace(place, sort="" if following == ORDERS[0] else following, reversed=False)


def _silenced(scene: Scene, node: Row) -> Outcome:
    if scene.past is not None:
        return Say("This is a past moment: nothing can be done about it. esc goes back to now.")
    alerts = about(scene.rows("alerts"), "node", node["node"])
    if not alerts:
        return Say(f"No alert about {node['node']} is open that is not silenced already.")
    return silenced(alerts, scene.now_ns)


def _drained(scene: Scene, node: Row) -> Outcome:
    if scene.past is not None:
        return Say("This is a past moment: nothing can be asked. esc goes back to now.")
    return directed(node["node"], "drain", "node", asks=f"Ask the node {node['node']} to take no new work?")


KEYS: Final = (
    Key("m", "m", "metric", "Draws the next of util, mem, temp and power of each GPU."),
    Key("plus", "+ −", "window", "Shows a shorter or a longer time: 15 min to 48 h."),
    Key("b", "b", "by", "Orders the processes by CPU, memory or GPU memory."),
    Key("enter", "↵", "open", "Shows this machine alone."),
    Key(
        "s",
        "s",
        "silence 1h",
        "Wants no notice of the machine's open alerts for an hour; they stay open and listed.",
    ),
    Key("S", "S", "sort", "The same order from its other end, and then the next order of machines."),
    Key("D", "D", "drain", "Asks the node to take no new work, after a question."),
)

VIEW: Final = View(
    "nodes", "Nodes", "Node", wishes, draw, press, KEYS, ORDERS, copies, follows, opens="machine"
)
