"""Reading what the server sends, so that no message can end or deafen the connection that reads it.

The server passes on what publishers send: subjects that are no UTF-8, blocks of headers that are no
headers. nats-py's reading of such a message fails, and with it the loop that reads the connection, for
good and in silence. An agent can publish one to any service. So subjects and headers are read here:
what is not as it must be comes out as text that no rule of ours accepts, and is refused like any other.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NoAnswer
from nats.protocol import parser

_START: Final = b"NATS/1.0"
_LINE_END: Final = "\r\n"
TWICE: Final = _LINE_END
"""Stands between the values of a header that comes more than once; no single value can hold it."""

parser.MSG_RE = re.compile(rb"\AMSG[ \t]+([^ \t\r\n]+)[ \t]+(\d+)[ \t]+(([^ \t\r\n]+)[ \t]+)?(\d+)\r\n")
parser.HMSG_RE = re.compile(
    rb"\AHMSG[ \t]+([^ \t\r\n]+)[ \t]+(\d+)[ \t]+(([^ \t\r\n]+)[ \t]+)?(\d+)[ \t]+(\d+)\r\n"
)
"""The library's own take every blank of Python's for the end of a word; the server ends one at these four."""


def read_headers(block: bytes) -> dict[str, str]:
    """Read a block of headers; what is no header at all is left out, what is a bad one is not made good."""
    first, _, rest = block.partition(b"\r\n")
    if first != _START:
        found = _read_status(first)
        if not found:
            return found
    else:
        found = {}
    for line in rest.decode("utf-8", "replace").split(_LINE_END):
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            found[name] = value if name not in found else found[name] + TWICE + value
    return found


def _read_status(line: bytes) -> dict[str, str]:
    """Read `NATS/1.0 503 No Responders`; a line that begins otherwise begins no headers."""
    start, blank, words = line.partition(b" ")
    status, _, description = words.decode("utf-8", "replace").strip().partition(" ")
    if start != _START or not blank:
        return {}
    return {"Status": status, "Description": description} if description else {"Status": status}


Received = Callable[[bytes, bytes, bytes, bytes | None], None]
"""Takes subject, reply, body and the block of headers of a message; it must not raise."""


class Broken(NoAnswer):
    """The connection broke before an answer came."""


class ReadingClient(Client):
    """nats-py's client with a reading of its own of subjects and headers; that of headers is quicker too."""

    def __init__(self) -> None:
        super().__init__()
        self._straight: dict[int, Received] = {}
        self.when_broken: list[Callable[[], None]] = []
        """Who is told that the connection broke, before it is looked for again."""

    async def _attempt_reconnect(self) -> None:
        """Reconnect; what was asked over the connection that broke is answered by nobody, and is told so now."""
        for answer in list(self._resp_map.values()):
            if not answer.done():
                answer.set_exception(Broken())
        for tell in self.when_broken:
            tell()
        await super()._attempt_reconnect()

    async def subscribe_straight(self, pattern: str, receive: Received) -> Any:
        """Subscribe, and have each message handed over as it is read: no queue, no task and no object between."""
        number = self._sid + 1
        self._straight[number] = receive  # before the server hears of it
        subscription = await self.subscribe(pattern, cb=_left_to_the_straight_way)
        assert subscription._id == number
        return subscription

    async def unsubscribe_straight(self, subscription: Any) -> None:
        """End such a subscription."""
        if not self.is_closed:
            await subscription.unsubscribe()
        self._straight.pop(subscription._id, None)

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None
    ) -> None:
        receive = self._straight.get(sid)
        if receive is None:
            await super()._process_msg(sid, subject, reply, data, headers)  # type: ignore[arg-type]
        elif sid in self._subs:
            receive(subject, reply, data, headers)

    async def _process_headers(self, headers: bytes | None) -> dict[str, str] | None:
        return read_headers(headers) or None if headers else None

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Msg:
        return self.msg_class(
            subject=subject.decode("utf-8", "backslashreplace"),
            reply=reply.decode("utf-8", "backslashreplace"),
            data=data,
            headers=headers,
            _client=self,
            _sid=sid,
        )


async def _left_to_the_straight_way(message: Msg) -> None:
    """Nothing comes here."""
    raise AssertionError(f"a message on {message.subject} took the long way.")


__all__ = ["TWICE", "Broken", "ReadingClient", "read_headers"]
