"""Sending many messages at once: one block of bytes instead of a call, a queue and a flush for each.

nats-py's `publish` costs some 15 us a message, most of it spent on the headers one by one. Subjects and
headers are checked where they are made (events/tokens.py, events/envelope.py), so here they are only joined.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from nats.aio.client import Client
from nats.errors import ConnectionClosedError, OutboundBufferLimitError


def header_lines(headers: Mapping[str, str]) -> str:
    """Write headers as lines, each with its end."""
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])


def message_bytes(subject: str, lines: str, body: bytes) -> bytes:
    """Write a message as the NATS protocol has it: `HPUB subject header-bytes all-bytes`, headers, body.

    A reply subject may stand behind the subject, with a blank between.
    """
    head = f"NATS/1.0\r\n{lines}\r\n".encode()
    size = len(head)
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (subject.encode(), size, size + len(body), head, body)


async def publish_together(client: Client, messages: Sequence[bytes]) -> None:
    """Publish what `message_bytes` wrote, in order; while the connection is away it is kept, up to a limit.

    Raises:
        ConnectionClosedError: the connection is closed for good.
        OutboundBufferLimitError: the connection is away, and the limit is reached.
    """
    block = b"".join(messages)
    if client.is_closed:
        raise ConnectionClosedError
    if not client.is_connected and len(block) + client._pending_data_size > client._max_pending_size:
        raise OutboundBufferLimitError
    await client._send_command(block)
    wake_flusher(client)


class Outbox:
    """Small messages without headers, gathered for as long as the loop is busy and sent in one write."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._gathered: list[bytes] = []

    def may_send(self, body: bytes) -> bool:
        """Tell whether a message can be sent now; if not, the library's own way says why, or waits."""
        return self._client.is_connected and len(body) <= self._client.max_payload

    def send(self, subject: bytes, body: bytes, reply: bytes = b"") -> None:
        """Send a message soon; `may_send` was asked, and the subjects hold no blanks."""
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self._flush)
        self._gathered.append(b"PUB %b %b %d\r\n%b\r\n" % (subject, reply, len(body), body))

    def _flush(self) -> None:
        block, self._gathered = b"".join(self._gathered), []
        self._client._pending.append(block)
        self._client._pending_data_size += len(block)
        wake_flusher(self._client)


def wake_flusher(client: Client) -> None:
    """Have what is pending sent, by the library's own task; one that is full of such wishes does so anyway."""
    assert client._flush_queue is not None
    with contextlib.suppress(asyncio.QueueFull):
        client._flush_queue.put_nowait(asyncio.get_running_loop().create_future())
