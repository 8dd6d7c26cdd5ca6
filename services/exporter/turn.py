"""Whose turn it is to send the metrics: of several exporters of a house, one at a time, by a key with a time to live.

Spans and log records are shared out by the server. Metrics are asked for, and two who send the same series would
each seem to contradict the other.
"""

import asyncio
from typing import Final

from coord.events.errors import CoordError
from coord.services import clock
from coord.services.log import Log
from coord.services.log.leases import LeaseTaken, create_lease, give_up_lease, renew_lease
from coord.services.server.credentials import EXPORTER_LEASE

RENEW_SECONDS: Final = 1.0
HELD_SECONDS: Final = 4.0
"""How long a renewed key is taken to be ours; less than the five seconds that it lives."""

assert RENEW_SECONDS < HELD_SECONDS


class Turn:
    """One exporter's place in the queue."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._me = clock.new_id().encode()
        self._revision = 0
        self._until = 0.0

    @property
    def is_mine(self) -> bool:
        """Tell whether this exporter sends the metrics now."""
        return clock.monotonic() < self._until

    async def run(self) -> None:
        """Take the turn when it is free, and keep it, until cancelled; then give it up."""
        try:
            while True:
                await self._try()
                await asyncio.sleep(RENEW_SECONDS)
        finally:
            if self._revision and not self._log.client.is_closed:
                await give_up_lease(self._log, EXPORTER_LEASE, self._revision)

    async def _try(self) -> None:
        asked_at = clock.monotonic()
        try:
            if self._revision:
                self._revision = await renew_lease(self._log, EXPORTER_LEASE, self._me, self._revision)
            else:
                self._revision = await create_lease(self._log, EXPORTER_LEASE, self._me)
            self._until = asked_at + HELD_SECONDS
        except LeaseTaken:
            self._revision, self._until = 0, 0.0
        except CoordError:
            return
