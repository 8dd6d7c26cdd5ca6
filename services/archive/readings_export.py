"""Readings into Parquet: from the snapshots of the tables, so that whoever folds is not held up at all.

    the newest snapshot --> is it time? --> whose log, and where it went on --> files, small tables --> the position

What a snapshot has and the steps before had not is one step; its files are whole or not there, and the position is
written last. Where the positions of SAMPLES began anew - its tail was lost with the power, it was made anew, the house
was restored - what is new is told by the broker's clock.
"""

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from coord.events.errors import CoordError
from coord.events.streams import EVENTS, SAMPLES
from coord.projections.archive import COMPUTED
from coord.projections.folds.samples import READINGS_HOT
from coord.projections.intake import Mark, message_id
from coord.projections.snapshots import Snapshot, of_version, snapshots
from coord.projections.store import FINGERPRINT
from coord.projections.store.schema import SEALED
from coord.projections.store.sealed_files import SealedFiles, Since
from coord.services import clock
from coord.services.archive.place import AS_FOUND, archive_folder, holding, shown
from coord.services.archive.readings_place import (
    FOLDERS,
    READINGS_FOLDER,
    TIMES_RARER,
    ReadingsStanding,
    clear_unfinished,
    file_at,
    read_readings_standing,
    state_folder,
    write_readings_standing,
)
from coord.services.archive.status import ReadingsStatus
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings
from coord.services.tasks import aside, wait_or_stop

LOOK_SECONDS: Final = 5.0
MESSAGES_MANY: Final = 20_000
"""From here on a snapshot is archived when it is there."""
AGAIN_SECONDS: Final = 10.0
MEMORY_MIB: Final = 256

_log: Final = logging.getLogger("coord.archive")


class House(NamedTuple):
    """Whose readings they are, and whether the position is still that of the same message."""

    first_id: str
    same: bool


async def archive_readings(log: Log, settings: Settings, folder: Folder, stop: asyncio.Event) -> None:
    """Archive what snapshots have until told to stop, through every fault."""
    place = archive_folder(settings)
    status = ReadingsStatus(folder, place)
    while not stop.is_set():
        try:
            with holding(place, READINGS_FOLDER):
                await _Follower(log, settings, folder, place, status).follow(stop)
        except CoordError as error:
            if str(error) != status.fault:
                _log.error("readings are not archived: %s", error)
            status.failed(error)
            status.write()
            await wait_or_stop(stop, AGAIN_SECONDS)


class _Follower:
    """One try: until told to stop, or something goes wrong."""

    def __init__(
        self, log: Log, settings: Settings, folder: Folder, place: Path, status: ReadingsStatus
    ) -> None:
        self._log = log
        self._site = settings.site
        self._seconds = TIMES_RARER * settings.archive_seconds
        self._snapshots = folder.path("projection", "snapshots")
        self._place = place
        self._status = status

    async def follow(self, stop: asyncio.Event) -> None:
        """Look for snapshots, and write what is new in them.

        Raises:
            CoordError: the archive cannot be written, or is of another log.
        """
        standing = await asyncio.to_thread(_begin, self._place)
        while True:
            newest = next(iter(of_version(snapshots(self._snapshots), FINGERPRINT)), None)
            self._status.seen(newest, standing)
            if await asyncio.to_thread(read_readings_standing, self._place) != standing:
                raise CoordError(f"the archive {shown(self._place)} was moved meanwhile.", AS_FOUND)
            if newest is not None and _is_due(newest, standing, self._seconds):
                await self._step(newest, standing)
                standing = await asyncio.to_thread(_begin, self._place)
                self._status.seen(newest, standing)
            self._status.well()
            await asyncio.to_thread(self._status.write)
            if stop.is_set():
                return
            await wait_or_stop(stop, min(LOOK_SECONDS, self._seconds))

    async def _step(self, snapshot: Snapshot, before: ReadingsStanding | None) -> None:
        house = await house_of(self._log, self._place, before)
        if house is None:
            return
        began = clock.monotonic()
        standing = await aside(partial(write_step, snapshot, self._place, self._site, before, house))
        if standing is not None:
            rows = standing.readings - (before.readings if before else 0)
            self._status.rate = rows / max(clock.monotonic() - began, 1e-6)


async def house_of(log: Log, root: Path, standing: ReadingsStanding | None) -> House | None:
    """Say whose log this is; None while it is empty.

    Raises:
        CoordError: what is archived is another's; nothing was written.
    """
    last = (await log.stream_state(EVENTS.name)).last  # asked first: what is written since then is no loss
    first = await log.read_at(EVENTS.name, 1)
    known = standing.house if standing else ""
    if first is None:
        return House(known, same=True) if known and last else None
    if known and message_id(first) != known:
        raise CoordError(
            f"the readings in {shown(root)} are of another log.",
            "Set another folder, or move this one aside.",
        )
    if standing is None:
        return House(message_id(first), same=True)
    there = await log.read_at(SAMPLES.name, standing.position) if standing.position else None
    state = await log.stream_state(SAMPLES.name)
    made_anew = there is None and state.created_at != standing.created_at
    same = state.last >= standing.position and not made_anew
    return House(message_id(first), same and (there is None or message_id(there) == standing.message_id))


def write_step(
    snapshot: Snapshot, root: Path, site: str, before: ReadingsStanding | None, house: House
) -> ReadingsStanding | None:
    """Write what a snapshot has and the archive has not; None when that is nothing.

    Raises:
        CoordError: the snapshot cannot be read, or the disk is full or fails; the same again is safe.
    """
    tables = SealedFiles(snapshot.file, MEMORY_MIB)
    try:
        mark = tables.mark()
        if mark is None:
            return None
        since, step = _since(before, mark, house), (before.step if before else 0) + 1
        rows = {}
        for table in SEALED:
            folder = FOLDERS[table.name]
            path_of = partial(_path_of, root, folder, site, step)
            rows[table.name], _ = tables.export(table, since, path_of, COMPUTED)
        tables.export_state(state_folder(root, step))
        standing = _standing(step, mark, since, house, rows[READINGS_HOT.name], before)
        write_readings_standing(root, standing)
        return standing
    finally:
        tables.close()


def _path_of(root: Path, folder: str, site: str, step: int, day: int, number: int) -> Path:
    return file_at(root, folder, site, day, step, number)


def _since(before: ReadingsStanding | None, mark: Mark, house: House) -> Since:
    if before is None:
        return Since(0, 0)
    if house.same and mark.created_at == before.created_at and mark.position >= before.position:
        return Since(before.position, before.after_ns)
    _log.warning("the positions of %s began anew: what is new is told by its clock", SAMPLES.name)
    return Since(0, before.recorded_at_ns)


def _standing(
    step: int, mark: Mark, since: Since, house: House, readings: int, before: ReadingsStanding | None
) -> ReadingsStanding:
    return ReadingsStanding(
        step=step,
        position=mark.position,
        message_id=mark.message_id,
        created_at=mark.created_at,
        recorded_at_ns=mark.recorded_at_ns,
        after_ns=since.recorded_ns,
        house=house.first_id,
        readings=readings + (before.readings if before else 0),
        written_at_ns=clock.now_ns(),
    )


def _is_due(snapshot: Snapshot, standing: ReadingsStanding | None, seconds: float) -> bool:
    position = snapshot.standing.positions.get(SAMPLES.name, 0)
    if standing is None:
        return position > 0
    if position == standing.position:
        return False
    many = abs(position - standing.position) >= MESSAGES_MANY
    return many or snapshot.standing.taken_at_ns - standing.written_at_ns >= seconds * 1e9


def _begin(root: Path) -> ReadingsStanding | None:
    standing = read_readings_standing(root)
    try:
        clear_unfinished(root, standing.step if standing else 0)
    except OSError as error:
        raise CoordError(f"the archive {shown(root)} cannot be written: {error.strerror}.") from error
    return standing
