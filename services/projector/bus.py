"""Questions over NATS: one FastStream subscriber on `ask.*`, in the queue of all projectors of a site.

A question whose header `accept` names Arrow is answered with a stream of it, of up to 100,000 rows; what HTTP says in
headers stands in headers here. An answer is one message: one that is larger than a message may be is refused.
"""

import asyncio
import contextlib
from typing import Final

from faststream import Response
from faststream.nats import NatsBroker, NatsMessage

from coord.events.answer import ACCEPT, AFTER, ARROW, FORM
from coord.events.envelope import CONTENT_TYPE
from coord.events.errors import CoordError, UsageError
from coord.events.tokens import question_subject
from coord.services.gateway import error_response, telling_faults
from coord.services.log import Log
from coord.services.log.answering import may_answer
from coord.services.log.connection import Access, Client, NatsError, no_server, open_connection
from coord.services.projector.answered import Answered
from coord.services.projector.asking import Asking

QUEUE: Final = "projector"
ANSWERING_MAX: Final = 64
_PATTERN: Final = question_subject("x").replace("x", "*")
_STOP_SECONDS: Final = 2.0
_HEADERS_BYTES: Final = 8 * 1024
"""Left for what FastStream writes into the headers of an answer."""
_ECHO_MAX: Final = 256
"""How much of an asker's own mark on a question is sent back with the answer."""


class _Broker(NatsBroker):
    """FastStream's broker on a connection of ours: no message can end or deafen it."""

    def __init__(self, access: Access) -> None:
        super().__init__(access.url, logger=None)
        self._access = access

    async def _connect(self) -> Client:
        client = await open_connection(self._access, "projector questions", {"error_cb": _quiet})
        self.config.connect(client)
        return client


async def answer_over_nats(log: Log, asking: Asking) -> None:
    """Answer questions on NATS until cancelled.

    Raises:
        NoServer: the server cannot be used.
    """
    broker = _Broker(log.access)
    largest = log.client.max_payload - _HEADERS_BYTES

    @broker.subscriber(_PATTERN, queue=QUEUE, max_workers=ANSWERING_MAX, decoder=_as_it_is)
    async def ask(message: NatsMessage) -> Response:
        if not may_answer(message.reply_to):
            message.reply_to = ""
            return Response(b"")
        message.correlation_id = message.correlation_id[:_ECHO_MAX]
        answer = await _answer(asking, message)
        size = len(answer.body)
        return _response(answer if size <= largest else _refused(_too_large(size, largest)))

    try:
        await broker.start()
    except (NatsError, OSError, TimeoutError) as error:
        raise no_server(log.access.url, error) from error
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


async def _answer(asking: Asking, message: NatsMessage) -> Answered:
    name, headers = message.raw_message.subject.rpartition(".")[2], message.headers
    try:
        arrow = ARROW in headers.get(ACCEPT, "")
        return await telling_faults(asking.answer(name, message.body, headers.get(AFTER, ""), arrow=arrow))
    except CoordError as error:
        return _refused(error)


def _refused(error: CoordError) -> Answered:
    return Answered(error_response(error).body, int(error.exit_code))


def _response(answer: Answered) -> Response:
    form = CONTENT_TYPE if answer.beside is None else ARROW
    return Response(answer.body, headers={**(answer.beside or {}), FORM: form})


def _too_large(size: int, largest: int) -> UsageError:
    return UsageError(
        f"the answer has {size} bytes; a message here takes {largest}.",
        "Ask for less with `limit`, or over HTTP or on the projector's socket, which have no such bound.",
    )


async def _as_it_is(message: NatsMessage, _: object) -> bytes:
    """Keep the body as bytes, whatever its sender calls it: FastStream drops what it cannot decode."""
    return bytes(message.body)


async def _quiet(_: Exception) -> None:
    """The connection is looked after by the follower; nothing is to be printed here."""
