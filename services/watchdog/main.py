"""The watchdog as a process: begins with what the log holds, follows it, and tells who wants to be told."""

import asyncio
import signal

from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.ready import tell_ready
from coord.services.settings import Settings
from coord.services.tasks import end, run_together
from coord.services.watchdog.beginning import begin
from coord.services.watchdog.following import Following
from coord.services.watchdog.routes import Routes, routes_of
from coord.services.watchdog.watch import Watch


def run(settings: Settings) -> None:
    """Watch until told to stop.

    Raises:
        NoServer: there is none, or it has no streams.
        SettingsError: a route cannot be used as it is set.
    """
    import uvloop

    uvloop.run(_main(settings))


async def _main(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    folder = Folder(settings.data)
    log = await Log.connect(settings, folder, "core", "watchdog")
    try:
        watching = asyncio.create_task(watch(log, folder, settings))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((watching, stopping), return_when=asyncio.FIRST_COMPLETED)
        await end(watching, stopping)
        if not watching.cancelled():
            watching.result()
    finally:
        await log.close()


async def watch(log: Log, folder: Folder, settings: Settings) -> None:
    """Watch, and tell, until cancelled."""
    routes = Routes(log, folder, settings, routes_of(settings))
    known = Watch()
    begun = await begin(log, settings.site, known)
    tell_ready()
    await run_together(Following(log, settings, known).run(begun), routes.run())
