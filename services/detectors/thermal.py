"""What the GPUs of a node say of heat: margins to the thresholds each GPU names itself, and throttle bits.

    gpu-throttled   heat or a power brake holds the clocks down in 3 of 5 samples
                    critical: the hardware's own thermal brake for 30 s
    gpu-too-hot     less than 3 C below where it slows down for 10 s, the chip or its memory
                    critical: less than 3 C below where it shuts down, twice running

Both end after 60 s more than 8 C below, without a bit. How fast a temperature rises is never looked at: a
load that begins is +16 C in 5 s, and then flat. Clocks held down by a power limit are normal.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from coord.events.streams import SAMPLES
from coord.services.detectors.finding import Finding
from coord.services.detectors.readings import Look
from coord.services.detectors.standing import NOT_HELD, Held, Standing

THROTTLED: Final = "gpu-throttled"
TOO_HOT: Final = "gpu-too-hot"

TEMPERATURE: Final = "gpu_temperature_celsius"
MEMORY_TEMPERATURE: Final = "gpu_memory_temperature_celsius"
SLOWDOWN: Final = "gpu_temperature_slowdown_celsius"
SHUTDOWN: Final = "gpu_temperature_shutdown_celsius"
MEMORY_MAX: Final = "gpu_memory_temperature_max_celsius"
REASONS: Final = "gpu_throttle_reasons_bits"

SOFTWARE_THERMAL: Final = 0x20
HARDWARE_THERMAL: Final = 0x40
POWER_BRAKE: Final = 0x80
ACTIONABLE: Final = SOFTWARE_THERMAL | HARDWARE_THERMAL | POWER_BRAKE
"""0x8, a slowdown whatever its cause, says nothing without one of these; 0x4, the power limit, is normal."""

_LIMITS: Final = (SLOWDOWN, SHUTDOWN, MEMORY_MAX)
_READ: Final = (TEMPERATURE, MEMORY_TEMPERATURE, REASONS)


@dataclass(frozen=True, slots=True)
class ThermalSettings:
    """When heat is an alert. Each figure is a setting, so that a replay can ask what another would have found."""

    throttled: int = 3
    """Samples with a throttle bit, of the last `throttled_of`, that are throttling."""
    throttled_of: int = 5
    """Samples that those with a bit are counted among."""
    go_on_seconds: float = 10.0
    """Throttling that goes on is told again after each so many seconds."""
    brake_seconds: float = 30.0
    """The hardware's thermal brake for so many seconds is critical."""
    margin_celsius: float = 3.0
    """Nearer than so many degrees to where it slows down, or shuts down, is too hot."""
    hot_seconds: float = 10.0
    """Too near to where it slows down for so many seconds is an alert."""
    shutdown_looks: int = 2
    """Looks running too near to the shutdown that are critical: one may be a bad reading."""
    calm_margin_celsius: float = 8.0
    """Degrees below where it slows down that are calm, without a bit."""
    calm_seconds: float = 60.0
    """Calm for so many seconds, and it is over."""


@dataclass(slots=True)
class _Gpu:
    """What is known of one GPU."""

    limits: dict[str, float] = field(default_factory=dict)
    samples: deque[tuple[bool, int]] = field(default_factory=deque)
    """Whether a bit was set, and where that is written; the newest last."""
    bits: int = 0
    temperature: float | None = None
    margin: float | None = None
    """To the nearer of where it slows down and what its memory may have; None: not known."""
    to_shutdown: float | None = None
    near_shutdown: int = 0
    throttled: Held = field(default_factory=Held)
    brake: Held = field(default_factory=Held)
    hot: Held = field(default_factory=Held)
    calm: Held = field(default_factory=Held)
    told_seconds: float = 0.0
    seen_ns: int = 0


class ThermalWatch:
    """The rules of heat over one node."""

    def __init__(self, node: str, settings: ThermalSettings | None = None) -> None:
        self._settings = settings or ThermalSettings()
        self._throttled = Standing(THROTTLED, "node", node)
        self._too_hot = Standing(TOO_HOT, "node", node)
        self._gpus: dict[str, _Gpu] = {}

    def is_calm(self, rule: str) -> bool | None:
        """Tell whether an incident of this rule would be over by now; None: it is no rule of this watch."""
        if rule not in (THROTTLED, TOO_HOT):
            return None
        calm = [gpu.calm.seconds >= self._settings.calm_seconds for gpu in self._gpus.values()]
        return bool(calm) and all(calm)

    def observe(self, look: Look) -> list[Finding]:
        """Take in one look."""
        found: list[Finding] = []
        for device, values in look.devices.items():
            limits = {name: values[name] for name in _LIMITS if name in values}
            if not limits and not any(name in values for name in _READ):
                continue
            gpu = self._gpus.setdefault(device, _Gpu())
            gpu.limits |= limits
            gpu.seen_ns = look.at_ns
            found += self._judge(device, gpu, values, look)
        return found + self._forget(look)

    def _judge(self, device: str, gpu: _Gpu, values: Mapping[str, float], look: Look) -> list[Finding]:
        found: list[Finding] = []
        if REASONS in values:
            gpu.bits = int(values[REASONS])
            found += self._judge_bits(device, gpu, look)
        if TEMPERATURE in values or MEMORY_TEMPERATURE in values:
            _measure(gpu, values)
            found += self._judge_margin(device, gpu, look)
        is_calm = not gpu.bits & ACTIONABLE and (
            gpu.margin is None or gpu.margin > self._settings.calm_margin_celsius
        )
        if gpu.calm.look(is_calm, look.at_ns, look.position) >= self._settings.calm_seconds:
            gpu.told_seconds = 0.0
            for standing in (self._throttled, self._too_hot):
                summary = f"{device}: {self._settings.calm_seconds:g} s without throttling{_below(gpu)}"
                found += standing.fall(device, summary, _at(gpu.calm.first_position, look.position))
        return found

    def _judge_bits(self, device: str, gpu: _Gpu, look: Look) -> list[Finding]:
        settings, at = self._settings, (look.at_ns, look.position)
        gpu.samples.append((bool(gpu.bits & ACTIONABLE), look.position))
        if len(gpu.samples) > settings.throttled_of:
            gpu.samples.popleft()
        bad = [position for is_set, position in gpu.samples if is_set]
        seconds = gpu.throttled.look(len(bad) >= settings.throttled, *at)
        braked = gpu.brake.look(bool(gpu.bits & HARDWARE_THERMAL), *at)
        if seconds == NOT_HELD:
            gpu.told_seconds = 0.0
            return []
        figures = _figures(device, gpu) | {"seconds": seconds}
        if braked >= settings.brake_seconds:
            words = f"{device}: its own thermal brake holds it down for {braked:.0f} s{_below(gpu)}"
            evidence = _at(gpu.brake.first_position, look.position)
            found = self._throttled.rise(device, "critical", words, evidence, figures)
        else:
            words = f"{device}: {_causes(gpu.bits)} in {len(bad)} of {len(gpu.samples)} samples{_below(gpu)}"
            found = self._throttled.rise(device, "warning", words, _at(*bad), figures)
        if not found and seconds - gpu.told_seconds >= settings.go_on_seconds:
            gpu.told_seconds = seconds
            words = f"{device}: {_causes(gpu.bits)} for {seconds:.0f} s{_below(gpu)}"
            found = self._throttled.go_on(words, _at(*bad, look.position), figures)
        return found

    def _judge_margin(self, device: str, gpu: _Gpu, look: Look) -> list[Finding]:
        settings = self._settings
        near = gpu.to_shutdown is not None and gpu.to_shutdown < settings.margin_celsius
        gpu.near_shutdown = gpu.near_shutdown + 1 if near else 0
        is_hot = gpu.margin is not None and gpu.margin < settings.margin_celsius
        seconds = gpu.hot.look(is_hot or near, look.at_ns, look.position)
        figures = _figures(device, gpu) | {"seconds": max(seconds, 0.0)}
        evidence = _at(gpu.hot.first_position, look.position)
        if gpu.near_shutdown >= settings.shutdown_looks:
            words = f"{device} is {gpu.to_shutdown:g} C below where it shuts down"
            return self._too_hot.rise(device, "critical", words, evidence, figures)
        if is_hot and seconds >= settings.hot_seconds:
            words = f"{device} is {gpu.margin:g} C below where it slows down, for {seconds:.0f} s"
            return self._too_hot.rise(device, "warning", words, evidence, figures)
        return []

    def _forget(self, look: Look) -> list[Finding]:
        """A GPU that is not read any more is not hot any more, as far as anybody knows."""
        found: list[Finding] = []
        for device, gpu in list(self._gpus.items()):
            if look.at_ns - gpu.seen_ns > self._settings.calm_seconds * 1e9:
                del self._gpus[device]
                for standing in (self._throttled, self._too_hot):
                    found += standing.fall(device, f"{device} is not read any more", _at(look.position))
        return found


def _measure(gpu: _Gpu, values: Mapping[str, float]) -> None:
    chip, memory = values.get(TEMPERATURE), values.get(MEMORY_TEMPERATURE)
    gpu.temperature = chip
    pairs = ((chip, gpu.limits.get(SLOWDOWN)), (memory, gpu.limits.get(MEMORY_MAX)))
    margins = [limit - value for value, limit in pairs if value is not None and limit]
    gpu.margin = min(margins, default=None)
    limit = gpu.limits.get(SHUTDOWN)
    gpu.to_shutdown = limit - chip if chip is not None and limit else None


def _causes(bits: int) -> str:
    named = (
        (SOFTWARE_THERMAL, "heat"),
        (HARDWARE_THERMAL, "the thermal brake"),
        (POWER_BRAKE, "the power brake"),
    )
    causes = [words for bit, words in named if bits & bit]
    return f"{' and '.join(causes) or 'heat'} held its clocks down"


def _below(gpu: _Gpu) -> str:
    if gpu.margin is None:
        return ""
    hot = "" if gpu.temperature is None else f", at {gpu.temperature:g} C"
    return f"{hot}, {gpu.margin:g} C below its limit"


def _figures(device: str, gpu: _Gpu) -> dict[str, float]:
    known = {
        "gpu": float(index) if (index := device.removeprefix("gpu")).isdecimal() else None,
        "bits": float(gpu.bits),
        "temperature_celsius": gpu.temperature,
        "margin_celsius": gpu.margin,
    }
    return {name: value for name, value in known.items() if value is not None}


def _at(*positions: int) -> list[tuple[str, int]]:
    return [(SAMPLES.name, position) for position in positions]
