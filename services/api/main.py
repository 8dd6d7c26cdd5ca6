"""The API as a process: listens on TCP, and asks the projector's socket."""

import asyncio
import logging
import os
import signal
from typing import Final

from coord.events.errors import SettingsError
from coord.services.api.asking import Projector
from coord.services.api.guard import Guard, is_loopback, own_names
from coord.services.api.live import Live
from coord.services.api.metrics import Metrics
from coord.services.api.routes import Routes
from coord.services.api.tokens import Tokens
from coord.services.folder import HTTP_PLACE, Folder
from coord.services.gateway import Gateway, bind_tcp, serve_tcp
from coord.services.ready import tell_ready
from coord.services.settings import Settings

CONNECTIONS_MAX: Final = 256
"""More are answered with 503."""
BODY_SECONDS: Final = 10.0

_log: Final = logging.getLogger("coord.api")


def run(settings: Settings) -> None:
    """Answer over HTTP until told to stop.

    Raises:
        SettingsError: no port is set.
        NoServer: nothing can listen there.
    """
    import uvloop

    uvloop.run(_main(settings))


async def _main(settings: Settings) -> None:
    if settings.http_port is None:
        raise SettingsError("http_port is not set.", "Say where to listen, e.g. --http-port 8778.")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    folder = Folder(settings.data)
    folder.make()
    sock = bind_tcp(settings.http_address, settings.http_port)
    port = int(sock.getsockname()[1])
    projector = Projector(folder)
    live = Live(projector)
    tokens = Tokens(folder)
    routes = Routes(projector, live, Metrics(projector, folder, settings.site), tokens).listed()
    names = own_names(settings.http_address, port, filter(None, (settings.http_hosts or "").split(",")))
    guard = Guard(Gateway(routes, BODY_SECONDS), names, tokens)
    async with serve_tcp(guard, sock, CONNECTIONS_MAX):
        _tell(folder, settings.http_address, port)
        tell_ready()
        await stop.wait()
        await live.close()


def _tell(folder: Folder, address: str, port: int) -> None:
    """Say where it listens, and what that means."""
    host = f"[{address}]" if ":" in address else address
    url = f"http://{host}:{port}"
    folder.write_json({"url": url, "pid": os.getpid()}, HTTP_PLACE)
    _log.info("questions are answered at %s", url)
    if not is_loopback(address):
        _log.warning("others reach %s, and tokens travel there as they are: put TLS before it", url)
