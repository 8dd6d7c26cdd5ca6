"""All rules about one node's hardware, over its looks."""

from coord.services.detectors.finding import Finding
from coord.services.detectors.gpu_presence import PresenceSettings, PresenceWatch
from coord.services.detectors.memory import MemorySettings, MemoryWatch
from coord.services.detectors.readings import Look
from coord.services.detectors.thermal import ThermalSettings, ThermalWatch


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

    def is_calm(self, rule: str) -> bool:
        """Tell whether an incident of this rule, had there been one, would be over by now."""
        return any(watch.is_calm(rule) for watch in self._watches)

    def observe(self, look: Look) -> list[Finding]:
        """Take in one look."""
        return [finding for watch in self._watches for finding in watch.observe(look)]
