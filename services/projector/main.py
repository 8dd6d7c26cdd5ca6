"""The projector as a process: opens its file, answers, follows the log."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Coroutine
from importlib import import_module

from coord.services.folder import PROJECTOR_SOCKET, Folder
from coord.services.gateway import serve
from coord.services.log import Log
from coord.services.projector.asking import Asking
from coord.services.projector.following import CONNECTING_SECONDS, Follower
from coord.services.projector.giving import Giving, snapshot_route
from coord.services.projector.keeper import Keeper
from coord.services.projector.routes import routes
from coord.services.projector.snapshots import Snapshots
from coord.services.ready import tell_ready
from coord.services.settings import Settings
from coord.services.tasks import end

GARBAGE_LOOKED_FOR = (50_000, 20, 100)
"""How many new objects, and how many younger searches, a search for cycles waits for: facts and rows hold none."""
CANCEL_SECONDS = 0.5
"""A client of NATS that is just connecting swallows a cancellation; it is then told again."""


def run(settings: Settings) -> None:
    """Project until told to stop.

    Raises:
        FolderTaken: another projector has the file.
        StoreBroken: no file can be kept in the data folder.
    """
    import uvloop

    gc.set_threshold(*GARBAGE_LOOKED_FOR)
    uvloop.run(project(settings))


async def project(settings: Settings) -> None:
    """Project until told to stop, or until the file is another's."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    folder = Folder(settings.data)
    folder.make()
    keeper = Keeper(settings, folder)
    await keeper.open()
    try:
        await _serve(settings, folder, keeper, stop)
    finally:
        await keeper.close()


async def _serve(settings: Settings, folder: Folder, keeper: Keeper, stop: asyncio.Event) -> None:
    follower = Follower(settings, folder, keeper, lambda log: _over_nats(log, asking))
    asking = Asking(settings, folder, keeper, follower)
    snapshots = Snapshots(keeper, settings)
    giving = Giving(keeper, follower, asking.past, snapshots)
    asked = [*routes(settings, folder, asking, keeper, follower), snapshot_route(giving)]
    async with (
        serve(folder, PROJECTOR_SOCKET, asked),
        _following(follower, stop),
        _beside(asking.scores.keep()),
        _beside(snapshots.keep()),
        _beside(asking.copies.keep()),
    ):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(follower.connected.wait(), CONNECTING_SECONDS)
        tell_ready()
        try:
            await stop.wait()
        finally:
            await asking.past.close()


async def _over_nats(log: Log, asking: Asking) -> None:
    """Answer over NATS too. FastStream is imported beside the rest: the socket need not wait for it."""
    bus = await asyncio.to_thread(import_module, "coord.services.projector.bus")
    await bus.answer_over_nats(log, asking)


@contextlib.asynccontextmanager
async def _beside(loop: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(loop)
    try:
        yield
    finally:
        await end(task)


@contextlib.asynccontextmanager
async def _following(follower: Follower, stop: asyncio.Event) -> AsyncIterator[None]:
    """Follow the log beside; if that ends, which it does only when nothing can be done, stop."""
    task = asyncio.create_task(follower.follow())
    task.add_done_callback(lambda _: stop.set())
    try:
        yield
    finally:
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_SECONDS)
        if not task.cancelled():
            task.result()
