"""Following: EVENTS and SAMPLES from where the beginning ended, in order, for as long as the process lives.

The streams are read, and no table: a watchdog acts with the projector down. What each message leads to is
asked for at once.
"""

import asyncio
import logging
from contextlib import aclosing
from typing import Final

from coord.events.errors import CoordError
from coord.events.streams import EVENTS, SAMPLES
from coord.services.log import Log
from coord.services.settings import Settings
from coord.services.tasks import run_together
from coord.services.watchdog.acting import Acting
from coord.services.watchdog.beginning import Begun, readings_of, subjects_of, take_event, take_sample
from coord.services.watchdog.declaring import Declaring
from coord.services.watchdog.watch import Watch

WAIT_SECONDS: Final = 1.0
LOOK_AFTER_SECONDS: Final = 1.0
FOLLOWED: Final = ("agent", "alert", "directive", "node", "run")

_log: Final = logging.getLogger("coord.watchdog")


class OtherLog(CoordError):
    """The log is not the one that was followed."""


class Following:
    """The loops of one watchdog."""

    def __init__(self, log: Log, settings: Settings, watch: Watch) -> None:
        self._log = log
        self._settings = settings
        self._watch = watch
        self._acting = Acting(log, settings, watch.incidents)
        self._declaring = Declaring(log, settings, watch)

    async def run(self, begun: Begun) -> None:
        """Follow until cancelled.

        Raises:
            OtherLog: the server has another log now; a new start begins with that.
        """
        created = (await self._log.wait_for_stream(EVENTS.name)).created_at
        self._declaring.begin()
        self._acting.look()
        try:
            await run_together(
                self._events(begun.events + 1),
                self._samples(begun.samples + 1),
                self._declaring.run(),
                self._look_after(created),
            )
        finally:
            await self._acting.close()

    async def _events(self, position: int) -> None:
        subjects = subjects_of(self._settings.site, *FOLLOWED)
        pulled = self._log.pull(EVENTS.name, position, wait_seconds=WAIT_SECONDS, subjects=subjects)
        async with aclosing(pulled) as batches:  # type: ignore[type-var]
            async for batch in batches:
                for stored in batch:
                    recorded = take_event(self._watch, stored)
                    if recorded is not None and recorded.aggregate in ("run", "directive"):
                        self._declaring.heard_run(recorded.entity)
                    self._acting.look()

    async def _samples(self, position: int) -> None:
        subjects = readings_of(self._settings.site)
        pulled = self._log.pull(SAMPLES.name, position, wait_seconds=WAIT_SECONDS, subjects=subjects)
        async with aclosing(pulled) as batches:  # type: ignore[type-var]
            async for batch in batches:
                for stored in batch:
                    node = take_sample(self._watch, stored)
                    if node is not None:
                        self._declaring.heard_node(node, stored.position, stored.recorded_at_ns)
                    self._acting.look()

    async def _look_after(self, created: str) -> None:
        while True:
            await asyncio.sleep(LOOK_AFTER_SECONDS)
            self._watch.look_after()
            self._acting.look()
            try:
                state = await self._log.stream_state(EVENTS.name)
            except CoordError as error:
                _log.info("the log is away: %s", error)
                continue
            if state.created_at != created:
                raise OtherLog("the server has another log than before; beginning anew.")
