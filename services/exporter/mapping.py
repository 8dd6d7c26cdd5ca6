"""From stored messages to what is told of them: what ends a span becomes spans, what is told becomes log records.

A message is told of as it is read, with what the log holds of the same thing up to its position: another exporter, or
this one after a kill, makes the same of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from coord.events.alert import AlertRaised
from coord.events.directive import DirectiveIssued
from coord.events.envelope import Recorded
from coord.events.run import RunDirectiveApplied, RunDirectiveRefused
from coord.events.wire import Stored
from coord.services.exporter.histories import Histories, as_event, type_of
from coord.services.exporter.item_spans import ENDING, spans_of_item
from coord.services.exporter.log_lines import TELLING, entity_of, line_of
from coord.services.exporter.records import EndedSpan, LogLine
from coord.services.exporter.run_spans import MARKING, spans_of_run

T = TypeVar("T")

AT_ONCE_MAX: Final = 32
"""How many histories are asked for at the same time."""


class Mapping:
    """What one exporter makes of messages; `all_events`: every event is a log record, not only what is told."""

    def __init__(self, histories: Histories, all_events: bool = False) -> None:
        self._histories = histories
        self._all = all_events
        self._turn = asyncio.Semaphore(AT_ONCE_MAX)

    async def spans(self, batch: Sequence[Stored]) -> list[list[EndedSpan]]:
        """Return the spans that each message ends.

        Raises:
            CoordError: the log cannot be read now.
        """
        return await self._each(batch, self._spans_of)

    async def lines(self, batch: Sequence[Stored]) -> list[list[LogLine]]:
        """Return the log records that each message becomes.

        Raises:
            CoordError: the log cannot be read now.
        """
        return await self._each(batch, self._lines_of)

    async def _each(
        self, batch: Sequence[Stored], work: Callable[[Stored], Awaitable[list[T]]]
    ) -> list[list[T]]:
        async def one(stored: Stored) -> list[T]:
            async with self._turn:
                return await work(stored)

        return list(await asyncio.gather(*map(one, batch)))

    async def _spans_of(self, stored: Stored) -> list[EndedSpan]:
        type_ = type_of(stored)
        if type_ not in ENDING and type_ not in MARKING:
            return []
        recorded = as_event(stored)
        if recorded is None:
            return []
        position, name = recorded.position, recorded.entity
        if type_ in ENDING:
            return list(spans_of_item(await self._histories.item(name, position), position))
        marks = await self._histories.run(name, position)
        return list(spans_of_run(marks, position, await self._histories.item_roots(marks)))

    async def _lines_of(self, stored: Stored) -> list[LogLine]:
        if not self._all and type_of(stored) not in TELLING:
            return []
        recorded = as_event(stored)
        if recorded is None:
            return []
        about = await self._about(recorded)
        kind, name = entity_of(recorded, about)
        return [line_of(recorded, about, await self._histories.root(kind, name, recorded.position))]

    async def _about(self, recorded: Recorded) -> Recorded | None:
        """Find what a later event of an alert or a directive speaks of."""
        event = recorded.event
        if isinstance(event, AlertRaised | DirectiveIssued):
            return None
        if recorded.aggregate == "alert":
            return await self._histories.first("alert", recorded.entity)
        if isinstance(event, RunDirectiveApplied | RunDirectiveRefused):
            found = await self._histories.at(event.directive_position)
            return found if found is not None and isinstance(found.event, DirectiveIssued) else None
        if recorded.aggregate == "directive":
            return await self._issued(recorded)
        return None

    async def _issued(self, recorded: Recorded) -> Recorded | None:
        wanted = getattr(recorded.event, "directive_id", None)
        for one in await self._histories.subject("directive", recorded.entity, recorded.position):
            if isinstance(one.event, DirectiveIssued) and one.event.directive_id == wanted:
                return one
        return None
