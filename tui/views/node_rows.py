"""The list of machines: those that are lost or in trouble first, with their newest figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from coord.services.wording import age, size
from coord.tui.filtering import Field, Filtered, filtered
from coord.tui.ink import Ink, said
from coord.tui.memo import remembered
from coord.tui.phrases import MISSING, NONE
from coord.tui.plot import bars
from coord.tui.scene import Answer, Place, Row, Scene
from coord.tui.table import Cell, Column
from coord.tui.views.node_readings import readings_of, trend_of, worst_word

ORDERS: Final = ("worst", "name", "cpu", "memory", "hottest")
_STATES: Final[Mapping[str, tuple[str, Ink]]] = {
    "active": ("● ok", Ink.OK),
    "stale": ("◐ stale", Ink.WARN),
    "lost": ("✖ lost", Ink.BAD),
}
_RANK: Final = {"lost": 0, "stale": 1, "active": 2}
_LATELY: Final = 4
"""Bars beside a share."""


def node_rows(scene: Scene, place: Place) -> Filtered:
    """Return the nodes that the place's filter and order leave."""
    ordered = _ordered(scene.answers.get("nodes"), place.sort, place.reversed)
    return filtered(ordered, place.filter, _FIELDS) if place.filter else Filtered(ordered)


def state_cell(node: Row) -> tuple[str, Ink]:
    """Write how a node is; of one that speaks, what is wrong with it."""
    if node["status"] == "active":
        trouble = worst_word(readings_of(node))
        if trouble is not None:
            return f"⚠ {trouble[0]}", trouble[1]
    return _STATES.get(node["status"], (node["status"], Ink.TEXT))


def columns(trend: Answer | None) -> Sequence[Column[Row]]:
    """Return what the list shows; figures of a node that is not heard are dim."""
    return (
        Column("NODE", 12, lambda node: said(node["node"], Ink.STRONG)),
        Column("STATE", 12, state_cell),
        Column("CPU", 9, lambda node: _lately(node, trend, "cpu_utilization_ratio"), right=True),
        Column("MEM", 5, lambda node: _share(node, "memory_used_bytes", "memory_total_bytes"), right=True),
        Column("OF", 8, lambda node: _figure(node, _whole("memory_total_bytes"), size), right=True, rank=6),
        Column("DISK", 5, lambda node: _share(node, "disk_used_bytes", "disk_total_bytes"), right=True, rank=4),
        Column("NET/S ↓/↑", 17, _network, right=True, rank=5),
        Column("GPUS", 4, lambda node: _gpus(node), right=True),
        Column("UTIL", 5, lambda node: _mean(node, "gpu_utilization_ratio"), right=True, rank=2),
        Column("GMEM", 5, lambda node: _share(node, "gpu_memory_used_bytes", "gpu_memory_total_bytes"), right=True, rank=3),
        Column("TEMP", 5, _temperature, right=True, rank=1),
        Column("POWER", 7, _power, right=True, rank=3),
        Column("SCORE", 5, _score, right=True, rank=5),
        Column("HEARD", 6, _heard, right=True),
    )  # fmt: skip


def share_words(value: float | None) -> str:
    """Write a share without a blank: 41%."""
    return MISSING if value is None else f"{100 * value:.0f}%"


def rate_words(value: float | None) -> str:
    """Write bytes a second: 1.2 MiB."""
    return MISSING if value is None else size(value)


@remembered
def _ordered(answer: Answer | None, sort: str, backwards: bool) -> list[Row]:
    rows = list((answer or {}).get("rows", ()))
    rows.sort(key=_KEYS.get(sort, _worst), reverse=backwards)
    return rows


def _worst(node: Row) -> tuple[int, bool, float, str]:
    trouble = node["status"] == "active" and worst_word(readings_of(node)) is not None
    score = node.get("score")
    return _RANK.get(node["status"], 2), not trouble, 100.0 if score is None else score, node["node"]


def _share_of(part: str, whole: str) -> Field:
    return lambda node: readings_of(node).share(part, whole)


_KEYS: Final[Mapping[str, Callable[[Row], Any]]] = {
    "name": lambda node: node["node"],
    "cpu": lambda node: -(readings_of(node).of("cpu_utilization_ratio") or 0.0),
    "memory": lambda node: -(readings_of(node).share("memory_used_bytes", "memory_total_bytes") or 0.0),
    "hottest": lambda node: -(readings_of(node).hottest()[0] or 0.0),
}
_FIELDS: Final[Mapping[str, Field]] = {
    "state": lambda node: f"{node['status']} {state_cell(node)[0]}",
    "cpu": lambda node: readings_of(node).of("cpu_utilization_ratio"),
    "memory": _share_of("memory_used_bytes", "memory_total_bytes"),
    "disk": _share_of("disk_used_bytes", "disk_total_bytes"),
    "temp": lambda node: readings_of(node).hottest()[0],
    "gpus": lambda node: len(readings_of(node).gpus),
    "silent": lambda node: node.get("silent_seconds"),
}


def _ink(node: Row) -> Ink:
    return Ink.TEXT if node["status"] == "active" else Ink.DIM


def _figure(node: Row, read: Callable[[Row], float | None], write: Callable[[float], str]) -> Cell:
    value = read(node)
    return (MISSING, Ink.DIM) if value is None else (write(value), _ink(node))


def _whole(metric: str) -> Callable[[Row], float | None]:
    return lambda node: readings_of(node).of(metric)


def _share(node: Row, part: str, whole: str) -> Cell:
    gpus = part.startswith("gpu_")
    if gpus and not readings_of(node).gpus:
        return NONE, Ink.DIM
    return _figure(node, lambda row: readings_of(row).share(part, whole), share_words)


def _mean(node: Row, metric: str) -> Cell:
    if not readings_of(node).gpus:
        return NONE, Ink.DIM
    return _figure(node, lambda row: readings_of(row).mean(metric), share_words)


def _lately(node: Row, trend: Answer | None, metric: str) -> Cell:
    value = readings_of(node).of(metric)
    if value is None:
        return MISSING, Ink.DIM
    shown = bars(trend_of(trend, node["node"], metric, "")[-_LATELY * 3 :], _LATELY, 0.0, 1.0)
    return f"{share_words(value)} {shown}", _ink(node)


def _network(node: Row) -> Cell:
    readings = readings_of(node)
    down = readings.total("network_receive_bytes_per_second")
    up = readings.total("network_transmit_bytes_per_second")
    return (MISSING if down is None and up is None else f"{rate_words(down)}/{rate_words(up)}"), _ink(node)


def _gpus(node: Row) -> Cell:
    count = len(readings_of(node).gpus)
    return (str(count), _ink(node)) if count else (NONE, Ink.DIM)


def _temperature(node: Row) -> Cell:
    value, over = readings_of(node).hottest()
    if value is None:
        return MISSING, Ink.DIM
    return f"{value:.0f}°{'!' if over else ''}", Ink.WARN if over else _ink(node)


def _power(node: Row) -> Cell:
    if not readings_of(node).gpus:
        return NONE, Ink.DIM
    return _figure(
        node, lambda row: readings_of(row).total("gpu_power_watts"), lambda watts: f"{watts:,.0f} W"
    )


def _score(node: Row) -> Cell:
    score = node.get("score")
    return (NONE, Ink.DIM) if score is None else (f"{score:.0f}", Ink.WARN if score < 80 else Ink.TEXT)


def _heard(node: Row) -> Cell:
    silent = node.get("silent_seconds")
    if silent is None:
        return NONE, Ink.DIM
    return age(silent), Ink.DIM if node["status"] == "active" else Ink.WARN
