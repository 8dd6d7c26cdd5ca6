"""EVENTS and readings from the archive as far as that goes, and from the log behind it: for a rebuild.

The archive is another copy on another disk, and is read faster than a log. It must be this log's; what is missing in
it of EVENTS is asked of the log, and a file that cannot be read ends it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from coord.events.errors import CoordError, NothingThere
from coord.events.streams import EVENTS
from coord.events.wire import Stored
from coord.projections.archive import stored_of
from coord.projections.intake import Gap
from coord.projections.store.parquet import ParquetFault
from coord.services.archive.place import check_identity, known_archive, read_standing, shown
from coord.services.archive.reading import Rows
from coord.services.archive.readings_export import house_of
from coord.services.archive.readings_load import load_readings
from coord.services.archive.readings_place import read_readings_standing
from coord.services.log import Log
from coord.services.log.whole import REFETCH_MAX, fill
from coord.services.projector.feed import Batch, feed
from coord.services.projector.folding import keeping_of
from coord.services.settings import Settings

Feeding = Callable[[str, int], AsyncIterator[Batch]]
"""Reads a stream from a position on, for ever."""
Loading = Callable[[Path, Callable[[int, int], None]], int]
"""Fills a new file that nobody has open, telling how many rows of how many are there; returns how many."""


async def archived(log: Log, root: Path, batch_max: int, wait_seconds: float) -> Feeding:
    """Say how a stream is read where the archive has EVENTS.

    Raises:
        NothingThere: there is no archive in this folder.
        CoordError: it is of another log, or cannot be read.
    """
    standing = read_standing(root)
    if standing is None:
        raise NothingThere(f"there is no archive in {shown(root)} yet.", "Leave --from-archive out.")
    await check_identity(log, root, standing)
    end = standing.position

    async def feeding(stream: str, position: int) -> AsyncIterator[Batch]:
        if stream == EVENTS.name and position <= end:
            async for batch in _from_archive(log, root, position, end, batch_max):
                yield batch
            position = end + 1
        async for batch in feed(log, stream, position, batch_max, wait_seconds):
            yield batch

    return feeding


async def loading_readings(log: Log, settings: Settings) -> Loading | None:
    """Say how a new file is filled with archived readings; None where there are none.

    Raises:
        CoordError: they are of another log, or cannot be read.
    """
    root = known_archive(settings)
    standing = read_readings_standing(root)
    if standing is None:
        return None
    await house_of(log, root, standing)
    keeping = keeping_of(settings)
    return lambda file, tell: load_readings(root, standing, file, keeping, tell)


async def _from_archive(log: Log, root: Path, first: int, end: int, batch_max: int) -> AsyncIterator[Batch]:
    rows = await asyncio.to_thread(Rows, root, end, _refuse, first)
    try:
        while first <= end:
            last = min(first + batch_max - 1, end)
            messages = await asyncio.to_thread(_messages, rows, last)
            if last - first + 1 - len(messages) > REFETCH_MAX:
                raise CoordError(
                    f"the archive {shown(root)} misses much of the positions {first} to {last}.",
                    "See: coord archive verify. Leave --from-archive out.",
                )
            whole = await fill(log, EVENTS.name, first, messages, last)
            gaps = tuple(Gap(EVENTS.name, lost.start, lost.stop - 1) for lost in whole.lost)
            if whole.messages:
                yield Batch(tuple(whole.messages), gaps)
            first = last + 1
    finally:
        await asyncio.to_thread(rows.close)


def _messages(rows: Rows, last: int) -> list[Stored]:
    return [stored_of(row) for row in rows.up_to(last)]


def _refuse(fault: ParquetFault) -> None:
    raise fault
