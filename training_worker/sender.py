"""The sender: from the spool to the log, oldest first, one message at a time.

    connect ──> send the oldest ──acknowledged──> done, the next
       ^            |  no answer: the same again, with the same id
       `── 10 s ────'

One message is on its way at a time, so that the log has things in the order in which they were said, and only
the oldest record can be one whose fate is unknown. A pack of metrics is sent again as it is, because folds
know its number. A single event that was first sent longer ago than the server remembers ids for is looked for
in the log before it is sent again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from coord.events.envelope import Envelope
from coord.events.errors import CoordError, NoServer, OutcomeUnknown, UsageError
from coord.events.streams import DEDUP_SECONDS, EVENTS
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.log.connection import NatsError
from coord.services.settings import Settings
from coord.services.tasks import run_all
from coord.training_worker.record import Record
from coord.training_worker.spool import Spool, Waiting

SEND_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 0.25
CONNECT_AGAIN_SECONDS: Final = 10.0
"""After so long without success the server is looked up anew: it may have moved."""
SURE_SECONDS: Final = DEDUP_SECONDS / 2
"""For so long after it was first sent the server is sure to know a message's id."""
CLOSE_SECONDS: Final = 2.0
ROLE: Final = "trainer"
_log: Final = logging.getLogger("coord.training")

assert SEND_SECONDS < SURE_SECONDS

Beside = Callable[[Log], Coroutine[Any, Any, None]]


class Sender:
    """Sends one run's spool."""

    def __init__(
        self,
        settings: Settings,
        folder: Folder,
        subject: str,
        spool: Spool,
        beside: Beside | None = None,
        sure_seconds: float = SURE_SECONDS,
    ) -> None:
        """Prepare it. `beside` runs on each connection too, for as long as that lasts."""
        self.position = spool.position
        """The highest that the log has acknowledged."""
        self.on_stored: dict[str, Callable[[int], None]] = {}
        """Whom to tell the position of an event, by its id."""
        self.news = asyncio.Event()
        """To be set when the spool has more."""
        self._settings = settings
        self._folder = folder
        self._subject = subject
        self._source = f"/trainer/{subject.rpartition('.')[2]}"
        self._spool = spool
        self._beside = beside
        self._sure_seconds = sure_seconds
        self._works_since = 0.0
        self._began_behind = spool.position
        self._sent_first: tuple[int, float] | None = None
        """The record on its way, and when it was first sent."""
        self._complained = False
        self._log: Log | None = None

    async def run(self) -> None:
        """Send until cancelled; then `close`, which a cancelled task could be kept from."""
        self.news = asyncio.Event()
        while True:
            try:
                log = self._log = await Log.connect(self._settings, self._folder, ROLE, name=self._source)
                await log.wait_for_stream(EVENTS.name)
                self._works_since = clock.monotonic()
                await run_all(self._send_for_ever(log), *([self._beside(log)] if self._beside else ()))
            except (CoordError, NatsError, OSError) as error:
                self._complain(error)
            await self.close()
            await asyncio.sleep(RETRY_SECONDS)

    async def close(self) -> None:
        """End the connection, if there is one."""
        log, self._log = self._log, None
        if log is not None:
            with contextlib.suppress(TimeoutError, NatsError, OSError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await log.client.close()

    async def _send_for_ever(self, log: Log) -> None:
        while True:
            self.news.clear()
            try:
                while (waiting := self._spool.first()) is not None:
                    await self._send(log, waiting)
            except (NoServer, OutcomeUnknown) as error:
                if clock.monotonic() - self._works_since > CONNECT_AGAIN_SECONDS:
                    raise
                self._complain(error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await self.news.wait()
            self._works_since = clock.monotonic()

    async def _send(self, log: Log, waiting: Waiting) -> None:
        position: int | None = None
        try:
            record = self._spool.read(waiting)
            position = await self._arrived(log, waiting, record) or await self._publish(log, waiting, record)
        except (UsageError, OSError) as error:
            _log.error("a record of %d points is given up: %s", waiting.points, error)
        self._works_since, self._complained = clock.monotonic(), False
        on_stored = self.on_stored.pop(waiting.id, None)
        if position is not None:
            self.position = max(self.position, position)
            if on_stored is not None:
                on_stored(position)
        self._spool.done(waiting, position)

    async def _arrived(self, log: Log, waiting: Waiting, record: Record) -> int | None:
        """Look in the log for an event that may have arrived before the server forgot its id."""
        first = self._sent_first
        sent_before = first is not None and first[0] == waiting.number
        long_ago = sent_before and first is not None and clock.monotonic() - first[1] > self._sure_seconds
        if record.points or not (long_ago or (waiting.doubted and not sent_before)):
            return None
        _need_connection(log)
        behind = self._began_behind if waiting.doubted else self._spool.position
        return await log.find(self._subject, record.id, behind + 1)

    async def _publish(self, log: Log, waiting: Waiting, record: Record) -> int:
        _need_connection(log)
        if self._sent_first is None or self._sent_first[0] != waiting.number:
            self._sent_first = (waiting.number, clock.monotonic())
        envelope = Envelope(id=record.id, type=record.type, source=self._source, time=record.time)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                return await log.publish(self._subject, envelope, record.body)
        except TimeoutError as error:
            raise OutcomeUnknown(f"no answer within {SEND_SECONDS:g} s.") from error

    def _complain(self, error: BaseException) -> None:
        if not self._complained:
            self._complained = True
            _log.warning("what the run says waits on disk: %s (%d records)", error, len(self._spool))


def _need_connection(log: Log) -> None:
    """Send nothing into the buffer of a lost connection: it would arrive whenever that is back."""
    if not log.client.is_connected:
        raise NoServer("the server is away.")
