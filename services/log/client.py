"""The log client: one connection, and what coord does with the log over it.

    publish      a fact of our own, at no expected position; its id makes a retry the same event
    append       decided events, each at the position it was decided on: all or none
    read, last   the leader's word on one subject; "absent" only together with the subject's count
    pull         every message from a position on, in order (pulling.py)

A time-out means unknown: the same message is sent again with the same id, and a refusal is believed only
after the event right behind the expected position was read (on a cluster one publish can get two answers).
"""

import asyncio
import contextlib
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from msgspec import Struct
from nats.errors import BadHeaderError, BadSubjectError, MaxPayloadError, NoRespondersError
from nats.js import JetStreamContext

from coord.events.catalog import encode_event
from coord.events.envelope import MESSAGE_ID, Envelope, to_headers
from coord.events.errors import CoordError, NoServer, OutcomeUnknown, UsageError, visible
from coord.events.model import Event
from coord.events.samples import Batch, encode_sample, sample_type
from coord.events.streams import EVENTS, SAMPLES
from coord.events.wire import Stored
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import appending, pulling
from coord.services.log.asking import Asking
from coord.services.log.connection import Access, NatsError, find_access, is_gone, open_connection
from coord.services.log.pulse import Pulse
from coord.services.log.reading import Broken, ReadingClient, read_headers
from coord.services.settings import Settings

REPLY_SECONDS: Final = 5.0
STREAM_WAIT_SECONDS: Final = 30.0
_STREAM_POLL_SECONDS: Final = 0.02


class Append(Struct, frozen=True, gc=False):
    """One decided event and the position it was decided on."""

    subject: str
    expected_position: int
    """Of the last event of this subject as the decision saw it; 0: there was none."""
    envelope: Envelope
    event: Event | bytes
    """Or its body, encoded already."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """Where a stream stands."""

    first: int
    last: int
    messages: int
    bytes: int
    created_at: str
    """As the server wrote it: equal for the same stream, different for one made anew."""
    config: Any = None
    said_at_ns: int = field(default=0, compare=False)
    """When the server said so, by its own clock."""


class Log:
    """A connection to the log. Make it with `connect`, end it with `close`."""

    def __init__(self, client: ReadingClient, access: Access) -> None:
        self.client = client
        self._asking = Asking(client)
        self.access = access
        self.pulse = Pulse()
        self.jetstream: JetStreamContext = client.jetstream(timeout=REPLY_SECONDS)

    @classmethod
    async def connect(
        cls, settings: Settings, folder: Folder, role: str = "core", name: str = "coord", **callbacks: Any
    ) -> Self:
        """Connect as a role; `callbacks` are nats-py's (disconnected_cb, reconnected_cb, error_cb).

        Raises:
            NoServer: there is none, or it refuses us.
        """
        access = find_access(settings, folder, role)
        callbacks.setdefault("error_cb", _quiet)
        return cls(await open_connection(access, name, callbacks), access)

    @property
    def paused_seconds(self) -> float:
        """For how long nothing has been confirmed or answered; 0: it is."""
        return self.pulse.paused_seconds()

    @property
    def breaks(self) -> int:
        """How often the connection was lost; it changes again when it is there again."""
        client = self.client
        lost = 0 if client._status == client.CONNECTED or client.is_connected else 1
        return 2 * client.stats["reconnects"] + lost

    async def close(self) -> None:
        """End the connection; what was published before is sent first."""
        try:
            await self.client.drain()
        except (NatsError, OSError, TimeoutError):
            with contextlib.suppress(NatsError, OSError, RuntimeError):
                await self.client.close()

    async def request(
        self, subject: str, body: bytes, seconds: float = REPLY_SECONDS, headers: dict[str, str] | None = None
    ) -> bytes:
        """Ask and wait for one reply.

        Raises:
            NoServer: nobody listens on the subject; nothing happened.
            OutcomeUnknown: no reply within `seconds`.
            UsageError: the message cannot be sent as it is; nothing happened.
        """
        try:
            if self._asking.is_plain(subject, body, headers):
                reply, heard = await self._asking.ask(subject, body, seconds, headers)
                if not heard:
                    raise NoRespondersError
                return reply
            return bytes((await self.client.request(subject, body, timeout=seconds, headers=headers)).data)
        except NoRespondersError as error:
            raise NoServer(
                f"nobody answers on {subject} now.", "Is the service running? coord doctor"
            ) from error
        except (MaxPayloadError, BadSubjectError, BadHeaderError) as error:
            raise UsageError(
                f"a message of {len(body)} bytes on {visible(subject)} cannot be sent: {error}."
            ) from error
        except (TimeoutError, NatsError, OSError) as error:
            if is_gone(error):
                raise NoServer("the connection to the server is closed.") from error
            if isinstance(error, Broken):
                raise OutcomeUnknown(f"the connection broke before an answer came on {subject}.") from error
            raise OutcomeUnknown(f"no answer on {subject} within {seconds:g} s.") from error

    async def publish(self, subject: str, envelope: Envelope, event: Event | bytes) -> int:
        """Publish a fact, encoded already or not, and return its position; again returns the same one."""
        body = event if isinstance(event, bytes) else encode_event(event)
        reply = await self._store(subject, body, to_headers(envelope))
        return int(reply["seq"])

    async def append(self, appends: Sequence[Append]) -> list[int]:
        """Append decided events, all or none, and return their positions.

        Raises:
            Conflict: another event stands behind an expected position; nothing was appended.
            OutcomeUnknown: no word from the server; the same call again is safe.
        """
        return await appending.append(self, appends)

    async def publish_sample(self, subject: str, kind: str, batch: Batch | bytes) -> None:
        """Publish packed readings, encoded already or not.

        They carry no identity; a resent one is ignored by the folds.
        """
        headers = {"ce-type": sample_type(kind), "ce-specversion": "1.0"}
        body = batch if isinstance(batch, bytes) else encode_sample(batch)
        await self._store(subject, body, headers, SAMPLES.name)

    async def read_at(self, stream: str, position: int) -> Stored | None:
        """Read the message at a position; None when the stream holds none there."""
        return await self._get(stream, {"seq": position})

    async def read_after(self, subject: str, position: int) -> Stored | None:
        """Read the first message of a subject of EVENTS behind a position."""
        return await self._get(EVENTS.name, {"seq": position + 1, "next_by_subj": subject})

    async def last(self, subject: str) -> Stored | None:
        """Read the last message of a subject of EVENTS; None when it never had one.

        Raises:
            CoordError: the server finds none although it counts some: its disk is failing.
        """
        wanted = {"last_by_subj": subject}
        found = await self._get(EVENTS.name, wanted)
        if found is None and await self.count(subject):
            found = await self._get(EVENTS.name, wanted)  # its first may have come between the two questions
            if found is None:
                raise CoordError(
                    f"the server counts events on {subject} and finds none: its disk may be failing."
                )
        return found

    async def count(self, subject: str) -> int:
        """Return how many messages a subject of EVENTS holds."""
        return sum((await self.subjects(subject)).values())

    async def subjects(self, pattern: str) -> dict[str, int]:
        """Return the subjects of EVENTS that fit a pattern, and how many messages each holds."""
        info = await self._api(f"STREAM.INFO.{EVENTS.name}", {"subjects_filter": pattern})
        return info["state"].get("subjects") or {}

    async def read_subject(self, subject: str, limit: int | None = None) -> list[Stored]:
        """Read the messages of one subject of EVENTS, oldest first; at most `limit` of them."""
        return await pulling.read_subject(self, subject, limit)

    async def find(self, subject: str, event_id: str, from_position: int) -> int | None:
        """Return where an event of an id stands on a subject of EVENTS, from a position on; None: nowhere.

        For events older than the server's own memory of ids.
        """
        return await pulling.find(self, subject, event_id, from_position)

    def pull(
        self,
        stream: str,
        from_position: int,
        batch_max: pulling.BatchMax = 1000,
        wait_seconds: float = 0.05,
        subjects: Sequence[str] = (),
    ) -> AsyncIterator[list[Stored]]:
        """Read every message from a position on, in order, for ever (see pulling.py)."""
        return pulling.pull(self, stream, from_position, batch_max, wait_seconds, subjects)

    async def stream_state(self, name: str, seconds: float = REPLY_SECONDS) -> StreamState:
        """Say where a stream stands.

        Raises:
            NoServer: there is no such stream, or nobody to ask.
        """
        info = await self._api(f"STREAM.INFO.{name}", {}, seconds)
        state = info["state"]
        return StreamState(
            first=state["first_seq"],
            last=state["last_seq"],
            messages=state["messages"],
            bytes=state["bytes"],
            created_at=info["created"],
            config=info["config"],
            said_at_ns=nanoseconds(info["ts"]) if "ts" in info else 0,
        )

    async def ask_server(self, name: str, wanted: dict[str, Any]) -> dict[str, Any]:
        """Ask something of the server's own interface for streams, by its name there.

        Raises:
            ServerRefusal: it says no.
            NoServer, OutcomeUnknown: it does not answer.
        """
        return await self._api(name, wanted)

    async def wait_for_stream(self, name: str, seconds: float = STREAM_WAIT_SECONDS) -> StreamState:
        """Wait until the owner has declared a stream.

        Raises:
            NoServer: it has not, in that time.
        """
        until = clock.monotonic() + seconds
        while True:
            try:
                return await self.stream_state(name)
            except (NoServer, OutcomeUnknown) as error:
                if clock.monotonic() >= until:
                    raise NoServer(f"the stream {name} is not there after {seconds:g} s.") from error
                await asyncio.sleep(_STREAM_POLL_SECONDS)

    async def _store(
        self, subject: str, body: bytes, headers: dict[str, str], stream: str = EVENTS.name
    ) -> dict[str, Any]:
        raw = await self.request(subject, body, headers={**headers, "Nats-Expected-Stream": stream})
        reply: dict[str, Any] = json.loads(raw)
        if "error" in reply:
            raise refused_by_server(subject, reply["error"])
        return reply

    async def _get(self, stream: str, wanted: dict[str, Any]) -> Stored | None:
        try:
            reply = await self._api(f"STREAM.MSG.GET.{stream}", wanted)
        except ServerRefusal as refusal:
            if refusal.code == 404:
                return None
            raise
        return stored_from_reply(stream, reply["message"])

    async def _api(self, name: str, wanted: dict[str, Any], seconds: float = REPLY_SECONDS) -> dict[str, Any]:
        raw = await self.request(f"$JS.API.{name}", json.dumps(wanted).encode(), seconds)
        reply: dict[str, Any] = json.loads(raw)
        if "error" in reply:
            raise refused_by_server(name, reply["error"])
        return reply


class ServerRefusal(NoServer):
    """The server refused a request; `code` and `error_code` are its own."""

    def __init__(self, message: str, code: int, error_code: int) -> None:
        super().__init__(message)
        self.code = code
        self.error_code = error_code


def refused_by_server(what: str, error: dict[str, Any]) -> ServerRefusal:
    """Turn the server's error into one of ours."""
    description = error.get("description", "no reason given")
    return ServerRefusal(
        f"the server refused {what}: {description}.", error.get("code", 0), error.get("err_code", 0)
    )


def stored_from_reply(stream: str, message: dict[str, Any]) -> Stored:
    """Read a message as the server's own answer shows it."""
    return Stored(
        stream=stream,
        position=message["seq"],
        recorded_at_ns=nanoseconds(message["time"]),
        subject=message["subject"],
        headers=read_headers(b64decode(message.get("hdrs", ""))),
        body=b64decode(message.get("data", "")),
    )


def nanoseconds(text: str) -> int:
    """Read a moment as the server writes it."""
    whole, _, rest = text.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * 1_000_000_000 + int(rest.ljust(9, "0")[:9] or 0)


async def _quiet(_: Exception) -> None:
    """nats-py prints errors it cannot hand to a caller; ours reach the caller as time-outs or refusals."""


__all__ = [
    "MESSAGE_ID",
    "Append",
    "Log",
    "ServerRefusal",
    "StreamState",
    "refused_by_server",
    "stored_from_reply",
]
