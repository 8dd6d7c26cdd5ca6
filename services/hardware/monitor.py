"""The monitor's loop: look, pack, send.

Looking never waits for sending: what cannot be sent waits in a bounded row, and what that cannot hold is counted, and
told in the log. Sending goes on where it stopped when the server is back, oldest first. The NVIDIA driver gets a short
grace a look; what it says later rides in the next message.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from coord.events.errors import CoordError, NoServer, OutcomeUnknown
from coord.events.streams import EVENTS, SAMPLES
from coord.events.tokens import sample_subject
from coord.services import clock
from coord.services.folder import Folder
from coord.services.hardware import files
from coord.services.hardware.dropping import Dropping
from coord.services.hardware.gpu_poller import GpuPoller
from coord.services.hardware.metrics import Point
from coord.services.hardware.packer import Message, Packer, Waiting, message_of
from coord.services.hardware.processes import Processes
from coord.services.hardware.registration import Registration
from coord.services.hardware.sampler import Sampler
from coord.services.log import Log
from coord.services.ready import tell_ready
from coord.services.settings import Settings
from coord.services.tasks import run_all

GPU_GRACE_SECONDS: Final = 0.25
FIRST_PROCESSES_SECONDS: Final = 2.0
"""A listing needs two looks for its CPU shares; the first comes early."""
SEND_SECONDS: Final = 2.0
"""How long one message may take; sent again, it counts once."""
RETRY_SECONDS: Final = 1.0
CONNECT_AGAIN_SECONDS: Final = 10.0
"""After so long without success the server is looked up anew: it may have moved."""
CLOSE_SECONDS: Final = 1.0
_log: Final = logging.getLogger("coord.hardware")


class Monitor:
    """One start of one monitor."""

    def __init__(
        self,
        settings: Settings,
        folder: Folder,
        poller: GpuPoller | None = None,
        root: str = files.ROOT,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._root = root
        self._poller = poller
        self._sampler = Sampler(root)
        self._processes = Processes()
        self._processes_due = clock.monotonic() + min(settings.processes_seconds, FIRST_PROCESSES_SECONDS)
        writer = clock.new_id()
        self._packer = Packer(writer, settings.sample_seconds)
        self._dropping = Dropping(settings, writer)
        self._waiting = Waiting()
        self._news = asyncio.Event()
        self._registration = Registration(settings, folder, poller, root)
        self._connection: Log | None = None
        self._works_since = clock.monotonic()
        self._complained = False
        if poller is not None:
            poller.on_description = self._registration.change

    async def run(self) -> None:
        """Look and send until cancelled; then send what is left, if the server takes it at once."""
        try:
            await run_all(self._look_for_ever(), self._registration.measure(), self._talk_for_ever())
        finally:
            await self._close()

    async def _look_for_ever(self) -> None:
        self._processes.look(self._root, clock.monotonic(), {})
        due = clock.monotonic()
        while True:
            await self._look(clock.monotonic(), clock.now_ns())
            now = clock.monotonic()
            due = max(due + self._settings.sample_seconds, now)
            await asyncio.sleep(due - now)

    async def _look(self, now: float, now_ns: int) -> None:
        with_processes = now >= self._processes_due
        self._ask_gpus(now, with_processes)
        points = self._sampler.look(now)
        points += await self._gpu_points()
        if with_processes:
            points += self._list_processes(now, now_ns)
        self._packer.dropped_readings = self._waiting.dropped_readings
        self._dropping.note(self._waiting.dropped_readings)
        for batch in self._packer.add(points, now, now_ns):
            self._waiting.put(message_of(batch))
            self._news.set()

    def _ask_gpus(self, now: float, with_processes: bool) -> None:
        if self._poller is not None:
            read = "read seldom" if self._sampler.is_seldom_due(now) else "read"
            self._poller.ask(read, *(("processes",) if with_processes else ()))

    async def _gpu_points(self) -> list[Point]:
        if self._poller is None:
            return []
        await self._poller.settle(min(GPU_GRACE_SECONDS, self._settings.sample_seconds / 2))
        return [*self._poller.take(), ("gpu_driver_timeouts_count", "", float(self._poller.timeouts))]

    def _list_processes(self, now: float, now_ns: int) -> list[Point]:
        self._processes_due = now + self._settings.processes_seconds
        gpu_memory = self._poller.gpu_memory if self._poller else {}
        listing = self._processes.look(self._root, now, gpu_memory)
        self._waiting.put(message_of(self._packer.processes(listing, now_ns)))
        return [("processes_count", "", float(listing.total))]

    async def _talk_for_ever(self) -> None:
        while True:
            try:
                log = self._connection = await Log.connect(
                    self._settings, self._folder, role="monitor", name="hardware"
                )
                self._works_since = clock.monotonic()
                await log.wait_for_stream(SAMPLES.name)
                await log.wait_for_stream(EVENTS.name)
                await self._talk(log)
            except CoordError as error:
                self._complain(error)
                await self._disconnect()
                await asyncio.sleep(RETRY_SECONDS)

    async def _talk(self, log: Log) -> None:
        """Send, register and tell what was dropped until the server has not answered for a while.

        Raises:
            CoordError: it is to be looked up anew.
        """
        await run_all(
            self._send_for_ever(log),
            self._keep_for_ever(log, self._registration.keep),
            self._keep_for_ever(log, self._dropping.tell),
        )

    async def _send_for_ever(self, log: Log) -> None:
        while True:
            try:
                await self._send_waiting(log)
            except (NoServer, OutcomeUnknown) as error:
                await self._try_again_later(error)
                continue
            self._news.clear()
            await self._news.wait()

    async def _send_waiting(self, log: Log) -> None:
        while (message := self._waiting.first()) is not None:
            subject = sample_subject(self._settings.site, self._settings.node, message.kind)
            await _publish(log, subject, message)
            self._works_since, self._complained = clock.monotonic(), False
            self._waiting.done(message)
            tell_ready()

    async def _keep_for_ever(self, log: Log, keep: Callable[[Log], Awaitable[None]]) -> None:
        while True:
            try:
                await keep(log)
            except (NoServer, OutcomeUnknown) as error:
                await self._try_again_later(error)

    async def _try_again_later(self, error: CoordError) -> None:
        if clock.monotonic() - self._works_since > CONNECT_AGAIN_SECONDS:
            raise error
        self._complain(error)
        await asyncio.sleep(RETRY_SECONDS)

    def _complain(self, error: CoordError) -> None:
        if self._complained:
            return
        self._complained = True
        _log.warning("readings wait: %s (%d messages, %d readings dropped)",
                     error, len(self._waiting), self._waiting.dropped_readings)  # fmt: skip

    async def _close(self) -> None:
        if self._poller is not None:
            self._poller.close()
        for batch in self._packer.flush():
            self._waiting.put(message_of(batch))
        log = self._connection
        if log is not None:
            with contextlib.suppress(TimeoutError, CoordError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._send_waiting(log)
            await self._disconnect()

    async def _disconnect(self) -> None:
        log, self._connection = self._connection, None
        if log is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await log.close()


async def _publish(log: Log, subject: str, message: Message) -> None:
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await log.publish_sample(subject, message.kind, message.body)
    except TimeoutError as error:
        raise OutcomeUnknown(f"no answer on {subject} within {SEND_SECONDS:g} s.") from error
