"""Answering requests that come over core NATS: one subscription, each request answered on its own, with a task or without."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from nats.errors import Error as NatsError

from coord.services.log.reading import read_headers
from coord.services.log.writing import Outbox

if TYPE_CHECKING:
    from coord.services.log.client import Log

WORKING_MAX: Final = 20_000
"""Requests answered at once; more are left unanswered, and their callers see a time-out."""

HEARD_SECONDS: Final = 2
"""How long the server has to say that it knows of the subscription."""

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


Answer = Callable[[Asked], Awaitable[bytes]]
AtOnce = Callable[[Asked, Callable[[bytes], object]], bool]
"""Answers without a task: takes a request and what its answer is to be said to, once, now or later; tells whether it will be."""


@contextlib.asynccontextmanager
async def answer_requests(
    log: "Log", pattern: str, answer: Answer, at_once: AtOnce | None = None
) -> AsyncIterator[None]:
    """Answer every request on a pattern of subjects for as long as the context lasts, and from its beginning.

    What `at_once` does not take gets a task that asks `answer`.
    """
    answering = _Answering(log, answer, at_once)
    subscription = await log.client.subscribe_straight(pattern, answering.receive)
    with contextlib.suppress(NatsError):
        await log.client.flush(
            HEARD_SECONDS
        )  # the server knows of it from here on; one that is away hears of it later
    try:
        yield
    finally:
        await log.client.unsubscribe_straight(subscription)
        await answering.end()


class _Answering:
    """The requests of one subscription that are being answered."""

    def __init__(self, log: "Log", answer: Answer, at_once: AtOnce | None) -> None:
        self._client = log.client
        self._outbox = Outbox(log.client)
        self._answer = answer
        self._at_once = at_once
        self._came: deque[tuple[Asked, bytes]] = deque()
        self._open = 0
        """Requests that are not answered yet."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._none_open = asyncio.Event()

    async def end(self) -> None:
        """Wait until all that came is answered."""
        while self._open:
            self._none_open.clear()
            await self._none_open.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def receive(self, subject: bytes, reply: bytes, body: bytes, headers: bytes | None) -> None:
        """Take a request; it is looked at beside the reading, so that no fault in it ends that."""
        if self._open >= WORKING_MAX or not reply.isascii() or not may_answer(reply.decode()):
            return
        asked = Asked(
            subject.decode("utf-8", "backslashreplace"), read_headers(headers) if headers else {}, body
        )
        self._open += 1
        if not self._came:
            asyncio.get_running_loop().call_soon(self._look)
        self._came.append((asked, reply))

    def _look(self) -> None:
        """Look at what came, one after the other; after a fault the loop tells of it, and the others are looked at."""
        try:
            while self._came:
                asked, reply = self._came.popleft()
                taken = False
                try:
                    taken = self._at_once is not None and self._at_once(asked, partial(self._say, reply))
                finally:
                    if not taken:
                        self._have_a_task(asked, reply)
        finally:
            if self._came:
                asyncio.get_running_loop().call_soon(self._look)

    def _have_a_task(self, asked: Asked, reply: bytes) -> None:
        task = asyncio.create_task(self._respond(asked, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _respond(self, asked: Asked, reply: bytes) -> None:
        try:
            body = await self._answer(asked)
        except BaseException:
            self._close_one()
            raise
        self._say(reply, body)

    def _say(self, reply: bytes, body: bytes) -> None:
        """Send an answer, and have one request less."""
        if self._outbox.may_send(body):
            self._outbox.send(reply, body)
            self._close_one()
            return
        task = asyncio.create_task(self._publish(reply, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _publish(self, reply: bytes, body: bytes) -> None:
        try:
            await self._client.publish(reply.decode(), body)
        except NatsError as error:
            _log.warning("an answer to %s could not be sent: %s", reply.decode(), error)
        finally:
            self._close_one()

    def _close_one(self) -> None:
        self._open -= 1
        if not self._open:
            self._none_open.set()
