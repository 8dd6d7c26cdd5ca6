"""Taking snapshots: every few minutes while something changes, and when somebody asks for one.

    due      every `snapshot_seconds`, the newest three are kept: what the ladder goes back to
    asked    the newest one is kept beside them, so that asking often does not push the older ones out
    past     a copy of the tables as of a past position, made by the process that folds the past

Folding stands still while the file is brought up to date and copied; how long is told. Bringing the copy to the
disk, its digest and its name come afterwards. While the disk has no room for two more copies none is taken.
"""

import asyncio
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coord.events.errors import CoordError, NoServer
from coord.events.streams import EVENTS, MIB, STREAMS
from coord.projections.snapshots import Snapshot, Standing, begin, finish, snapshots, thin_out
from coord.projections.store import FINGERPRINT, Store, StoreBroken, StoreFull
from coord.services import clock
from coord.services.projector.keeper import Keeper
from coord.services.settings import Settings
from coord.services.wording import size

KEPT: Final = 3
ASKED_KEPT: Final = 1
FIRST_SECONDS: Final = 30.0
"""Before the first of all: a house that has just begun has little to lose."""
LOOK_SECONDS: Final = 10.0
"""Between two looks whether something has changed, once it is time for another."""
TRIES: Final = 20
TRY_SECONDS: Final = 0.1
"""How often, and how far apart, it is tried to bring the file up to date: a question that is being answered may keep
it from that."""
FREE_BYTES_MIN: Final = 256 * MIB
"""Left on the disk beside room for another copy."""
PAUSE_SECONDS_WARN: Final = 1.0
_SECOND_NS: Final = 1_000_000_000

_log: Final = logging.getLogger("coord.projector")


class NoSnapshot(NoServer):
    """No snapshot could be taken now."""


@dataclass(frozen=True, slots=True)
class _Copied:
    """A copy that has no name yet."""

    unfinished: Path
    positions: Mapping[str, int]
    recorded_at_ns: int


class Snapshots:
    """The snapshots of one projector."""

    def __init__(self, keeper: Keeper, settings: Settings) -> None:
        self._keeper = keeper
        self._seconds = settings.snapshot_seconds
        self._taking = asyncio.Lock()
        self._fault = ""
        """Why the last one could not be taken."""

    async def keep(self) -> None:
        """Take one whenever it is time and something has changed, until cancelled."""
        while True:
            await asyncio.sleep(max(self._due_seconds(), min(self._seconds, LOOK_SECONDS)))
            try:
                await self.take(asked=False)
                self._fault = ""
            except CoordError as error:
                self._complain(error.message)

    async def take(self, *, asked: bool) -> Snapshot | None:
        """Take one, unless the newest stands where the file does; None while nothing is folded at all.

        Raises:
            NoSnapshot: there is no room, or the copy failed.
            NoServer: the file is not open now.
        """
        async with self._taking:
            newest = self._newest()
            folded = {name: position for name, position in self._keeper.folded.items() if position}
            if newest is not None and newest.standing.positions == folded:
                return newest
            if not folded:
                return None
            return await self._take(asked)

    async def _take(self, asked: bool) -> Snapshot:
        try:
            self._look_for_room()
            copied, pause_seconds = await self._copied()
            standing = Standing(
                fingerprint=FINGERPRINT,
                positions=copied.positions,
                recorded_at_ns=copied.recorded_at_ns,
                taken_at_ns=clock.now_ns(),
                pause_seconds=round(pause_seconds, 4),
                asked=asked,
            )
            taken = await asyncio.to_thread(finish, copied.unfinished, standing)
            await asyncio.to_thread(thin_out, self._keeper.snapshots, KEPT, ASKED_KEPT)
        except OSError as error:
            raise NoSnapshot(f"no snapshot could be written: {error.strerror}.") from error
        except (StoreBroken, StoreFull) as error:
            raise NoSnapshot(f"no snapshot could be taken: {error.message}") from error
        self._tell(taken)
        return taken

    async def _copied(self) -> tuple[_Copied, float]:
        """Copy the file; returns also for how many seconds folding stood still.

        Raises:
            NoSnapshot: questions keep it from being brought up to date.
        """
        for _ in range(TRIES):
            copied, pause_seconds = await self._keeper.standing_still(self._copy)
            if copied is not None:
                return copied, pause_seconds
            await asyncio.sleep(TRY_SECONDS)
        raise NoSnapshot("no snapshot could be taken: questions keep the file from being brought up to date.")

    def _copy(self, store: Store) -> _Copied | None:
        """Copy the file, in the writer's thread; None when what was written last is not in the file itself yet."""
        wal = store.path.with_name(store.path.name + ".wal")
        if wal.exists() and wal.stat().st_size:
            return None
        marks = [mark for stream in STREAMS if (mark := store.mark(stream.name)) is not None]
        positions = {mark.stream: mark.position for mark in marks if mark.position}
        recorded = [mark.recorded_at_ns for mark in marks if mark.stream == EVENTS.name]
        return _Copied(begin(self._keeper.snapshots, store.path), positions, max(recorded, default=0))

    def _look_for_room(self) -> None:
        wanted = 2 * self._keeper.path.stat().st_size + FREE_BYTES_MIN
        free = shutil.disk_usage(self._keeper.path.parent).free
        if free < wanted:
            raise NoSnapshot(
                f"no snapshot could be taken: {size(free)} are free on the disk, and {size(wanted)} must be.",
                "Make room.",
            )

    def _newest(self) -> Snapshot | None:
        found = snapshots(self._keeper.snapshots)
        return found[0] if found and found[0].standing.fingerprint == FINGERPRINT else None

    def _due_seconds(self) -> float:
        """Return how long until the next is due; a clock that was set back puts it off by no more than usual."""
        due = [one for one in snapshots(self._keeper.snapshots) if not one.standing.asked]
        if not due:
            return min(self._seconds, FIRST_SECONDS)
        age = (clock.now_ns() - due[0].standing.taken_at_ns) / _SECOND_NS
        return min(max(self._seconds - age, 0.0), self._seconds)

    def _tell(self, taken: Snapshot) -> None:
        slow = taken.standing.pause_seconds >= PAUSE_SECONDS_WARN
        _log.log(
            logging.WARNING if slow else logging.INFO,
            "took a snapshot at position %d: %s, folding stood still for %.0f ms",
            taken.standing.positions.get(EVENTS.name, 0),
            size(taken.size_bytes),
            taken.standing.pause_seconds * 1_000,
        )

    def _complain(self, message: str) -> None:
        if self._fault != message:
            self._fault = message
            _log.warning("%s", message)


__all__ = ["ASKED_KEPT", "KEPT", "NoSnapshot", "Snapshots"]
