"""Delivering one signal: all of a batch is dealt with, or it is to be sent again.

A batch that is refused is halved, until what is wrong stands alone and is set aside. But first an empty request is
sent, which every receiver has to take: one that refuses even that has nothing against our items, and gets them later.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from coord.events.streams import MIB
from coord.services import clock
from coord.services.exporter.dead import Dead
from coord.services.exporter.receiving import Accepted, Later, Outcome, Receiver, Refused, Setback, TurnedAway
from coord.services.exporter.shape import Signal

BODY_BYTES_MAX: Final = 4 * MIB
"""Largest request, before it is compressed: what receivers take by default over gRPC."""

T = TypeVar("T")


@dataclass(slots=True)
class Tally:
    """What became of one signal since this process started."""

    sent: int = 0
    rejected: int = 0
    """Refused for good: as part of a request, or set aside."""
    set_aside: int = 0
    skipped: int = 0
    clamped: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    """Requests, by what came of them."""
    sent_at_ns: int = 0
    """When the receiver last said yes."""
    trouble: str = ""
    """What is wrong now; empty: nothing."""
    trouble_since_ns: int = 0
    turned_away: bool = False
    """Whether the receiver refuses us, and not only an item."""
    last_rejection: str = ""

    def well(self) -> None:
        """Note that the receiver takes what is sent."""
        self.sent_at_ns = clock.now_ns()
        self.trouble, self.trouble_since_ns, self.turned_away = "", 0, False

    def setback(self, setback: Setback) -> None:
        """Note that it does not."""
        self.failed[setback.kind] = self.failed.get(setback.kind, 0) + 1
        self.trouble_since_ns = self.trouble_since_ns or clock.now_ns()
        self.trouble, self.turned_away = setback.words, isinstance(setback, TurnedAway)


@dataclass(frozen=True)
class Writing(Generic[T]):
    """How the items of a signal are written."""

    encode: Callable[[Sequence[T]], Any]
    """As one request, a message of protobuf."""
    show: Callable[[Any], Mapping[str, Any]]
    """A request as JSON."""
    position: Callable[[T], int]
    weigh: Callable[[T], int] = lambda _: 1
    """How many of what the receiver counts an item is."""


class Delivery(Generic[T]):
    """The way of one signal to its receiver."""

    def __init__(
        self, signal: Signal, receiver: Receiver, writing: Writing[T], dead: Dead, tally: Tally
    ) -> None:
        self._signal = signal
        self._receiver = receiver
        self._writing = writing
        self._dead = dead
        self._tally = tally

    async def deliver(self, items: Sequence[T]) -> Setback | None:
        """Deliver items; None: each was taken, rejected, or set aside."""
        outcome = await self._send(items)
        if isinstance(outcome, Refused):
            setback = await self._suspect(outcome)
            if setback is None:
                setback = await self._halve(items, outcome)
            outcome = setback or Accepted()
        if isinstance(outcome, Accepted):
            self._tally.well()
            return None
        self._tally.setback(outcome)
        return outcome

    async def _suspect(self, refused: Refused) -> Setback | None:
        """Ask with an empty request whether it is the items that the receiver refuses."""
        outcome = await in_thread(self._receiver, self._writing.encode(()).SerializeToString())
        if isinstance(outcome, Accepted):
            return None
        if isinstance(outcome, Refused):
            return TurnedAway(f"it refuses everything; {refused.words}", refused.kind)
        return outcome

    async def _halve(self, items: Sequence[T], refused: Refused) -> Setback | None:
        """Find what is wrong in items that were refused together, and deliver the rest."""
        if len(items) == 1:
            self._set_aside(items[0], refused)
            return None
        middle = len(items) // 2
        for part in (items[:middle], items[middle:]):
            outcome = await self._send(part)
            setback = await self._halve(part, outcome) if isinstance(outcome, Refused) else outcome
            if isinstance(setback, Later | TurnedAway):
                return setback
        return None

    async def _send(self, items: Sequence[T]) -> Outcome:
        """Send items as one request; too many of them for one, as several."""
        body = self._writing.encode(items).SerializeToString()
        if len(body) > BODY_BYTES_MAX:
            return await self._send_parts(items, len(body))
        outcome = await in_thread(self._receiver, body)
        if isinstance(outcome, Accepted):
            self._tally.sent += sum(map(self._writing.weigh, items)) - outcome.rejected
            self._tally.rejected += outcome.rejected
            self._tally.last_rejection = outcome.words if outcome.rejected else self._tally.last_rejection
        return outcome

    async def _send_parts(self, items: Sequence[T], size: int) -> Outcome:
        if len(items) == 1:
            return Refused(f"it has {size} bytes; a request may have {BODY_BYTES_MAX}", "too_large")
        middle = len(items) // 2
        for part in (items[:middle], items[middle:]):
            outcome = await self._send(part)
            if isinstance(outcome, Refused):
                setback = await self._halve(part, outcome)
                outcome = setback or Accepted()
            if not isinstance(outcome, Accepted):
                return outcome
        return Accepted()

    def _set_aside(self, item: T, refused: Refused) -> None:
        weight = self._writing.weigh(item)
        self._tally.rejected += weight
        self._tally.set_aside += weight
        self._tally.last_rejection = refused.words
        shown = self._writing.show(self._writing.encode((item,)))
        self._dead.put(self._signal, self._writing.position(item), refused.words, shown)


async def in_thread(receiver: Receiver, body: bytes) -> Outcome:
    """Send in a thread that nobody waits for when this is cancelled: a receiver may hold it for its whole time-out."""
    loop = asyncio.get_running_loop()
    told: asyncio.Future[Outcome] = loop.create_future()

    def tell(outcome: Outcome) -> None:
        if not told.done():
            told.set_result(outcome)

    def work() -> None:
        outcome = receiver.send(body)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, outcome)

    threading.Thread(target=work, name="otlp", daemon=True).start()
    return await told
