"""The dashboard in a browser: textual-serve, a process of its own for each tab, the place in the page's address.

There are no passwords here: whoever reaches the page may do all that its owner may. So it listens on this machine
alone, answers to its own name alone (no other site's page can open the socket, no rebound name reaches it), and asks
no other host for anything. Elsewhere it listens only behind a proxy that is named, and that asks who comes.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from coord.events.errors import NoServer, UsageError, visible
from coord.tui.session import TEXTUAL, Wanted, wanted_from, written

PORT: Final = 8777
TABS_MAX: Final = 16
"""Each tab is a process: so many at once."""
END_SECONDS: Final = 5.0
"""How long the process of a tab that was closed may take to end."""
OPEN_TABS_SECONDS: Final = 1.0
"""How long a server that is told to stop waits for its open tabs."""
_Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]
_PAGE: Final = Path(__file__).resolve().parent / "page"


def serve(wanted: Wanted, bind: str, port: int, public_url: str, told: Callable[[str], None]) -> int:
    """Serve until told to stop (Ctrl-C, SIGTERM); `told` gets the address when it listens.

    Raises:
        UsageError: it would be reached from elsewhere, and no proxy is named.
        NoServer: it cannot listen there.
    """
    _check_bind(bind, public_url)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    server = DashboardServer(wanted, bind, port, public_url, told)
    try:
        server.serve()
    except OSError as error:
        raise NoServer(
            f"nothing can listen on {bind}:{port}: {os.strerror(error.errno or 0).lower()}.",
            "Choose another port with --port.",
        ) from error
    return 0


def _check_bind(bind: str, public_url: str) -> None:
    try:
        is_ours = bind == "localhost" or ip_address(bind).is_loopback
    except ValueError as error:
        raise UsageError(
            f"--bind is '{visible(bind, 64)}'; it must be an address such as 127.0.0.1."
        ) from error
    if public_url and urlsplit(public_url).scheme not in ("http", "https"):
        raise UsageError(
            f"--public-url is '{visible(public_url, 100)}'; it must begin with http:// or https://."
        )
    if not is_ours and not public_url:
        raise UsageError(
            f"--bind {bind} would let anybody who reaches it do all that you may: there are no passwords.",
            "Put a proxy before it that asks who comes, and name its address with --public-url.",
        )


class DashboardServer(Server):
    """textual-serve with our page, for our own address only."""

    def __init__(
        self, wanted: Wanted, bind: str, port: int, public_url: str, told: Callable[[str], None]
    ) -> None:
        super().__init__("coord", bind, port, "coord", public_url.rstrip("/") or None, templates_path=_PAGE)
        self._wanted, self._told = wanted, told
        self._tabs = 0

    def initialize_logging(self) -> None:
        """Say only what is wrong, on stderr."""
        logging.basicConfig(level="WARNING", stream=sys.stderr, format="coord: %(message)s")

    async def on_startup(self, _: web.Application) -> None:
        """Begin; what listens is told when it does."""

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._for_us_only)
        return app

    def serve(self, debug: bool = False) -> None:
        """Serve until told to stop."""
        self.debug = debug
        self.initialize_logging()
        web.run_app(
            self._make_app(),
            host=self.host,
            port=self.port,
            loop=asyncio.get_event_loop(),
            print=lambda *_: self._told(self.public_url),
            access_log=None,
            shutdown_timeout=OPEN_TABS_SECONDS,
        )

    @web.middleware
    async def _for_us_only(self, request: web.Request, handler: _Answering) -> web.StreamResponse:
        """Refuse a request that was meant for another name, or that another site's page makes."""
        if not self._is_ours(request):
            raise web.HTTPForbidden(text="This page answers to its own address only.")
        return await handler(request)

    def _is_ours(self, request: web.Request) -> bool:
        names = {
            urlsplit(self.public_url).netloc,
            *(f"{host}:{self.port}" for host in ("127.0.0.1", "localhost")),
        }
        origin = request.headers.get("Origin")
        return request.host in names and (origin is None or urlsplit(origin).netloc in names)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Open the process of a tab, and pass on what both say."""
        socket = web.WebSocketResponse(heartbeat=15)
        await socket.prepare(request)
        if self._tabs >= TABS_MAX:
            await socket.close(message=f"{TABS_MAX} tabs are open already".encode())
            return socket
        self._tabs += 1
        tab = Tab(wanted_from(self._wanted, request.query), socket, self)
        try:
            await tab.start(_cells(request.query, "width", 80), _cells(request.query, "height", 24))
            await self._process_messages(socket, tab)
        finally:
            self._tabs -= 1
            await tab.stop()
        return socket


class Tab(AppService):
    """The process of one tab."""

    def __init__(self, wanted: Wanted, socket: web.WebSocketResponse, server: DashboardServer) -> None:
        super().__init__(
            "coord", write_bytes=socket.send_bytes, write_str=socket.send_str, close=_closing(socket),
            download_manager=server.download_manager,
        )  # fmt: skip
        self._wanted = wanted

    async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "coord.tui.tab", written(self._wanted),
            stdin=pipe, stdout=pipe, stderr=pipe, env={**self._build_environment(width, height), **TEXTUAL},
        )  # fmt: skip
        assert process.stdin is not None
        self._stdin = process.stdin
        return process

    async def on_meta(self, data: bytes) -> None:
        """Pass on where one is now; the rest is textual-serve's."""
        told = json.loads(data)
        if told.get("type") == "place":
            await self.remote_write_str(json.dumps(["place", told["query"]]))
        else:
            await super().on_meta(data)

    async def stop(self) -> None:
        """End the process: it is told to, and killed when it does not."""
        process = self._process
        try:
            await asyncio.wait_for(super().stop(), END_SECONDS)
        except TimeoutError:
            pass
        finally:
            if process is not None and process.returncode is None:
                try:
                    await asyncio.wait_for(process.wait(), END_SECONDS)
                except TimeoutError:
                    process.kill()


def _closing(socket: web.WebSocketResponse) -> Callable[[], "asyncio.Future[None]"]:
    def close() -> "asyncio.Future[None]":
        async def closed() -> None:
            await socket.close()

        return asyncio.ensure_future(closed())

    return close


def _cells(query: Mapping[str, str], name: str, usual: int) -> int:
    text = query.get(name, "")
    return min(max(int(text), 1), 1_000) if text.isascii() and text.isdigit() and len(text) < 6 else usual
