"""Asking over core NATS: one subscription for all replies, each handed to whoever waits for it.

nats-py does the same with a queue, a task and two objects a reply; this takes a third of the time.
"""

import asyncio
import re
from itertools import count
from typing import TYPE_CHECKING, Final

from coord.services.log.reading import Broken, ReadingClient, read_headers
from coord.services.log.writing import header_lines, message_bytes, wake_flusher

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAIN_SUBJECT: Final = re.compile(r"[!-~]+")
_PLAIN_HEADER: Final = re.compile(r"[ -~]*")
NOBODY_LISTENS: Final = "503"


class Asking:
    """The requests of one connection that wait for their replies."""

    def __init__(self, client: ReadingClient) -> None:
        self._client = client
        self._numbers = count(1)
        self._waiting: dict[bytes, asyncio.Future[tuple[bytes, bytes | None]]] = {}
        self._prefix = b""
        self._lock = asyncio.Lock()
        client.when_broken.append(self._broken)

    def is_plain(self, subject: str, body: bytes, headers: "Mapping[str, str] | None") -> bool:
        """Tell whether a request can go this way; the library's own says what is wrong with any other."""
        return (
            self._client.is_connected
            and len(body) <= self._client.max_payload // 2
            and _PLAIN_SUBJECT.fullmatch(subject) is not None
            and ".." not in subject
            and all(map(_PLAIN_HEADER.fullmatch, headers.values() if headers else ()))
        )

    async def ask(
        self, subject: str, body: bytes, seconds: float, headers: dict[str, str] | None
    ) -> tuple[bytes, bool]:
        """Send a request and return its reply, and whether there is somebody who listens.

        Raises:
            TimeoutError: no reply came in time.
            Broken: the connection broke before one came.
        """
        if not self._prefix:
            await self._subscribe()
        loop = asyncio.get_running_loop()
        inbox = b"%b%d" % (self._prefix, next(self._numbers))
        reply: asyncio.Future[tuple[bytes, bytes | None]] = loop.create_future()
        self._waiting[inbox] = reply
        timer = loop.call_later(seconds, self._give_up, inbox)
        try:
            await self._client._send_command(_message(subject, inbox, body, headers))
            wake_flusher(self._client)
            data, block = await reply
        finally:
            timer.cancel()
            self._waiting.pop(inbox, None)
        return data, block is None or read_headers(block).get("Status") != NOBODY_LISTENS

    async def _subscribe(self) -> None:
        async with self._lock:
            if not self._prefix:
                prefix = f"{self._client.new_inbox()}."
                await self._client.subscribe_straight(f"{prefix}*", self._receive)
                self._prefix = prefix.encode()

    def _receive(self, subject: bytes, _: bytes, body: bytes, headers: bytes | None) -> None:
        reply = self._waiting.get(subject)
        if reply is not None and not reply.done():
            reply.set_result((body, headers))

    def _broken(self) -> None:
        """Nobody answers over this connection any more: say so now, not when everybody's time is over."""
        for reply in list(self._waiting.values()):
            if not reply.done():
                reply.set_exception(Broken())

    def _give_up(self, inbox: bytes) -> None:
        reply = self._waiting.get(inbox)
        if reply is not None and not reply.done():
            reply.set_exception(TimeoutError())


def _message(subject: str, inbox: bytes, body: bytes, headers: dict[str, str] | None) -> bytes:
    if headers:
        return message_bytes(f"{subject} {inbox.decode()}", header_lines(headers), body)
    return b"PUB %b %b %d\r\n%b\r\n" % (subject.encode(), inbox, len(body), body)
