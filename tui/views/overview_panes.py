"""The boxes of the overview: work by state, the newest run, machines, agents, what is in work, newest events."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from coord.services.wording import age, percent
from coord.tui.boxes import box
from coord.tui.ink import Ink, Line, Part, cell, fit, line, said
from coord.tui.memo import remembered
from coord.tui.phrases import MISSING, NOT_KEPT, figure, time_of, wrapped
from coord.tui.plot import LABEL_CELLS, Trace, bars, plot, scale_of
from coord.tui.scene import Answer, Row, Scene
from coord.tui.telling import entity_of, kind_of, mark_of, sentence
from coord.tui.views.ages import late
from coord.tui.views.crew import LOST, MOODS, NO_ANSWER, SILENT, Crew, note
from coord.tui.views.items import STATES, seconds_left
from coord.tui.views.run_curves import bins_of
from coord.tui.views.run_marks import Moment, flags_of, moments_of
from coord.tui.views.waiting import asked

LOSS: Final = "loss"
RUN_INKS: Final = {
    "running": Ink.OK,
    "completed": Ink.OK,
    "stopped": Ink.WARN,
    "failed": Ink.BAD,
    "lost": Ink.BAD,
}
BAR_COUNT: Final = 10
"""A full bar stands for so many at least: one item alone is no long bar."""
HOT_MARGIN: Final = 5.0
"""A GPU counts as hot from so many degrees below the temperature at which it slows down."""
FREE_SHARE: Final = 0.05
"""A node whose GPUs are busier works for somebody that coord does not know."""
BUSY_SHARE: Final = 0.9
TREND_CELLS: Final = 20
"""Of the trends that are asked for; a narrow box shows the newest of them."""


def work_box(scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    """Count the work by state, with bars: what lives on one scale, what has ended on another."""
    board = scene.answers.get("board")
    if board is None:
        return box("Work", asked(scene, "board", "asking for the board", width - 2), width, height, "2")
    counts: Mapping[str, int] = board.get("counts", {})
    body = [_state_row(state, counts, width - 2) for state in STATES]
    oldest = crew.oldest
    if oldest is not None:
        waited = age(oldest["age_seconds"] + late(scene, "board"))
        body.insert(2, line((f" oldest open {waited} ", Ink.DIM), said(oldest["id"], Ink.DIM)))
    return box("Work", _within(body, height - 2), width, height, "2")


def _state_row(state: str, counts: Mapping[str, int], width: int) -> Line:
    live = ("open", "claimed")
    peers = [count for name, count in counts.items() if (name in live) == (state in live)]
    count, most = counts.get(state, 0), max((*peers, BAR_COUNT))
    ink = STATES[state][1]
    return line(f" {state:<10}{count:>6,} ", (_bar(count, most, width - 19), ink))


def _bar(count: int, most: int, width: int) -> str:
    if not count or width <= 0:
        return ""
    return "▇" * (count * width // most) or "▏"


def _within(body: Sequence[Line], height: int) -> list[Line]:
    """Leave out what is at the end where there is no room, and say nothing of it: it is a summary."""
    return list(body[: max(height, 0)])


def run_of(scene: Scene) -> Row | None:
    """Return the run that is shown: the newest that runs, else the one that ended last."""
    rows = scene.rows("runs")
    return rows[0] if rows else None


def run_box(scene: Scene, row: Row, width: int, height: int) -> list[Line]:
    """Draw the loss of the newest run, with ▲ where an alert was raised and ◆ where something was asked of it."""
    title = said(f"Run {row['run']} · {LOSS}").text
    inner, room = width - 2, height - 3
    curve = scene.answers.get("curve")
    if curve is None or curve.get("run") != row["run"]:
        return box(
            title,
            [_run_line(row, scene), *asked(scene, "curve", "asking for its curve", width - 2)],
            width,
            height,
            "4",
        )
    drawn = _curve(scene, curve, inner, max(room, 0))
    if drawn is None:
        return box(
            title, [_run_line(row, scene), line((" no loss was told yet", Ink.DIM))], width, height, "4"
        )
    return box(title, [_run_line(row, scene), *drawn], width, height, "4")


def _run_line(row: Row, scene: Scene) -> Line:
    latest = row["latest"]
    parts: list[Part] = [
        (f" {row['status']}", RUN_INKS.get(row["status"], Ink.TEXT)),
        f"  loss {figure(latest.get(LOSS))}  step {row['step']:,}",
    ]
    pace = latest.get("tokens_per_second")
    if isinstance(pace, int | float) and row["status"] == "running":
        parts.append(f"  {figure(pace)} tok/s")
    if row.get("checkpoint_step") is not None:
        parts.append((f"  checkpoint {row['checkpoint_step']:,}", Ink.DIM))
    if row["status"] == "running" and row["silent_seconds"] > 5:
        parts.append((f"  silent {age(row['silent_seconds'] + late(scene, 'runs'))}", Ink.WARN))
    return line(*parts)


def _curve(scene: Scene, curve: Answer, width: int, height: int) -> Sequence[Line] | None:
    return _plotted(curve, moments_of(scene, curve), width, height)


@remembered
def _plotted(curve: Answer, moments: Sequence[Moment], width: int, height: int) -> Sequence[Line] | None:
    bins = bins_of(curve, LOSS)
    if bins is None or not bins.steps or height < 3:
        return None
    traces = [Trace(bins.steps, bins.lowest, bins.highest)]
    scale = scale_of(traces)
    if scale is None:
        return None
    flags = flags_of(moments, scale.first, scale.last, width - LABEL_CELLS)
    return plot(traces, [flag._replace(label=said(flag.label).text) for flag in flags], width, height)


def machines_box(scene: Scene, width: int, height: int) -> list[Line]:
    """Tell of each machine in a line, on scales from 0 to 100 %: its GPUs, or that it has none, and its cores."""
    if scene.past is not None:
        told = [line(" ", *one) for one in wrapped(NOT_KEPT, width - 4, Ink.DIM)]
        return box("Machines", told, width, height, "5")
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


def agents_box(scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    """Tell of the agents, those who work first, then the others, worst first; who retired is not told."""
    if "agents" not in scene.answers:
        return box("Agents", asked(scene, "agents", "asking for the agents", width - 2), width, height, "3")
    counts = crew.counts()
    here = [row for row in crew.rows if row["status"] != "retired"]
    marks = [f" {mood.glyph}{counts[mood.name]}" for mood in MOODS[:-1] if mood.name in counts]
    title = f"Agents {len(here)} {''.join(marks)}"
    body = [
        _agent_row(row, crew, late(scene, "agents"), width - 2)
        for row in _busy_first(crew)[: max(height - 2, 0)]
    ]
    left = len(here) - len(body)
    if left > 0 and body:
        body[-1] = line((f" and {left + 1} more", Ink.DIM))
    return box(title, body or [line((" none yet: coord register NAME", Ink.DIM))], width, height, "3")


@remembered
def _busy_first(crew: Crew) -> Sequence[Row]:
    here = [row for row in crew.rows if row["status"] != "retired"]
    return sorted(here, key=lambda row: (not row["holds"], crew.moods[row["agent"]].rank, row["agent"]))


def _agent_row(row: Row, crew: Crew, late_seconds: float, width: int) -> Line:
    mood = crew.moods[row["agent"]]
    held = crew.held.get(row["agent"], ())
    silent = row.get("silent_seconds")
    troubled = mood in (LOST, SILENT)
    words = note(row, crew, late_seconds)
    if troubled and silent is not None:
        words = f"{mood.name} {age(silent + late_seconds)}: {words}"
    parts: list[Part] = [(f" {mood.glyph} ", mood.ink), cell(said(row["agent"]).text, 8) + " "]
    if held:
        item = said(held[0]["id"]).text + (f" +{len(held) - 1}" if len(held) > 1 else "")
        parts += [cell(item, 12), (f"{age(held[0]['state_seconds'] + late_seconds):>4} ", Ink.DIM)]
    return fit(line(*parts, said(words, mood.ink if troubled else Ink.DIM)), width)


def in_work_box(scene: Scene, crew: Crew, width: int, height: int) -> list[Line]:
    """Tell what is in work, where there is no run to draw: items, their holders, how far they are."""
    rows = [item for item in scene.rows("board") if item["status"] == "claimed"]
    body = [_in_work(item, crew, late(scene, "board"), width - 2) for item in rows[: max(height - 2, 0)]]
    empty = [line((" nobody works on anything now", Ink.DIM))]
    return box(f"In work {len(rows)}", body or empty, width, height, "2")


def _in_work(item: Row, crew: Crew, late_seconds: float, width: int) -> Line:
    left = seconds_left(item, crew, late_seconds)
    share = item.get("progress")
    gauge = f"{'▇' * round((share or 0.0) * 8):<8} " if width >= 60 else ""
    mood = crew.moods.get(str(item.get("agent") or ""))
    return fit(
        line(
            (f" {mood.glyph} " if mood else "   ", mood.ink if mood else Ink.TEXT),
            said(cell(str(item.get("agent") or ""), 8) + " "),
            said(cell(item["id"], 12) + " ", Ink.STRONG),
            (f"{gauge}{percent(share):>5} ", Ink.OK),
            (f"{age(item['state_seconds'] + late_seconds):>4} ", Ink.DIM),
            ("" if left is None else f"lease {age(max(left, 0.0)):>4} ", Ink.DIM),
            said(item["title"]),
        ),
        width,
    )


def events_box(scene: Scene, width: int, height: int) -> list[Line]:
    """List the newest events, the newest first."""
    room = max(height - 2, 0)
    body = [_event(entry, width - 2) for entry in reversed(scene.events[-room:] if room else ())]
    rate = f"Events {scene.rate:,.0f}/s" if scene.rate >= 1 else "Events"
    return box(rate, body or [line((" nothing was written yet", Ink.DIM))], width, height, "7")


def _event(entry: Row, width: int) -> Line:
    glyph, ink = mark_of(entry)
    kind = kind_of(entry)
    name = "" if kind.startswith("alert.") else f"{entity_of(entry)} "
    if width < 60:
        what = kind.partition(".")[2] or kind
        return line((f" {glyph} ", ink), said(name, Ink.STRONG), said(f"{what} ", ink), said(sentence(entry)))
    return line(
        (f" {entry['position']:>8,} {time_of(entry['recorded_at_ns'])} ", Ink.DIM),
        (f"{glyph} ", ink),
        said(kind.ljust(22) + " ", ink),
        said(f"{name} " if name else "", Ink.STRONG),
        said(sentence(entry)),
    )
