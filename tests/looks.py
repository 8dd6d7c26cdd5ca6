"""Looks at one node's readings, a second apart, and what a watch finds in them."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from coord.events.streams import SAMPLES
from coord.services.detectors.finding import Finding
from coord.services.detectors.readings import Look

NS = 1_000_000_000
LIMITS = {
    "gpu_temperature_slowdown_celsius": 87.0,
    "gpu_temperature_shutdown_celsius": 92.0,
    "gpu_memory_temperature_max_celsius": 95.0,
}


class Watch(Protocol):
    """A fold over looks."""

    def observe(self, look: Look) -> list[Finding]:
        """Take in one look."""


class Looks:
    """A watch that is shown one look a second."""

    def __init__(self, watch: Watch, seconds: float = 1.0) -> None:
        self.watch = watch
        self.position = 0
        self.at_ns = 1_000 * NS
        self._step_ns = round(seconds * NS)

    def show(self, times: int = 1, **devices: Mapping[str, float]) -> list[Finding]:
        """Show the same some times; `node` stands for the machine itself."""
        found = []
        for _ in range(times):
            self.position += 1
            self.at_ns += self._step_ns
            values = {("" if name == "node" else name): given for name, given in devices.items()}
            found += self.watch.observe(Look(self.position, self.at_ns, values))
        return found

    def rest(self, seconds: float) -> None:
        """Let time pass without a look."""
        self.at_ns += round(seconds * NS)


def gpu(temperature: float = 60.0, bits: float = 0, **more: Any) -> dict[str, float]:
    """Return one GPU's readings."""
    return {
        "gpu_temperature_celsius": temperature,
        "gpu_throttle_reasons_bits": float(bits),
        "gpu_lost_ratio": 0.0,
        **LIMITS,
        **more,
    }


def told(found: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """Return rule, change and severity of findings."""
    return [(finding.rule, finding.change, finding.severity) for finding in found]


def at(finding: Finding) -> list[int]:
    """Return the positions a finding rests on."""
    assert {stream for stream, _ in finding.evidence} == {SAMPLES.name}
    return [position for _, position in finding.evidence]
