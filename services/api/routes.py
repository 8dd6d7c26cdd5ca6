"""What can be asked over HTTP: every named question, the log as it is written, metrics, and how the service is."""

import asyncio
from functools import cache
from typing import Final

import msgspec

from coord.events.errors import UsageError
from coord.events.openapi_http import openapi_http
from coord.services.api.asking import Projector
from coord.services.api.exposition import CONTENT_TYPE
from coord.services.api.live import Live, Wanted
from coord.services.api.metrics import Metrics
from coord.services.api.questions import BODY_BYTES_MAX, Asked, position_of
from coord.services.api.tokens import Tokens
from coord.services.gateway import Lines, Request, Response, Route, json_response

EVENT_STREAM: Final = "text/event-stream"
SEND_SECONDS: Final = 20.0
"""Whoever takes nothing of a live stream for so long is hung up on."""
_OPENING: Final = b": the log as it is written\n\n"
_FILTERS: Final = ("aggregate", "entity", "type")


class Routes:
    """The routes over one projector; a live tail looks again and again whether its token still stands."""

    def __init__(self, projector: Projector, live: Live, metrics: Metrics, tokens: Tokens) -> None:
        self._projector = projector
        self._live = live
        self._metrics = metrics
        self._tokens = tokens
        self._asked = Asked(projector)

    def listed(self) -> list[Route]:
        """Return them."""

        def always(_: Request) -> bool:
            return True

        def route(method: str, path: str, answer: object, bytes_max: int = 0) -> Route:
            return Route(method, path, answer, always, bytes_max)  # type: ignore[arg-type]

        return [
            route("GET", "/v1/questions/{name}", self._asked.by_query),
            route("POST", "/v1/questions/{name}", self._asked.by_body, BODY_BYTES_MAX),
            Route("GET", "/v1/tail", self._tail, bytes_max=0),
            route("GET", "/metrics", self._scraped),
            route("GET", "/healthz", self._healthy),
            route("GET", "/readyz", self._ready),
            route("GET", "/openapi.json", _document),
        ]

    async def _tail(self, request: Request) -> Response | Lines:
        query = request.query
        strange = query.keys() - {"from", *_FILTERS}
        if strange:
            raise UsageError(f"tail has no {min(strange)[:64]!a}; it takes from, {', '.join(_FILTERS)}.")
        wanted = Wanted(**{name: query.get(name, "") for name in _FILTERS})
        last = request.headers.get("last-event-id", "")
        start = position_of(last, "Last-Event-ID") + 1 if last else None
        if start is None and query.get("from"):
            start = max(1, position_of(query["from"], "from"))
        self._live.check_room()
        bearer = request.headers.get("authorization", "")
        events = self._live.events(wanted, start, lambda: self._tokens.of_header(bearer) is not None)
        return Lines(events, EVENT_STREAM, b"\n\n", SEND_SECONDS, self._live.hung_up, _OPENING)

    async def _scraped(self, _: Request) -> Response | Lines:
        return Response(await self._metrics.text(), content_type=CONTENT_TYPE)

    async def _healthy(self, _: Request) -> Response | Lines:
        return json_response({"status": "serving", "listening": self._live.listening, "cut": self._live.cut})

    async def _ready(self, _: Request) -> Response | Lines:
        """Say whether questions are answered: also while the log is away, from what there is."""
        how = msgspec.json.decode((await self._projector.ask("GET", "/healthz")).body)
        return json_response({"status": "ready", "projector": how.get("status"), "lag": how.get("lag")})


async def _document(_: Request) -> Response | Lines:
    return Response(await asyncio.to_thread(_written))


@cache
def _written() -> bytes:
    """Write the document, once: it takes a second."""
    return msgspec.json.encode(openapi_http())
