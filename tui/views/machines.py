"""Machines in a line each, on scales from 0 to 100 %: their GPUs, or their cores and memory where they have none."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from coord.services.wording import age
from coord.tui.boxes import box
from coord.tui.ink import Ink, Line, cell, line, said
from coord.tui.memo import remembered
from coord.tui.phrases import MISSING
from coord.tui.plot import bars
from coord.tui.scene import Answer, Row, Scene
from coord.tui.views.ages import late
from coord.tui.views.crew import NO_ANSWER
from coord.tui.views.waiting import asked

HOT_MARGIN: Final = 5.0
"""A GPU counts as hot from so many degrees below the temperature at which it slows down."""
FREE_SHARE: Final = 0.05
"""A node whose GPUs are busier works for somebody that coord does not know."""
BUSY_SHARE: Final = 0.9
TREND_CELLS: Final = 20
"""Of the trends that are asked for; a narrow box shows the newest of them."""


def machines_box(scene: Scene, width: int, height: int) -> list[Line]:
    """Tell of each machine in a line, on scales from 0 to 100 %: its GPUs, or that it has none, and its cores."""
    if "nodes" not in scene.answers:
        return box(
            "Machines", asked(scene, "nodes", "asking for the machines", width - 2), width, height, "5"
        )
    rows = scene.rows("nodes")
    alone = len(rows) == 1 and height >= 5
    body = [part for row in rows for part in _machine(row, scene, width - 2, alone)]
    return box(
        _machines_title(rows),
        body or [line((" none yet: coord up watches this one", Ink.DIM))],
        width,
        height,
        "5",
    )


def _machines_title(rows: Sequence[Row]) -> str:
    values = [_by_metric(row) for row in rows]
    gpus = [share for one in values for share in one.get("gpu_utilization_ratio", {}).values()]
    heat = [one for value in values for one in value.get("gpu_temperature_celsius", {}).values()]
    if not gpus:
        return f"Machines {len(rows)}" if len(rows) > 1 else "Machine"
    hottest = f" · max {max(heat):.0f}°" if heat else ""
    return f"GPUs {len(gpus)} · {100 * sum(gpus) / len(gpus):.0f} %{hottest}"


def _by_metric(row: Row) -> Mapping[str, Mapping[str, float]]:
    return _readings(row.get("readings", ()))


@remembered
def _readings(readings: Sequence[Row]) -> Mapping[str, Mapping[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for reading in readings:
        found.setdefault(reading["metric"], {})[reading.get("device") or ""] = reading["value"]
    return found


def _machine(row: Row, scene: Scene, width: int, alone: bool) -> list[Line]:
    values = _by_metric(row)
    name = cell(said(row["node"]).text, min(max(len(row["node"]), 4), 10))
    if row["status"] != "active":
        silent = age((row.get("silent_seconds") or 0.0) + late(scene, "nodes"))
        mark = "✖ lost" if row["status"] == "lost" else "⚠ stale"
        return [line(f" {name} ", (f"{mark}: no readings for {silent}", Ink.WARN))]
    gpus = values.get("gpu_utilization_ratio", {})
    if gpus:
        return [_gpu_line(name, row, values, gpus, scene)]
    gauges = _gauges(row, values, scene)
    if not alone:
        cells = min(max((width - len(name) - 24) // 2, 1), TREND_CELLS)
        return [line(f" {name}", *(span for gauge in gauges for span in _gauge(gauge, cells)))]
    cells = max(width - len(name) - 14, 1)
    return [
        line(f" {name}", *_gauge(gauges[0], cells)),
        line(" " * (len(name) + 1), *_gauge(gauges[1], cells)),
        line(" " * (len(name) + 2), ("no GPU on this node", Ink.DIM)),
    ]


def _gpu_line(
    name: str, row: Row, values: Mapping[str, Mapping[str, float]], gpus: Mapping[str, float], scene: Scene
) -> Line:
    heat = values.get("gpu_temperature_celsius", {})
    limits = values.get("gpu_temperature_slowdown_celsius", {})
    hot = any(heat[gpu] > limits[gpu] - HOT_MARGIN for gpu in heat if gpu in limits)
    watts = sum(values.get("gpu_power_watts", {}).values())
    shares = [gpus[gpu] for gpu in sorted(gpus)]
    jobs = ", ".join(
        one["run"]
        for one in scene.rows("runs")
        if one.get("node") == row["node"] and one["status"] == "running"
    )
    return line(
        f" {name} ",
        (bars(shares, len(shares), 0.0, 1.0), Ink.OK),
        f" {100 * sum(shares) / len(shares):3.0f} %",
        (
            f" {max(heat.values()):3.0f}°{'!' if hot else ' '}" if heat else f" {MISSING}  ",
            Ink.WARN if hot else Ink.TEXT,
        ),
        f" {watts:5,.0f} W " if watts else " ",
        said(
            f" {jobs}" if jobs else " free" if max(shares) < FREE_SHARE else "", Ink.TEXT if jobs else Ink.DIM
        ),
    )


Gauge = tuple[str, float | None, Sequence[float | None]]
"""A name, the share now, and what it was."""


def _gauges(row: Row, values: Mapping[str, Mapping[str, float]], scene: Scene) -> tuple[Gauge, Gauge]:
    cores = values.get("cpu_utilization_ratio", {}).get("")
    total = values.get("memory_total_bytes", {}).get("")
    free = values.get("memory_available_bytes", {}).get("")
    memory = None if not total or free is None else 1 - free / total
    past = _trend(scene, row["node"])
    return ("cpu", cores, past.get("cpu", ())), ("mem", memory, past.get("mem", ()))


def _gauge(gauge: Gauge, cells: int) -> Line:
    """Draw a share on a scale from 0 to 100 %, with what it was where that is known."""
    name, now, series = gauge
    drawn = bars(series[-cells:] if series else [now], min(cells, max(len(series), 1)), 0.0, 1.0)
    high = now is not None and now > BUSY_SHARE
    return line(
        f" {name} ",
        (drawn, Ink.OK),
        (f" {MISSING:>4}  " if now is None else f"{100 * now:4.0f} %", Ink.WARN if high else Ink.TEXT),
    )


def _trend(scene: Scene, node: str) -> Mapping[str, Sequence[float | None]]:
    return _trends(scene.answers.get("overview_trend", NO_ANSWER)).get(node, {})


@remembered
def _trends(trend: Answer) -> Mapping[str, Mapping[str, Sequence[float | None]]]:
    found: dict[str, dict[str, Sequence[float | None]]] = {}
    totals = {
        row["node"]: row["values"] for row in trend.get("rows", ()) if row["metric"] == "memory_total_bytes"
    }
    for row in trend.get("rows", ()):
        if row["metric"] == "cpu_utilization_ratio":
            found.setdefault(row["node"], {})["cpu"] = row["values"]
        elif row["metric"] == "memory_available_bytes":
            total: Any = next((one for one in reversed(totals.get(row["node"], ())) if one), None)
            if total:
                shares = [None if value is None else 1 - value / total for value in row["values"]]
                found.setdefault(row["node"], {})["mem"] = shares
    return found
