"""The gateway: HTTP on a unix socket in the data folder, one socket a service.

The light commands, curl and other languages ask here. A route is a method, a path (its last segment may
be a name in braces) and a function from a request to a response; a response is JSON, or lines of JSON
as they come. Bodies and header blocks are bounded; the socket trusts the user it belongs to.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
import uvicorn

from coord.events.errors import CoordError, Exit, UsageError
from coord.events.streams import EVENT_BYTES_MAX
from coord.services.folder import Folder, bind_socket
from coord.services.tasks import end

BODY_BYTES_MAX: Final = EVENT_BYTES_MAX
_JSON: Final = b"application/json"
_LINES: Final = b"application/x-ndjson"
_STATUS_OF_EXIT: Final = {
    Exit.DONE: 200, Exit.USAGE: 400, Exit.NOTHING: 404, Exit.REFUSED: 409, Exit.NO_SERVER: 503,
    Exit.UNKNOWN: 504,
}  # fmt: skip
_WORD_OF_EXIT: Final = {Exit.USAGE: "invalid", Exit.NOTHING: "refused", Exit.REFUSED: "refused"}


@dataclass(frozen=True, slots=True)
class Request:
    """What a route's function is given."""

    name: str
    """The last segment of the path where the route leaves it open."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """A JSON answer: `body` is JSON already."""

    body: bytes
    status: int = 200


@dataclass(frozen=True, slots=True)
class Lines:
    """An answer that goes on: each item is one line of JSON, without its newline."""

    lines: AsyncIterator[bytes]


Answering = Callable[[Request], Awaitable[Response | Lines]]


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
    """The ASGI application over a list of routes."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = tuple(routes)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        route, name = self._find(scope["method"], scope["path"])
        bytes_max = route.bytes_max if route is not None else BODY_BYTES_MAX
        body = await _read(receive, bytes_max)
        if route is None:
            answer: Response | Lines = error_response(_not_found(scope["method"], scope["path"]))
        elif body is None:
            answer = error_response(_too_large(bytes_max))
        else:
            request = _request(scope, name, body)
            if route.may_take_long is not None and route.may_take_long(request):
                there = await _answer_unless_gone(route, request, receive)
                if there is None:
                    return
                answer = there
            else:
                answer = await _answer(route, request)
        if isinstance(answer, Lines):
            await _stream(answer, receive, send)
        else:
            await _send(answer, send)

    def _find(self, method: str, path: str) -> tuple[Route | None, str]:
        for route in self._routes:
            found = route.pattern.fullmatch(path)
            if route.method == method and found:
                return route, found[1] if found.re.groups else ""
        return None, ""


@asynccontextmanager
async def serve(folder: Folder, socket_name: str, routes: Sequence[Route]) -> AsyncIterator[None]:
    """Serve the routes on a socket in the folder for as long as the context lasts."""
    sock = bind_socket(folder, socket_name)
    server = uvicorn.Server(_config(Gateway(routes)))
    task = asyncio.create_task(_serve(server, sock))
    try:
        while not server.started and not task.done():
            await asyncio.sleep(0.001)
        yield
    finally:
        server.should_exit = True
        await task
        sock.close()


def _config(app: Gateway) -> uvicorn.Config:
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
    )


async def _serve(server: uvicorn.Server, sock: socket.socket) -> None:
    """Run without uvicorn's signal handlers: the process has its own."""
    await server._serve([sock])


def _request(scope: Any, name: str, body: bytes) -> Request:
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return Request(name, query, headers, body)


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


async def _answer(route: Route, request: Request) -> Response | Lines:
    try:
        return await route.answer(request)
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


async def _send(response: Response, send: Any) -> None:
    headers = [(b"content-type", _JSON), (b"content-length", str(len(response.body)).encode())]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _stream(answer: Lines, receive: Any, send: Any) -> None:
    """Send lines until they end or the other side has gone."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", _LINES)]})
    gone = asyncio.create_task(receive())
    lines = aiter(answer.lines)
    try:
        while not gone.done():
            following = asyncio.ensure_future(anext(lines, None))
            await asyncio.wait((following, gone), return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                following.cancel()
                break
            line = following.result()
            if line is None:
                break
            await send({"type": "http.response.body", "body": line + b"\n", "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()


def _not_found(method: str, path: str) -> CoordError:
    return UsageError(
        f"there is no {method[:16]} {path[:100]!a} here.", "GET /openapi.json lists what there is."
    )


def _too_large(bytes_max: int) -> CoordError:
    return UsageError(f"the body is larger than {bytes_max} bytes.")
