"""Two short conversations with a server that need no client library: a GET of its monitoring port, and a log-in.

Both are bounded in time and bytes, and neither raises: a server that does not answer is an outcome.
"""

import json
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_RESPONSE_BYTES_MAX: Final = 1024 * 1024
_LINE_BYTES_MAX: Final = 64 * 1024


def get(url: str, path: str, seconds: float = 2.0) -> tuple[int, bytes] | None:
    """Return status and body of an HTTP GET; None when nobody answers in time."""
    parts = urlsplit(url)
    host = parts.hostname or "127.0.0.1"
    request = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    raw = b""
    try:
        with socket.create_connection((host, parts.port or 80), seconds) as connection:
            connection.sendall(request)
            while chunk := connection.recv(65_536):
                raw += chunk
                if len(raw) > _RESPONSE_BYTES_MAX:
                    return None
        head, _, body = raw.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body
    except (OSError, ValueError, IndexError):
        return None


@dataclass(frozen=True, slots=True)
class LogIn:
    """What came of a log-in: accepted, or why not; `reached` tells whether a NATS server answered at all."""

    accepted: bool
    reached: bool
    reason: str = ""
    version: str = ""


def log_in(url: str, user: str, password: str, seconds: float = 2.0) -> LogIn:
    """Log in to a server with a user and a password, and leave again."""
    parts = urlsplit(url)
    try:
        connection = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 4222), seconds)
    except OSError as error:
        return LogIn(False, False, error.strerror or str(error))
    try:
        with connection, connection.makefile("rb") as lines:
            greeting = lines.readline(_LINE_BYTES_MAX)
            if not greeting.startswith(b"INFO "):
                return LogIn(False, False, "what answers there is no NATS server")
            version = str(json.loads(greeting[5:]).get("version", ""))
            wish = {"user": user, "pass": password, "verbose": False, "pedantic": False, "lang": "coord"}
            connection.sendall(b"CONNECT " + json.dumps(wish).encode() + b"\r\nPING\r\n")
            answer = _answer(lines)
    except (OSError, ValueError) as error:
        return LogIn(False, True, str(error) or "the connection broke")
    return LogIn(answer == "PONG", True, "" if answer == "PONG" else answer, version)


def _answer(lines: "socket.SocketIO | object") -> str:
    while line := lines.readline(_LINE_BYTES_MAX):  # type: ignore[union-attr]
        text: str = line.decode("utf-8", "replace").strip()
        if not text.startswith("INFO "):
            return text
    return "the server closed the connection"
