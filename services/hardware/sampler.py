"""One look at the machine: every reader once, the slow ones seldom.

A reader that meets something it does not understand is absent from that look, and is named once in the log;
the other readers go on.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Final

from coord.services.hardware import cpu, files, memory, network, power, sensors, storage
from coord.services.hardware.metrics import Point
from coord.services.hardware.rates import Rates

SELDOM_SECONDS: Final = 10.0
"""How often what changes slowly is read: frequency, fullness, limits, totals."""

Reader = Callable[[str, Rates], Iterator[Point]]
_log: Final = logging.getLogger(__name__)


class Sampler:
    """The readers, and when the slow ones are due."""

    def __init__(self, root: str = files.ROOT) -> None:
        self._root = root
        self._rates = Rates()
        self._seldom_at: float | None = None
        self._named: set[str] = set()
        self._often: tuple[Reader, ...] = (
            cpu.read_times,
            cpu.read_load,
            memory.read_memory,
            memory.read_pressure,
            storage.read_activity,
            network.read_network,
            sensors.Sensors().read,
            power.read_packages,
        )
        self._seldom: tuple[Reader, ...] = (
            cpu.read_frequency,
            memory.read_totals,
            storage.read_usage,
            sensors.read_limits,
            power.read_supplies,
        )

    def is_seldom_due(self, now: float) -> bool:
        """Tell whether this look, at a moment of the monotonic clock, is one of the fuller ones."""
        return self._seldom_at is None or now - self._seldom_at >= SELDOM_SECONDS

    def look(self, now: float) -> list[Point]:
        """Read the machine at a moment of the monotonic clock."""
        self._rates.look(now)
        points: list[Point] = []
        for reader in self._often:
            points += self._read(reader)
        if self.is_seldom_due(now):
            self._seldom_at = now
            for reader in self._seldom:
                points += self._read(reader)
        return points

    def _read(self, reader: Reader) -> list[Point]:
        try:
            return list(reader(self._root, self._rates))
        except (ValueError, IndexError, OSError) as error:
            name = getattr(reader, "__qualname__", str(reader))
            if name not in self._named:
                self._named.add(name)
                _log.warning("%s does not understand this machine: %s", name, error)
            return []
