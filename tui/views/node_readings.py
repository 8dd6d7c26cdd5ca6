"""What a machine's newest readings say, by metric and device; and what each figure is measured against."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from coord.tui.ink import Ink
from coord.tui.memo import remembered, remembering
from coord.tui.scene import Answer, Row

_THROTTLES: Final = {
    "gpu_throttle_thermal_ratio": "heat",
    "gpu_throttle_power_brake_ratio": "power brake",
    "gpu_throttle_hardware_ratio": "hardware slowdown",
    "gpu_throttle_power_ratio": "power limit (normal)",
}
_BITS: Final = {0x4: "power limit (normal)", 0x20: "heat", 0x40: "heat, by the hardware", 0x80: "power brake"}
"""NVML's clocks event reasons, where they are told as a number."""
HOT_CELSIUS: Final = 3.0
"""Nearer to where it slows down is over the limit, as the rule gpu-too-hot has it."""

FULL_SHARE: Final = 0.95
"""More of a GPU's memory is nearly full, as the rule device-memory has it."""

READ_MAX: Final = 512
"""Machines whose readings are kept as they were read last."""


class Gauge(NamedTuple):
    """What is drawn of a GPU: a metric on a fixed scale."""

    name: str
    metric: str
    limits: Sequence[str]
    """Metrics that are the end of the scale; the first that is told counts."""
    top: float
    """The end of the scale where no limit is told."""
    unit: str


GAUGES: Final = (
    Gauge("util", "gpu_utilization_ratio", (), 1.0, "%"),
    Gauge("mem", "gpu_memory_used_bytes", ("gpu_memory_total_bytes",), 0.0, "GiB"),
    Gauge("temp", "gpu_temperature_celsius", ("gpu_temperature_slowdown_celsius", "gpu_temperature_max_celsius"), 100.0, "°"),
    Gauge("power", "gpu_power_watts", ("gpu_power_limit_watts",), 1_000.0, "W"),
)  # fmt: skip
MACHINE: Final = (
    Gauge("cpu", "cpu_utilization_ratio", (), 1.0, "%"),
    Gauge("memory", "memory_used_bytes", ("memory_total_bytes",), 0.0, "GiB"),
    Gauge("cpu wait", "cpu_pressure_some_ratio", (), 1.0, "%"),
    Gauge("io wait", "io_pressure_some_ratio", (), 1.0, "%"),
)
"""What is drawn of the machine itself."""


class Readings:
    """The newest readings of one machine."""

    def __init__(self, row: Row) -> None:
        self._values: dict[str, dict[str, float]] = {}
        for reading in row.get("readings", ()):
            self._values.setdefault(reading["metric"], {})[reading.get("device", "")] = reading["value"]

    def of(self, metric: str, device: str = "") -> float | None:
        """Return a value of one device; none when nothing was read."""
        return self._values.get(metric, {}).get(device)

    def highest(self, metric: str) -> float | None:
        """Return the highest value over all devices."""
        return max(self._values.get(metric, {}).values(), default=None)

    def mean(self, metric: str) -> float | None:
        """Return the mean over all devices."""
        values = self._values.get(metric, {}).values()
        return sum(values) / len(values) if values else None

    def total(self, metric: str) -> float | None:
        """Return the sum over all devices."""
        values = self._values.get(metric, {}).values()
        return sum(values) if values else None

    def share(self, part: str, whole: str) -> float | None:
        """Return one metric's share of another, the highest over all devices."""
        totals = self._values.get(whole, {})
        parts = self._values.get(part, {}).items()
        return max((used / totals[device] for device, used in parts if totals.get(device)), default=None)

    @cached_property
    def gpus(self) -> Sequence[str]:
        """The GPUs that tell of anything, in order."""
        names = {
            name for metric, values in self._values.items() if metric.startswith("gpu_") for name in values
        }
        return sorted(names - {""}, key=lambda name: (len(name), name))

    def limit(self, gauge: Gauge, device: str) -> float:
        """Return the end of a gauge's scale for a device."""
        told = (self.of(name, device) for name in gauge.limits)
        return next((value for value in told if value), gauge.top)

    def throttling(self, device: str) -> Sequence[str]:
        """Say what holds a GPU's clocks down."""
        found = [words for metric, words in _THROTTLES.items() if (self.of(metric, device) or 0) > 0]
        bits = int(self.of("gpu_throttle_reasons_bits", device) or 0)
        return tuple(dict.fromkeys([*found, *(words for bit, words in _BITS.items() if bits & bit)]))

    def is_over(self, gauge: Gauge, device: str) -> bool:
        """Tell whether a temperature is too near to where the GPU slows down, or its memory nearly full.

        A power limit that is reached is normal.
        """
        value, limit = self.of(gauge.metric, device), self.limit(gauge, device)
        if value is None or not limit:
            return False
        if gauge.name == "temp":
            return value > limit - HOT_CELSIUS
        return gauge.name == "mem" and value > FULL_SHARE * limit

    def hottest(self) -> tuple[float | None, bool]:
        """Return the highest temperature of a GPU, else of the board, and whether it is over a limit."""
        gauge = GAUGES[2]
        over = any(self.is_over(gauge, device) for device in self.gpus)
        value = self.highest(gauge.metric)
        return (self.highest("temperature_celsius") if value is None else value), over


@remembering(READ_MAX)
def readings_of(row: Row) -> Readings:
    """Return the readings of a node's row."""
    return Readings(row)


def trend_of(answer: Answer | None, node: str, metric: str, device: str) -> Sequence[float | None]:
    """Return one series of a trend; empty when there is none."""
    return _series(answer).get((node, metric, device), ())


@remembered
def _series(answer: Answer | None) -> Mapping[tuple[str, str, str], Sequence[float | None]]:
    rows = (answer or {}).get("rows", ())
    return {(row["node"], row["metric"], row.get("device", "")): row["values"] for row in rows}


def worst_word(readings: Readings) -> tuple[str, Ink] | None:
    """Say in a word what is wrong with a machine that speaks; None: nothing."""
    gpus = readings.gpus
    if any((readings.of("gpu_lost_ratio", gpu) or 0) > 0 for gpu in gpus):
        return "gpu lost", Ink.BAD
    if readings.hottest()[1]:
        return "hot", Ink.WARN
    if any("heat" in " ".join(readings.throttling(gpu)) for gpu in gpus):
        return "throttled", Ink.WARN
    if (readings.of("memory_pressure_full_ratio") or 0) > 0.05:
        return "no memory", Ink.WARN
    return None
