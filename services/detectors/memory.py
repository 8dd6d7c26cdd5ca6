"""What a node says of its memory, and what the memory of its GPUs has left.

    memory-pressure     tasks stall for want of memory (PSI): some in 30 % of the time, or all in 5 %, for
                        10 s; critical: all in 30 %; over after 30 s below a third of that
    memory-exhaustion   by its slope over the last minute, the RAM is used up within 60 s, or is now; critical
    device-memory       more than 95 % of a GPU's memory is used for 10 s; over below 90 %. For notice only:
                        a framework that keeps what it was once given looks the same

Used up means: 2 % is left. The slope is robust: the median of the slopes between values a quarter of the window
apart, so that one jump is none and a staircase is one. While more than 30 % is available nothing is said: a model that is being loaded
falls as steeply.
"""

from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from coord.events.streams import SAMPLES
from coord.services.detectors.finding import Finding
from coord.services.detectors.readings import NODE_ITSELF, Look
from coord.services.detectors.standing import Held, Standing

PRESSURE: Final = "memory-pressure"
EXHAUSTION: Final = "memory-exhaustion"
DEVICE: Final = "device-memory"

SOME: Final = "memory_pressure_some_ratio"
FULL: Final = "memory_pressure_full_ratio"
AVAILABLE: Final = "memory_available_bytes"
TOTAL: Final = "memory_total_bytes"
USED: Final = "memory_used_bytes"
GPU_USED: Final = "gpu_memory_used_bytes"
GPU_TOTAL: Final = "gpu_memory_total_bytes"

_NS: Final = 1e9
_MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class MemorySettings:
    """When memory is an alert."""

    some_ratio: float = 0.30
    """Share of the time in which some tasks stall that is pressure."""
    full_ratio: float = 0.05
    """Share of the time in which all tasks stall that is pressure."""
    full_critical_ratio: float = 0.30
    """Share of the time in which all tasks stall that is critical."""
    pressed_seconds: float = 10.0
    """Pressure for so many seconds is an alert."""
    eased_share: float = 1 / 3
    """Share of the ratios above, below which pressure has eased."""
    eased_seconds: float = 30.0
    """Eased for so many seconds, and it is over."""
    window_seconds: float = 60.0
    """Seconds that the slope is taken of."""
    values_min: int = 8
    """Values that a slope needs at least."""
    used_up_ratio: float = 0.02
    """Share of the RAM that is left when it counts as used up."""
    used_up_seconds: float = 60.0
    """Used up within so many seconds, by the slope, is an alert."""
    roomy_ratio: float = 0.30
    """Share of the RAM; while more is available, nothing is said of exhaustion."""
    looks: int = 2
    """Looks running that must say so."""
    device_ratio: float = 0.95
    """Share of a GPU's memory; more in use is nearly full."""
    device_eased_ratio: float = 0.90
    """Share of a GPU's memory; less in use, and it is over."""
    device_seconds: float = 10.0
    """Nearly full for so many seconds is an alert."""


@dataclass(slots=True)
class _Device:
    total: float | None = None
    full: Held = field(default_factory=Held)
    eased: Held = field(default_factory=Held)


class MemoryWatch:
    """The rules of memory over one node."""

    def __init__(self, node: str, settings: MemorySettings | None = None) -> None:
        self._settings = settings or MemorySettings()
        self._pressure = Standing(PRESSURE, "node", node)
        self._exhaustion = Standing(EXHAUSTION, "node", node)
        self._device_memory = Standing(DEVICE, "node", node)
        self._pressed, self._stalled, self._eased = Held(), Held(), Held()
        self._recent: deque[tuple[int, float, int]] = deque()
        """Moment, available bytes, position."""
        self._total: float | None = None
        self._short = 0
        self._safe = Held()
        self._devices: dict[str, _Device] = {}

    def is_calm(self, rule: str) -> bool | None:
        """Tell whether an incident of this rule would be over by now; None: it is no rule of this watch."""
        settings = self._settings
        if rule == PRESSURE:
            return self._eased.seconds >= settings.eased_seconds
        if rule == EXHAUSTION:
            return self._safe.seconds >= settings.eased_seconds
        if rule == DEVICE:
            calm = [device.eased.seconds >= settings.device_seconds for device in self._devices.values()]
            return bool(calm) and all(calm)
        return None

    def observe(self, look: Look) -> list[Finding]:
        """Take in one look."""
        return self._judge_pressure(look) + self._judge_slope(look) + self._judge_devices(look)

    def _judge_pressure(self, look: Look) -> list[Finding]:
        some, full = look.node.get(SOME), look.node.get(FULL)
        if some is None and full is None:
            return []
        some, full = some or 0.0, full or 0.0
        settings, at = self._settings, (look.at_ns, look.position)
        pressed = self._pressed.look(some >= settings.some_ratio or full >= settings.full_ratio, *at)
        stalled = self._stalled.look(full >= settings.full_critical_ratio, *at)
        share = settings.eased_share
        is_eased = some < share * settings.some_ratio and full < share * settings.full_ratio
        eased = self._eased.look(is_eased, *at)
        figures = {"some_ratio": some, "full_ratio": full, "seconds": max(pressed, 0.0)}
        words = f"tasks wait for memory {100 * some:.0f} % of the time, all of them {100 * full:.0f} %"
        if stalled >= settings.pressed_seconds:
            evidence = _at(self._stalled.first_position, look.position)
            return self._pressure.rise(NODE_ITSELF, "critical", words, evidence, figures)
        if pressed >= settings.pressed_seconds:
            evidence = _at(self._pressed.first_position, look.position)
            return self._pressure.rise(NODE_ITSELF, "warning", words, evidence, figures)
        if eased >= settings.eased_seconds:
            words = f"nothing has waited for memory for {eased:.0f} s"
            return self._pressure.fall(NODE_ITSELF, words, _at(self._eased.first_position, look.position))
        return []

    def _judge_slope(self, look: Look) -> list[Finding]:
        available = look.node.get(AVAILABLE)
        used = look.node.get(USED)
        if available is None:
            return []
        self._total = look.node.get(TOTAL, available + used if used is not None else self._total)
        if not self._total:
            return []
        settings = self._settings
        self._recent.append((look.at_ns, available, look.position))
        while look.at_ns - self._recent[0][0] > settings.window_seconds * _NS:
            self._recent.popleft()
        seconds = self._seconds_left(available)
        is_short = seconds < settings.used_up_seconds and available < settings.roomy_ratio * self._total
        self._short = self._short + 1 if is_short else 0
        is_safe = not is_short and seconds > 3 * settings.used_up_seconds
        safe_seconds = self._safe.look(is_safe, look.at_ns, look.position)
        left = f"{available / _MIB:,.0f} MiB of RAM are left"
        if self._short >= settings.looks:
            when = (
                f"and used up in {seconds:.0f} s at this rate" if seconds > 0 else "which is next to nothing"
            )
            figures = {"available_bytes": available, "seconds_left": seconds}
            evidence = _at(self._recent[0][2], look.position)
            return self._exhaustion.rise(NODE_ITSELF, "critical", f"{left}, {when}", evidence, figures)
        if safe_seconds >= settings.eased_seconds:
            evidence = _at(self._safe.first_position, look.position)
            return self._exhaustion.fall(NODE_ITSELF, f"{left}, and are not going", evidence)
        return []

    def _seconds_left(self, available: float) -> float:
        """Return when the RAM is used up at the present slope; 0: now; infinite: never."""
        assert self._total is not None
        above = available - self._settings.used_up_ratio * self._total
        if above <= 0:
            return 0.0
        recent = self._recent
        if len(recent) < self._settings.values_min:
            return float("inf")
        apart = len(recent) // 4
        pairs = zip(list(recent)[:-apart], list(recent)[apart:], strict=True)
        slopes = [
            (later - sooner) / (after - before) * _NS
            for (before, sooner, _), (after, later, _) in pairs
            if after > before
        ]
        slope = median(slopes) if slopes else 0.0
        return above / -slope if slope < 0 else float("inf")

    def _judge_devices(self, look: Look) -> list[Finding]:
        found: list[Finding] = []
        settings = self._settings
        for name, values in look.devices.items():
            if GPU_USED not in values and GPU_TOTAL not in values:
                continue
            device = self._devices.setdefault(name, _Device())
            device.total = values.get(GPU_TOTAL, device.total)
            used = values.get(GPU_USED)
            if used is None or not device.total:
                continue
            ratio = used / device.total
            full = device.full.look(ratio > settings.device_ratio, look.at_ns, look.position)
            eased = device.eased.look(ratio < settings.device_eased_ratio, look.at_ns, look.position)
            words = f"{name}: {100 * ratio:.1f} % of its memory is used"
            if full >= settings.device_seconds:
                evidence = _at(device.full.first_position, look.position)
                found += self._device_memory.rise(name, "info", words, evidence, {"ratio": ratio})
            elif eased >= settings.device_seconds:
                evidence = _at(device.eased.first_position, look.position)
                found += self._device_memory.fall(name, words, evidence)
        return found


def _at(*positions: int) -> list[tuple[str, int]]:
    return [(SAMPLES.name, position) for position in positions]
