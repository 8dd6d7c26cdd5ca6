"""From a monitor's readings to points: one entry for each reading that monitors take.

Pure. A reading without an entry is not sent; `tests/exporter` holds that there is one for each.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from coord.services.exporter.names import METRICS
from coord.services.exporter.records import Attribute, Attributes, Point

Figures = Sequence[Mapping[str, Any]]
_MHZ: Final = 1e6


class _To(NamedTuple):
    """Where a reading goes."""

    metric: str
    told: Mapping[str, str] = {}
    device: str = ""
    """The attribute that names the device."""
    scale: float = 1.0


def _gpu(metric: str, scale: float = 1.0, **told: str) -> _To:
    return _To(metric, {key.replace("__", "."): value for key, value in told.items()}, "hw.id", scale)


def _temperature(where: str, limit: str = "") -> _To:
    told = {"hw.type": "gpu", "hw.sensor_location": where}
    if not limit:
        return _To("hw.temperature", told, "hw.id")
    return _To("hw.temperature.limit", {**told, "hw.limit_type": limit}, "hw.id")


def _throttled(reason: str) -> _To:
    return _To("coord.gpu.throttled", {"coord.throttle.reason": reason}, "hw.id")


def _violation(reason: str) -> _To:
    return _To("coord.gpu.violation", {"coord.throttle.reason": reason}, "hw.id")


def _pressure(resource: str, kind: str) -> _To:
    return _To("coord.node.pressure", {"coord.pressure.resource": resource, "coord.pressure.kind": kind})


def _disk(metric: str, direction: str) -> _To:
    return _To(metric, {"disk.io.direction": direction}, "system.device")


_SENSOR: Final = {"hw.type": "temperature"}
TABLE: Final[dict[str, _To]] = {
    "cpu_core_utilization_ratio": _To("coord.node.cpu.core.utilization", {}, "cpu.logical_number"),
    "cpu_core_utilization_ratio_max": _To("coord.node.cpu.core.busiest"),
    "cpu_cores_busy_count": _To("coord.node.cpu.core.busy"),
    "cpu_frequency_mhz": _To("system.cpu.frequency", {"coord.aggregation": "mean"}, scale=_MHZ),
    "cpu_frequency_mhz_min": _To("system.cpu.frequency", {"coord.aggregation": "min"}, scale=_MHZ),
    "load_average_1m": _To("system.cpu.load_average.1m"),
    "load_average_5m": _To("system.cpu.load_average.5m"),
    "load_average_15m": _To("system.cpu.load_average.15m"),
    "tasks_count": _To("coord.node.tasks", {"coord.task.state": "exist"}),
    "tasks_running_count": _To("coord.node.tasks", {"coord.task.state": "running"}),
    "tasks_blocked_count": _To("coord.node.tasks", {"coord.task.state": "blocked"}),
    "processes_count": _To("system.process.count"),
    "memory_total_bytes": _To("system.memory.limit"),
    "memory_used_bytes": _To("system.memory.usage", {"system.memory.state": "used"}),
    "memory_available_bytes": _To("system.linux.memory.available"),
    "swap_used_bytes": _To("system.paging.usage", {"system.paging.state": "used"}),
    "cpu_pressure_some_ratio": _pressure("cpu", "some"),
    "cpu_pressure_full_ratio": _pressure("cpu", "full"),
    "memory_pressure_some_ratio": _pressure("memory", "some"),
    "memory_pressure_full_ratio": _pressure("memory", "full"),
    "io_pressure_some_ratio": _pressure("io", "some"),
    "io_pressure_full_ratio": _pressure("io", "full"),
    "irq_pressure_full_ratio": _pressure("irq", "full"),
    "disk_total_bytes": _To("system.filesystem.limit", {}, "system.filesystem.mountpoint"),
    "disk_used_bytes": _To("system.filesystem.usage", {"system.filesystem.state": "used"}, "system.filesystem.mountpoint"),
    "disk_available_bytes": _To("system.filesystem.usage", {"system.filesystem.state": "free"}, "system.filesystem.mountpoint"),
    "disk_read_bytes_per_second": _disk("coord.node.disk.io.rate", "read"),
    "disk_write_bytes_per_second": _disk("coord.node.disk.io.rate", "write"),
    "disk_reads_per_second": _disk("coord.node.disk.operation.rate", "read"),
    "disk_writes_per_second": _disk("coord.node.disk.operation.rate", "write"),
    "disk_busy_ratio": _To("coord.node.disk.busy", {}, "system.device"),
    "network_receive_bytes_per_second": _To("coord.node.network.io.rate", {"network.io.direction": "receive"}, "network.interface.name"),
    "network_transmit_bytes_per_second": _To("coord.node.network.io.rate", {"network.io.direction": "transmit"}, "network.interface.name"),
    "network_errors_per_second": _To("coord.node.network.error.rate", {}, "network.interface.name"),
    "network_drops_per_second": _To("coord.node.network.drop.rate", {}, "network.interface.name"),
    "temperature_celsius": _To("hw.temperature", _SENSOR, "hw.id"),
    "temperature_high_celsius": _To("hw.temperature.limit", {**_SENSOR, "hw.limit_type": "high.degraded"}, "hw.id"),
    "temperature_critical_celsius": _To("hw.temperature.limit", {**_SENSOR, "hw.limit_type": "high.critical"}, "hw.id"),
    "fan_revolutions_per_minute": _To("hw.fan.speed", {}, "hw.id"),
    "sensor_power_watts": _To("hw.power", {"hw.type": "board"}, "hw.id"),
    "package_power_watts": _To("hw.power", {"hw.type": "cpu"}, "hw.id"),
    "power_mains_ratio": _To("coord.node.mains", {}, "hw.id"),
    "battery_charge_ratio": _To("hw.battery.charge", {}, "hw.id"),
    "battery_power_watts": _To("hw.power", {"hw.type": "battery"}, "hw.id"),
    "gpu_temperature_celsius": _temperature("gpu"),
    "gpu_memory_temperature_celsius": _temperature("memory"),
    "gpu_temperature_slowdown_celsius": _temperature("gpu", "throttled"),
    "gpu_temperature_shutdown_celsius": _temperature("gpu", "shutdown"),
    "gpu_temperature_max_celsius": _temperature("gpu", "high.degraded"),
    "gpu_memory_temperature_max_celsius": _temperature("memory", "high.degraded"),
    "gpu_power_watts": _gpu("hw.power", hw__type="gpu"),
    "gpu_power_limit_watts": _gpu("coord.gpu.power.limit"),
    "gpu_utilization_ratio": _gpu("hw.gpu.utilization", hw__gpu__task="general"),
    "gpu_memory_utilization_ratio": _gpu("coord.gpu.memory.busy"),
    "gpu_memory_used_bytes": _gpu("hw.gpu.memory.usage"),
    "gpu_memory_total_bytes": _gpu("hw.gpu.memory.limit"),
    "gpu_sm_clock_mhz": _gpu("coord.gpu.clock", _MHZ, coord__clock="sm"),
    "gpu_sm_clock_mhz_max": _gpu("coord.gpu.clock.limit", _MHZ, coord__clock="sm"),
    "gpu_memory_clock_mhz": _gpu("coord.gpu.clock", _MHZ, coord__clock="memory"),
    "gpu_memory_clock_mhz_max": _gpu("coord.gpu.clock.limit", _MHZ, coord__clock="memory"),
    "gpu_fan_ratio": _gpu("hw.fan.speed_ratio"),
    "gpu_throttle_power_ratio": _throttled("power"),
    "gpu_throttle_thermal_ratio": _throttled("thermal"),
    "gpu_throttle_power_brake_ratio": _throttled("power_brake"),
    "gpu_throttle_hardware_ratio": _throttled("hardware"),
    "gpu_violation_power_ratio": _violation("power"),
    "gpu_violation_thermal_ratio": _violation("thermal"),
    "gpu_violation_reliability_ratio": _violation("reliability"),
    "gpu_violation_board_ratio": _violation("board"),
    "gpu_ecc_corrected_errors": _gpu("hw.errors", hw__type="gpu", error__type="corrected"),
    "gpu_ecc_uncorrected_errors": _gpu("hw.errors", hw__type="gpu", error__type="uncorrected"),
    "gpu_ecc_uncorrected_errors_lifetime": _gpu("coord.gpu.ecc.lifetime"),
    "gpu_xid_code": _gpu("coord.gpu.xid"),
    "gpu_driver_timeouts_count": _To("coord.gpu.driver.timeouts", {}, "hw.id"),
}  # fmt: skip
"""By reading: those that are one point each."""
DERIVED: Final = frozenset(
    ("cpu_utilization_ratio", "cpu_system_ratio", "cpu_iowait_ratio", "cpu_steal_ratio", "swap_total_bytes", "gpu_lost_ratio")
)  # fmt: skip
"""Readings that are made into others below."""
NOT_SENT: Final = frozenset(("gpu_throttle_reasons_bits",))
"""Said better by the readings of each reason."""


def node_points(figures: Figures, now_ns: int) -> list[tuple[str, Attributes, list[Point]]]:
    """Return each node of a page: its name, what its resource says of it, and its points."""
    by_node: dict[str, list[Mapping[str, Any]]] = {}
    for figure in figures:
        by_node.setdefault(figure["labels"]["node"], []).append(figure)
    return [(name, _resource(name, found), _points(found, now_ns)) for name, found in by_node.items()]


def _resource(name: str, figures: Iterable[Mapping[str, Any]]) -> Attributes:
    told: dict[str, Attribute] = {"host.name": name, "os.type": "linux"}
    for figure in figures:
        if figure["name"] == "node":
            told["host.arch"] = figure["labels"].get("architecture", "")
            told["os.description"] = figure["labels"].get("operating_system", "")
    return told


def _points(figures: list[Mapping[str, Any]], now_ns: int) -> list[Point]:
    boards = {one["labels"]["device"]: one["labels"] for one in figures if one["name"] == "gpu"}
    ids = {device: labels["uuid"] for device, labels in boards.items()}
    points: list[Point] = []
    for figure in figures:
        points += _own(figure, now_ns)
        to = TABLE.get(figure["name"])
        if to is not None:
            device = figure["labels"].get("device", "")
            told: dict[str, Attribute] = dict(to.told)
            if to.device:
                told[to.device] = _device(to, ids.get(device, device))
            points.append(_point(to.metric, figure["value"] * to.scale, figure["at_ns"] or now_ns, told))
    return points + _Seen(figures, ids, now_ns).derive()


def _device(to: _To, device: str) -> Attribute:
    digits = device.removeprefix("cpu")
    return int(digits) if to.device == "cpu.logical_number" and digits.isdecimal() else device or "all"


def _own(figure: Mapping[str, Any], now_ns: int) -> list[Point]:
    """Return what is said of the node itself, and of each of its GPUs."""
    labels, value = figure["labels"], figure["value"]
    if figure["name"] == "node_silent_seconds":
        return [_point("coord.node.silence", value, now_ns)]
    if figure["name"] == "readings_dropped":
        return [_point("coord.node.readings.dropped", value, now_ns)]
    if figure["name"] != "gpu":
        return []
    told: dict[str, Attribute] = {
        "hw.id": labels["uuid"],
        "hw.name": labels["device"],
        "hw.model": labels["model"],
        "hw.vendor": "NVIDIA",
        "hw.driver_version": labels.get("driver", ""),
    }
    return [_point("coord.gpu.info", 1, now_ns, told)]


class _Seen:
    """A node's readings, to make others of."""

    def __init__(self, figures: Figures, ids: Mapping[str, str], now_ns: int) -> None:
        self._figures = {(one["name"], one["labels"].get("device", "")): one for one in figures}
        self._ids = ids
        self._now_ns = now_ns
        self.points: list[Point] = []

    def derive(self) -> list[Point]:
        """Return what is made of several readings."""
        self._cpu()
        self._memory()
        for name, device in self._figures:
            if name == "disk_used_bytes":
                self._share(name, "disk_total_bytes", device, "system.filesystem.utilization",
                            {"system.filesystem.mountpoint": device})  # fmt: skip
            elif name == "gpu_memory_used_bytes":
                self._share(
                    name, "gpu_memory_total_bytes", device, "hw.gpu.memory.utilization", self._board(device)
                )
            elif name == "gpu_lost_ratio":
                self._status(name, device)
        return self.points

    def _value(self, name: str, device: str = "") -> float | None:
        figure = self._figures.get((name, device))
        return None if figure is None else float(figure["value"])

    def _add(self, metric: str, like: str, value: float, told: Attributes, device: str = "") -> None:
        at_ns = self._figures[like, device]["at_ns"] or self._now_ns
        self.points.append(_point(metric, value, at_ns, told))

    def _cpu(self) -> None:
        busy = self._value("cpu_utilization_ratio")
        if busy is None:
            return
        system, wait, steal = (
            self._value(f"cpu_{one}_ratio") or 0.0 for one in ("system", "iowait", "steal")
        )
        modes = {"user": busy - system - steal, "system": system, "iowait": wait, "steal": steal,
                 "idle": 1.0 - busy - wait}  # fmt: skip
        for mode, share in modes.items():
            self._add("system.cpu.utilization", "cpu_utilization_ratio", max(0.0, share), {"cpu.mode": mode})

    def _memory(self) -> None:
        total, used = self._value("memory_total_bytes"), self._value("memory_used_bytes")
        if total and used is not None:
            for state, size in (("used", used), ("free", total - used)):
                told = {"system.memory.state": state}
                self._add("system.memory.utilization", "memory_used_bytes", size / total, told)
            self._add(
                "system.memory.usage", "memory_used_bytes", total - used, {"system.memory.state": "free"}
            )
        total, used = self._value("swap_total_bytes"), self._value("swap_used_bytes")
        if total is not None and used is not None:
            self._add("system.paging.usage", "swap_used_bytes", total - used, {"system.paging.state": "free"})

    def _share(self, used: str, total: str, device: str, metric: str, told: Attributes) -> None:
        size, part = self._value(total, device), self._value(used, device)
        if size and part is not None:
            self._add(metric, used, part / size, told, device)

    def _status(self, name: str, device: str) -> None:
        lost = self._value(name, device) or 0.0
        for state, is_in in (("ok", 1.0 - lost), ("failed", lost)):
            told = {**self._board(device), "hw.type": "gpu", "hw.state": state}
            self._add("hw.status", name, is_in, told, device)

    def _board(self, device: str) -> dict[str, Attribute]:
        return {"hw.id": self._ids.get(device, device)}


def _point(metric: str, value: float, at_ns: int, told: Attributes | None = None) -> Point:
    return Point(METRICS[metric], told or {}, value, at_ns)
