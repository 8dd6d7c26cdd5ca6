"""Reading what the server sends, so that no message can end or deafen the connection that reads it.

The server passes on what publishers send: subjects that are no UTF-8, blocks of headers that are no
headers. nats-py's reading of such a message fails, and with it the loop that reads the connection, for
good and in silence. An agent can publish one to any service. So subjects and headers are read here:
what is not as it must be comes out as text that no rule of ours accepts, and is refused like any other.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ProtocolError
from nats.errors import TimeoutError as NoAnswer
from nats.protocol import parser

_START: Final = b"NATS/1.0"
_LINE_END: Final = "\r\n"
_CRLF: Final = b"\r\n"
_OF_MESSAGES: Final = (b"MSG ", b"HMSG ")
TWICE: Final = _LINE_END
"""Stands between the values of a header that comes more than once; no single value can hold it."""


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


class Headers(Mapping[str, str]):
    """The headers of a message, read when one is asked for: whoever reads an event looks at the block itself first."""

    __slots__ = ("_found", "block")

    def __init__(self, block: bytes) -> None:
        self.block = block
        self._found: dict[str, str] | None = None

    @property
    def _headers(self) -> dict[str, str]:
        if self._found is None:
            self._found = read_headers(self.block)
        return self._found

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def __repr__(self) -> str:
        return repr(self._headers)


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


class _WholeMessages(parser.Parser):
    """Takes whole messages out of what was read, and leaves all else to the library's own reading.

    That one cuts its buffer anew for each part of each message, and takes twice as long.
    """

    nc: "ReadingClient"

    def reset(self) -> None:
        """Forget what was read: it came over a connection that broke."""
        super().reset()
        self._rest = b""

    async def parse(self, data: bytes = b"") -> None:
        """Give out what is whole, and keep the rest until more was read."""
        data = self._rest + data if self._rest else data
        connection, at = self.buf, 0
        while connection is self.buf and (line_ends := data.find(_CRLF, at)) >= 0:
            line, begins = data[at:line_ends], line_ends + len(_CRLF)
            if not line.startswith(_OF_MESSAGES):
                at = begins
                await super().parse(line + _CRLF)
                continue
            number, subject, reply, headers_size, size = _read_line(line)
            ends, body_begins = begins + size, begins + headers_size
            if ends + len(_CRLF) > len(data):
                break
            at = ends + len(_CRLF)
            await self.nc.give(number, subject, reply, data[body_begins:ends], data[begins:body_begins])
        if connection is self.buf:
            self._rest = data[at:]


def _read_line(line: bytes) -> tuple[int, bytes, bytes, int, int]:
    """Read `MSG subject number [reply] size`, or `HMSG subject number [reply] headers-size size`."""
    words = line.split(b" ")
    try:
        if words[0] == b"MSG":
            return int(words[2]), words[1], words[3] if len(words) == 5 else b"", 0, int(words[-1])
        reply = words[3] if len(words) == 6 else b""
        return int(words[2]), words[1], reply, int(words[-2]), int(words[-1])
    except (ValueError, IndexError) as error:
        raise ProtocolError("nats: malformed MSG") from error


class ReadingClient(Client):
    """nats-py's client with a reading of its own of subjects and headers; that of headers is quicker too."""

    def __init__(self) -> None:
        super().__init__()
        self._ps = _WholeMessages(self)
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

    async def flush(self, timeout: int = 10) -> None:
        """Wait until the server has read everything up to here.

        The library writes its PING past what is pending, so that the PONG says nothing of that: it goes first.
        """
        if self.is_connected and self._transport is not None and self._pending:
            self._transport.writelines(self._pending)
            self._pending, self._pending_data_size = [], 0
        await super().flush(timeout)

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

    async def give(self, number: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        """Hand a message over to the subscription of that number."""
        receive = self._straight.get(number)
        if receive is None:
            await self._process_msg(number, subject, reply, data, headers)
        elif number in self._subs:
            receive(subject, reply, data, headers or None)

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


__all__ = ["TWICE", "Broken", "Headers", "ReadingClient", "read_headers"]
