"""From stored messages to what is told of them: what ends a span becomes spans, what is told becomes log records.

A message is told of as it is read, with what the log holds of the same thing up to its position: another exporter, or
this one after a kill, makes the same of it.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

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

AT_ONCE_MAX: Final = 32
"""How many histories are asked for at the same time."""


class Teller:
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
        by_subject: dict[str, list[Stored]] = {}
        for stored in batch:
            by_subject.setdefault(stored.subject, []).append(stored)
        found = await asyncio.gather(*map(self._spans_of, by_subject.values()))
        told = {position: spans for of_subject in found for position, spans in of_subject.items()}
        return [told.get(stored.position, []) for stored in batch]

    async def lines(self, batch: Sequence[Stored]) -> list[list[LogLine]]:
        """Return the log records that each message becomes.

        Raises:
            CoordError: the log cannot be read now.
        """
        return list(await asyncio.gather(*map(self._lines_of, batch)))

    async def _spans_of(self, batch: Sequence[Stored]) -> dict[int, list[EndedSpan]]:
        """Return the spans that each message of one subject ends, by its position."""
        ending = [stored for stored in batch if type_of(stored) in ENDING]
        if batch[0].subject.split(".")[2] == "work":
            async with self._turn:
                history = await self._histories.item(batch, needed=bool(ending))
            return {stored.position: list(spans_of_item(history, stored.position)) for stored in ending}
        marks = [recorded for one in batch if type_of(one) in MARKING and (recorded := as_event(one))]
        return {recorded.position: await self._of_run(recorded) for recorded in marks}

    async def _of_run(self, recorded: Recorded) -> list[EndedSpan]:
        async with self._turn:
            marks = await self._histories.run(recorded.entity, recorded.position)
            items = await self._histories.item_roots(marks)
        return list(spans_of_run(marks, recorded.position, items))

    async def _lines_of(self, stored: Stored) -> list[LogLine]:
        if not self._all and type_of(stored) not in TELLING:
            return []
        recorded = as_event(stored)
        if recorded is None:
            return []
        async with self._turn:
            about = await self._about(recorded)
            kind, name = entity_of(recorded, about)
            root = await self._histories.root(kind, name, recorded.position)
        return [line_of(recorded, about, root)]

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
