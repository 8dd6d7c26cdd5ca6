"""Following the log: the loops that keep the store up with it, and know how far behind it is.

    connect --> align --> fold --> fold ...
       ^                    |
       `--log away, other log, store reopened--'

Whatever fails, the loops begin anew from the positions in the store; questions are answered all the while.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from coord.events.errors import CoordError, NoServer
from coord.events.streams import EVENTS, SAMPLES
from coord.projections.answers import Followed
from coord.projections.store import StoreBroken
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.log.connection import NatsError
from coord.services.projector.aligning import Start, align
from coord.services.projector.feed import feed
from coord.services.projector.keeper import Keeper
from coord.services.projector.paces import Pace
from coord.services.settings import Settings
from coord.services.tasks import run_together

BATCH_MAX: Final = 2_000
BULK_BATCH_MAX: Final = 50_000
BULK_LAG: Final = 20_000
"""So far behind, batches are as large as memory allows: a commit of 20,000 events costs two thirds of ten of 2,000."""
BATCH_FULL: Final = 500
"""From here on a batch shows that more waits: the next one is taken at once."""
BATCH_SMALL: Final = 50
"""Up to here those who ask come first: folding gives up the interpreter soon. It may cost large batches a tenth of their speed."""
GIVES_UP_SECONDS: Final = (0.001, 0.005)
"""After how long, in small batches and in larger ones."""
PACE_SECONDS: Final = 0.05
"""Between two commits while little comes: what arrives meanwhile shares one."""
WAIT_SECONDS: Final = 1.0
WATCH_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 10.0
"""After so long without a word the server is looked up anew: it may have moved."""
RETRY_SECONDS: Final = 0.5
REOPEN_SECONDS: Final = 0.1
REOPEN_SECONDS_MAX: Final = 5.0
"""Pauses before folding goes on with a store that failed: a full disk stays full for a while."""
CONNECTING_SECONDS: Final = 2.0
"""How long whoever needs the log itself waits for a connection that is being made."""

assert BATCH_SMALL < BATCH_FULL < BATCH_MAX < BULK_LAG < BULK_BATCH_MAX
assert PACE_SECONDS < WAIT_SECONDS

_log: Final = logging.getLogger("coord.projector")


class _Again(CoordError):
    """The streams must be aligned anew."""


class Follower:
    """The loops of one projector."""

    def __init__(
        self,
        settings: Settings,
        folder: Folder,
        keeper: Keeper,
        beside: Callable[[Log], Coroutine[None, None, None]],
    ) -> None:
        self.connected = asyncio.Event()
        """Set while the log is connected to."""
        self._connection: Log | None = None
        self._settings = settings
        self._folder = folder
        self._keeper = keeper
        self._beside = beside
        self._last: dict[str, int] = {}
        self._paces = {EVENTS.name: Pace(), SAMPLES.name: Pace()}
        self._heard_at = clock.monotonic()
        self._complained = ""
        self._failures = 0
        """How often in a row the store failed."""

    @property
    def lag(self) -> int:
        """Events in the log that are not folded in, as last known."""
        return self.lag_of(EVENTS.name)

    def lag_of(self, stream: str) -> int:
        """Return how many messages of a stream are not folded in, as last known."""
        return max(0, self._last.get(stream, 0) - self._keeper.folded.get(stream, 0))

    def followed(self) -> tuple[Followed, ...]:
        """Say of each stream how far behind and how quick folding is."""
        return tuple(
            Followed(stream, self.lag_of(stream), pace.per_second()) for stream, pace in self._paces.items()
        )

    @property
    def log_silent_seconds(self) -> float:
        """Since the log was last heard."""
        return max(0.0, clock.monotonic() - self._heard_at - WATCH_SECONDS)

    async def log(self) -> Log:
        """Return the connection to the log; one that is being made is waited for.

        Raises:
            NoServer: there is none now.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.connected.wait(), CONNECTING_SECONDS)
        if self._connection is None:
            raise NoServer("the log cannot be reached now.", "Is the server running? coord doctor")
        return self._connection

    async def follow(self) -> None:
        """Follow the log until cancelled."""
        while True:
            try:
                async with self._connecting() as log:
                    await self._follow(log)
            except StoreBroken as fault:
                await self._keeper.reopen(fault.message)
                await asyncio.sleep(min(REOPEN_SECONDS_MAX, REOPEN_SECONDS * 2**self._failures))
                self._failures += 1
            except CoordError as error:
                self._complain(error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, log: Log) -> None:
        """Run the loops until one of them cannot go on; its error is the one to meet."""
        try:
            await run_together(self._beside(log), self._fold(log))
        except NatsError as error:
            raise NoServer(f"the connection failed: {error}.") from error

    async def _fold(self, log: Log) -> None:
        starts = []
        for stream in (EVENTS.name, SAMPLES.name):
            start = await align(log, self._keeper, stream)
            self._last[stream] = start.last
            starts.append(start)
        await run_together(*(self._keep_up(log, start) for start in starts), self._watch(log))

    async def _keep_up(self, log: Log, start: Start) -> None:
        most = partial(self._batch_max, start.stream)
        async for batch in feed(log, start.stream, start.position, most, WAIT_SECONDS):
            began = clock.monotonic()
            if batch.messages:
                self._heard_at = began
                sys.setswitchinterval(GIVES_UP_SECONDS[len(batch.messages) > BATCH_SMALL])
                await self._keeper.fold(start.created_at, batch.messages, batch.gaps)
                self._complained, self._failures = "", 0
            await self._keeper.tidy()
            if 0 < len(batch.messages) < BATCH_FULL:
                await asyncio.sleep(max(0.0, PACE_SECONDS - (clock.monotonic() - began)))

    def _batch_max(self, stream: str) -> int:
        return BULK_BATCH_MAX if self.lag_of(stream) > BULK_LAG else BATCH_MAX

    async def _watch(self, log: Log) -> None:
        """Learn where the streams end; see when they are not the same any more."""
        created: dict[str, str] = {}
        while True:
            for stream, pace in self._paces.items():
                pace.look(clock.monotonic(), self._keeper.folded.get(stream, 0))
            try:
                for stream in (EVENTS.name, SAMPLES.name):
                    await self._look_at(log, stream, created)
                self._heard_at = clock.monotonic()
            except (_Again, StoreBroken):
                raise
            except CoordError as error:
                self._complain(error)
                if clock.monotonic() - self._heard_at > AWAY_SECONDS:
                    raise
            await asyncio.sleep(WATCH_SECONDS)

    async def _look_at(self, log: Log, stream: str, created: dict[str, str]) -> None:
        if self._keeper.doubt:
            raise StoreBroken(self._keeper.doubt)
        folded = self._keeper.folded.get(stream, 0)
        state = await log.stream_state(stream)
        if created.setdefault(stream, state.created_at) != state.created_at:
            raise _Again(f"{stream} was made anew.")
        if state.last < folded:
            raise _Again(f"{stream} ends before what is folded in.")
        self._last[stream] = state.last

    @asynccontextmanager
    async def _connecting(self) -> AsyncIterator[Log]:
        log = await Log.connect(self._settings, self._folder, role="core", name="projector")
        self._connection = log
        self.connected.set()
        try:
            yield log
        finally:
            self.connected.clear()
            self._connection = None
            await log.close()

    def _complain(self, error: CoordError) -> None:
        if self._complained != error.message:
            self._complained = error.message
            _log.warning("the log cannot be followed now: %s", error)
