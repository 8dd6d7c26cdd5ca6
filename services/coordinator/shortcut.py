"""When a snapshot is written, and whether one is believed at the start.

Written every so many events, and at an orderly stop, by a thread, from a list of what does not change while it is
written; what happens meanwhile is read again from the log, for the snapshot names the position up to which it surely
knows everything.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Final

from coord.events.envelope import MESSAGE_ID
from coord.events.errors import CoordError
from coord.events.streams import EVENTS
from coord.services import clock
from coord.services.coordinator import snapshot
from coord.services.coordinator.snapshot import Header, State, Unfit
from coord.services.log import Log

LOOK_SECONDS: Final = 1.0
EVENTS_MIN: Final = 10_000
"""Fewer new events are read again as quickly as a snapshot is."""
SHARE_MAX: Final = 0.05
"""Writing takes at most this share of the time."""
LAST_EVENTS_MIN: Final = 1_000
"""So many new events are worth a snapshot when a coordinator stops."""
LAST_SECONDS_MAX: Final = 3.0
"""How long that one may take: whoever stops a service waits for ten seconds, and then kills it."""

_log = logging.getLogger("coord.coordinator")


class Shortcut:
    """The snapshot of one coordinator. `state` gathers what it knows, `position` says up to where."""

    def __init__(self, log: Log, path: Path, position: Callable[[], int], state: Callable[[], State]) -> None:
        self._log = log
        self._path = path
        self._position = position
        self._state = state
        self._written = 0
        """The position of the last snapshot."""
        self._is_being_written = False
        """A thread is at it, be it that nobody waits for it any more."""

    async def load(self) -> tuple[int, State] | None:
        """Return the position and the state of a snapshot of this very log; None: fold the log from its start."""
        try:
            found = await asyncio.to_thread(snapshot.read, self._path)
            if found is None:
                return None
            header, state = found
            await self._compare(header)
        except Unfit as unfit:
            aside = await asyncio.to_thread(snapshot.set_aside, self._path)
            _log.warning(
                "the snapshot was set aside as %s: %s; the log is read instead", aside, unfit.message
            )
            return None
        self._written = header.position
        return header.position, state

    async def _compare(self, header: Header) -> None:
        """Compare a snapshot's log with the one that is there."""
        state = await self._log.stream_state(EVENTS.name)
        if state.created_at != header.stream_created_at:
            raise Unfit(
                f"it is of a log made at {header.stream_created_at}, not of this one, made at {state.created_at}"
            )
        if state.last < header.position:
            raise Unfit(f"it knows the log up to {header.position}, and the log ends at {state.last}")
        if await self._event_id(header.position) != header.event_id:
            raise Unfit(f"another event than it knows stands at position {header.position}")

    async def run(self) -> None:
        """Write one whenever it is worth it, until cancelled."""
        pause = LOOK_SECONDS
        while True:
            await asyncio.sleep(pause)
            pause = LOOK_SECONDS
            if self._position() - self._written >= EVENTS_MIN:
                began = clock.monotonic()
                try:
                    await self.write()
                except (CoordError, OSError) as error:
                    _log.warning("no snapshot was written: %s", error)
                pause = max(LOOK_SECONDS, (clock.monotonic() - began) / SHARE_MAX)

    async def write_last(self) -> None:
        """Write one before a coordinator stops, if that is worth it and quick: the next start has less to read."""
        if self._is_being_written or self._position() - self._written < LAST_EVENTS_MIN:
            return
        until = clock.monotonic() + LAST_SECONDS_MAX
        try:
            async with asyncio.timeout(LAST_SECONDS_MAX):
                await self.write(until)
        except (CoordError, OSError, TimeoutError) as error:
            _log.warning("no snapshot was written at the end: %s", str(error) or "it takes too long.")

    async def write(self, until: float = math.inf) -> None:
        """Write one now, or not at all when that is not done by a moment of the monotonic clock.

        Raises:
            CoordError: the log does not answer, or the moment came.
            OSError: the disk does not take it.
        """
        position = self._position()
        created_at = (await self._log.stream_state(EVENTS.name)).created_at
        event_id = await self._event_id(position)
        header = Header(snapshot.VERSION, snapshot.shape(), created_at, position, event_id)
        self._is_being_written = True
        await asyncio.to_thread(self._write, header, self._state(), until)
        self._written = position

    def _write(self, header: Header, state: State, until: float) -> None:
        try:
            snapshot.write(self._path, header, state, until)
        finally:
            self._is_being_written = False

    async def _event_id(self, position: int) -> str:
        stored = await self._log.read_at(EVENTS.name, position) if position else None
        return stored.headers.get(MESSAGE_ID, "") if stored is not None else ""
