"""The exporter as a process."""

import asyncio
import signal

from coord.events.errors import SettingsError
from coord.services.exporter.environment import read_environment
from coord.services.exporter.exporter import Exporter
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.ready import tell_ready
from coord.services.settings import Settings
from coord.services.tasks import end


def run(settings: Settings) -> None:
    """Export until told to stop.

    Raises:
        SettingsError: the environment does not say where to send, or says it wrongly.
        NoServer: there is none, or it has no streams.
    """
    import uvloop

    uvloop.run(_main(settings))


async def _main(settings: Settings) -> None:
    environment = read_environment()
    if not environment.endpoints:
        raise SettingsError(
            "nothing says where to send.", "Set OTEL_EXPORTER_OTLP_ENDPOINT, e.g. http://127.0.0.1:4318."
        )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    folder = Folder(settings.data)
    log = await Log.connect(settings, folder, "exporter", "exporter")
    try:
        await _export(Exporter(log, folder, settings, environment), stop)
    finally:
        await log.close()


async def _export(exporter: Exporter, stop: asyncio.Event) -> None:
    try:
        await exporter.begin()
        tell_ready()
        sending = asyncio.create_task(exporter.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((sending, stopping), return_when=asyncio.FIRST_COMPLETED)
        await end(sending, stopping)
        if not sending.cancelled():
            sending.result()
    finally:
        await exporter.close()
