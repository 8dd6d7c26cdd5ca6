"""The projector's socket, asked without blocking: the body of an answer is passed on as it came, read by nobody here.

A projector that is being started again is waited for as the light client does. h11's only door beside uvicorn.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, NamedTuple

import h11

from coord.events.errors import NoServer, OutcomeUnknown
from coord.services import clock
from coord.services.folder import PROJECTOR_SOCKET, Folder, open_socket

ASKING_MAX: Final = 32
"""Questions at once; others wait for their turn."""
ANSWER_SECONDS: Final = 30.0
"""How long a whole answer may take: of a past moment the projector says within eight that it is not ready."""
CONNECT_SECONDS: Final = 3.0
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
LINE_BYTES_MAX: Final = 8 * 1024 * 1024
_READ_BYTES: Final = 64 * 1024
_CONNECT_PAUSE_SECONDS: Final = 0.05


class Answered(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Projector:
    """Whoever answers on the projector's socket of a data folder."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._turns = asyncio.Semaphore(ASKING_MAX)

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answered:
        """Send a request, and return what came back.

        Raises:
            NoServer: nobody answers there.
            OutcomeUnknown: the answer did not come, or not whole; nothing can have changed.
        """
        try:
            async with (
                self._turns,
                asyncio.timeout(ANSWER_SECONDS),
                self._sent(method, path, body, headers or {}) as answer,
            ):
                head = await answer.head()
                return Answered(head.status_code, _headers(head), await answer.whole())
        except TimeoutError as error:
            raise _silence(f"no answer came in {ANSWER_SECONDS:g} s") from error

    async def lines(self, path: str) -> AsyncGenerator[bytes, None]:
        """Yield the lines of an answer that goes on, those that came together at once.

        Raises:
            NoServer: nobody answers there.
            OutcomeUnknown: the answer broke off.
        """
        async with self._sent("GET", path, b"", {}) as answer:
            head = await answer.head()
            if head.status_code != 200:
                raise _silence((await answer.whole())[:200].decode("utf-8", "replace"))
            rest = b""
            async with aclosing(answer.parts()) as parts:
                async for part in parts:
                    whole, newline, after = part.rpartition(b"\n")
                    if newline:
                        yield rest + whole
                    rest = after if newline else rest + part
                    if len(rest) > LINE_BYTES_MAX:
                        raise _silence("a line of the answer is too long")

    @asynccontextmanager
    async def _sent(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> AsyncIterator["_Answer"]:
        reader, writer = await self._connected()
        try:
            connection = h11.Connection(h11.CLIENT)
            told = [("host", "localhost"), ("connection", "close"), ("content-length", str(len(body)))]
            request = h11.Request(method=method, target=path, headers=[*told, *headers.items()])
            for event in (request, h11.Data(data=body), h11.EndOfMessage()):
                writer.write(connection.send(event) or b"")
            await writer.drain()
            yield _Answer(connection, reader)
        except (OSError, h11.ProtocolError) as error:
            raise _silence(f"the connection failed: {error}") from error
        finally:
            writer.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        end = clock.monotonic() + CONNECT_SECONDS
        while True:
            try:
                sock = open_socket(self._folder, PROJECTOR_SOCKET, waits=False)
                return await asyncio.open_unix_connection(sock=sock)
            except OSError as error:
                if clock.monotonic() >= end:
                    raise NoServer(
                        "nobody answers questions here now.", "Is coord up? coord doctor"
                    ) from error
            await asyncio.sleep(_CONNECT_PAUSE_SECONDS)


class _Answer:
    """An answer as it comes."""

    def __init__(self, connection: h11.Connection, reader: asyncio.StreamReader) -> None:
        self._connection = connection
        self._reader = reader

    async def head(self) -> h11.Response:
        """Return status and headers."""
        event = await self._event()
        if not isinstance(event, h11.Response):
            raise _silence("what came back is no answer")
        return event

    async def whole(self) -> bytes:
        """Return the whole body."""
        kept, size = [], 0
        async with aclosing(self.parts()) as parts:
            async for part in parts:
                kept.append(part)
                size += len(part)
                if size > ANSWER_BYTES_MAX:
                    raise _silence(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
        return b"".join(kept)

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes."""
        while isinstance(event := await self._event(), h11.Data):
            yield bytes(event.data)
        if not isinstance(event, h11.EndOfMessage):
            raise _silence("the answer broke off")

    async def _event(self) -> Any:
        while (event := self._connection.next_event()) is h11.NEED_DATA:
            self._connection.receive_data(await self._reader.read(_READ_BYTES))
        return event


def _headers(head: h11.Response) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}


def _silence(what: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"the projector was asked, and {what}.", "Nothing has changed: ask again.")
