"""The tables of a past moment: a scratch database in a thread of its own, brought to a position of the log."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from coord.events.errors import NoServer
from coord.events.streams import EVENTS
from coord.projections.folds.shape import Columns
from coord.projections.intake import Mark
from coord.projections.store import Reader
from coord.projections.store.supposing import reader_with
from coord.services.projector.feed import Batch
from coord.services.projector.scratch import Scratch

BATCH_MAX: Final = 8_000

Reading = Callable[[int, int], AsyncIterator[Batch]]
"""Reads EVENTS from a position on, without holes, in batches of at most so many."""
R = TypeVar("R")


class Cancelled(Exception):
    """Nobody waits for this any more."""


class PastTables:
    """The scratch database of one log."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._thread = ThreadPoolExecutor(1, "scratch")

    @property
    def next_copy(self) -> int:
        """The position of the next copy that is left on the way through the log."""
        stride = self._scratch.copies.stride
        return self._scratch.position - self._scratch.position % stride + stride

    async def begin(self, created_at: str, last: int, end_ns: int = 0) -> None:
        """Take the log as it is now: when its stream was made, where it ends, and now.

        Raises:
            NoServer: the disk has no room for a scratch database.
        """
        await self._run(partial(self._scratch.begin, created_at, last, end_ns))

    async def stand_at(
        self, position: int, read: Reading, tell: Callable[[int], None], wanted: Callable[[], bool]
    ) -> None:
        """Fold up to a position, which the log must hold.

        Args:
            position: where to stand.
            read: reads the log.
            tell: is given the position that is reached, after each batch.
            wanted: asked after each batch; when it is not, the fold ends where it stands.

        Raises:
            Cancelled: it is not wanted any more.
            NoServer: the log cannot be read that far.
            StoreBroken: the file or engine failed.
        """
        await self._run(partial(self._scratch.stand_before, position))
        start = self._scratch.position
        if start == position:
            return
        stops = self._scratch.stops(position)
        async with aclosing(read(start + 1, min(BATCH_MAX, position - start))) as batches:  # type: ignore[type-var]
            async for batch in batches:
                if not batch.messages:
                    reached = self._scratch.position
                    raise NoServer(f"{EVENTS.name} cannot be read beyond {reached} now.", "Ask again.")
                await self._run(partial(_take, self._scratch, batch, stops))
                tell(self._scratch.position)
                if not stops:
                    return
                if not wanted():
                    raise Cancelled

    async def ask(
        self, use: Callable[[Reader, Mark | None], R], told: Mapping[str, Columns] | None = None
    ) -> R:
        """Ask the tables as they are, and as if they held these rows, too; the mark says where they stand."""

        def ask() -> R:
            mark = self._scratch.mark()
            with reader_with(self._scratch.store, told or {}) as reader:
                return use(reader, mark)

        return await self._run(ask)

    async def copy(self) -> Path:
        """Copy the tables as they are into a file of their own; some are kept, and older ones go.

        Raises:
            NoServer: the disk has no room for that.
        """
        return await self._run(self._scratch.copy_out)

    async def clear(self) -> None:
        """Remove everything: the next question begins with an empty file."""
        await self._run(self._scratch.clear)

    async def close(self) -> None:
        """Remove the open file, once what is being folded into it is done; the copies stay."""
        await self._run(self._scratch.close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _take(scratch: Scratch, batch: Batch, stops: list[int]) -> None:
    """Fold a batch in up to the last stop, and leave copies at the stops on its way; `stops` is used up."""
    until, messages, gaps = stops[-1], batch.messages, batch.gaps
    stops[:] = sorted({*stops, *(one for one in scratch.ends_in(messages) if one < until)})
    while messages and stops:
        here: Any = [message for message in messages if message.position <= stops[0]]
        if here:
            scratch.fold(here, [gap for gap in gaps if gap.last < here[-1].position])
            gaps = tuple(gap for gap in gaps if gap.last > here[-1].position)
        messages = messages[len(here) :]
        if messages or here[-1].position == stops[0]:
            stops.pop(0)
            scratch.keep(until)
