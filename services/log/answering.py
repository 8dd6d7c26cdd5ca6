"""Answering requests that come over core NATS: one subscription, each request answered on its own."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

if TYPE_CHECKING:
    from coord.services.log.client import Log

WORKING_MAX: Final = 20_000
"""Requests answered at once; more are left unanswered, and their callers see a time-out."""

_log = logging.getLogger("coord.log")


@dataclass(frozen=True, slots=True)
class Asked:
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

    async def respond(message: Msg) -> None:
        body = await answer(Asked(message.subject, message.headers or {}, message.data))
        try:
            await log.client.publish(message.reply, body)
        except NatsError as error:
            _log.warning("an answer on %s could not be sent: %s", message.subject, error)

    async def receive(message: Msg) -> None:
        if may_answer(message.reply) and len(working) < WORKING_MAX:
            task = asyncio.create_task(respond(message))
            working.add(task)
            task.add_done_callback(working.discard)

    subscription = await log.client.subscribe(pattern, queue="", cb=receive)
    try:
        yield
    finally:
        if not log.client.is_closed:
            await subscription.unsubscribe()
        await asyncio.gather(*working, return_exceptions=True)
