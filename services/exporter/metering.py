"""Metrics: every interval the projector is asked, and what it answers is sent, as of then.

Counters are the projector's counts of all there ever was, and count since the log was made: an exporter that starts
again, or tables that are made anew, go on with the same series. What this process itself counts begins with it. While
the receiver is away, nothing is kept: an old gauge is of no use to anybody, and is counted as skipped.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from coord.events.errors import CoordError
from coord.services import clock
from coord.services.exporter.asking import Asking
from coord.services.exporter.budget import Budget
from coord.services.exporter.delivering import Delivery, Tally
from coord.services.exporter.figures import Points
from coord.services.exporter.names import METRICS
from coord.services.exporter.records import Attributes, HistogramPoint, Point
from coord.services.exporter.turn import Turn

OF_THIS_PROCESS: Final = frozenset(
    name for name in METRICS if name.startswith("coord.exporter.") and METRICS[name].kind == "counter"
)
"""Counters that begin with the exporter's process, not with the log."""

_log: Final = logging.getLogger("coord.exporter")


@dataclass(frozen=True, slots=True)
class OfResource:
    """The points of one resource: what is sent as one item."""

    resource: Attributes
    points: Sequence[Point | HistogramPoint]


class Metering:
    """The lane of metrics."""

    def __init__(
        self,
        asking: Asking,
        delivery: Delivery[OfResource],
        tally: Tally,
        turn: Turn,
        own: Callable[[int], list[Point]],
        resource: Callable[[Attributes], Attributes],
        interval_seconds: float,
    ) -> None:
        self._asking = asking
        self._delivery = delivery
        self._tally = tally
        self._turn = turn
        self._own = own
        self._resource = resource
        self._interval = interval_seconds
        self.budget = Budget()

    async def run(self) -> None:
        """Send every interval, until cancelled."""
        next_at = clock.monotonic()
        while True:
            if self._turn.is_mine:
                await self.once()
                next_at = max(next_at + self._interval, clock.monotonic())
                await asyncio.sleep(max(0.0, next_at - clock.monotonic()))
            else:
                next_at = clock.monotonic()
                await asyncio.sleep(min(0.1, self._interval))

    async def once(self) -> None:
        """Ask, and send what is answered; what nobody answers for is left out."""
        now_ns = clock.now_ns()
        whole: Points = list(self._own(now_ns))
        nodes: list[tuple[str, Attributes, list[Point]]] = []
        try:
            whole += await self._asking.whole(now_ns)
            nodes = await self._asking.nodes(now_ns)
        except CoordError as error:
            _log.info("metrics: %s", error)
        now = clock.monotonic()
        items = [OfResource(self._resource({}), self.budget.fit("", whole, now))]
        for name, resource, points in nodes:
            items.append(OfResource(self._resource(resource), self.budget.fit(name, points, now)))
        before = self._tally.trouble
        setback = await self._delivery.deliver(items)
        if setback is not None:
            self._tally.skipped += sum(len(one.points) for one in items)
            if setback.words != before:
                _log.warning("metrics: %s; what is not taken is left out", setback.words)


def starts_of(since_ns: int, process_ns: int) -> Mapping[str, int]:
    """Return since when each counter counts."""
    return {name: process_ns if name in OF_THIS_PROCESS else since_ns for name in METRICS}


def restarts_of(told: Any, now_ns: int) -> list[Point]:
    """Return how often each service was started again, as its supervisor noted."""
    counts = told.get("restarts") if isinstance(told, dict) else None
    metric = METRICS["coord.service.restarts"]
    return [
        Point(metric, {"coord.service": str(name)}, int(count), now_ns)
        for name, count in (counts or {}).items()
        if isinstance(count, int)
    ]
