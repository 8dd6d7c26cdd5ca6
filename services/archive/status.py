"""How archiving is going, in `archive.json` and, of readings, `archive_readings.json`: for `coord archive`, and for doctor."""

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Final

from coord.events.errors import CoordError
from coord.events.streams import SAMPLES
from coord.projections.snapshots import Snapshot
from coord.services import clock
from coord.services.archive.place import STATUS_FILE
from coord.services.archive.readings_place import ReadingsStanding
from coord.services.folder import Folder

READINGS_FILE: Final = "archive_readings.json"
WRITE_SECONDS: Final = 2.0


class _Told(ABC):
    """What a loop says of itself, and since when it does not go on."""

    def __init__(self, folder: Folder, place: Path, file: str) -> None:
        self._folder = folder
        self._place = place
        self._file = file
        self._written_at = 0.0
        self.rate = 0.0
        """Rows a second, of the newest writing."""
        self.fault = ""
        self.fault_since_ns = 0

    def well(self) -> None:
        """It goes on."""
        self.fault, self.fault_since_ns = "", 0

    def failed(self, error: CoordError) -> None:
        """It does not go on now, and is tried again."""
        self.fault = str(error)
        self.fault_since_ns = self.fault_since_ns or clock.now_ns()

    def is_due(self) -> bool:
        """Tell whether it is time to write it down again."""
        return clock.monotonic() - self._written_at >= WRITE_SECONDS

    def write(self) -> None:
        """Write it down; a disk that takes nothing is told by other means."""
        try:
            self._folder.write_json(self.document(), self._file)
        except CoordError:
            return
        self._written_at = clock.monotonic()

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "pid": os.getpid(),
            "at_ns": clock.now_ns(),
            "folder": str(self._place),
            **self.standing(),
            "fault": self.fault,
            "fault_since_ns": self.fault_since_ns,
        }

    @abstractmethod
    def standing(self) -> dict[str, Any]:
        """Say how far it is."""


class Status(_Told):
    """Of EVENTS."""

    def __init__(self, folder: Folder, place: Path) -> None:
        super().__init__(folder, place, STATUS_FILE)
        self.position = 0
        self.last = 0
        """Where EVENTS stood when it was last asked."""
        self.since_ns = 0
        """When the oldest message that is in no file was recorded; 0: all are."""

    def standing(self) -> dict[str, Any]:
        """Say how far it is."""
        return {
            "position": self.position,
            "last": self.last,
            "behind": max(0, self.last - self.position),
            "since_ns": self.since_ns,
            "messages_per_second": round(self.rate),
        }


class ReadingsStatus(_Told):
    """Of readings, by the snapshots that they are taken from."""

    def __init__(self, folder: Folder, place: Path) -> None:
        super().__init__(folder, place, READINGS_FILE)
        self._last = self._position = self._readings = self._snapshot_ns = self._until_ns = 0

    def seen(self, snapshot: Snapshot | None, standing: ReadingsStanding | None) -> None:
        """Note which snapshot is the newest, and how far the archive is."""
        if snapshot is not None:
            self._last = snapshot.standing.positions.get(SAMPLES.name, 0)
            self._snapshot_ns = snapshot.standing.taken_at_ns
        if standing is not None:
            self._position, self._readings = standing.position, standing.readings
            self._until_ns = standing.recorded_at_ns

    def standing(self) -> dict[str, Any]:
        """Say how far it is."""
        return {
            "position": self._position,
            "last": self._last,
            "until_ns": self._until_ns,
            "readings": self._readings,
            "readings_per_second": round(self.rate),
            "snapshot_ns": self._snapshot_ns,
        }


def read_status(folder: Folder, file: str = STATUS_FILE) -> dict[str, Any]:
    """Return what the service of a data folder last said of itself; empty: none has."""
    told = folder.read_json(file)
    return told if isinstance(told, dict) else {}
