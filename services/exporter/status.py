"""How the exporter is doing, in `exporter/status.json`: for `coord otlp status`, for doctor, and for its own metrics."""

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import CoordError
from coord.services import clock
from coord.services.exporter.dead import FOLDER, Dead
from coord.services.exporter.delivering import Tally
from coord.services.exporter.environment import Endpoint
from coord.services.exporter.names import METRICS
from coord.services.exporter.records import Point
from coord.services.exporter.shape import Signal
from coord.services.folder import Folder

FILE: Final = "status.json"
WRITE_SECONDS: Final = 2.0

_log: Final = logging.getLogger("coord.exporter")


class Status:
    """What one exporter says of itself."""

    def __init__(
        self,
        folder: Folder,
        endpoints: Mapping[Signal, Endpoint],
        tallies: Mapping[Signal, Tally],
        dead: Dead,
    ) -> None:
        self._folder = folder
        self._endpoints = endpoints
        self._tallies = tallies
        self._dead = dead
        self._began_ns = clock.now_ns()
        self._complained = False
        self.behind: dict[Signal, int] = {}
        """Events that are not dealt with yet, by signal, as the server last said."""
        self.lag_seconds: dict[Signal, float] = {}
        self.overflowed: Mapping[str, int] = {}
        self.sends_metrics = False

    async def run(self) -> None:
        """Write it down, again and again, until cancelled."""
        while True:
            await self.write()
            await asyncio.sleep(WRITE_SECONDS)

    async def write(self) -> None:
        """Write it down now; a full disk is complained of once."""
        try:
            await asyncio.to_thread(self._write)
            self._complained = False
        except CoordError as error:
            if not self._complained:
                _log.warning("the status cannot be written: %s", error)
            self._complained = True

    def _write(self) -> None:
        self._folder.make(FOLDER)
        self._folder.write_json(self.document(), FOLDER, FILE)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "pid": os.getpid(),
            "began_at_ns": self._began_ns,
            "at_ns": clock.now_ns(),
            "dead": self._dead.count(),
            "unkept": self._dead.unkept,
            "sends_metrics": self.sends_metrics,
            "overflowed": dict(self.overflowed),
            "signals": {signal: self._signal(signal) for signal in self._endpoints},
        }

    def points(self, now_ns: int) -> list[Point]:
        """Return it as points."""
        points: list[Point] = []

        def add(name: str, value: float, **told: str) -> None:
            keys = {"signal": "coord.signal", "error": "error.type", "metric": "coord.metric"}
            attributes = {keys[key]: one for key, one in told.items()}
            points.append(Point(METRICS[f"coord.exporter.{name}"], attributes, value, now_ns))

        for signal, tally in self._tallies.items():
            add("sent", tally.sent, signal=signal)
            add("rejected", tally.rejected, signal=signal)
            add("skipped", tally.skipped, signal=signal)
            for kind, count in tally.failed.items():
                add("failed", count, signal=signal, error=kind)
        add("clamped", sum(tally.clamped for tally in self._tallies.values()))
        for signal, count in self.behind.items():
            add("behind", count, signal=signal)
        for signal, seconds in self.lag_seconds.items():
            add("lag", seconds, signal=signal)
        for name, count in self.overflowed.items():
            add("overflowed", count, metric=name)
        return points

    def _signal(self, signal: Signal) -> dict[str, Any]:
        endpoint, tally = self._endpoints[signal], self._tallies[signal]
        return {
            "receiver": endpoint.shown,
            "protocol": endpoint.protocol,
            "sent": tally.sent,
            "rejected": tally.rejected,
            "set_aside": tally.set_aside,
            "skipped": tally.skipped,
            "failed": dict(tally.failed),
            "clamped": tally.clamped,
            "sent_at_ns": tally.sent_at_ns,
            "trouble": tally.trouble,
            "trouble_since_ns": tally.trouble_since_ns,
            "turned_away": tally.turned_away,
            "last_rejection": tally.last_rejection,
            "behind": self.behind.get(signal),
            "lag_seconds": self.lag_seconds.get(signal, 0.0),
        }


def read_status(folder: Folder) -> dict[str, Any]:
    """Return what the exporter of a data folder last said of itself; empty: none has."""
    told = folder.read_json(FOLDER, FILE)
    return told if isinstance(told, dict) else {}
