"""One signal that is made of events: messages are fetched, told of, sent, and acknowledged after the receiver said yes.

While it does not, they are handed back to the server, and come again: the log is the queue, on disk, and nothing is
lost by ending this process at any moment. What was sent and not yet acknowledged is sent again, with the same ids.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Final, Generic

from coord.events.errors import CoordError
from coord.events.wire import Stored
from coord.services import clock
from coord.services.exporter.backoff import Backoff
from coord.services.exporter.delivering import Delivery, T, Tally
from coord.services.exporter.receiving import Later, Setback
from coord.services.exporter.shape import Signal
from coord.services.log.durable import Durable, Given

BATCH_MAX: Final = 256
WAIT_SECONDS: Final = 2.0
_LOG_AWAY_SECONDS: Final = 0.5

_log: Final = logging.getLogger("coord.exporter")
Tell = Callable[[Sequence[Stored]], Awaitable[list[list[T]]]]


class Lane(Generic[T]):
    """One signal's way out."""

    def __init__(
        self,
        signal: Signal,
        consumer: Durable,
        tell: Tell[T],
        delivery: Delivery[T],
        tally: Tally,
        backoff: Backoff | None = None,
    ) -> None:
        self._signal = signal
        self._consumer = consumer
        self._tell = tell
        self._delivery = delivery
        self._tally = tally
        self._backoff = backoff or Backoff()
        self._told = ""
        """The trouble that was logged last: it is said once."""
        self.oldest_ns = 0
        """Broker's time of the oldest message that is in hand; 0: none is."""
        self.position = 0
        """Of the newest message that was dealt with."""

    async def begin(self, begin_ns: int) -> None:
        """Make the consumer, if there is none yet, from a moment on.

        Raises:
            CoordError: the log does not let us.
        """
        self._begin_ns = begin_ns
        await self._consumer.ensure(begin_ns)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            try:
                given = await self._consumer.take(BATCH_MAX, WAIT_SECONDS)
                if given:
                    await self._deal_with(given)
                else:
                    self.oldest_ns = 0
            except CoordError as error:
                _log.info("%s: the log is away: %s", self._signal, error)
                await asyncio.sleep(_LOG_AWAY_SECONDS)
                await self._ensure()

    async def close(self) -> None:
        """Stop listening: what waits here unread goes back to the server."""
        await self._consumer.close()

    async def _ensure(self) -> None:
        try:
            await self._consumer.ensure(self._begin_ns)
        except CoordError as error:
            _log.info("%s: %s", self._signal, error)

    async def _deal_with(self, given: Sequence[Given]) -> None:
        self.oldest_ns = min(one.stored.recorded_at_ns for one in given)
        async with self._consumer.busy(given):
            setback = await self._send(given)
        if setback is None:
            await self._consumer.done(given)
            self.position = max(self.position, *(one.stored.position for one in given))
            self._backoff.reset()
            if self._told:
                _log.info("%s: the receiver takes them again", self._signal)
            self._told = ""
            return
        pause = self._backoff.pause(setback.after_seconds if isinstance(setback, Later) else None)
        if setback.words != self._told:
            _log.warning("%s: %s; %d messages wait in the log", self._signal, setback.words, len(given))
        self._told = setback.words
        await self._consumer.again(given, pause)
        await asyncio.sleep(pause)

    async def _send(self, given: Sequence[Given]) -> Setback | None:
        try:
            items = list(chain.from_iterable(await self._tell([one.stored for one in given])))
        except CoordError:
            await self._consumer.again(given, _LOG_AWAY_SECONDS)
            raise
        return await self._delivery.deliver(items) if items else None

    def lag_seconds(self) -> float:
        """Return the age of the oldest message in hand; 0: none is."""
        return max(0.0, (clock.now_ns() - self.oldest_ns) / 1e9) if self.oldest_ns else 0.0
