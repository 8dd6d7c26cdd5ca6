"""The projector's socket: questions, the log as it stands, how the projector is, a rebuild."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from coord.events.answer import AFTER, ARROW
from coord.events.documents import openapi
from coord.events.errors import CoordError, NoServer, UsageError
from coord.events.streams import EVENTS
from coord.events.wire import log_entry
from coord.services.folder import Folder
from coord.services.gateway import Lines, Request, Response, Route, error_response, json_response
from coord.services.log import Log
from coord.services.log.connection import NatsError
from coord.services.projector.asking import Asking
from coord.services.projector.following import Follower
from coord.services.projector.keeper import Keeper
from coord.services.projector.rebuild import rebuild_online
from coord.services.settings import Settings

TAIL_WAIT_SECONDS: Final = 1.0
_TAIL_BATCH: Final = 500


def routes(
    settings: Settings, folder: Folder, asking: Asking, keeper: Keeper, follower: Follower
) -> list[Route]:
    """List what can be asked on the socket."""

    async def question(request: Request) -> Response | Lines:
        arrow = ARROW in request.headers.get("accept", "")
        after = request.headers.get(AFTER, "")
        answered = await asking.answer(request.name, request.body, after, arrow=arrow)
        if answered.beside is not None:
            return Response(answered.body, content_type=ARROW, headers=answered.beside)
        return Response(answered.body, json_response({}, answered.exit_code).status)

    async def tail(request: Request) -> Response | Lines:
        position, to_now = _tail_asked(request)
        log = await follower.log()
        last = (await log.stream_state(EVENTS.name)).last if to_now else None
        return Lines(_tail(log, position, last))

    async def healthz(_: Request) -> Response | Lines:
        return json_response(_how(keeper, follower, asking))

    async def rebuild(request: Request) -> Response | Lines:
        source = request.query.get("from", "log")
        if source not in ("log", "archive"):
            raise UsageError(f"from is {source[:64]!a}; it must be log or archive.")
        return Lines(_json_lines(rebuild_online(settings, folder, keeper, source == "archive")))

    async def document(_: Request) -> Response | Lines:
        return json_response(openapi("questions"))

    return [
        Route("POST", "/v1/questions/{name}", question),
        Route("GET", "/v1/tail", tail),
        Route("POST", "/v1/rebuild", rebuild),
        Route("GET", "/healthz", healthz),
        Route("GET", "/openapi.json", document),
    ]


def _how(keeper: Keeper, follower: Follower, asking: Asking) -> dict[str, object]:
    silent = follower.log_silent_seconds
    status = "catching up" if follower.lag else "answering"
    return {
        "status": "log away" if silent > 0 or not follower.connected.is_set() else status,
        "position": keeper.folded.get(EVENTS.name, 0),
        "lag": follower.lag,
        "log_silent_seconds": silent,
        "over_nats": asking.over_nats,
        "opened": keeper.opened.how,
    }


def _tail_asked(request: Request) -> tuple[int, bool]:
    text, until = request.query.get("from", "1"), request.query.get("until", "")
    if not text.isascii() or not text.isdecimal() or len(text) > 19:
        raise UsageError(f"from is {text[:64]!a}; it must be a position of the log.")
    if until not in ("", "now"):
        raise UsageError(f"until is {until[:64]!a}; it must be now, or not given.")
    return max(1, int(text)), until == "now"


async def _tail(log: Log, position: int, last: int | None) -> AsyncIterator[bytes]:
    """Yield entries from a position on, the lines of a batch at once; to `last`, or for ever."""
    if last is not None and position > last:
        return
    async with aclosing(log.pull(EVENTS.name, position, _TAIL_BATCH, TAIL_WAIT_SECONDS)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            wanted = [stored for stored in batch if last is None or stored.position <= last]
            if wanted:
                yield b"\n".join(
                    log_entry(stored).model_dump_json(exclude_none=True).encode() for stored in wanted
                )
            ended = not batch or batch[-1].position >= (last or 0)
            if last is not None and ended:
                return


async def _json_lines(told: AsyncIterator[dict[str, object]]) -> AsyncIterator[bytes]:
    """Write lines as JSON; an error becomes the last of them."""
    try:
        async for line in told:
            yield json.dumps(line).encode()
    except CoordError as error:
        yield error_response(error).body
    except NatsError as error:
        yield error_response(NoServer(f"the connection failed: {error}.")).body
