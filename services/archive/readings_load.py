"""The readings of an archive back into one of the store's files that holds none: for a rebuild.

What would still be kept comes back - readings, closed minutes, and what the projection knew of SAMPLES where the last
step ended - so whoever folds goes on behind that position, and the tables are what they were.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from coord.projections.folds.shape import Table
from coord.projections.store import Keeping, Kept
from coord.projections.store.schema import SEALED
from coord.projections.store.sealed_files import SealedFiles
from coord.services.archive.readings_place import (
    FOLDERS,
    ReadingsFile,
    ReadingsStanding,
    readings_files,
    state_folder,
)

MEMORY_MIB: Final = 256
_SECOND_NS: Final = 1_000_000_000


def load_readings(
    root: Path, standing: ReadingsStanding, file: Path, keeping: Keeping, tell: Callable[[int, int], None]
) -> int:
    """Fill a file of the store, which nobody has open; returns how many rows came back.

    `tell` hears, after each file, how many rows are back and at most how many there are.

    Raises:
        CoordError: the archive cannot be read.
    """
    tables = SealedFiles(file, MEMORY_MIB, writable=True)
    rows = 0
    try:
        for table in SEALED:
            kept = keeping[table.name]
            from_ns = _from(kept, standing)
            for found in _wanted(root, standing, table, from_ns):
                rows += tables.load(table, kept, found.path, from_ns)
                tell(rows, max(rows, standing.readings))
        tables.load_state(state_folder(root, standing.step))
        tables.show()
    finally:
        tables.close()
    return rows


def _from(kept: Kept, standing: ReadingsStanding) -> int:
    """Return the begin of the oldest segment that would still be there."""
    oldest_ns = max(0, standing.recorded_at_ns - kept.kept_ns)
    return oldest_ns - oldest_ns % kept.span_ns


def _wanted(
    root: Path, standing: ReadingsStanding, table: Table[Any], from_ns: int
) -> Iterator[ReadingsFile]:
    first_day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=from_ns // _SECOND_NS)).date()
    for found in readings_files(root, FOLDERS[table.name]):
        day = found.path.parent.name.partition("=")[2]
        if found.step <= standing.step and day >= str(first_day):
            yield found
