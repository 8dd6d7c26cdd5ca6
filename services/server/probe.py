"""Short conversations with a server that need no client library: a GET of its monitoring port, and a log-in.

Each is bounded in time and bytes, and none raises: a server that does not answer is an outcome.
"""

import json
import socket
from dataclasses import dataclass
from typing import Any, BinaryIO, Final
from urllib.parse import urlsplit

_RESPONSE_BYTES_MAX: Final = 1024 * 1024
_LINE_BYTES_MAX: Final = 64 * 1024
_NATS_PORT: Final = 4222
_HTTP_PORTS: Final = {"http": 80, "https": 443}


def get(url: str, path: str, seconds: float = 2.0) -> tuple[int, bytes] | None:
    """Return status and body of an HTTP GET; None when nobody answers in time."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    path = parts.path.rstrip("/") + path
    named = parts.netloc.rpartition("@")[2]
    request = f"GET {path} HTTP/1.0\r\nHost: {named}\r\nConnection: close\r\n\r\n".encode()
    raw = b""
    try:
        with _connected(host, parts.port or _HTTP_PORTS[parts.scheme], parts.scheme, seconds) as connection:
            connection.sendall(request)
            while chunk := connection.recv(65_536):
                raw += chunk
                if len(raw) > _RESPONSE_BYTES_MAX:
                    return None
        head, _, body = raw.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body
    except (OSError, ValueError, IndexError):
        return None


def _connected(host: str, port: int, scheme: str, seconds: float) -> socket.socket:
    plain = socket.create_connection((host, port), seconds)
    if scheme != "https":
        return plain
    import ssl

    return ssl.create_default_context().wrap_socket(plain, server_hostname=host)


@dataclass(frozen=True, slots=True)
class LogIn:
    """What came of a log-in: accepted, or why not."""

    accepted: bool
    reason: str = ""


def greeting(url: str, seconds: float = 2.0) -> dict[str, Any] | str:
    """Return what a NATS server says of itself before anybody logs in, or why it says nothing."""
    try:
        with _dialled(url, seconds) as connection, connection.makefile("rb") as lines:
            return _greeting(lines)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    except ValueError as error:
        return str(error)


def log_in(url: str, user: str, password: str, seconds: float = 2.0) -> LogIn:
    """Log in to a server with a user and a password, and leave again."""
    wish = {"user": user, "pass": password, "verbose": False, "pedantic": False, "lang": "coord"}
    try:
        with _dialled(url, seconds) as connection, connection.makefile("rb") as lines:
            _greeting(lines)
            connection.sendall(b"CONNECT " + json.dumps(wish).encode() + b"\r\nPING\r\n")
            answer = _answer(lines)
    except (OSError, ValueError) as error:
        return LogIn(False, str(error))
    return LogIn(answer == "PONG", "" if answer == "PONG" else answer)


def _dialled(url: str, seconds: float) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname or "", parts.port or _NATS_PORT), seconds)


def _greeting(lines: BinaryIO) -> dict[str, Any]:
    first = lines.readline(_LINE_BYTES_MAX)
    if not first.startswith(b"INFO "):
        raise ValueError("what answers there is no NATS server")
    return dict(json.loads(first[5:]))


def _answer(lines: BinaryIO) -> str:
    while line := lines.readline(_LINE_BYTES_MAX):
        text = line.decode("utf-8", "replace").strip()
        if not text.startswith("INFO "):
            return text
    return "the server closed the connection"
