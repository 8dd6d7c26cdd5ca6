"""The keeper of the store: who writes, who reads, and what happens when the file or engine fails.

    open --(fold, read)--> open --StoreBroken--> closed --ladder--> open
                                                  `--cannot be opened--> broken, tried again later

One thread folds, another seals and drops beside it, `READERS` threads read, each question its own snapshot. To reopen or
swap the file, new readers wait, present ones finish, and so does who seals; the writer goes last. What they do stands in `folding`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from coord.events.errors import CoordError, FolderTaken, NoServer
from coord.events.streams import EVENTS, SAMPLES
from coord.events.wire import Stored
from coord.projections.intake import Gap, Mark
from coord.projections.snapshots import drop_all, snapshots
from coord.projections.store import (
    Opened,
    Reader,
    Store,
    StoreBroken,
    begin_anew,
    open_store,
)
from coord.services import clock
from coord.services.archive.readings_place import archived_until_ns
from coord.services.folder import Folder
from coord.services.projector.folding import fold_part, keeping_of, parts, seal_full, tidy
from coord.services.settings import Settings

READERS: Final = 4
CHECKPOINT_SECONDS: Final = 30.0
"""At most so long after a change the log of writes is emptied, if the writer has a moment."""
SEAL_SECONDS: Final = 10.0
"""Between two looks whether old rows are to be sealed; a full piece of them is sealed at once."""
DROP_SECONDS: Final = 60.0
"""Between two looks whether segments are to be dropped."""
REOPEN_SECONDS_MAX: Final = 5.0
STARVED_MAX: Final = 3
"""So often the file is opened anew for the sake of a message that finds no memory; then it is set aside."""
_DAMAGE: Final = ("corrupt", "checksum")
"""Words of the engine's that mean damage; a full disk or a lack of memory is none."""

R = TypeVar("R")
_log: Final = logging.getLogger("coord.projector")


def store_path(folder: Folder) -> Path:
    """Return where the projection's file is."""
    return folder.path("projection", "coord.duckdb")


def snapshots_path(folder: Folder) -> Path:
    """Return where its snapshots are."""
    return folder.path("projection", "snapshots")


class Keeper:
    """The open store of this process."""

    def __init__(self, settings: Settings, folder: Folder) -> None:
        self.path = store_path(folder)
        self.snapshots = snapshots_path(folder)
        self.opened: Opened
        self.folded: dict[str, int] = {}
        """Last position by stream."""
        self.doubt = ""
        """Why a reader thinks that the file is damaged; it is then opened anew, and looked at in full."""
        self.rebuilding = False
        self._loop = asyncio.get_running_loop()
        self._memory_mib = settings.projection_memory_mib
        self._folder = folder
        self._writer = ThreadPoolExecutor(1, "writer")
        self._sealer = ThreadPoolExecutor(1, "sealer")
        self._beside: asyncio.Future[None] | None = None
        """What the sealer does; begun only by who has the turn."""
        self._readers = ThreadPoolExecutor(READERS, "reader")
        self._reading = 0
        self._no_readers = asyncio.Event()
        self._no_readers.set()
        self._open = asyncio.Event()
        self._starved: tuple[tuple[str, int], int] = (("", 0), 0)
        """The message that last found no memory, and how often."""
        self._more_folded = asyncio.Condition()
        self._turn = asyncio.Lock()
        """Held by whoever writes, reopens or swaps."""
        self._dirty_since: float | None = None
        self.keeping = keeping_of(settings)
        self._archive = Path(settings.archive) if settings.archive is not None else None
        self._sealed_at = self._dropped_at = clock.monotonic() - DROP_SECONDS

    async def open(self, *, deep: bool = False) -> None:
        """Open the file through the ladder.

        Raises:
            FolderTaken: another projector has it.
            StoreBroken: it cannot be opened, nor a new one made.
        """
        self._folder.make("projection")
        self.opened = await self._in_writer(
            lambda: open_store(self.path, self._memory_mib, deep=deep, snapshots=snapshots(self.snapshots))
        )
        if self.opened.how != "clean":
            _log.warning("opened the projection: %s, because %s", self.opened.how, self.opened.reason)
        await self._open_again()

    async def close(self) -> None:
        """Finish what is being read and written, and close the file."""
        async with self._turn:
            await self._shut()
        self._writer.shutdown()
        self._sealer.shutdown()
        self._readers.shutdown()

    async def fold(self, created_at: str, messages: Sequence[Stored], gaps: Sequence[Gap] = ()) -> None:
        """Fold messages in; what cannot be folded becomes a dead letter. Others have their turn between two parts.

        Full pieces are sealed beside; folding waits for that only when the next one is full, so what is hot stays bounded.

        Raises:
            StoreBroken: parts may have been folded; the store must be reopened.
            StoreFull: what could be committed is folded; the rest must be tried again.
        """
        for part in parts(messages):
            async with self._turn:
                store = self._store()
                await self._in_writer(
                    partial(fold_part, store, created_at, part, gaps, self._waits_for_memory)
                )
                self._dirty_since = self._dirty_since or clock.monotonic()
                await self._tell(part[-1].stream, part[-1].position)
                if store.is_piece_full:
                    await self._begin_beside(partial(seal_full, store))
            gaps = ()

    async def move_mark(self, mark: Mark, gap: Gap | None = None) -> None:
        """Say anew how far a stream is folded in."""
        async with self._turn:
            store = self._store()
            await self._in_writer(lambda: store.move_mark(mark, gap))
        await self._tell(mark.stream, mark.position)

    async def begin_anew(self, reason: str) -> None:
        """Set the file aside, and drop its snapshots: they were folded from another log."""
        async with self._turn:
            await self._shut()
            drop_all(self.snapshots)
            self.opened = await self._in_writer(lambda: begin_anew(self.path, self._memory_mib, reason))
            _log.warning("began the projection anew: %s", reason)
            await self._open_again()

    async def mark(self, stream: str) -> Mark | None:
        """Return how far a stream is folded in, and what says that it is the same log."""
        return await self.read(lambda reader: reader.mark(stream))

    async def read(self, use: Callable[[Reader], R]) -> R:
        """Use one snapshot, in a thread of its own.

        Raises:
            NoServer: the file cannot be read now.
        """
        await self._until_open()
        store = self._store()
        self._reading += 1
        self._no_readers.clear()
        work = self._readers.submit(_read, store, use)
        work.add_done_callback(self._read_done)
        try:
            return await asyncio.wrap_future(work)
        except StoreBroken as fault:
            self.doubt = fault.message
            raise NoServer(fault.message, "The projector opens its file anew: ask again.") from fault

    async def until_folded(self, position: int, seconds: float) -> bool:
        """Wait until a position of EVENTS is folded in; False when it is not by then."""

        def there() -> bool:
            return self.folded.get(EVENTS.name, 0) >= position

        if there():
            return True
        try:
            async with asyncio.timeout(seconds), self._more_folded:
                await self._more_folded.wait_for(there)
        except TimeoutError:
            return False
        return True

    async def reopen(self, reason: str) -> None:
        """Close what failed and open again through the ladder, as often as it takes.

        Raises:
            FolderTaken: another projector took the file meanwhile.
        """
        _log.error("the projection failed and is opened anew: %s", reason)
        deep = bool(self.doubt) or any(word in reason.lower() for word in _DAMAGE)
        async with self._turn:
            await self._shut()
            pause = 0.05
            while True:
                try:
                    await self.open(deep=deep)
                    return
                except FolderTaken:
                    raise
                except CoordError as error:
                    _log.error("the projection cannot be opened: %s", error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, REOPEN_SECONDS_MAX)

    async def tidy(self) -> None:
        """Empty the log of writes, and begin to seal what is old and drop what is not kept, when it is time.

        Raises:
            StoreBroken: the store must be reopened.
        """
        if self._beside is not None:
            if not self._beside.done():
                return
            await self.settled()
        now = clock.monotonic()
        due = self._dirty_since is not None and now - self._dirty_since >= CHECKPOINT_SECONDS
        if due and await self._in_turn(Store.checkpoint):
            self._dirty_since = None
        if now - self._sealed_at < SEAL_SECONDS:
            return
        self._sealed_at, drops = now, now - self._dropped_at >= DROP_SECONDS
        if drops:
            self._dropped_at = now
            await self._wait_for_the_archive()
        async with self._turn:
            await self._begin_beside(partial(tidy, self._store(), drops=drops))

    async def settled(self) -> None:
        """Wait until nothing goes on beside folding.

        Raises:
            StoreBroken: it failed; the store must be reopened.
        """
        work = self._beside
        if work is not None:
            await asyncio.wait({work})
            if self._beside is work:
                self._beside = None
            work.result()

    async def _begin_beside(self, work: Callable[[], None]) -> None:
        """Begin something that goes on beside folding; what goes on already is waited for."""
        await self.settled()
        self._beside = self._loop.run_in_executor(self._sealer, work)

    async def _wait_for_the_archive(self) -> None:
        """Learn up to where readings are archived, where they are: what is not is not dropped if there is room."""
        if self._archive is None:
            return
        archived_ns = await asyncio.to_thread(archived_until_ns, self._archive)
        for name, kept in self.keeping.items():
            self.keeping[name] = kept._replace(archived_ns=archived_ns)

    async def _in_turn(self, work: Callable[[Store], R]) -> R:
        async with self._turn:
            store = self._store()
            return await self._in_writer(partial(work, store))

    async def standing_still(self, use: Callable[[Store], R]) -> tuple[R | None, float]:
        """Use the file, brought up to date, while nothing is folded; returns also for how many seconds.

        None: not now, as somebody reads what is older than a segment.

        Raises:
            StoreBroken: the store must be reopened.
        """
        async with self._turn:
            store, began = self._store(), clock.monotonic()
            await self.settled()
            if not await self._in_writer(store.checkpoint):
                return None, 0.0
            self._dirty_since = None
            return await self._in_writer(partial(use, store)), clock.monotonic() - began

    @asynccontextmanager
    async def replacing(self) -> AsyncIterator[Callable[[Callable[[], None]], Awaitable[None]]]:
        """Stop folding; yields a function that closes the file, runs a swap of files, and opens again."""

        async def replace(swap: Callable[[], None]) -> None:
            await self._shut()
            try:
                await self._in_writer(swap)
            finally:
                await self.open()

        async with self._turn:
            yield replace

    async def _shut(self) -> None:
        """Let readers finish, and close the file; one that failed may not close in order."""
        self._open.clear()
        await self._no_readers.wait()
        try:
            await self.settled()
        except StoreBroken as error:
            _log.warning("%s", error)
        try:
            await self._in_writer(self.opened.store.close)
        except StoreBroken as error:
            _log.warning("%s", error)

    async def _open_again(self) -> None:
        store = self.opened.store
        store.keeping = self.keeping
        for stream in (EVENTS.name, SAMPLES.name):
            mark = await self._in_writer(partial(store.mark, stream))
            self.folded[stream] = mark.position if mark else 0
        self.doubt = ""
        self._open.set()

    async def _until_open(self) -> None:
        try:
            async with asyncio.timeout(REOPEN_SECONDS_MAX):
                await self._open.wait()
        except TimeoutError as error:
            raise NoServer("the projection is not open now.", "See the projector's log.") from error

    async def _tell(self, stream: str, position: int) -> None:
        async with self._more_folded:
            self.folded[stream] = position
            self._more_folded.notify_all()

    def _waits_for_memory(self, message: Stored) -> bool:
        """Tell whether a message that found no memory may find some in a file that was opened anew."""
        place = (message.stream, message.position)
        times = self._starved[1] + 1 if self._starved[0] == place else 1
        self._starved = (place, times)
        return times <= STARVED_MAX

    def _store(self) -> Store:
        if not self._open.is_set():
            raise StoreBroken("the projection is not open.")
        return self.opened.store

    def _read_done(self, _: "Future[R]") -> None:
        """Count a reader out; called in its thread, also when nobody waits for it any more."""
        self._loop.call_soon_threadsafe(self._count_out)

    def _count_out(self) -> None:
        self._reading -= 1
        if self._reading == 0:
            self._no_readers.set()

    async def _in_writer(self, work: Callable[[], R]) -> R:
        return await self._loop.run_in_executor(self._writer, work)


def _read(store: Store, use: Callable[[Reader], R]) -> R:
    with store.reader() as reader:
        return use(reader)
