"""All rules about one node's hardware, over its looks."""

from coord.services.detectors.finding import Finding
from coord.services.detectors.gpu_presence import PresenceSettings, PresenceWatch
from coord.services.detectors.memory import MemorySettings, MemoryWatch
from coord.services.detectors.readings import Look
from coord.services.detectors.thermal import ThermalSettings, ThermalWatch

CALM_SECONDS = 60.0
"""A node that was looked at for so long without a finding has no incident."""


class NodeWatch:
    """Heat, presence and memory of one node."""

    def __init__(
        self,
        node: str,
        thermal: ThermalSettings | None = None,
        presence: PresenceSettings | None = None,
        memory: MemorySettings | None = None,
    ) -> None:
        self._watches = (
            ThermalWatch(node, thermal),
            PresenceWatch(node, presence),
            MemoryWatch(node, memory),
        )
        self._first_ns: int | None = None
        self._last_ns = 0

    @property
    def looked_seconds(self) -> float:
        """From the first look to the last."""
        return 0.0 if self._first_ns is None else (self._last_ns - self._first_ns) / 1e9

    def observe(self, look: Look) -> list[Finding]:
        """Take in one look."""
        if self._first_ns is None:
            self._first_ns = look.at_ns
        self._last_ns = max(self._last_ns, look.at_ns)
        return [finding for watch in self._watches for finding in watch.observe(look)]
