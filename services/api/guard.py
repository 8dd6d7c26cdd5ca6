"""Who may come in over TCP: the request names us, no other site's page makes it, and it carries a token.

    Host     an address or name of ours, with our port: a name that was rebound to us is not
    Origin   where a browser sends one, our own: no page of another site asks here
    token    Authorization: Bearer ..., of a scope that covers the path; not for PUBLIC, which tells nothing of the house

A refusal is 401 or 403 with one sentence; 431 where the headers are too large.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from coord.events.errors import Refused
from coord.services.api.tokens import Known, Tokens
from coord.services.gateway import HEADERS_BYTES_MAX, Application, Response, error_response, send_response

PUBLIC: Final = frozenset(("/healthz", "/readyz", "/openapi.json"))
METRICS: Final = "/metrics"
LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_EVERYWHERE: Final = ("0.0.0.0", "::")
_CHALLENGE: Final = {"www-authenticate": 'Bearer realm="coord"'}
Headers = Sequence[tuple[bytes, bytes]]


def own_names(address: str, port: int, others: Iterable[str]) -> frozenset[str]:
    """Return what a Host header may say: our address with our port, and other names of ours with it or as they are.

    Those as they are come by a proxy before us, at the port that is usual for it.
    """
    here = f"[{address}]" if ":" in address else address
    told = [name.lower() for name in others]
    by_loopback = is_loopback(address) or address in _EVERYWHERE
    ours = (*(LOOPBACK if by_loopback else ()), here, *told)
    return frozenset((*(f"{name}:{port}" for name in ours), *told))


def is_loopback(address: str) -> bool:
    """Tell whether only this machine reaches an address."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class Guard:
    """The application behind its door."""

    def __init__(self, app: Application, names: Iterable[str], tokens: Tokens) -> None:
        self._app = app
        self._names = frozenset(names)
        self._tokens = tokens

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let one request in, or say why not."""
        fault = self._fault(scope["path"], scope["headers"]) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await send_response(fault, send)

    def _fault(self, path: str, headers: Headers) -> Response | None:
        if sum(len(name) + len(value) for name, value in headers) > HEADERS_BYTES_MAX:
            return _refusal(431, f"the headers are larger than {HEADERS_BYTES_MAX} bytes.")
        host = _values(headers, b"host")
        if len(host) != 1 or host[0].lower() not in self._names:
            return _refusal(403, "this service answers to its own address alone.", "See http_hosts.")
        if any(_netloc(origin) not in self._names for origin in _values(headers, b"origin")):
            return _refusal(403, "no page of another site may ask here.")
        return None if path in PUBLIC else self._without_token(path, _values(headers, b"authorization"))

    def _without_token(self, path: str, given: Sequence[str]) -> Response | None:
        known = self._known(given)
        if known is None:
            sentence = "this token is not known." if given else "this takes a token."
            fault = _refusal(401, sentence, "Make one with coord token create, and send it as a Bearer.")
            return replace(fault, headers=_CHALLENGE)
        if known.scope == "metrics" and path != METRICS:
            return _refusal(403, f"the token {known.name} is for {METRICS} alone.")
        return None

    def _known(self, given: Sequence[str]) -> Known | None:
        return self._tokens.of_header(given[0]) if len(given) == 1 else None


def _values(headers: Headers, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in headers if name == wanted]


def _netloc(origin: str) -> str:
    """Return the host and port of an origin; of one that is none, nothing."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _refusal(status: int, sentence: str, hint: str = "") -> Response:
    return replace(error_response(Refused(sentence, hint)), status=status)
