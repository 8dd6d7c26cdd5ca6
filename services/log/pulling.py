"""Pulling: every message of a stream from a position on, in order.

An unnamed consumer that acknowledges nothing, asked for the next thousand before the last thousand is
read. It lives in the server's memory; when it is gone (a restart, a silence longer than the server's
heartbeat) another is made from the position after the last message that was given out. So a reader sees
every message once, whatever happens between.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from nats.aio.msg import Msg

from coord.events.envelope import MESSAGE_ID
from coord.events.errors import NoServer, OutcomeUnknown
from coord.events.streams import EVENT_BYTES_MAX, EVENTS, MIB
from coord.events.wire import Stored
from coord.services import clock
from coord.services.log.reading import Headers

if TYPE_CHECKING:
    from coord.services.log.client import Log

EXPIRES_SECONDS: Final = 30
HEARTBEAT_SECONDS: Final = 0.5
_SILENCE_SECONDS: Final = 2.5 * HEARTBEAT_SECONDS
_RECREATE_SECONDS: Final = 0.1
_INACTIVE_SECONDS: Final = 30
BATCH_BYTES_MAX: Final = 8 * MIB
"""What one request may bring: a thousand of the largest messages would break the connection."""
_ENDED: Final = {"404", "408"}
_TOO_MANY_BYTES: Final = "409"
_ALL_SENT: Final = "Batch Completed"
"""What the server says of a request that it has answered in full."""
_NS: Final = 1_000_000_000

assert HEARTBEAT_SECONDS * 2 < EXPIRES_SECONDS
assert EVENT_BYTES_MAX < BATCH_BYTES_MAX


BatchMax = int | Callable[[], int]
"""How many messages are asked for and given out at once; or what says so, each time anew."""


class _Pull:
    """One consumer and what it has delivered that was not given out yet."""

    def __init__(
        self, log: "Log", stream: str, position: int, batch_max: BatchMax, subjects: Sequence[str]
    ) -> None:
        self._log = log
        self._stream = stream
        self._next = position
        self._said_max = batch_max
        self._subjects = list(subjects)
        self._name = ""
        self._inbox = ""
        self._subscription: Any = None
        self._arrived: list[Stored] = []
        self._arrived_bytes = 0
        self._asked = 0
        """Messages asked for that have not come."""
        self.left = 0
        """Messages that the stream held when the consumer was made, and that were not given out yet."""
        self._heard = 0.0
        self._wake = asyncio.Event()

    @property
    def _batch_max(self) -> int:
        return self._said_max() if callable(self._said_max) else self._said_max

    async def take(self, wait_seconds: float) -> list[Stored]:
        """Return what has arrived, at most a batch; empty when nothing came in `wait_seconds`."""
        await self.begin()
        if not self._arrived:
            self._wake.clear()
            try:
                async with asyncio.timeout(wait_seconds):
                    await self._wake.wait()
            except TimeoutError:
                return []
        most = self._batch_max
        batch, self._arrived = self._arrived[:most], self._arrived[most:]
        self._arrived_bytes -= sum(len(stored.body) for stored in batch)
        self.left = max(0, self.left - len(batch))
        await self._ask_when_low()
        return batch

    async def begin(self) -> None:
        """Make the consumer, unless there is one that is heard."""
        if not self._alive():
            await self._begin_anew()

    async def end(self) -> None:
        """Let the server forget the consumer."""
        client = self._log.client
        if self._subscription is not None and not client.is_closed and not client.is_draining:
            await self._log.client.unsubscribe_straight(self._subscription)
            await self._log.client.publish(f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._name}")
        self._subscription = None

    def _alive(self) -> bool:
        return self._subscription is not None and clock.monotonic() - self._heard < _SILENCE_SECONDS

    async def _begin_anew(self) -> None:
        while True:
            try:
                await self._begin()
                return
            except (NoServer, OutcomeUnknown):
                await asyncio.sleep(_RECREATE_SECONDS)

    async def _begin(self) -> None:
        if self._subscription is not None:
            await self._log.client.unsubscribe_straight(self._subscription)
            self._subscription = None
        self._name = "p-" + clock.new_id()
        self._inbox = self._log.client.new_inbox()
        self._asked = 0
        made = await self._log._api(self._creation(), self._wanted())
        self.left = len(self._arrived) + int(made["num_pending"])
        inbox = self._inbox

        def receive(subject: bytes, reply: bytes, body: bytes, headers: bytes | None) -> None:
            if inbox == self._inbox:
                self._receive(subject, reply, body, headers)

        self._subscription = await self._log.client.subscribe_straight(inbox, receive)
        self._heard = clock.monotonic()
        await self._ask()

    def _creation(self) -> str:
        """A single filter stands in the request's subject too, so that a permission can be for that alone."""
        only = f".{self._subjects[0]}" if len(self._subjects) == 1 else ""
        return f"CONSUMER.CREATE.{self._stream}.{self._name}{only}"

    def _wanted(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "name": self._name,
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": max(self._next, 1),
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": _INACTIVE_SECONDS * _NS,
        }
        if len(self._subjects) == 1:
            config["filter_subject"] = self._subjects[0]
        elif self._subjects:
            config["filter_subjects"] = self._subjects
        return {"stream_name": self._stream, "config": config}

    async def _ask_when_low(self) -> None:
        most = self._batch_max
        room = len(self._arrived) < most and self._arrived_bytes < BATCH_BYTES_MAX
        if room and self._asked - len(self._arrived) < most:
            await self._ask()

    async def _ask(self) -> None:
        most = self._batch_max
        wanted = {
            "batch": most,
            "max_bytes": BATCH_BYTES_MAX,
            "expires": EXPIRES_SECONDS * _NS,
            "idle_heartbeat": int(HEARTBEAT_SECONDS * _NS),
        }
        self._asked += most
        await self._log.client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}",
            json.dumps(wanted).encode(),
            reply=self._inbox,
        )

    def _receive(self, subject: bytes, reply: bytes, body: bytes, block: bytes | None) -> None:
        self._heard = clock.monotonic()
        headers = Headers(block or b"")
        place = _place(reply) if reply.startswith(b"$JS.ACK.") else None
        if place is None:
            self._status(headers)
            return
        position, recorded_at_ns = place
        if position < self._next:
            return
        stored = Stored(
            self._stream, position, recorded_at_ns, subject.decode("utf-8", "backslashreplace"), headers, body
        )
        self._asked -= 1
        self._next = stored.position + 1
        self._arrived.append(stored)
        self._arrived_bytes += len(stored.body)
        self._wake.set()

    def _status(self, headers: Mapping[str, str]) -> None:
        status = headers.get("Status", "")
        if status == "100" or headers.get("Description") == _ALL_SENT:
            return
        if status in _ENDED:
            self._asked = 0
            asyncio.get_running_loop().create_task(self._ask())
            return
        if status == _TOO_MANY_BYTES and "MaxBytes" in headers.get("Description", ""):
            self._asked = max(0, self._asked - int(headers.get("Nats-Pending-Messages", 0)))
            asyncio.get_running_loop().create_task(self._ask_when_low())
            return
        self._heard = 0.0
        self._wake.set()


def _place(reply: bytes) -> tuple[int, int] | None:
    """Read position and broker time from the reply subject of a delivered message (see `stored_from_message`)."""
    parts = reply.split(b".")
    offset = 2 if len(parts) > 9 else 0
    try:
        return int(parts[5 + offset]), int(parts[7 + offset])
    except (IndexError, ValueError):
        return None


def stored_from_message(stream: str, message: Msg) -> Stored:
    """Read a delivered message; its reply subject holds position and broker time.

    `$JS.ACK.<stream>.<consumer>.<delivered>.<position>.<consumer position>.<time ns>.<pending>`, with
    domain and account hash before the stream where the server has a domain.
    """
    parts = message.reply.split(".")
    offset = 2 if len(parts) > 9 else 0
    return Stored(
        stream=stream,
        position=int(parts[5 + offset]),
        recorded_at_ns=int(parts[7 + offset]),
        subject=message.subject,
        headers=message.headers or {},
        body=message.data,
    )


async def pull(
    log: "Log",
    stream: str,
    from_position: int,
    batch_max: BatchMax,
    wait_seconds: float,
    subjects: Sequence[str],
) -> AsyncIterator[list[Stored]]:
    """Give out batches for ever; an empty one when nothing came within `wait_seconds`."""
    reader = _Pull(log, stream, from_position, batch_max, subjects)
    try:
        while True:
            yield await reader.take(wait_seconds)
    finally:
        await reader.end()


async def read_subject(log: "Log", subject: str, limit: int | None) -> list[Stored]:
    """Read one subject of EVENTS whole, or its first `limit` messages."""
    left = await log.count(subject)
    left = left if limit is None else min(left, limit)
    found: list[Stored] = []
    if left == 0:
        return found
    reader = _Pull(log, EVENTS.name, 1, min(left, 1000), (subject,))
    try:
        while len(found) < left:
            found += await reader.take(HEARTBEAT_SECONDS)
    finally:
        await reader.end()
    return found[:left]


async def find(log: "Log", subject: str, event_id: str, from_position: int) -> int | None:
    """Look for an event of a subject of EVENTS by its id, from a position on."""
    reader = _Pull(log, EVENTS.name, from_position, 100, (subject,))
    try:
        await reader.begin()
        while reader.left:
            for stored in await reader.take(HEARTBEAT_SECONDS):
                if stored.headers.get(MESSAGE_ID) == event_id:
                    return stored.position
        return None
    finally:
        await reader.end()
