"""The verbs of machines: nodes and top. What a machine does not tell is shown as -, never as zero."""

from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import UsageError
from coord.services.cli.call import Call, note_cut
from coord.services.cli.render import Cell, Column, Toned, as_of, print_pairs, print_table, scored
from coord.services.cli.safe import safe
from coord.services.cli.terminal import out, out_json, painted, talk
from coord.services.cli.values import as_name
from coord.services.wording import age, percent, size

STATUSES: Final = {"active": "ok", "stale": "warn", "lost": "bad"}
_ORDERS: Final = ("cpu", "memory", "gpu")
_FULL_WARN: Final = 0.80
_FULL_BAD: Final = 0.95


def nodes(call: Call) -> None:
    """List the machines, or what they are made of."""
    text = call.text("node")
    node = None if text is None else as_name(text, "the node")
    inventory = call.on("inventory")
    answer = call.ask("nodes", node=node, inventory=inventory, limit=call.limit())
    if call.json:
        out_json(answer)
        return
    rows = answer["rows"]
    active = sum(row["status"] == "active" for row in rows)
    out(f"{active} of {len(rows)} nodes active{as_of(answer)}")
    if not rows:
        talk("coord: no monitor has spoken yet. `coord up` runs one here; coord serve hardware does, too.")
    elif inventory:
        for row in rows:
            _print_inventory(row)
    else:
        print_table(_NODES, [_node_row(row) for row in rows])
    note_cut(answer)


def top(call: Call) -> None:
    """List the processes that matter most, under the figures of their machines."""
    by = call.text("by") or "cpu"
    if by not in _ORDERS:
        raise UsageError(f"--by is '{safe(by)[:64]}'; it must be one of {', '.join(_ORDERS)}.")
    answer = call.ask("top", node=call.read("node", as_name), by=by, limit=call.limit())
    if call.json:
        out_json(answer)
        return
    out(f"by {by}{as_of(answer)}")
    if answer.get("nodes"):
        print_table(_NODES, [_node_row(row) for row in answer["nodes"]])
        out("")
    if answer["rows"]:
        print_table(_PROCESSES, [_process_row(row) for row in answer["rows"]])
    else:
        talk(
            "coord: no processes are known yet: a monitor tells of them soon after its start, then every ten seconds."
        )


class _Readings:
    """The newest readings of one machine, by metric and device."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._values: dict[str, dict[str, float]] = {}
        for reading in row.get("readings", ()):
            devices = self._values.setdefault(reading["metric"], {})
            devices[reading.get("device", "")] = reading["value"]

    def own(self, metric: str) -> float | None:
        """Return the value of the machine itself."""
        return self._values.get(metric, {}).get("")

    def highest(self, metric: str) -> float | None:
        """Return the highest value over all devices."""
        return max(self._values.get(metric, {}).values(), default=None)

    def share(self, part: str, whole: str) -> float | None:
        """Return one metric's share of another, the highest over all devices."""
        totals = self._values.get(whole, {})
        parts = self._values.get(part, {}).items()
        return max((used / totals[device] for device, used in parts if totals.get(device)), default=None)

    def count(self, metric: str) -> int:
        """Return how many devices tell of a metric."""
        return len(self._values.get(metric, {}))


def _node_row(row: Mapping[str, Any]) -> list[Cell]:
    values = _Readings(row)
    load = values.own("load_average_1m")
    return [
        row["node"],
        row["status"],
        scored(row.get("score")),
        percent(values.own("cpu_utilization_ratio")),
        None if load is None else f"{load:.2f}",
        _full(values.share("memory_used_bytes", "memory_total_bytes")),
        size(values.own("memory_total_bytes")),
        _full(values.share("disk_used_bytes", "disk_total_bytes")),
        _celsius(values.highest("temperature_celsius")),
        _gpus(values),
        Toned(
            age(row.get("silent_seconds")), "dim" if row["status"] == "active" else STATUSES[row["status"]]
        ),
    ]


def _full(share: float | None) -> Toned:
    """Write how full something is; what is nearly full stands out."""
    full = share or 0.0
    return Toned(percent(share), "bad" if full >= _FULL_BAD else "warn" if full >= _FULL_WARN else "")


def _gpus(values: _Readings) -> str | None:
    count = values.count("gpu_utilization_ratio") or values.count("gpu_temperature_celsius")
    if not count:
        return None
    words = [
        f"{count}x {percent(values.highest('gpu_utilization_ratio'))}",
        _celsius(values.highest("gpu_temperature_celsius")),
        f"memory {percent(values.share('gpu_memory_used_bytes', 'gpu_memory_total_bytes'))}",
    ]
    return ", ".join(word for word in words if word)


def _celsius(value: float | None) -> str | None:
    return None if value is None else f"{value:.0f} °C"


def _process_row(row: Mapping[str, Any]) -> list[Cell]:
    process = row["process"]
    gpu = process.get("gpu_memory_bytes")
    return [
        row["node"],
        process["pid"],
        percent(process["cpu_ratio"]),
        size(process["memory_bytes"]),
        None if gpu is None else size(gpu),
        process["name"],
    ]


def _print_inventory(row: Mapping[str, Any]) -> None:
    status = row["status"]
    out(f"\n{safe(row['node'])}  {painted(safe(status), STATUSES.get(status, ''))}")
    made = row.get("inventory")
    if made is None:
        out("  its inventory is not known")
        return
    cpu, capacity = made["cpu"], made["capacity"]
    print_pairs([
        ("system", f"{made['operating_system']}, {made['kernel']}, {made['architecture']}"),
        ("cpu", f"{cpu['model']}, {cpu['cores_logical']} cores"),
        ("caches", "  ".join(f"{name} {size(count)}" for name, count in cpu.get("cache_bytes", {}).items())),
        ("memory", size(made["memory_bytes"])),
        ("swap", size(made["swap_bytes"]) if made["swap_bytes"] else None),
        *((f"gpu {gpu['index']}", _gpu_text(gpu)) for gpu in made.get("gpus", ())),
        ("driver", made.get("gpu_driver")),
        *((f"disk {disk['mount']}", _disk_text(disk)) for disk in made.get("disks", ())),
        ("power", made.get("power_mode")),
        ("trains", f"up to {_parameters(capacity['train_parameters_max'])} parameters"),
        ("runs", f"up to {_parameters(capacity['infer_parameters_max'])} parameters"),
        ("by", capacity["formula"]),
        ("labels", "  ".join(f"{name}={value}" for name, value in made.get("labels", {}).items())),
    ])  # fmt: skip


def _gpu_text(gpu: Mapping[str, Any]) -> str:
    capability = gpu.get("compute_capability")
    return f"{gpu['model']}, {size(gpu['memory_bytes'])}" + (f", compute {capability}" if capability else "")


def _disk_text(disk: Mapping[str, Any]) -> str:
    rates = [
        f"{word} {size(disk[name])}/s"
        for word, name in (("writes", "write_bytes_per_second"), ("reads", "read_bytes_per_second"))
        if disk.get(name) is not None
    ]
    return ", ".join([f"{disk['file_system']} {size(disk['total_bytes'])}", *rates])


def _parameters(count: int) -> str:
    for unit, many in (("T", 10**12), ("B", 10**9), ("M", 10**6)):
        if count >= many:
            return f"{count / many:.1f} {unit}"
    return str(count)


_NODES: Final = (
    Column("NODE"),
    Column("STATUS", paint=STATUSES),
    Column("HEALTH", right=True, rank=2),
    Column("CPU", right=True),
    Column("LOAD", right=True, rank=3),
    Column("MEMORY", right=True),
    Column("OF", right=True, rank=4),
    Column("DISK", right=True, rank=1),
    Column("HOTTEST", right=True, rank=4),
    Column("GPU", rank=1),
    Column("SEEN", right=True),
)
_PROCESSES: Final = (
    Column("NODE", rank=1),
    Column("PID", right=True),
    Column("CPU", right=True),
    Column("MEMORY", right=True),
    Column("GPU MEMORY", right=True, rank=2),
    Column("NAME", flexible=True),
)
