"""A machine in full: each GPU over time on a fixed scale, what is wrong, what runs there, what it is made of."""

from collections.abc import Iterator, Sequence
from typing import Final

from coord.services.wording import age, percent, safe, size
from coord.tui.boxes import beside, box, filled, shares
from coord.tui.ink import SEVERITIES, Ink, Line, cell, fit, line, said
from coord.tui.memo import remembering
from coord.tui.phrases import MISSING, pairs, stale, waiting, wrapped
from coord.tui.plot import bars
from coord.tui.scene import Answer, Place, Row, Scene
from coord.tui.views.node_readings import (
    GAUGES,
    MACHINE,
    READ_MAX,
    Gauge,
    Readings,
    readings_of,
    trend_of,
)

WINDOWS: Final = (
    (900.0, "15 min"),
    (3_600.0, "1 h"),
    (21_600.0, "6 h"),
    (86_400.0, "24 h"),
    (172_800.0, "48 h"),
)
BINS: Final = 60
_LABEL: Final = 16
_FIGURES: Final = 38
_OWN_FIGURES: Final = 15


def gauge_of(place: Place) -> Gauge:
    """Return what is drawn of each GPU."""
    return next((one for one in GAUGES if one.name == place.metric), GAUGES[0])


def window_of(place: Place) -> tuple[float, str]:
    """Return for how long, in seconds and in words; an hour unless it was changed."""
    return WINDOWS[min(max(place.window + 1, 0), len(WINDOWS) - 1)]


def bars_box(
    scene: Scene, place: Place, nodes: Sequence[Row], chosen: Row, width: int, height: int
) -> list[Line]:
    """Draw the chosen machine over time, then the GPUs of the others while there is room."""
    gauge, (_, words) = gauge_of(place), window_of(place)
    inner, gpus = width - 2, any(readings_of(node).gpus for node in nodes)
    room = max(inner - _LABEL - (_FIGURES if gpus else _OWN_FIGURES), 0)
    body = [_axis(words, room, gpus), *_rows(scene, gauge, chosen, room)]
    for node in nodes:
        if node is not chosen and len(body) < height - 3:
            body += _gpu_rows(scene, gauge, node, room)
    if "node_trend" in scene.faults and "node_trend" not in scene.answers:
        body[0] = waiting(scene, "node_trend", "asking for the last hour")
    if len(body) < height - 2:
        body.append(
            line(
                (f" bars go from 0 to the limit on every row; ! over the limit; {MISSING} no sample", Ink.DIM)
            )
        )
    what = f"{gauge.name} of each GPU" if gpus else "the machine"
    note = stale(scene, "node_trend")
    title = safe(f"{chosen['node']} — {what}, {words}{note.text if note else ''}")
    return box(title, [fit(one, inner) for one in body], width, height, "m metric  + − window")


def detail_box(scene: Scene, place: Place, node: Row, width: int, height: int) -> list[Line]:
    """Draw what is wrong and what the machine is made of, with its processes beside or below."""
    inner = width - 2
    if width >= 100:
        left, right = shares(inner, 1, 1)
        down = height - 2
        body = beside(
            filled([line(" ", *one) for one in _told(scene, node, left - 2)], left, down),
            filled(_processes(scene, place, node, right), right, down),
        )
    else:
        body = [line(" ", *one) for one in _told(scene, node, inner - 2)]
        if len(body) < height - 4:
            body += _processes(scene, place, node, inner)
    title = safe(f"{node['node']}")
    return box(title, [fit(one, inner) for one in body], width, height, "b by cpu, memory, gpu")


def why_lines(scene: Scene, node: Row, width: int) -> list[Line]:
    """Say what is wrong with a machine: its alerts, and what holds its GPUs down."""
    lines: list[Line] = []
    for alert in scene.rows("alerts"):
        if alert["entity_kind"] == "node" and alert["entity"] == node["node"]:
            glyph, ink = SEVERITIES.get(alert["severity"], ("·", Ink.TEXT))
            since = f" for {age(alert['age_seconds'])}"
            lines.append(fit(line((f"{glyph} ", ink), said(alert["summary"]), (since, Ink.DIM)), width))
    readings = readings_of(node)
    for gpu in readings.gpus:
        reasons = readings.throttling(gpu)
        if reasons:
            ink = Ink.DIM if all("normal" in one for one in reasons) else Ink.WARN
            lines.append(fit(line((f"◐ {safe(gpu)} clocks held down by {', '.join(reasons)}", ink)), width))
    return lines


def _rows(scene: Scene, gauge: Gauge, node: Row, room: int) -> Iterator[Line]:
    readings = readings_of(node)
    for one in MACHINE:
        if readings.of(one.metric) is not None:
            yield _row(scene, node, one, "", room, one.name)
    yield from _gpu_rows(scene, gauge, node, room) if readings.gpus else [_no_gpu(node)]


def _gpu_rows(scene: Scene, gauge: Gauge, node: Row, room: int) -> list[Line]:
    return [_row(scene, node, gauge, gpu, room, gpu) for gpu in readings_of(node).gpus]


def _no_gpu(node: Row) -> Line:
    made = node.get("inventory") or {}
    if made.get("gpus"):
        return line(
            (f" {len(made['gpus'])} GPUs in the inventory, and none is read: is its driver there?", Ink.WARN)
        )
    return line((" no GPU on this node", Ink.DIM))


def _row(scene: Scene, node: Row, gauge: Gauge, device: str, room: int, name: str) -> Line:
    return _drawn_row(scene.answers.get("node_trend"), node, gauge, device, room, name)


@remembering(READ_MAX)
def _drawn_row(trend: Answer | None, node: Row, gauge: Gauge, device: str, room: int, name: str) -> Line:
    readings = readings_of(node)
    values = _stretched(trend_of(trend, node["node"], gauge.metric, device), room)
    over = readings.is_over(gauge, device)
    ink = Ink.WARN if over else Ink.DIM if node["status"] != "active" else Ink.OK
    label = cell(safe(f" {node['node']} {name}"), _LABEL - 1) + " "
    figures = _gpu_figures(readings, device) if device else _own_figure(gauge, readings)
    return line((label, Ink.TEXT), (bars(values, room, 0.0, readings.limit(gauge, device)), ink), *figures)


def _stretched(values: Sequence[float | None], room: int) -> Sequence[float | None]:
    times = room // max(len(values), 1)
    return values if times < 2 else [value for value in values for _ in range(times)]


def _own_figure(gauge: Gauge, readings: Readings) -> Iterator[tuple[str, Ink]]:
    value, limit = readings.of(gauge.metric), readings.limit(gauge, "")
    if value is None:
        yield f"  {MISSING}", Ink.DIM
    elif gauge.unit == "GiB":
        yield f" {value / 2**30:5.1f}/{limit / 2**30:.0f} GiB", Ink.TEXT
    else:
        yield f"  {100 * value:3.0f}%", Ink.TEXT


def _gpu_figures(readings: Readings, gpu: str) -> Iterator[tuple[str, Ink]]:
    """Write the newest figures: util, memory, temperature with its limit mark, power of its limit."""
    util, memory, temperature, power = (readings.of(one.metric, gpu) for one in GAUGES)
    total = readings.of("gpu_memory_total_bytes", gpu)
    yield "  " + (f"{100 * util:3.0f}%" if util is not None else f"  {MISSING} "), Ink.TEXT
    words = (
        MISSING if memory is None else f"{memory / 2**30:.0f}/{total / 2**30:.0f}" if total else size(memory)
    )
    yield (
        cell(words, 8, right=True) + ("!" if readings.is_over(GAUGES[1], gpu) else " "),
        _over(readings, 1, gpu),
    )
    words = MISSING if temperature is None else f"{temperature:.0f}°"
    yield (
        cell(words, 5, right=True) + ("!" if readings.is_over(GAUGES[2], gpu) else " "),
        _over(readings, 2, gpu),
    )
    limit = readings.of("gpu_power_limit_watts", gpu)
    words = MISSING if power is None else f"{power:.0f}/{limit:.0f} W" if limit else f"{power:.0f} W"
    yield cell(words, 11, right=True), Ink.TEXT
    if any("normal" not in one for one in readings.throttling(gpu)):
        yield " ⚠", Ink.WARN


def _over(readings: Readings, gauge: int, gpu: str) -> Ink:
    return Ink.WARN if readings.is_over(GAUGES[gauge], gpu) else Ink.TEXT


def _axis(words: str, room: int, gpus: bool) -> Line:
    head = cell("", _LABEL) + (cell(f"−{words}", room - 3) + "now" if room > 12 else cell("", room))
    return line((head, Ink.DIM), ("  util   GiB     temp      power" if gpus else "", Ink.DIM))


def _told(scene: Scene, node: Row, width: int) -> list[Line]:
    lines = why_lines(scene, node, width)
    if node["status"] != "active":
        silent = age(node.get("silent_seconds"))
        lines.insert(0, line((f"✖ no readings for {silent}; what stands here is from before", Ink.WARN)))
    made = node.get("inventory")
    if made is None:
        return [*lines, line(("what it is made of is not known", Ink.DIM))]
    return [*lines, *(row for pair in pairs(*_made(made)) for row in _broken(pair, width))]


def _broken(pair: Line, width: int) -> list[Line]:
    """Break a value that is too long beside its name."""
    name, value = pair
    rows = wrapped(value.text, max(width - len(name.text), 8), value.ink) or [line("")]
    return [
        line(name if place == 0 else (" " * len(name.text), Ink.DIM), *row) for place, row in enumerate(rows)
    ]


def _made(made: Row) -> Iterator[tuple[str, str | None]]:
    cpu, capacity = made["cpu"], made["capacity"]
    yield "system", f"{made['operating_system']}, {made['kernel']}, {made['architecture']}"
    yield "cpu", f"{cpu['model']}, {cpu['cores_logical']} cores"
    swap = f", swap {size(made['swap_bytes'])}" if made.get("swap_bytes") else ""
    yield "memory", f"{size(made['memory_bytes'])}{swap}"
    for gpu in made.get("gpus", ()):
        yield f"gpu {gpu['index']}", f"{gpu['model']}, {size(gpu['memory_bytes'])}, {gpu['uuid']}"
    yield "driver", made.get("gpu_driver")
    for disk in made.get("disks", ()):
        yield f"disk {disk['mount']}", f"{disk['file_system']} {size(disk['total_bytes'])}{_speeds(disk)}"
    yield "power", made.get("power_mode")
    yield "trains", f"models of up to {_count(capacity['train_parameters_max'])} parameters"
    yield "runs", f"models of up to {_count(capacity['infer_parameters_max'])} parameters"
    labels = "  ".join(f"{name}={value}" for name, value in (made.get("labels") or {}).items())
    yield "labels", labels or None


def _speeds(disk: Row) -> str:
    told = [
        f"{words} {size(disk[name])}/s"
        for words, name in (("writes", "write_bytes_per_second"), ("reads", "read_bytes_per_second"))
        if disk.get(name)
    ]
    return "".join(f", {one}" for one in told)


def _count(number: int) -> str:
    for unit, many in (("T", 10**12), ("B", 10**9), ("M", 10**6)):
        if number >= many:
            return f"{number / many:.1f} {unit}"
    return str(number)


def _processes(scene: Scene, place: Place, node: Row, width: int) -> list[Line]:
    answer = scene.answers.get("node_top")
    if answer is None:
        return [waiting(scene, "node_top", "asking for its processes")]
    rows = [row["process"] for row in answer["rows"] if row["node"] == node["node"]]
    if answer["rows"] and not rows:
        return [line(("asking for its processes …", Ink.DIM))]
    if not rows:
        return [line(("no processes were told of yet; a monitor tells every ten seconds", Ink.DIM))]
    by = by_of(place)
    head = f"{'PID':>8} {'CPU':>6} {'MEMORY':>9} {'GPU MEM':>9}  PROCESS by {by}"
    return [line((head, Ink.DIM)), *(_process(one, width) for one in rows)]


def _process(one: Row, width: int) -> Line:
    gpu = one.get("gpu_memory_bytes")
    figures = f"{one['pid']:>8} {percent(one['cpu_ratio']):>6} {size(one['memory_bytes']):>9} "
    return fit(
        line(figures, cell("—" if gpu is None else size(gpu), 9, right=True), "  ", said(one["name"])), width
    )


def by_of(place: Place) -> str:
    """Return by what the processes are ordered."""
    return place.mode if place.mode in ("cpu", "memory", "gpu") else "cpu"
