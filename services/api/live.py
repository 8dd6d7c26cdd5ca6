"""The log as it is written, as server-sent events: one tail of the projector's for all who listen.

    joins --from, Last-Event-ID--> catches up from the log, at its own pace --> live
      `--neither--> live --buffer full, token revoked--> cut: told so, and ended

The tail runs while somebody listens. Each listener has a buffer of its own, bounded in entries and bytes: one that is
slower than the log is cut off, told at which position, and may come again with `Last-Event-ID`, losing nothing. While the
projector is away nothing comes; when it is back the tail goes on where it was.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from coord.events.errors import CoordError, NoServer, Refused
from coord.services import clock
from coord.services.api.asking import Projector
from coord.services.tasks import end

LISTENERS_MAX: Final = 64
ENTRIES_MAX: Final = 4_096
BYTES_MAX: Final = 4 * 1024 * 1024
"""Of what waits for one listener."""
QUIET_SECONDS: Final = 15.0
"""After so long without an event a comment is sent, so that who is between does not hang up."""
LOOK_SECONDS: Final = 2.0
"""So often it is asked whether a listener is still welcome."""
AGAIN_SECONDS: Final = 0.5
AWAY_SECONDS: Final = 60.0
"""For so long whoever catches up waits for a projector that is away."""
_REVOKED: Final = "your token was revoked."
_END: Final = b"event: end\ndata: {}"

_log: Final = logging.getLogger("coord.api")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a listener wants to hear."""

    aggregate: str = ""
    entity: str = ""
    type: str = ""
    """Such as work.claimed, whatever its version, or all that begin with `work.`."""

    def fits(self, entry: "Entry") -> bool:
        """Tell whether an event is wanted."""
        _, _, name = entry.subject.partition(".")
        _, _, name = name.partition(".")
        aggregate, _, entity = name.partition(".")
        type_ = entry.type
        return (
            self.aggregate in ("", aggregate)
            and self.entity in ("", entity)
            and (not self.type or type_ == self.type or type_.startswith(_prefix(self.type)))
        )


class Entry(msgspec.Struct):
    """What is read of an event that passes through."""

    position: int
    subject: str = ""
    type: str = ""


class Listener:
    """What waits for one who listens, for as long as they are welcome."""

    def __init__(self, welcome: Callable[[], bool]) -> None:
        self.cut_at: int | None = None
        """The position from which on entries did not fit."""
        self._waiting: deque[tuple[Entry, bytes]] = deque()
        self._bytes = 0
        self._heard = asyncio.Event()
        self._welcome = welcome
        self._looked = clock.monotonic()

    def is_welcome(self) -> bool:
        """Tell whether they are still; it is not asked at every call."""
        now = clock.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return True
        self._looked = now
        return self._welcome()

    def put(self, entry: Entry, line: bytes) -> None:
        """Take an entry, or be cut off."""
        if self.cut_at is not None:
            return
        self._waiting.append((entry, line))
        self._bytes += len(line)
        if len(self._waiting) > ENTRIES_MAX or self._bytes > BYTES_MAX:
            self.cut_at = self._waiting[0][0].position
            self._waiting.clear()
        self._heard.set()

    def wake(self) -> None:
        """Have it look again."""
        self._heard.set()

    async def take(self, seconds: float) -> list[tuple[Entry, bytes]]:
        """Return what waits; nothing when nothing came for so long."""
        if not self._waiting and self.cut_at is None:
            self._heard.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._heard.wait()
            except TimeoutError:
                return []
        taken = list(self._waiting)
        self._waiting.clear()
        self._bytes = 0
        return taken


class Live:
    """Who listens, and the one tail for all of them."""

    def __init__(self, projector: Projector) -> None:
        self.cut = 0
        """How many were cut off, or hung up on."""
        self._projector = projector
        self._listeners: set[Listener] = set()
        self._tail: asyncio.Task[None] | None = None
        self._position = 0
        """Up to which the tail has read."""
        self._away = False
        self._closed = False
        self.listening = 0
        """How many listen, or catch up."""

    def check_room(self) -> None:
        """Make sure that one more may listen.

        Raises:
            NoServer: too many do.
        """
        if self.listening >= LISTENERS_MAX:
            raise NoServer(f"{LISTENERS_MAX} listen already.", "Try again later.")

    def hung_up(self) -> None:
        """Count one who took nothing of what was sent for so long that it was hung up on."""
        self.cut += 1
        _log.warning("a listener took nothing for too long, and is hung up on")

    async def events(
        self, wanted: Wanted, position: int | None, welcome: Callable[[], bool]
    ) -> AsyncGenerator[bytes, None]:
        """Yield events as blocks of server-sent events, from a position on, or those to come: while one is welcome."""
        listener = Listener(welcome)
        self.listening += 1
        try:
            if position is not None:
                async for seen, block in self._past(listener, wanted, position):
                    position = seen + 1
                    if block:
                        yield block
            await self._begin_tail()
            self._listeners.add(listener)
            if position is not None:
                async for seen, block in self._past(listener, wanted, position):
                    position = seen + 1
                    if block:
                        yield block
            async with aclosing(self._heard(listener, wanted, position or 0)) as blocks:
                async for block in blocks:
                    yield block
        except CoordError as error:
            yield _told("cut", {"reason": error.message, "position": position or self._position})
        finally:
            self.listening -= 1
            self._listeners.discard(listener)
            if not self._listeners:
                await self._end_tail()

    async def close(self) -> None:
        """End everybody's stream."""
        self._closed = True
        for listener in self._listeners:
            listener.wake()
        await self._end_tail()

    async def _heard(self, listener: Listener, wanted: Wanted, position: int) -> AsyncGenerator[bytes, None]:
        spoken = clock.monotonic()
        while not self._closed:
            taken = await listener.take(min(QUIET_SECONDS, LOOK_SECONDS))
            if listener.cut_at is not None:
                self.cut += 1
                _log.warning("a listener is slower than the log, and is cut off at %d", listener.cut_at)
                reason = "you are slower than the log: come again with Last-Event-ID."
                yield _told("cut", {"reason": reason, "position": listener.cut_at})
                return
            if not listener.is_welcome():
                told = taken[0][0].position if taken else self._position + 1
                yield _told("cut", {"reason": _REVOKED, "position": told})
                return
            blocks = [
                _block(entry, line)
                for entry, line in taken
                if entry.position >= position and wanted.fits(entry)
            ]
            if blocks:
                yield b"\n\n".join(blocks)
            elif clock.monotonic() - spoken >= QUIET_SECONDS:
                yield b": as of position %d" % self._position
            else:
                continue
            spoken = clock.monotonic()
        yield _END

    async def _past(
        self, listener: Listener, wanted: Wanted, position: int
    ) -> AsyncGenerator[tuple[int, bytes], None]:
        """Yield as `_caught_up`.

        Raises:
            Refused: the listener is welcome no longer.
        """
        async with aclosing(self._caught_up(wanted, position)) as found:
            async for seen, block in found:
                if not listener.is_welcome():
                    raise Refused(_REVOKED)
                yield seen, block

    async def _caught_up(self, wanted: Wanted, position: int) -> AsyncGenerator[tuple[int, bytes], None]:
        """Yield what the log holds now from a position on: up to which, and the blocks of what is wanted."""
        patience = _Patience()
        while True:
            try:
                async with aclosing(self._projector.lines(f"/v1/tail?from={position}&until=now")) as lines:
                    async for raw in lines:
                        found = [(_read(line), line) for line in raw.split(b"\n")]
                        blocks = [_block(entry, line) for entry, line in found if wanted.fits(entry)]
                        yield found[-1][0].position, b"\n\n".join(blocks)
                        position, patience = found[-1][0].position + 1, _Patience()
                return
            except CoordError as error:
                await patience.wait(error)

    async def _follow(self) -> None:
        """Read the tail of the log, and give it to all; goes on when the projector is back."""
        while True:
            try:
                async with aclosing(self._projector.lines(f"/v1/tail?from={self._position + 1}")) as lines:
                    async for raw in lines:
                        self._away = False
                        for line in raw.split(b"\n"):
                            self._give(_read(line), line)
            except CoordError as error:
                if not self._away:
                    _log.warning("the tail of the log is away: %s", error)
                self._away = True
            await asyncio.sleep(AGAIN_SECONDS)

    def _give(self, entry: Entry, line: bytes) -> None:
        self._position = entry.position
        for listener in self._listeners:
            listener.put(entry, line)

    async def _begin_tail(self) -> None:
        patience = _Patience()
        while self._tail is None:
            try:
                how = msgspec.json.decode((await self._projector.ask("GET", "/healthz")).body)
            except CoordError as error:
                await patience.wait(error)
                continue
            if self._tail is None:
                self._position = int(how["position"]) + int(how["lag"])
                self._tail = asyncio.create_task(self._follow())

    async def _end_tail(self) -> None:
        tail, self._tail = self._tail, None
        if tail is not None:
            await end(tail)


class _Patience:
    """How long a projector that is away is waited for."""

    def __init__(self) -> None:
        self._until = clock.monotonic() + AWAY_SECONDS

    async def wait(self, error: CoordError) -> None:
        """Wait before the next try; when it has been long enough, raise what went wrong."""
        if clock.monotonic() >= self._until:
            raise error
        await asyncio.sleep(AGAIN_SECONDS)


_reading: Final = msgspec.json.Decoder(Entry)


def _read(line: bytes) -> Entry:
    return _reading.decode(line)


def _prefix(type_: str) -> str:
    return type_ if type_.endswith(".") else f"{type_}.v"


def _block(entry: Entry, line: bytes) -> bytes:
    """Write an event as a message; JSON has no line breaks of its own."""
    return b"id: %d\ndata: %s" % (entry.position, line)


def _told(event: str, fields: dict[str, Any]) -> bytes:
    return f"event: {event}\ndata: ".encode() + msgspec.json.encode(fields)
