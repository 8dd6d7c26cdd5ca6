"""What no receiver takes is set aside: one JSON file an item in `exporter/dead/`, up to a bound, then only counted."""

import json
import os
from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import CoordError
from coord.services import clock
from coord.services.exporter.shape import Signal
from coord.services.folder import Folder

FOLDER: Final = "exporter"
DEAD: Final = "dead"
FILES_MAX: Final = 1_000


class Dead:
    """The folder of what was set aside."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.unkept = 0
        """Items that were not kept, because the folder is full or cannot be written to."""

    def put(self, signal: Signal, position: int, reason: str, item: Mapping[str, Any]) -> None:
        """Set an item aside; of the same item there is one file."""
        name = f"{signal}-{position}-{clock.new_id()[-12:]}.json"
        try:
            if len(os.listdir(self._folder.make(FOLDER, DEAD))) >= FILES_MAX:
                self.unkept += 1
                return
            told = {
                "signal": signal,
                "position": position,
                "reason": reason,
                "set_aside_at": _now(),
                "item": item,
            }
            self._folder.write_text(json.dumps(told, indent=1) + "\n", FOLDER, DEAD, name)
        except (OSError, CoordError):
            self.unkept += 1

    def count(self) -> int:
        """Return how many items lie there."""
        try:
            return sum(name.endswith(".json") for name in os.listdir(self._folder.path(FOLDER, DEAD)))
        except OSError:
            return 0


def _now() -> str:
    return clock.rfc3339(clock.now_ns())
