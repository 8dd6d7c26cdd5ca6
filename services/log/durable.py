"""A durable consumer: the server remembers what was dealt with, over every restart of whoever deals with it.

Messages come in pages. Each is acknowledged when it is dealt with, or handed back, to come again after a time; one
that was neither comes again by itself. Several processes on one consumer share its messages.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from coord.events.errors import NoServer, OutcomeUnknown
from coord.events.streams import EVENTS
from coord.events.wire import Stored
from coord.services.clock import rfc3339
from coord.services.log.client import ServerRefusal
from coord.services.log.pulling import stored_from_message
from coord.services.tasks import end

if TYPE_CHECKING:
    from coord.services.log.client import Log

ACK_SECONDS: Final = 10
"""After so long without a word a message comes again: to whoever is there, when who had it was killed."""
BUSY_SECONDS: Final = 3.0
"""How often it is said that messages are still being dealt with."""
_NS: Final = 1_000_000_000
_NOT_FOUND: Final = 404


assert BUSY_SECONDS * 2 < ACK_SECONDS


@dataclass(frozen=True, slots=True)
class Given:
    """A message that was given out, and has to be dealt with."""

    stored: Stored
    message: Msg


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a consumer is."""

    waiting: int
    """Messages that were not given out yet."""
    given: int
    """Messages that were given out, and not dealt with yet."""
    dealt_with: int
    """Position up to which everything is dealt with."""
    begins_at: str


class Durable:
    """One durable consumer of EVENTS, by name."""

    def __init__(self, log: "Log", name: str, subjects: Sequence[str], pending_max: int) -> None:
        self._log = log
        self._name = name
        self._subjects = list(subjects)
        self._pending_max = pending_max
        self._pulled: JetStreamContext.PullSubscription | None = None

    async def ensure(self, begin_ns: int) -> None:
        """Make the consumer unless it is there: from a moment of the broker's clock on.

        Raises:
            NoServer, OutcomeUnknown: the server does not answer, or refuses.
        """
        begins_at = await self._begins_at()
        config: dict[str, Any] = {
            "name": self._name,
            "durable_name": self._name,
            "deliver_policy": "by_start_time",
            "opt_start_time": begins_at or rfc3339(max(0, begin_ns)),
            "ack_policy": "explicit",
            "ack_wait": ACK_SECONDS * _NS,
            "max_deliver": -1,
            "max_ack_pending": self._pending_max,
            "replay_policy": "instant",
            "filter_subjects": self._subjects,
        }
        wanted = {"stream_name": EVENTS.name, "config": config}
        await self._log._api(f"CONSUMER.CREATE.{EVENTS.name}.{self._name}", wanted)
        await self.close()
        try:
            self._pulled = await self._log.jetstream.pull_subscribe_bind(self._name, EVENTS.name)
        except (NatsError, OSError) as error:
            raise NoServer(f"the consumer {self._name} cannot be used: {type(error).__name__}.") from error

    async def take(self, count: int, wait_seconds: float) -> list[Given]:
        """Return the next messages; none when none came in that time.

        Raises:
            OutcomeUnknown: the consumer is not heard; `ensure` makes it good.
        """
        if self._pulled is None:
            raise OutcomeUnknown(f"the consumer {self._name} is not there.")
        try:
            messages = await self._pulled.fetch(count, timeout=wait_seconds)
        except (NatsTimeoutError, TimeoutError):
            return []
        except (NatsError, JetStreamError, OSError) as error:
            raise OutcomeUnknown(f"the consumer {self._name} gave nothing: {error}.") from error
        return [Given(stored_from_message(EVENTS.name, one), one) for one in messages]

    async def done(self, given: Sequence[Given]) -> None:
        """Acknowledge messages, and wait until the server has heard it."""
        try:
            for one in given:
                await one.message.ack()
            await self._log.client.flush()
        except (NatsError, OSError, TimeoutError) as error:
            raise OutcomeUnknown(f"{len(given)} messages may not be acknowledged: {error}.") from error

    async def again(self, given: Sequence[Given], seconds: float) -> None:
        """Hand messages back, to come again after a time."""
        try:
            for one in given:
                await one.message.nak(delay=seconds)
            await self._log.client.flush()
        except (NatsError, OSError, TimeoutError) as error:
            raise OutcomeUnknown(f"{len(given)} messages may not be handed back: {error}.") from error

    @asynccontextmanager
    async def busy(self, given: Sequence[Given]) -> AsyncIterator[None]:
        """Say again and again that messages are being dealt with, for as long as the context lasts."""
        telling = asyncio.create_task(self._keep(given))
        try:
            yield
        finally:
            await end(telling)

    async def _keep(self, given: Sequence[Given]) -> None:
        while True:
            await asyncio.sleep(BUSY_SECONDS)
            with contextlib.suppress(NatsError, OSError):
                for one in given:
                    await one.message.in_progress()

    async def close(self) -> None:
        """Stop listening; the consumer stays."""
        pulled, self._pulled = self._pulled, None
        if pulled is not None and not self._log.client.is_closed:
            try:
                await pulled.unsubscribe()
            except (NatsError, OSError, ValueError):
                return

    async def _begins_at(self) -> str:
        found = await standing(self._log, self._name)
        return found.begins_at if found is not None else ""


async def standing(log: "Log", name: str) -> Standing | None:
    """Say how far a durable consumer is; None when there is none of that name."""
    try:
        found = await log._api(f"CONSUMER.INFO.{EVENTS.name}.{name}", {})
    except ServerRefusal as refusal:
        if refusal.code == _NOT_FOUND:
            return None
        raise
    return Standing(
        waiting=int(found["num_pending"]),
        given=int(found["num_ack_pending"]),
        dealt_with=int(found["ack_floor"]["stream_seq"]),
        begins_at=found["config"].get("opt_start_time", ""),
    )


async def names_of(log: "Log") -> list[str]:
    """Return the names of the consumers of EVENTS, at most those of the server's first page."""
    found = await log._api(f"CONSUMER.NAMES.{EVENTS.name}", {})
    return [str(name) for name in found.get("consumers") or ()]


__all__ = ["ACK_SECONDS", "Durable", "Given", "Standing", "names_of", "standing"]
