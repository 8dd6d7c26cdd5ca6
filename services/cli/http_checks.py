"""What doctor checks of HTTP: whether it answers where it is wanted, to whom, and that somebody may ask."""

from collections.abc import Iterator
from typing import Any, Final

from coord.events.errors import CoordError
from coord.services.api.guard import is_loopback
from coord.services.api.tokens import known_tokens
from coord.services.cli.finding import BAD, OK, WARN, Finding
from coord.services.folder import HTTP_PLACE, Folder, is_alive
from coord.services.server.probe import get
from coord.services.settings import Settings

_NAME: Final = "http"
_SECONDS: Final = 5.0


def check_http(folder: Folder, settings: Settings) -> Iterator[Finding]:
    """Check HTTP; where nobody listens, and nobody wants that, there is nothing to check."""
    told: Any = folder.read_json(HTTP_PLACE) or {}
    pid = told.get("pid")
    if not isinstance(pid, int) or not is_alive(pid):
        if settings.http_port is not None:
            words = "http_port is set, and nobody listens"
            yield Finding(_NAME, WARN, words, "Run: coord serve api; or coord up again.")
        return
    url = str(told["url"])
    ready = get(url, "/readyz", _SECONDS)
    if ready is None or ready[0] != 200:
        why = "does not answer" if ready is None else f"is not ready ({ready[0]})"
        yield Finding(_NAME, BAD, f"{url} {why}", f"Its log is {folder.path('log', 'api.log')}.")
        return
    yield _finding(folder, url)


def _finding(folder: Folder, url: str) -> Finding:
    try:
        count = len(known_tokens(folder))
    except CoordError as error:
        return Finding(_NAME, BAD, error.message, error.hint)
    words = f"{url} answers, to {count} tokens"
    host = url.removeprefix("http://").rpartition(":")[0].strip("[]")
    if not is_loopback(host):
        return Finding(
            _NAME, WARN, f"{words}, and to other machines without TLS", "Put a proxy with TLS before it."
        )
    if not count:
        return Finding(_NAME, WARN, words, "Make one: coord token create NAME")
    return Finding(_NAME, OK, words)
