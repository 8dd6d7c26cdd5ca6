"""The emitter: brings what a run says to the log, in a thread of its own, and never holds the run up.

    outbox ──every second, or when called──> packs ──> spool ──oldest first (sender.py)──> the log

The step only puts numbers into the outbox. This thread packs them, writes them to the spool and sends from
there, so that a server that is away costs the run nothing: all waits on disk.

A run that says nothing is still alive: from time to time a sign of life goes out in its name, a point with
nothing but how long the loop has been silent.
"""

import asyncio
import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final

from coord.events.errors import UsageError
from coord.events.model import Event
from coord.events.run import WAITING_SECONDS
from coord.services import clock
from coord.services.tasks import end
from coord.training_worker.outbox import Logged, Outbox, Told
from coord.training_worker.packing import Packer
from coord.training_worker.record import Record, record_of
from coord.training_worker.sender import Sender
from coord.training_worker.spool import Spool

PACK_SECONDS: Final = 1.0
URGENT_SECONDS: Final = 0.02
"""The least between two packs that were called for: a run of nothing but NaN makes 50 packs a second."""
SPOOL_SECONDS: Final = 1.0
"""How long an event's teller waits until it is on disk; it takes a millisecond."""
BEGIN_AGAIN_SECONDS: Final = 0.25
CLOSE_SECONDS: Final = 5.0
COMPLAIN_SECONDS: Final = 10.0
LIVES_SHARE: Final = 1 / 3
"""Of the silence after which a run counts as lost: so often it gives a sign of life at least."""
_log: Final = logging.getLogger("coord.training")

assert URGENT_SECONDS < PACK_SECONDS


class Emitter:
    """One run's emitter in one process (and rank)."""

    def __init__(
        self, spool: Spool, sender: Sender, silence_seconds: float, rank: int = 0, first_step: int = 0
    ) -> None:
        """Prepare it; `start` begins. A sign of life is given three times in `silence_seconds`."""
        self.outbox = Outbox()
        self.outbox.step = first_step
        self._spool = spool
        self._sender = sender
        self._lives_seconds = silence_seconds * LIVES_SHARE
        self._packer = Packer(clock.new_id(), rank)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._called = asyncio.Event()
        self._waited_for = asyncio.Event()
        """Set when somebody waits until an event is in the spool."""
        self._is_called = False
        """Whether it is called and has not come yet: calling once is enough, and costs as much as five steps."""
        self._closing = False
        self._close_seconds = CLOSE_SECONDS
        self._owner = os.getpid()
        self._spoke_at = clock.monotonic()
        self._logged_at = clock.monotonic()
        self._packed_at = 0.0
        self._told_dropped = 0
        self._complained_at = -COMPLAIN_SECONDS
        self._thread = threading.Thread(target=self._run, name="coord-emitter", daemon=True)

    def start(self) -> None:
        """Begin to send; what an earlier life left in the spool goes first."""
        if self._spool.torn_bytes:
            _log.warning(
                "a record that was cut short, %d bytes, was cut off the spool", self._spool.torn_bytes
            )
        if len(self._spool):
            _log.info("%d records of an earlier life are sent first", len(self._spool))
        _living.add(self)
        self._thread.start()

    @property
    def open(self) -> bool:
        """Whether things can be said in this process."""
        return not self._closing and self._owner == os.getpid()

    def log(self, step: int, values: Mapping[str, Any]) -> None:
        """Take in the metrics of one step; at once, when one of them is not finite."""
        if self._closing:
            raise self._refusal()
        if self.outbox.add(step, values):
            self.call()

    def tell(
        self,
        event: Event,
        on_stored: Callable[[int], None] | None = None,
        on_spooled: Callable[[], None] | None = None,
        event_id: str | None = None,
    ) -> None:
        """Take in one event, and return when it is in the spool."""
        if self._closing:
            raise self._refusal()
        told = self.outbox.tell(record_of(event, event_id), on_stored, on_spooled)
        self._wake(self._fetch_at_once)
        if self._thread.is_alive() and not told.spooled.wait(SPOOL_SECONDS):
            _log.warning("an event was not written to the spool within %g s", SPOOL_SECONDS)

    def call(self) -> None:
        """Let the emitter fetch what waits soon: at once, unless it has just been here."""
        if self._loop is not None and not self._is_called:
            self._is_called = True
            self._wake(self._called.set)

    def _wake(self, what: Callable[[], None]) -> None:
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(what)

    def _fetch_at_once(self) -> None:
        self._called.set()
        self._waited_for.set()

    def close(self, seconds: float = CLOSE_SECONDS) -> int:
        """Send what is left, for at most so long, and end; return how many records stay in the spool."""
        if self.open:
            self._close_seconds = seconds
            self._closing = True
            self._wake(self._fetch_at_once)
            self._thread.join(seconds + 2 * SPOOL_SECONDS)
            _living.discard(self)
        return len(self._spool)

    def abandon_in_child(self) -> None:
        """Make a forked copy refuse: its thread is not here."""
        self._closing = True
        self._spool.leave_to_parent()

    def _refusal(self) -> UsageError:
        if self._owner != os.getpid():
            return UsageError(
                f"this Run belongs to process {self._owner}; process {os.getpid()} was forked from it.",
                "Let the process that made a Run speak for it.",
            )
        return UsageError("this Run is finished; nothing more can be said of it.")

    def _run(self) -> None:
        """The border of the thread: whatever happens becomes a sentence in the log, and training goes on."""
        while True:
            try:
                asyncio.run(self._main())
                self._spool.close()
                return
            except Exception:  # noqa: BLE001 - the border of the thread: training goes on
                _log.exception("the emitter failed; it begins anew")
                time.sleep(BEGIN_AGAIN_SECONDS)

    async def _main(self) -> None:
        self._called, self._waited_for = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        sending = asyncio.create_task(self._sender.run())
        try:
            self._pack()
            while not self._closing:
                await self._pack_when_due()
                if sending.done():
                    sending.result()
            self._pack()
            await self._settle(sending)
        finally:
            await end(sending)
            await self._sender.close()

    async def _settle(self, sending: "asyncio.Task[None]") -> None:
        until = clock.monotonic() + self._close_seconds
        while len(self._spool) and clock.monotonic() < until and not sending.done():
            await asyncio.sleep(0.005)

    async def _pack_when_due(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PACK_SECONDS):
                await self._called.wait()
                async with asyncio.timeout(self._packed_at + URGENT_SECONDS - clock.monotonic()):
                    await self._waited_for.wait()
        self._pack()

    def _pack(self) -> None:
        """Write what waits in the outbox to the spool, in order."""
        self._called.clear()
        self._waited_for.clear()
        self._is_called = False
        now = self._packed_at = clock.monotonic()
        points: list[Logged] = []
        taken = self.outbox.take()
        for one in taken:
            if isinstance(one, Logged):
                points.append(one)
                self._logged_at = now
            else:
                self._spool_points(points)
                points = []
                self._spool_told(one)
        self._spool_points(points)
        if not taken:
            self._live(now)

    def _spool_points(self, points: list[Logged]) -> None:
        if not points:
            return
        dropped = self._dropped_points
        if dropped > self._told_dropped:
            self._told_dropped = dropped
            self._complain(dropped)
        for record in self._packer.pack(points, dropped):
            self._put(record)

    def _spool_told(self, told: Told) -> None:
        if told.on_stored is not None:
            self._sender.on_stored[told.record.id] = told.on_stored
        self._put(told.record)
        if told.on_spooled is not None:
            told.on_spooled()
        told.spooled.set()

    def _put(self, record: Record) -> None:
        self._spool.append(record)
        self._spoke_at = clock.monotonic()
        self._sender.news.set()

    def _live(self, now: float) -> None:
        """Give a sign of life when nothing was said for long, or when a drop was not told yet."""
        untold = self._dropped_points > self._told_dropped
        if untold or now - self._spoke_at >= self._lives_seconds:
            silent = round(now - self._logged_at, 3)
            self._spool_points([Logged(0, self.outbox.step, (WAITING_SECONDS,), (silent,))])

    @property
    def _dropped_points(self) -> int:
        return self.outbox.dropped_points + self._spool.dropped_points

    def _complain(self, dropped: int) -> None:
        now = clock.monotonic()
        if now - self._complained_at >= COMPLAIN_SECONDS:
            self._complained_at = now
            _log.warning("%d points of metrics were dropped so far, because too many waited", dropped)


_living: "weakref.WeakSet[Emitter]" = weakref.WeakSet()


def _refuse_in_child() -> None:
    while _living:
        _living.pop().abandon_in_child()


os.register_at_fork(after_in_child=_refuse_in_child)
