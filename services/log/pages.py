"""Reading one subject of EVENTS in pages, by asking the server directly: one request brings many messages, and
no consumer is made for it. For whoever needs the past of one thing at a time, of many things a second; and for
whoever wants to know what of many subjects was the newest at a moment.

A replica that is behind may answer with less than was acknowledged: whoever knows of a later message has to
look whether it came.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from coord.events.errors import NoServer, OutcomeUnknown
from coord.events.streams import EVENTS, MIB
from coord.events.wire import Stored
from coord.services.clock import rfc3339
from coord.services.log.client import REPLY_SECONDS, nanoseconds
from coord.services.log.pulling import HEARTBEAT_SECONDS, _Pull

if TYPE_CHECKING:
    from coord.services.log.client import Log

PAGE_MAX: Final = 500
PAGE_BYTES_MAX: Final = 4 * MIB
SCAN_MAX: Final = 1_000
SUBJECTS_MAX: Final = 1_024
"""Of which the server tells the newest at once; of more it tells none."""
_ASKED: Final = "$JS.API.DIRECT.GET"
_OWN: Final = ("Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending",
               "Nats-Last-Sequence", "Nats-UpTo-Sequence")  # fmt: skip
"""What the server adds to a message that it gives out this way."""
_NOTHING: Final = "404"


async def read_page(log: "Log", subject: str, from_position: int, limit: int = PAGE_MAX) -> list[Stored]:
    """Read the messages of a subject from a position on, oldest first, as many as fit into a page.

    Raises:
        NoServer, OutcomeUnknown: the server does not answer.
    """
    wanted = {
        "seq": max(1, from_position),
        "next_by_subj": subject,
        "batch": limit,
        "max_bytes": PAGE_BYTES_MAX,
    }
    return await _asked(log, EVENTS.name, wanted, f"a page of {subject}")


async def read_newest_by(log: "Log", stream: str, subjects: Sequence[str], moment_ns: int) -> list[Stored]:
    """Read, of each of these subjects, the newest message that was recorded at a moment or before it.

    Raises:
        NoServer, OutcomeUnknown: the server does not answer, or there are more than `SUBJECTS_MAX` of them.
    """
    wanted = {"multi_last": list(subjects), "up_to_time": rfc3339(moment_ns + 1)}
    return await _asked(log, stream, wanted, f"what {stream} held at {rfc3339(moment_ns)}")


async def _asked(log: "Log", stream: str, wanted: Mapping[str, Any], what: str) -> list[Stored]:
    inbox = log.client.new_inbox()
    try:
        heard = await log.client.subscribe(inbox)
        try:
            await log.client.publish(f"{_ASKED}.{stream}", json.dumps(wanted).encode(), reply=inbox)
            return await _page(heard, stream)
        finally:
            await heard.unsubscribe()
    except (NatsError, OSError) as error:
        raise OutcomeUnknown(f"{what} did not come: {type(error).__name__}.") from error


async def read_to(log: "Log", subject: str, position: int) -> list[Stored]:
    """Read the messages of a subject up to a position at which one of them stands.

    Raises:
        NoServer, OutcomeUnknown: the server does not answer, or answers with less than it has stored.
    """
    found: list[Stored] = []
    while not found or found[-1].position < position:
        page = await read_page(log, subject, found[-1].position + 1 if found else 1)
        if not page:
            raise OutcomeUnknown(f"{subject} was read without its message at position {position}.")
        found += page
    return [stored for stored in found if stored.position <= position]


async def scan_headers(log: "Log", subject: str, from_position: int) -> AsyncIterator[list[Stored]]:
    """Read the headers of what a subject holds now, from a position on; the bodies stay in the log."""
    reader = _Headers(log, EVENTS.name, from_position, SCAN_MAX, (subject,))
    try:
        await reader.begin()
        while reader.left:
            if batch := await reader.take(HEARTBEAT_SECONDS):
                yield batch
    finally:
        await reader.end()


class _Headers(_Pull):
    """A pull of headers alone."""

    def _wanted(self) -> dict[str, Any]:
        wanted = super()._wanted()
        wanted["config"]["headers_only"] = True
        return wanted


async def _page(heard: Subscription, stream: str) -> list[Stored]:
    found: list[Stored] = []
    while True:
        try:
            message = await heard.next_msg(REPLY_SECONDS)
        except TimeoutError as error:
            raise OutcomeUnknown(f"no page within {REPLY_SECONDS:g} s.") from error
        headers = message.headers or {}
        status = headers.get("Status", "")
        if "Nats-Sequence" in headers and not status:
            found.append(_stored(stream, message, headers))
        elif status == _NOTHING or "Nats-Num-Pending" in headers or not status:
            return found
        else:
            raise NoServer(
                f"the server gave no page: {status} {headers.get('Description', '')}".strip() + "."
            )


def _stored(stream: str, message: Msg, headers: Mapping[str, str]) -> Stored:
    return Stored(
        stream=stream,
        position=int(headers["Nats-Sequence"]),
        recorded_at_ns=nanoseconds(headers["Nats-Time-Stamp"]),
        subject=headers["Nats-Subject"],
        headers={name: value for name, value in headers.items() if name not in _OWN},
        body=message.data,
    )
