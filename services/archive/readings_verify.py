"""The readings of an archive compared with what SAMPLES still holds, message by message.

A message's rows must all be there, once, as they are written; a message that was sent again has none of its own, and
its rows stand at the first of its positions. What the log does not hold any more cannot be compared, and is told.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coord.events.errors import InvalidEvent
from coord.events.samples import HardwareSample
from coord.events.streams import MIB, SAMPLES
from coord.events.wire import Stored, read_sample
from coord.projections.folds.samples import READINGS_HOT
from coord.projections.folds.shape import Columns
from coord.projections.store.comparing import Comparing, Found
from coord.projections.store.parquet import ParquetFault
from coord.services.archive.readings_export import house_of
from coord.services.archive.readings_place import read_readings_standing, readings_files
from coord.services.archive.verifying import ALTERED, MISSING, UNREADABLE, Tell, Verdict
from coord.services.log import Log

BATCH_MAX: Final = 2_000
TOGETHER_BYTES: Final = 8 * MIB
TOGETHER_MESSAGES: Final = 20_000
"""Compared at once: a file is read as often as such a heap reaches into it."""
_MS_NS: Final = 1_000_000


@dataclass
class ReadingsVerdict(Verdict):
    """What a comparison of readings found; `messages` of SAMPLES were compared, and equal."""

    archived: int = 0
    """Readings that are in the files."""
    compared: int = 0
    """Of them, those of messages that the log still holds."""


async def verify_readings(log: Log, root: Path, tell: Tell) -> ReadingsVerdict | None:
    """Compare the readings with the log; None where the archive has none.

    Raises:
        CoordError: they are of another log, or the log cannot be read.
    """
    standing = read_readings_standing(root)
    if standing is None:
        return None
    house = await house_of(log, root, standing)
    state = await log.stream_state(SAMPLES.name)
    files = [found.path for found in readings_files(root) if found.step <= standing.step]
    verdict = ReadingsVerdict(str(root), standing.position, state.last, files=len(files))
    comparing = Comparing(READINGS_HOT, files, lambda fault: _unreadable(verdict, fault))
    try:
        verdict.archived = comparing.count
        if house is not None and house.same:
            async for batch in _together(_kept(log, max(1, state.first), min(standing.position, state.last))):
                _judge(verdict, batch, comparing.compare(columns_of_messages(batch)))
                tell(batch[-1].position, standing.position)
    finally:
        comparing.close()
    return verdict


async def _together(batches: AsyncIterator[Sequence[Stored]]) -> AsyncIterator[Sequence[Stored]]:
    """Put batches together until much is there."""
    heap: list[Stored] = []
    size = 0
    async for batch in batches:
        heap += batch
        size += sum(len(stored.body) for stored in batch)
        if size >= TOGETHER_BYTES or len(heap) >= TOGETHER_MESSAGES:
            yield heap
            heap, size = [], 0
    if heap:
        yield heap


async def _kept(log: Log, first: int, last: int) -> AsyncIterator[Sequence[Stored]]:
    """Give out what a stream holds of a stretch; what it dropped meanwhile is not there."""
    if first > last:
        return
    async with aclosing(log.pull(SAMPLES.name, first, BATCH_MAX, 1.0)) as batches:  # type: ignore[type-var]
        async for pulled in batches:
            if not pulled and (await log.stream_state(SAMPLES.name)).first > last:
                return
            wanted = [stored for stored in pulled if stored.position <= last]
            if wanted:
                yield wanted
            if pulled and pulled[-1].position >= last:
                return


def columns_of_messages(messages: Sequence[Stored]) -> Columns:
    """Write the readings of messages as rows by column; what is none has none."""
    columns: Columns = {column.name: [] for column in READINGS_HOT.columns}
    for stored in messages:
        try:
            sample = read_sample(stored)
        except InvalidEvent:
            continue
        if not isinstance(sample.batch, HardwareSample):
            continue
        for series in sample.batch.series:
            count = len(series.values)
            columns["node"] += [sample.node] * count
            columns["metric"] += [series.metric] * count
            columns["device"] += [series.device] * count
            columns["at_ns"] += [sample.batch.started_at_ns + one * _MS_NS for one in series.offsets_ms]
            columns["value"] += series.values
            columns["recorded_at_ns"] += [stored.recorded_at_ns] * count
            columns["position"] += [stored.position] * count
    return columns


def _judge(verdict: ReadingsVerdict, batch: Sequence[Stored], found: Found) -> None:
    verdict.compared += found.rows
    verdict.messages += len(batch) - len(found.altered) - len(found.missing)
    for position in found.altered:
        verdict.add(ALTERED, 1, f"the readings of position {position} of SAMPLES differ from the log")
    for position in found.missing:
        verdict.add(MISSING, 1, f"the readings of position {position} of SAMPLES are in no file")


def _unreadable(verdict: ReadingsVerdict, fault: ParquetFault) -> None:
    verdict.add(UNREADABLE, 1, fault.message)
