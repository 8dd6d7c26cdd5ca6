"""Reading a stretch of a stream whole: every position, or the word that it is lost.

The server passes over what it cannot read from its disk in silence. Positions follow each other, so a hole is seen;
what is missing is asked for again one by one, and what is really not there is told.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, NamedTuple

from coord.events.errors import NoServer
from coord.events.wire import Stored

if TYPE_CHECKING:
    from coord.services.log.client import Log

REFETCH_MAX: Final = 1_000
"""Positions of one hole that are asked for again one by one; a larger hole is taken for what it is."""
_WAIT_SECONDS: Final = 2.0
_EMPTY_MAX: Final = 5
"""How often in a row nothing may come before the end of a stretch is taken for lost."""


class Stretch(NamedTuple):
    """Messages in order, and the positions before, between and behind them that are lost."""

    messages: list[Stored]
    lost: list[range]


async def read_whole(
    log: "Log", stream: str, first: int, last: int, batch_max: int = 5_000
) -> AsyncIterator[Stretch]:
    """Give out the positions from `first` to `last`, which the stream has reached.

    Raises:
        NoServer, OutcomeUnknown: the server does not answer.
    """
    expected, empty = first, 0
    if first > last:
        return
    async with aclosing(log.pull(stream, first, batch_max, _WAIT_SECONDS)) as batches:  # type: ignore[type-var]
        async for pulled in batches:
            messages = [stored for stored in pulled if stored.position <= last]
            empty = 0 if pulled else empty + 1
            if empty == _EMPTY_MAX and not await _answers(log, stream):
                raise NoServer(f"{stream} gives nothing behind position {expected - 1}.")
            ended = empty >= _EMPTY_MAX or bool(pulled and pulled[-1].position >= last)
            if messages or ended:
                yield await fill(log, stream, expected, messages, last if ended else None)
            if ended:
                return
            expected = messages[-1].position + 1 if messages else expected


async def fill(
    log: "Log", stream: str, expected: int, messages: Sequence[Stored], last: int | None = None
) -> Stretch:
    """Ask again for what messages jump over from a position on, and up to `last` where that is named."""
    whole: list[Stored] = []
    lost: list[range] = []
    for stored in messages:
        if stored.position > expected:
            await _again(log, stream, range(expected, stored.position), whole, lost)
        whole.append(stored)
        expected = stored.position + 1
    if last is not None and last >= expected:
        await _again(log, stream, range(expected, last + 1), whole, lost)
    return Stretch(whole, lost)


async def _again(log: "Log", stream: str, missing: range, whole: list[Stored], lost: list[range]) -> None:
    if len(missing) > REFETCH_MAX:
        lost.append(missing)
        return
    for position in missing:
        found = await log.read_at(stream, position)
        if found is not None:
            whole.append(found)
        elif lost and lost[-1].stop == position:
            lost[-1] = range(lost[-1].start, position + 1)
        else:
            lost.append(range(position, position + 1))


async def _answers(log: "Log", stream: str) -> bool:
    return (await log.stream_state(stream)).last > 0


__all__ = ["Stretch", "fill", "read_whole"]
