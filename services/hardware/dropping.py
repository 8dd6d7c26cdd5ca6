"""What a monitor dropped, told in the log: how many readings, once the log takes something again.

Readings are dropped while nothing can be sent. What came together is one event, and there is at most one in
`BETWEEN_SECONDS`. An event of which it is not known whether it was stored is sent again under its id.
"""

import asyncio
from typing import Final

from coord.events.envelope import Envelope
from coord.events.node import NodeReadingsDropped
from coord.events.tokens import event_subject
from coord.services.hardware.registration import envelope_of
from coord.services.log import Log
from coord.services.settings import Settings

BETWEEN_SECONDS: Final = 10.0


class Dropping:
    """The readings that one start of one monitor has dropped."""

    def __init__(self, settings: Settings, writer: str) -> None:
        self._settings = settings
        self._writer = writer
        self._total = 0
        self._told = 0
        self._unsure: tuple[Envelope, NodeReadingsDropped] | None = None
        self._news = asyncio.Event()

    def note(self, total: int) -> None:
        """Note how many readings were dropped so far."""
        if total > self._total:
            self._total = total
            self._news.set()

    async def tell(self, log: Log) -> None:
        """Tell what was dropped and not told, until cancelled.

        Raises:
            NoServer: nothing was told.
            OutcomeUnknown: calling again sends the same event, which then counts once.
        """
        while True:
            await self._news.wait()
            await self._say(log)
            await asyncio.sleep(BETWEEN_SECONDS)

    async def _say(self, log: Log) -> None:
        if self._unsure is None:
            event = NodeReadingsDropped(
                writer=self._writer, readings=self._total - self._told, readings_total=self._total
            )
            self._unsure = envelope_of(event, self._settings.node), event
        envelope, event = self._unsure
        await log.publish(event_subject(self._settings.site, "node", self._settings.node), envelope, event)
        self._told, self._unsure = event.readings_total, None
        if self._told == self._total:
            self._news.clear()
