"""Rebuilding: a new file beside the old one, from the log, and then in its place.

    build to where the old one is --> compare table by table --> swap

Done by the projector while it goes on answering (folding stands still only for the last stretch), or here
when no projector runs. Tables of EVENTS come out equal; readings only as far as SAMPLES still holds them.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from coord.events.errors import CoordError, NoServer, NothingThere
from coord.events.streams import EVENTS, SAMPLES
from coord.projections.intake import Mark
from coord.projections.store import (
    Store,
    begin_store,
    digests_of_events,
    open_store,
    remove_file,
    replace_file,
)
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.projector.feed import feed
from coord.services.projector.keeper import Keeper, fold_batch, store_path
from coord.services.settings import Settings

BATCH_MAX: Final = 5_000
TOLD_SECONDS: Final = 0.5
"""Between two lines of progress."""
_WAIT_SECONDS: Final = 2.0
_MEMORY_MIB: Final = 256

_STREAMS: Final = (EVENTS.name, SAMPLES.name)

Told = dict[str, Any]
R = TypeVar("R")


def rebuild(settings: Settings, tell: Callable[[Told], None]) -> None:
    """Rebuild here, while no projector runs; `tell` is given each line of progress.

    Raises:
        FolderTaken: a projector has the file.
        NoServer: the log cannot be read.
    """
    asyncio.run(_offline(settings, tell))


async def rebuild_online(settings: Settings, folder: Folder, keeper: Keeper) -> AsyncIterator[Told]:
    """Rebuild beside a projector that goes on, and swap; yields each line of progress.

    Raises:
        NothingThere: a rebuild is under way already.
        NoServer: the log cannot be read.
    """
    if keeper.rebuilding:
        raise NothingThere("a rebuild is under way.", "Wait until it is done.")
    keeper.rebuilding = True
    try:
        log = await Log.connect(settings, folder, "core", "rebuild")
        try:
            async with aclosing(_beside(log, keeper)) as told:
                async for line in told:
                    yield line
        finally:
            await log.close()
    finally:
        keeper.rebuilding = False


async def _beside(log: Log, keeper: Keeper) -> AsyncGenerator[Told, None]:
    built = _Built(log, keeper.path)
    try:
        for stream in _STREAMS:
            async for told in built.fill(stream, keeper.folded.get(stream, 0)):
                yield told
        yield {"phase": "swapping"}
        yield await asyncio.shield(asyncio.create_task(_swap(built, keeper)))
    finally:
        if not built.swapping:
            await built.abandon()


async def _swap(built: "_Built", keeper: Keeper) -> Told:
    """Fill the last stretch while folding stands still, compare, and put the new file in place."""
    built.swapping = True
    try:
        async with keeper.replacing() as replace:
            for stream in _STREAMS:
                async for _ in built.fill(stream, keeper.folded.get(stream, 0)):
                    """The last stretch is too short to be told."""
            before = await keeper.read(digests_of_events)
            after = await built.finish()
            await replace(lambda: replace_file(keeper.path, built.path))
    except BaseException:
        await built.abandon()
        raise
    return _compared(before, after, built.events)


async def _offline(settings: Settings, tell: Callable[[Told], None]) -> None:
    folder = Folder(settings.data)
    folder.make("projection")
    path = store_path(folder)
    log = await Log.connect(settings, folder, "core", "rebuild")
    opened = open_store(path, settings.projection_memory_mib)
    built = _Built(log, path)
    try:
        with opened.store.reader() as reader:
            before = digests_of_events(reader)
        for stream in _STREAMS:
            until = await _end(log, stream, opened.store.mark(stream))
            async for told in built.fill(stream, until):
                tell(told)
        after = await built.finish()
        opened.store.close()
        replace_file(path, built.path)
        tell(_compared(before, after, built.events))
    except BaseException:
        await built.abandon()
        opened.store.close()
        raise
    finally:
        await log.close()


async def _end(log: Log, stream: str, mark: Mark | None) -> int:
    """Return where the old file stands, to be compared there; the stream's end when it is of another log."""
    state = await log.stream_state(stream)
    same = mark is not None and mark.created_at == state.created_at and mark.position <= state.last
    return mark.position if same and mark is not None else state.last


def _compared(before: dict[str, str], after: dict[str, str], events: int) -> Told:
    tables = {name: {"before": before[name], "after": after[name]} for name in after}
    differing = sorted(name for name in after if before[name] != after[name])
    return {
        "phase": "done",
        "events": events,
        "equal": not differing,
        **({"differing": ", ".join(differing)} if differing else {}),
        "tables": tables,
    }


class _Built:
    """The new file while it is built, written by a thread of its own."""

    def __init__(self, log: Log, beside: Path) -> None:
        self.path = beside.with_name(beside.name + ".new")
        self.events = 0
        """Positions of EVENTS read."""
        self.swapping = False
        self._log = log
        self._worker = ThreadPoolExecutor(1, "rebuild")
        self._store: Store | None = None

    async def fill(self, stream: str, until: int) -> AsyncIterator[Told]:
        """Fold a stream up to a position, telling now and then how far."""
        if self._store is None:
            self._store = await self._run(partial(begin_store, self.path, _MEMORY_MIB))
        store = self._store
        state = await self._log.stream_state(stream)
        mark = await self._run(partial(store.mark, stream))
        position = mark.position + 1 if mark else max(1, state.first if stream == SAMPLES.name else 1)
        if position > until:
            return
        progress = _Progress(stream, position, until)
        async with aclosing(feed(self._log, stream, position, BATCH_MAX, _WAIT_SECONDS)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                if not batch.messages:
                    raise NoServer(f"{stream} ends at {position - 1}, before {until}.")
                messages = [message for message in batch.messages if message.position <= until]
                gaps = [gap for gap in batch.gaps if gap.last <= until]
                if messages:
                    await self._run(partial(fold_batch, store, state.created_at, messages, gaps))
                position = batch.messages[-1].position + 1
                self.events += len(messages) if stream == EVENTS.name else 0
                if position > until:
                    break
                if progress.is_due():
                    yield progress.told(position - 1)
        yield progress.told(until)

    async def finish(self) -> dict[str, str]:
        """Return the digests of what was built, and close the file."""
        assert self._store is not None
        found = await self._run(partial(_digests, self._store))
        await self._run(self._store.close)
        self._store = None
        self._worker.shutdown()
        return found

    async def abandon(self) -> None:
        """Remove what was built."""
        store, self._store = self._store, None
        if store is not None:
            with contextlib.suppress(CoordError):
                await self._run(store.close)
        self._worker.shutdown()
        remove_file(self.path)

    async def _run(self, work: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


class _Progress:
    """How fast a stream is read."""

    def __init__(self, stream: str, position: int, until: int) -> None:
        self._stream = stream
        self._first = position
        self._until = until
        self._began = self._told = clock.monotonic()

    def is_due(self) -> bool:
        """Tell whether it is time for another line."""
        return clock.monotonic() - self._told >= TOLD_SECONDS

    def told(self, position: int) -> Told:
        """Return one line of progress."""
        self._told = clock.monotonic()
        rate = (position - self._first + 1) / max(self._told - self._began, 1e-6)
        return {
            "phase": "reading",
            "stream": self._stream,
            "position": position,
            "until": self._until,
            "messages_per_second": round(rate),
            "seconds_left": round((self._until - position) / rate, 1),
        }


def _digests(store: Store) -> dict[str, str]:
    with store.reader() as reader:
        return digests_of_events(reader)
