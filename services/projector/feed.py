"""The feed: batches of one stream, in order and without holes.

The server skips in silence what it cannot read from its disk. Positions of EVENTS follow each other, so a
hole is seen; what is missing is fetched again one by one, and what is really not there becomes a gap.
SAMPLES drops its oldest by age: only a hole at the start is a gap there.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from coord.events.errors import NoServer, OutcomeUnknown
from coord.events.streams import EVENTS
from coord.events.wire import Stored
from coord.projections.intake import Gap
from coord.services.log import Log
from coord.services.log.pulling import BatchMax

REFETCH_MAX: Final = 1_000
"""Positions of one hole that are fetched again one by one; a larger hole is taken for what it is."""
_RETRY_SECONDS: Final = 0.2

_log: Final = logging.getLogger("coord.projector")


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages in order, and the holes before or between them; both empty when nothing came."""

    messages: tuple[Stored, ...] = ()
    gaps: tuple[Gap, ...] = ()


async def feed(
    log: Log, stream: str, from_position: int, batch_max: BatchMax, wait_seconds: float
) -> AsyncIterator[Batch]:
    """Read a stream from a position on, for ever; an empty batch when nothing came for a while."""
    expected = from_position
    async with aclosing(log.pull(stream, from_position, batch_max, wait_seconds)) as batches:  # type: ignore[type-var]
        async for pulled in batches:
            if not pulled:
                yield Batch()
                continue
            batch = await _whole(log, stream, expected, pulled)
            expected = pulled[-1].position + 1
            yield batch


async def _whole(log: Log, stream: str, expected: int, pulled: list[Stored]) -> Batch:
    if pulled[-1].position - expected + 1 == len(pulled):
        return Batch(tuple(pulled))
    messages: list[Stored] = []
    gaps: list[Gap] = []
    for message in pulled:
        if message.position > expected:
            found, lost = await _fill(log, stream, expected, message.position - 1)
            messages += found
            gaps += lost
        messages.append(message)
        expected = message.position + 1
    return Batch(tuple(messages), tuple(gaps))


async def _fill(log: Log, stream: str, first: int, last: int) -> tuple[list[Stored], list[Gap]]:
    """Fetch a hole again."""
    found: list[Stored] = []
    if stream == EVENTS.name and last - first < REFETCH_MAX:
        for position in range(first, last + 1):
            message = await _read_at(log, stream, position)
            if message is not None:
                found.append(message)
    gaps = _between(stream, first, last, [message.position for message in found])
    for gap in gaps:
        _log.error("%s has lost the positions %d to %d", stream, gap.first, gap.last)
    return found, gaps


async def _read_at(log: Log, stream: str, position: int) -> Stored | None:
    """Read one position; a server that does not answer is not one that has nothing."""
    while True:
        try:
            return await log.read_at(stream, position)
        except (NoServer, OutcomeUnknown):
            await asyncio.sleep(_RETRY_SECONDS)


def _between(stream: str, first: int, last: int, found: list[int]) -> list[Gap]:
    gaps = []
    for position in (*found, last + 1):
        if position > first:
            gaps.append(Gap(stream, first, position - 1))
        first = position + 1
    return gaps
