"""The gateway: HTTP on a unix socket in the data folder, one socket a service; and what listens on TCP.

The light commands, curl and other languages ask here. A route is a method, a path (its last segment may
be a name in braces) and a function from a request to a response; a response is JSON or other bytes, or lines
as they come. HEAD is answered as GET, of which the head alone is sent; a method that a path does not take, with 405. Bodies and header blocks are bounded; a unix socket trusts the user it belongs to.
"""

import asyncio
import logging
import os
import re
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
import uvicorn

from coord.events.errors import CoordError, Exit, NoServer, UsageError
from coord.events.streams import EVENT_BYTES_MAX
from coord.services.folder import Folder, bind_socket
from coord.services.tasks import end

BODY_BYTES_MAX: Final = EVENT_BYTES_MAX
HEADERS_BYTES_MAX: Final = 16 * 1024
"""Of a request's headers, on TCP."""
STUCK_SECONDS: Final = 30
"""For so long a peer on TCP may take nothing of what was sent to it; then the system ends the connection."""
JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
_STATUS_OF_EXIT: Final = {
    Exit.DONE: 200, Exit.USAGE: 400, Exit.NOTHING: 404, Exit.REFUSED: 409, Exit.NO_SERVER: 503,
    Exit.UNKNOWN: 504,
}  # fmt: skip
_WORD_OF_EXIT: Final = {Exit.USAGE: "invalid", Exit.NOTHING: "refused", Exit.REFUSED: "refused"}


_Answer = TypeVar("_Answer")
_log = logging.getLogger("coord.gateway")


@dataclass(frozen=True, slots=True)
class Request:
    """What a route's function is given."""

    name: str
    """The last segment of the path where the route leaves it open."""
    pairs: Sequence[tuple[str, str]]
    """What stands behind the `?`, in order; a name may come again."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def query(self) -> Mapping[str, str]:
        """The last value of each name."""
        return dict(self.pairs)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer that is whole: JSON, where nothing else is said."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lines:
    """An answer that goes on: each item is one line of JSON, without its newline, where nothing else is said."""

    lines: AsyncIterator[bytes]
    content_type: str = LINES
    ending: bytes = b"\n"
    send_seconds: float | None = None
    """Whoever takes longer to take a line is hung up on."""
    hung_up: Callable[[], None] | None = None
    """Called when that happens."""
    opening: bytes = b""
    """Sent before any line is there, so that nobody waits for what tells that it has begun."""


Answering = Callable[[Request], Awaitable[Response | Lines]]
Application = Callable[[Any, Any, Any], Awaitable[None]]
"""An application of ASGI."""


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that can be asked."""

    method: str
    path: str
    answer: Answering
    may_take_long: Callable[[Request], bool] | None = None
    """Whether the answer to a request may take so long that whoever asks may be gone by then: it is ended then."""
    bytes_max: int = BODY_BYTES_MAX
    """The largest body it is asked with."""
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        """Compile the path."""
        pattern = re.compile(re.sub(r"\{\w+\}", "([^/]+)", self.path))
        object.__setattr__(self, "pattern", pattern)


def json_response(value: Any, exit_code: int = 0) -> Response:
    """Answer with a value; the HTTP status follows the exit code."""
    return Response(msgspec.json.encode(value), _STATUS_OF_EXIT.get(Exit(exit_code), 500))


def error_response(error: CoordError) -> Response:
    """Answer with an error of ours."""
    word = _WORD_OF_EXIT.get(error.exit_code, "unknown")
    body = {"status": word, "reason": error.message, "hint": error.hint, "exit_code": int(error.exit_code)}
    return json_response(body, error.exit_code)


class Gateway:
    """The ASGI application over a list of routes; `body_seconds` bounds how long a body may take to arrive."""

    def __init__(self, routes: Sequence[Route], body_seconds: float | None = None) -> None:
        self._routes = tuple(routes)
        self._body_seconds = body_seconds

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        route, name = self._find(scope["method"], scope["path"])
        bytes_max = route.bytes_max if route is not None else BODY_BYTES_MAX
        try:
            async with asyncio.timeout(self._body_seconds):
                body = await _read(receive, bytes_max)
        except TimeoutError:
            await send_response(replace(error_response(_too_slow()), status=408), send)
            return
        if route is None:
            await send_response(self._no_route(scope["method"], scope["path"]), send)
        elif body is None:
            await send_response(replace(error_response(_too_large(bytes_max)), status=413), send)
        else:
            request = _request(scope, name, body)
            await _conclude(route, request, receive, send, head_alone=scope["method"] == "HEAD")

    def _find(self, method: str, path: str) -> tuple[Route | None, str]:
        wanted = "GET" if method == "HEAD" else method
        for route in self._routes:
            found = route.pattern.fullmatch(path)
            if route.method == wanted and found:
                return route, found[1] if found.re.groups else ""
        return None, ""

    def _no_route(self, method: str, path: str) -> Response:
        """Say that there is nothing, or with which methods it is asked."""
        taken = {route.method for route in self._routes if route.pattern.fullmatch(path)}
        if not taken:
            return replace(error_response(_not_found(method, path)), status=404)
        allowed = ", ".join(sorted(taken | ({"HEAD"} if "GET" in taken else set())))
        fault = UsageError(f"{path[:100]!a} takes no {method[:16]}.", f"It takes {allowed}.")
        return replace(error_response(fault), status=405, headers={"allow": allowed})


@asynccontextmanager
async def serve(folder: Folder, socket_name: str, routes: Sequence[Route]) -> AsyncIterator[None]:
    """Serve the routes on a socket in the folder for as long as the context lasts."""
    async with _serving(Gateway(routes), bind_socket(folder, socket_name)):
        yield


@asynccontextmanager
async def serve_tcp(app: Application, sock: socket.socket, connections_max: int) -> AsyncIterator[None]:
    """Serve an application on a socket of `bind_tcp` for as long as the context lasts.

    More connections than so many are answered with 503.
    """
    limits = {"limit_concurrency": connections_max, "h11_max_incomplete_event_size": HEADERS_BYTES_MAX}
    async with _serving(app, sock, **limits):
        yield


def bind_tcp(address: str, port: int) -> socket.socket:
    """Listen on TCP.

    Raises:
        NoServer: nothing can listen there.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_SECONDS * 1_000)
        sock.bind((address, port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        words = os.strerror(error.errno or 0).lower()
        raise NoServer(f"nothing can listen on {address}:{port}: {words}.", "Choose another port.") from error
    return sock


@asynccontextmanager
async def _serving(app: Application, sock: socket.socket, **limits: int) -> AsyncIterator[None]:
    server = uvicorn.Server(_config(app, **limits))
    task = asyncio.create_task(_serve(server, sock))
    try:
        while not server.started and not task.done():
            await asyncio.sleep(0.001)
        yield
    finally:
        server.should_exit = True
        await task
        sock.close()


def _config(app: Application, **limits: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        http="h11",
        backlog=1024,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
        proxy_headers=False,
        server_header=False,
        **limits,
    )


async def _serve(server: uvicorn.Server, sock: socket.socket) -> None:
    """Run without uvicorn's signal handlers: the process has its own."""
    await server._serve([sock])


def _request(scope: Any, name: str, body: bytes) -> Request:
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return Request(name, pairs, headers, body)


async def _read(receive: Any, bytes_max: int) -> bytes | None:
    """Read the body; None when it is larger than a body may be."""
    parts: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False) and message["type"] == "http.request"
        if size > bytes_max:
            return None
    return b"".join(parts)


async def _conclude(route: Route, request: Request, receive: Any, send: Any, *, head_alone: bool) -> None:
    """Answer a request that is whole."""
    answer: Response | Lines | None
    if route.may_take_long is not None and route.may_take_long(request):
        answer = await _answer_unless_gone(route, request, receive)
    else:
        answer = await _answer(route, request)
    if isinstance(answer, Lines):
        await _begin_stream(answer, send)
        if head_alone:
            await send({"type": "http.response.body", "body": b""})
        else:
            await _stream(answer, receive, send)
    elif answer is not None:
        await send_response(answer, send)


async def telling_faults(answering: Awaitable[_Answer]) -> _Answer:
    """Answer, whatever happens: who asked is told of a fault of coord's own, and the log says which.

    Raises:
        CoordError: it could not be answered.
    """
    try:
        return await answering
    except CoordError:
        raise
    except Exception as error:
        _log.exception("a request could not be answered")
        raise CoordError(
            "the request met a fault of coord's own; the log of the service says more.",
            "coord doctor tells how coord is.",
        ) from error


async def _answer(route: Route, request: Request) -> Response | Lines:
    try:
        return await telling_faults(route.answer(request))
    except CoordError as error:
        return error_response(error)


async def _answer_unless_gone(route: Route, request: Request, receive: Any) -> Response | Lines | None:
    """Answer, unless whoever asks goes away first: then end the work, and return None."""
    answering = asyncio.create_task(_answer(route, request))
    gone = asyncio.create_task(receive())
    try:
        await asyncio.wait((answering, gone), return_when=asyncio.FIRST_COMPLETED)
        return answering.result() if answering.done() else None
    finally:
        await end(answering, gone)


async def send_response(response: Response, send: Any) -> None:
    """Send an answer that is whole."""
    headers = {
        **response.headers,
        "content-type": response.content_type,
        "content-length": str(len(response.body)),
    }
    written = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": written})
    await send({"type": "http.response.body", "body": response.body})


async def _begin_stream(answer: Lines, send: Any) -> None:
    headers = [(b"content-type", answer.content_type.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _stream(answer: Lines, receive: Any, send: Any) -> None:
    """Send lines until they end, the other side has gone, or it takes too long to take one."""
    gone = asyncio.create_task(receive())
    lines = aiter(answer.lines)
    try:
        if answer.opening:
            await send({"type": "http.response.body", "body": answer.opening, "more_body": True})
        while not gone.done():
            following = asyncio.ensure_future(anext(lines, None))
            await asyncio.wait((following, gone), return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                await end(following)
                break
            line = following.result()
            if line is None:
                break
            async with asyncio.timeout(answer.send_seconds):
                await send({"type": "http.response.body", "body": line + answer.ending, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        if answer.hung_up is not None:
            answer.hung_up()
    finally:
        gone.cancel()
        if isinstance(lines, AsyncGenerator):
            await lines.aclose()


def _not_found(method: str, path: str) -> CoordError:
    return UsageError(
        f"there is no {method[:16]} {path[:100]!a} here.", "GET /openapi.json lists what there is."
    )


def _too_slow() -> CoordError:
    return UsageError("the body did not arrive in time.")


def _too_large(bytes_max: int) -> CoordError:
    return UsageError(f"the body is larger than {bytes_max} bytes.")
