"""Reading the log: from its start before anything is answered, and then what others append.

What this coordinator appends itself is known when it is appended, and is not read again.
"""

import asyncio
import logging
from typing import Final, Protocol

from coord.events.envelope import Recorded
from coord.events.errors import CoordError, InvalidEvent, OutcomeUnknown
from coord.events.streams import EVENTS
from coord.events.tokens import entity_of, event_subject
from coord.events.wire import Stored, read_event
from coord.services import clock
from coord.services.coordinator.evidence import Evidence, shows_work
from coord.services.coordinator.frontier import Frontier
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.oversight import OVERSEEN
from coord.services.log import Log
from coord.services.log.looking_back import read_together

FOLLOW_SECONDS: Final = 0.2
END_SECONDS: Final = 1.0
"""How long one answer to where the log ends is waited for."""
END_SECONDS_MAX: Final = 3.0
"""How long it is asked for."""
DECIDED: Final = ("work", "agent", "team", *sorted(OVERSEEN))
"""The aggregates a coordinator decides about: it reads all their events, for the requests they answered."""
FOLDED: Final = (*DECIDED, "node")
"""What it reads from the start of the log; of runs it reads only what comes while it leads."""

_log = logging.getLogger("coord.coordinator")


class Watcher(Protocol):
    """Who is told of what is read, and knows which requests it answered."""

    def knows(self, stored: Stored) -> bool:
        """Tell whether an event of our own is folded in, or will be when its append returns."""

    def observe(self, recorded: Recorded) -> None:
        """Take note of an event that has just been folded in."""

    def recall(self, recorded: Recorded) -> None:
        """Take note of an event from before anybody is answered."""

    def position_of(self, request_id: str) -> int | None:
        """Return the position of the event that answered a request, if one is remembered."""

    def worked(self, item_id: str, *, shows_work: bool) -> None:
        """A run that works on an item was heard."""


class Follower:
    """Reads the log into a ledger; `frontier` is how far it is known."""

    def __init__(self, log: Log, ledger: Ledger, site: str, source: str, watcher: Watcher) -> None:
        self.frontier = Frontier()
        self.evidence = Evidence(self._first_event)
        self._log = log
        self._ledger = ledger
        self._source = source
        self._watcher = watcher
        self._subjects = tuple(_all_of(site, aggregate) for aggregate in FOLDED)
        self._prefixes = tuple(subject.removesuffix("*") for subject in self._subjects)
        self._runs = _all_of(site, "run").removesuffix("*")

    async def catch_up(self) -> int:
        """Fold the log up to its present end, and return the position of that."""
        end = await self._end()
        async for batch in read_together(self._log, self._subjects, self.frontier.position + 1, end):
            for stored in batch:
                recorded = self._fold(stored)
                if recorded is not None:
                    self._watcher.recall(recorded)
        self.frontier.know_up_to(end)
        return end

    async def follow(self) -> None:
        """Look where the log ends, and a moment later read the holes up to there, until cancelled."""
        while True:
            try:
                end = await self._end()
                await asyncio.sleep(FOLLOW_SECONDS)
                if self.frontier.position < end:
                    await self._read_up_to(end)
            except CoordError as error:
                _log.info("the log could not be followed: %s", error.message)
                await asyncio.sleep(FOLLOW_SECONDS)

    async def read_to_the_end(self) -> None:
        """Read what is in the log by now.

        Raises:
            CoordError: it cannot be read.
        """
        end = await self._end()
        if self.frontier.position < end:
            await self._read_up_to(end)
        if self.frontier.position < end:
            raise OutcomeUnknown(f"the log is known up to {self.frontier.position}, and ends at {end}.")

    async def _end(self) -> int:
        """Return where the log ends; what a server that leads nothing is asked, nobody ever answers."""
        began = clock.monotonic()
        while True:
            try:
                end = (await self._log.stream_state(EVENTS.name, END_SECONDS)).last
            except CoordError:
                self._log.pulse.unanswered(began)
                if clock.monotonic() - began >= END_SECONDS_MAX:
                    raise
                await asyncio.sleep(FOLLOW_SECONDS)
            else:
                self._log.pulse.answered()
                return end

    async def _read_up_to(self, end: int) -> None:
        """Read every event behind the frontier; positions that hold none were never ours to read."""
        async for batch in self._log.pull(EVENTS.name, self.frontier.position + 1, wait_seconds=1.0):
            for stored in batch:
                if stored.subject.startswith(self._prefixes):
                    self._read(stored)
                elif stored.subject.startswith(self._runs):
                    await self._hear_run(stored)
                self.frontier.know(stored.position)
            if batch and batch[-1].position >= end:
                self.frontier.know_up_to(end)
            if not batch or batch[-1].position >= end:
                break

    def _read(self, stored: Stored) -> None:
        """Fold one stored message in; what was folded when it was appended is only noted."""
        if stored.headers.get("ce-source") == self._source and self._watcher.knows(stored):
            return
        recorded = self._fold(stored)
        if recorded is not None:
            self._watcher.observe(recorded)

    def _fold(self, stored: Stored) -> Recorded | None:
        """Fold one stored message in, and return it where it may mean something to the watcher."""
        try:
            recorded = read_event(stored)
        except InvalidEvent:
            aggregate, entity = entity_of(stored.subject)
            self._ledger.unreadable(aggregate, entity, stored.position)
            return None
        if recorded.aggregate == "node":
            self.evidence.node_event(recorded)
            return None
        self._ledger.apply(recorded)
        return recorded

    async def _hear_run(self, stored: Stored) -> None:
        item_id = await self.evidence.item_of(stored)
        if item_id is not None:
            self._watcher.worked(item_id, shows_work=shows_work(stored))

    async def _first_event(self, subject: str) -> Recorded | None:
        stored = await self._log.read_after(subject, 0)
        try:
            return read_event(stored) if stored is not None else None
        except InvalidEvent:
            return None


def _all_of(site: str, aggregate: str) -> str:
    return event_subject(site, aggregate, "x")[:-1] + "*"
