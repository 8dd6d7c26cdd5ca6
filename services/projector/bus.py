"""Questions over NATS: one FastStream subscriber on `ask.*`, in the queue of all projectors of a site."""

import asyncio
import contextlib
from typing import Final

from faststream.nats import NatsBroker, NatsMessage
from faststream.security import SASLPlaintext

from coord.events.errors import CoordError
from coord.events.tokens import question_subject
from coord.services.gateway import error_response
from coord.services.log import Log
from coord.services.log.connection import NatsError, no_server
from coord.services.projector.asking import AFTER, Asking

QUEUE: Final = "projector"
ANSWERING_MAX: Final = 64
_PATTERN: Final = question_subject("x").replace("x", "*")
_STOP_SECONDS: Final = 2.0


async def answer_over_nats(log: Log, asking: Asking) -> None:
    """Answer questions on NATS until cancelled.

    Raises:
        NoServer: the server cannot be used.
    """
    access = log.access
    broker = NatsBroker(
        access.url,
        security=SASLPlaintext(access.user, access.password) if access.user else None,
        inbox_prefix=access.inbox,
        name="projector questions",
        max_reconnect_attempts=-1,
        error_cb=_quiet,
        logger=None,
    )

    @broker.subscriber(_PATTERN, queue=QUEUE, max_workers=ANSWERING_MAX)
    async def ask(message: NatsMessage) -> bytes:
        name = message.raw_message.subject.rpartition(".")[2]
        return await _answer(asking, name, message.body, message.headers.get(AFTER, ""))

    try:
        await broker.start()
    except (NatsError, OSError, TimeoutError) as error:
        raise no_server(access.url, error) from error
    try:
        await _until_cancelled(asking)
    finally:
        asking.over_nats = False
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            await asyncio.wait_for(broker.stop(), _STOP_SECONDS)


async def _until_cancelled(asking: Asking) -> None:
    """Wait for ever; nats-py swallows a cancellation that comes while it connects, so look for one first."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    asking.over_nats = True
    await asyncio.Event().wait()


async def _answer(asking: Asking, name: str, body: bytes, after: str) -> bytes:
    try:
        return (await asking.answer(name, body, after)).body
    except CoordError as error:
        return error_response(error).body


async def _quiet(_: Exception) -> None:
    """The connection is looked after by the follower; nothing is to be printed here."""
