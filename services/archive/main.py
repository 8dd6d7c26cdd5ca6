"""The archive as a process, at low priority: it follows EVENTS and the snapshots, and writes what has come together.

It gives up nothing by itself: whatever goes wrong - a full disk, a folder of another log - is told and tried again,
and the house goes on.
"""

import asyncio
import logging
import os
import signal
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Final

from coord.events.errors import CoordError
from coord.events.streams import EVENTS
from coord.events.wire import Stored
from coord.services import clock
from coord.services.archive.exporting import Export, is_due
from coord.services.archive.place import archive_folder, holding
from coord.services.archive.readings_export import archive_readings
from coord.services.archive.status import Status
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.log.whole import fill
from coord.services.ready import tell_ready
from coord.services.settings import Settings
from coord.services.tasks import aside, end, run_all, wait_or_stop

NICENESS: Final = 10
AGAIN_SECONDS: Final = 10.0
PULL_SECONDS: Final = 0.5
BATCH_MAX: Final = 2_000

_log: Final = logging.getLogger("coord.archive")


def run(settings: Settings) -> None:
    """Archive until told to stop.

    Raises:
        UsageError: no folder is set.
        NoServer: there is none, or it has no streams.
    """
    import uvloop

    archive_folder(settings)
    os.nice(NICENESS)
    uvloop.run(_main(settings))


async def _main(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    folder = Folder(settings.data)
    folder.make()
    log = await Log.connect(settings, folder, "core", "archive")
    try:
        await log.wait_for_stream(EVENTS.name)
        tell_ready()
        loops = archive(log, settings, folder, stop), archive_readings(log, settings, folder, stop)
        archiving = asyncio.create_task(run_all(*loops))
        await stop.wait()
        await asyncio.wait({archiving}, timeout=AGAIN_SECONDS)
        await end(archiving)
    finally:
        await log.close()


async def archive(log: Log, settings: Settings, folder: Folder, stop: asyncio.Event) -> None:
    """Follow EVENTS into the archive until told to stop, through every fault."""
    place = archive_folder(settings)
    status = Status(folder, place)
    while not stop.is_set():
        try:
            with holding(place):
                await _Follower(log, settings, place, status, stop).follow()
        except CoordError as error:
            if str(error) != status.fault:
                _log.error("the archive does not go on: %s", error)
            status.failed(error)
            status.write()
            await wait_or_stop(stop, AGAIN_SECONDS)


class _Follower:
    """One try: from where the archive ends, until told to stop or something goes wrong."""

    def __init__(
        self, log: Log, settings: Settings, place: Path, status: Status, stop: asyncio.Event
    ) -> None:
        self._log = log
        self._seconds = settings.archive_seconds
        self._export = Export(place)
        self._status = status
        self._stop = stop
        self._pending: list[Stored] = []
        self._pending_bytes = 0
        self._since = 0.0

    async def follow(self) -> None:
        """Write what comes.

        Raises:
            CoordError: the archive cannot be written, or is of another log.
        """
        try:
            await self._export.begin(self._log)
            await aside(self._export.clear)
            self._status.well()
            await self._follow(self._export.position + 1)
        finally:
            await aside(self._export.close)

    async def _follow(self, expected: int) -> None:
        self._tell()
        async with aclosing(self._log.pull(EVENTS.name, expected, BATCH_MAX, PULL_SECONDS)) as batches:  # type: ignore[type-var]
            async for pulled in batches:
                if pulled:
                    self._take((await fill(self._log, EVENTS.name, expected, pulled)).messages)
                    expected = pulled[-1].position + 1
                stopping = self._stop.is_set()
                waited = clock.monotonic() - self._since
                if is_due(self._pending, self._pending_bytes, waited, 0.0 if stopping else self._seconds):
                    await self._write()
                await self._look()
                if stopping:
                    await aside(self._status.write)
                    return

    def _take(self, messages: list[Stored]) -> None:
        if not self._pending:
            self._since = clock.monotonic()
        self._pending += messages
        self._pending_bytes += sum(len(stored.body) for stored in messages)

    async def _write(self) -> None:
        began, count = clock.monotonic(), len(self._pending)
        await aside(partial(self._export.write, self._pending))
        self._status.rate = count / max(clock.monotonic() - began, 1e-6)
        self._pending, self._pending_bytes = [], 0

    async def _look(self) -> None:
        """Ask how far the log is, as often as it is written down."""
        self._tell()
        if self._status.is_due():
            await aside(self._export.check_place)
            self._status.last = (await self._log.stream_state(EVENTS.name)).last
            await aside(self._status.write)

    def _tell(self) -> None:
        self._status.position = self._export.position
        self._status.since_ns = self._pending[0].recorded_at_ns if self._pending else 0
