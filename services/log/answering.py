"""Answering requests that come over core NATS: one subscription, each request answered on its own."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from nats.errors import Error as NatsError

from coord.services.log.reading import read_headers
from coord.services.log.writing import Outbox

if TYPE_CHECKING:
    from coord.services.log.client import Log

WORKING_MAX: Final = 20_000
"""Requests answered at once; more are left unanswered, and their callers see a time-out."""

_log = logging.getLogger("coord.log")


class Asked(Struct, frozen=True):
    """One request."""

    subject: str
    headers: Mapping[str, str]
    body: bytes


def may_answer(reply: str) -> bool:
    """Tell whether a reply subject is an inbox.

    Who asks names it, and who answers may publish where the asker may not: an answer to
    `ev.local.work.w-1` would be an event in the log.
    """
    return reply.startswith("_INBOX.")


@asynccontextmanager
async def answer_requests(
    log: "Log", pattern: str, answer: Callable[[Asked], Awaitable[bytes]]
) -> AsyncIterator[None]:
    """Answer every request on a pattern of subjects for as long as the context lasts."""
    working: set[asyncio.Task[None]] = set()
    outbox = Outbox(log.client)

    async def respond(asked: Asked, reply: bytes) -> None:
        body = await answer(asked)
        if outbox.may_send(body):
            outbox.send(reply, body)
            return
        try:
            await log.client.publish(reply.decode(), body)
        except NatsError as error:
            _log.warning("an answer on %s could not be sent: %s", asked.subject, error)

    def receive(subject: bytes, reply: bytes, body: bytes, headers: bytes | None) -> None:
        inbox = reply.isascii() and may_answer(reply.decode())
        if inbox and len(working) < WORKING_MAX:
            asked = Asked(subject.decode("utf-8", "backslashreplace"), read_headers(headers or b""), body)
            task = asyncio.create_task(respond(asked, reply))
            working.add(task)
            task.add_done_callback(working.discard)

    subscription = await log.client.subscribe_straight(pattern, receive)
    try:
        yield
    finally:
        await log.client.unsubscribe_straight(subscription)
        await asyncio.gather(*working, return_exceptions=True)
