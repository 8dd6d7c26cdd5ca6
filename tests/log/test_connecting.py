"""Connecting to a server: a connection that nobody takes is closed, whenever it was called off."""

import asyncio
import gc
from contextlib import suppress
from typing import Any

import pytest

from coord.events.errors import NoServer
from coord.services.log.connection import Access, open_connection
from coord.services.log.reading import ReadingClient

STEPS = 24
"""Turns of the loop that a connection takes at most; a server in the same loop makes each of them the same each time."""
INFO = b'INFO {"server_id":"x","version":"2.11.0","max_payload":1048576,"client_id":1}\r\n'


class Peer:
    """Speaks as much of NATS as a connection needs."""

    def __init__(self, pong: bytes = b"PONG\r\n") -> None:
        self.open = 0
        self._pong = pong

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Greet, and answer until the other side has gone."""
        self.open += 1
        with suppress(ConnectionError):
            writer.write(INFO)
            while line := await reader.readline():
                if line.startswith(b"PING"):
                    writer.write(self._pong)
        writer.close()
        self.open -= 1


async def connecting(port: int) -> "asyncio.Task[ReadingClient]":
    """Begin to connect."""

    async def quiet(_: Exception) -> None:
        return

    access = Access(f"nats://127.0.0.1:{port}", "", "")
    return asyncio.create_task(open_connection(access, "test", {"error_cb": quiet}))


async def gone(peer: Peer) -> None:
    """Wait until every connection is closed."""
    async with asyncio.timeout(5):
        while peer.open:
            await asyncio.sleep(0)


@pytest.mark.parametrize("pong", [b"PONG\r\n", b"-ERR 'Authorization Violation'\r\n"])
def test_a_connection_that_is_called_off_at_any_moment_is_closed_and_called_off(pong: bytes) -> None:
    """A lost cancellation would hand over a connection that nobody waits for any more."""

    async def main() -> int:
        called_off = 0
        peer = Peer(pong)
        async with await asyncio.start_server(peer.serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            for steps in range(STEPS):
                task = await connecting(port)
                for _ in range(steps):
                    await asyncio.sleep(0)
                if task.cancel():
                    called_off += 1
                    await asyncio.wait([task])
                    assert task.cancelled(), steps
                elif task.exception() is None:
                    await task.result().close()
                await gone(peer)
        return called_off

    assert asyncio.run(main()) > 5
    gc.collect()


def test_a_time_limit_that_ends_as_it_connects_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        peer = Peer()
        async with await asyncio.start_server(peer.serve, "127.0.0.1", 0) as server:
            limit = asyncio.timeout(None)

            async def connect(client: ReadingClient, **options: Any) -> None:
                await plain(client, **options)
                limit.reschedule(0)
                await _lost()

            plain = ReadingClient.connect
            monkeypatch.setattr(ReadingClient, "connect", connect)
            with pytest.raises(TimeoutError):
                async with limit:
                    await (await connecting(server.sockets[0].getsockname()[1]))
            await gone(peer)

    async def _lost() -> None:
        """Lose a cancellation, as `asyncio.wait_for` does before Python 3.12."""
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()

    asyncio.run(main())


def test_nobody_who_listens_is_no_server() -> None:
    async def main() -> None:
        with pytest.raises(NoServer):
            await (await connecting(1))

    asyncio.run(main())
