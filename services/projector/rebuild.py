"""Rebuilding: a new file beside the old one, from the log, and then in its place.

    build to where the old one is --> compare table by table --> swap

Done by the projector while it goes on answering (folding stands still only for the last stretch), or here
when no projector runs. Tables of EVENTS come out equal; readings only as far as SAMPLES still holds them.
EVENTS may be read from the archive as far as that goes (archived.py); the tables of readings are then filled from it,
as far as they would still be kept, and compared too.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from coord.events.errors import CoordError, NoServer, NothingThere
from coord.events.streams import EVENTS, SAMPLES
from coord.projections.intake import Gap, Mark
from coord.projections.store import (
    Reader,
    Store,
    begin_store,
    digests_of_events,
    digests_of_readings,
    oldest_of_readings,
    open_store,
    remove_file,
    replace_file,
)
from coord.services import clock
from coord.services.archive.place import known_archive
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.projector.archived import Feeding, Loading, archived, loading_readings
from coord.services.projector.feed import feed
from coord.services.projector.folding import fold_batch
from coord.services.projector.keeper import Keeper, store_path
from coord.services.settings import Settings

BATCH_MAX: Final = 20_000
"""As where a projector is far behind: what a commit costs is divided by as many events."""
TOLD_SECONDS: Final = 0.5
"""Between two lines of progress."""
_WAIT_SECONDS: Final = 2.0
_MEMORY_MIB: Final = 256

_STREAMS: Final = (EVENTS.name, SAMPLES.name)

Told = dict[str, Any]
R = TypeVar("R")


def rebuild(settings: Settings, tell: Callable[[Told], None], from_archive: bool = False) -> None:
    """Rebuild here, while no projector runs; `tell` is given each line of progress.

    Raises:
        FolderTaken: a projector has the file.
        NoServer: the log cannot be read.
        CoordError: the archive cannot be read, or is of another log.
    """
    asyncio.run(_offline(settings, tell, from_archive))


async def rebuild_online(
    settings: Settings, folder: Folder, keeper: Keeper, from_archive: bool = False
) -> AsyncIterator[Told]:
    """Rebuild beside a projector that goes on, and swap; yields each line of progress.

    Raises:
        NothingThere: a rebuild is under way already.
        NoServer: the log cannot be read.
        CoordError: the archive cannot be read, or is of another log.
    """
    if keeper.rebuilding:
        raise NothingThere("a rebuild is under way.", "Wait until it is done.")
    keeper.rebuilding = True
    try:
        log = await Log.connect(settings, folder, "core", "rebuild")
        try:
            source = await _source(log, settings, from_archive)
            async with aclosing(_beside(log, keeper, source)) as told:
                async for line in told:
                    yield line
        finally:
            await log.close()
    finally:
        keeper.rebuilding = False


class _Source(NamedTuple):
    """What a new file is filled from."""

    feeding: Feeding
    loading: Loading | None


async def _source(log: Log, settings: Settings, from_archive: bool) -> _Source:
    """Say how a stream is read from a position on, and what of readings is there before."""
    if not from_archive:
        return _Source(lambda stream, position: feed(log, stream, position, BATCH_MAX, _WAIT_SECONDS), None)
    feeding = await archived(log, known_archive(settings), BATCH_MAX, _WAIT_SECONDS)
    return _Source(feeding, await loading_readings(log, settings))


async def _beside(log: Log, keeper: Keeper, source: _Source) -> AsyncGenerator[Told, None]:
    built = _Built(log, keeper.path, source)
    try:
        async for told in built.begin():
            yield told
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
            since = await built.since(await keeper.read(oldest_of_readings))
            before = await keeper.read(partial(_digests, since_ns=since))
            after = await built.finish(since)
            await replace(lambda: replace_file(keeper.path, built.path))
    except BaseException:
        await built.abandon()
        raise
    return _compared(before, after, built)


async def _offline(settings: Settings, tell: Callable[[Told], None], from_archive: bool) -> None:
    folder = Folder(settings.data)
    folder.make("projection")
    log = await Log.connect(settings, folder, "core", "rebuild")
    try:
        source = await _source(log, settings, from_archive)
        await _here(log, settings, store_path(folder), source, tell)
    finally:
        await log.close()


async def _here(
    log: Log, settings: Settings, path: Path, source: _Source, tell: Callable[[Told], None]
) -> None:
    opened = open_store(path, settings.projection_memory_mib)
    built = _Built(log, path, source)
    try:
        async for told in built.begin():
            tell(told)
        for stream in _STREAMS:
            until = await _end(log, stream, opened.store.mark(stream))
            async for told in built.fill(stream, until):
                tell(told)
        with opened.store.reader() as reader:
            since = await built.since(oldest_of_readings(reader))
            before = _digests(reader, since)
        after = await built.finish(since)
        opened.store.close()
        replace_file(path, built.path)
        tell(_compared(before, after, built))
    except BaseException:
        await built.abandon()
        opened.store.close()
        raise


async def _end(log: Log, stream: str, mark: Mark | None) -> int:
    """Return where the old file stands, to be compared there; the stream's end when it is of another log."""
    state = await log.stream_state(stream)
    same = mark is not None and mark.created_at == state.created_at and mark.position <= state.last
    return mark.position if same and mark is not None else state.last


def _compared(before: dict[str, str], after: dict[str, str], built: "_Built") -> Told:
    tables = {name: {"before": before[name], "after": after[name]} for name in after}
    differing = sorted(name for name in after if before[name] != after[name])
    return {
        "phase": "done",
        "events": built.events,
        "lost": [[gap.first, gap.last] for gap in built.lost],
        "equal": not differing,
        **({"differing": ", ".join(differing)} if differing else {}),
        "tables": tables,
    }


class _Built:
    """The new file while it is built, written by a thread of its own."""

    def __init__(self, log: Log, beside: Path, source: _Source) -> None:
        self.path = beside.with_name(beside.name + ".new")
        self.events = 0
        """Positions of EVENTS read."""
        self.lost: list[Gap] = []
        """Positions of EVENTS that what was read has no more."""
        self.swapping = False
        self._log = log
        self._source = source
        self._worker = ThreadPoolExecutor(1, "rebuild")
        self._store: Store | None = None

    async def begin(self) -> AsyncIterator[Told]:
        """Make the file, with what the archive has of readings if it is to be read, telling now and then how far."""
        self._store = await self._run(partial(begin_store, self.path, _MEMORY_MIB))
        if self._source.loading is None:
            return
        await self._run(self._store.close)
        self._store, progress, told = None, _Progress("archived rows", 1, 1), [(0, 1)]
        loading = asyncio.ensure_future(
            self._run(partial(self._source.loading, self.path, lambda *far: told.append(far)))
        )
        try:
            while not (await asyncio.wait({loading}, timeout=TOLD_SECONDS))[0]:
                yield progress.told(*told[-1])
            yield progress.told(await loading)
        finally:
            await asyncio.wait({loading})
        self._store = (await self._run(partial(open_store, self.path, _MEMORY_MIB))).store

    async def since(self, oldest_ns: Mapping[str, int]) -> dict[str, int] | None:
        """Say from when on readings are compared with another file's, of which the oldest are named; None: they are not."""
        if self._source.loading is None:
            return None
        assert self._store is not None
        here = await self._run(partial(_oldest, self._store))
        return {name: max(oldest_ns.get(name, 0), here.get(name, 0)) for name in {*oldest_ns, *here}}

    async def fill(self, stream: str, until: int) -> AsyncIterator[Told]:
        """Fold a stream up to a position, telling now and then how far."""
        assert self._store is not None
        store = self._store
        state = await self._log.stream_state(stream)
        mark = await self._run(partial(store.mark, stream))
        known = mark is not None and mark.created_at == state.created_at
        first = max(1, state.first if stream == SAMPLES.name else 1)
        position = mark.position + 1 if mark is not None and known else first
        if position > until:
            return
        progress = _Progress(stream, position, until)
        async with aclosing(self._source.feeding(stream, position)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                if not batch.messages:
                    raise NoServer(f"{stream} ends at {position - 1}, before {until}.")
                messages = [message for message in batch.messages if message.position <= until]
                gaps = [gap for gap in batch.gaps if gap.last <= until]
                if messages:
                    await self._run(partial(fold_batch, store, state.created_at, messages, gaps))
                position = batch.messages[-1].position + 1
                if stream == EVENTS.name:
                    self.events += len(messages)
                    self.lost += gaps
                if position > until:
                    break
                if progress.is_due():
                    yield progress.told(position - 1)
        yield progress.told(until)

    async def finish(self, since_ns: Mapping[str, int] | None) -> dict[str, str]:
        """Return the digests of what was built, and close the file."""
        assert self._store is not None
        found = await self._run(partial(_digests_of, self._store, since_ns))
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

    def told(self, position: int, until: int | None = None) -> Told:
        """Return one line of progress; `until` where it was not known at first."""
        self._told = clock.monotonic()
        self._until = until or max(position, self._until)
        done = max(position - self._first + 1, 1)
        rate = done / max(self._told - self._began, 1e-6)
        return {
            "phase": "reading",
            "stream": self._stream,
            "position": position,
            "until": self._until,
            "messages_per_second": round(rate),
            "seconds_left": round((self._until - position) / rate, 1),
        }


def _digests_of(store: Store, since_ns: Mapping[str, int] | None) -> dict[str, str]:
    with store.reader() as reader:
        return _digests(reader, since_ns)


def _digests(reader: Reader, since_ns: Mapping[str, int] | None) -> dict[str, str]:
    readings = digests_of_readings(reader, since_ns) if since_ns is not None else {}
    return digests_of_events(reader) | readings


def _oldest(store: Store) -> dict[str, int]:
    with store.reader() as reader:
        return oldest_of_readings(reader)
