"""A service that answers on its socket from a script: the other side of the light client."""

import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

HANG_UP = b""
"""An answer that is none: the connection is closed."""
RESET = b"RESET"
"""The connection is reset."""
SILENCE = None
"""No answer, and the connection stays open."""
AS_OF = {"position": 9, "time_ns": 1_790_000_000_000_000_000, "recorded_at_ns": 0, "lag": 0}


@dataclass
class Heard:
    """One request."""

    line: str
    headers: dict[str, str]
    body: Any

    @property
    def verb(self) -> str:
        """The last segment of the path."""
        return self.line.split(" ")[1].rpartition("/")[2]


Answering = Callable[[Heard], bytes | None]


@dataclass
class Service:
    """Listens on a socket of the folder and answers every request by a function."""

    answer: Answering
    listening: socket.socket
    heard: list[Heard] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    _kept: list[socket.socket] = field(default_factory=list)

    def serve(self) -> None:
        """Answer until the socket is closed."""
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                self._answer(connection)

    def stop(self) -> None:
        """Take no more connections: `serve` ends when it has answered the present one."""
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close everything; what `serve` may still keep is its own, so let it end first."""
        self.stop()
        self.listening.close()
        for connection in self._kept:
            connection.close()

    def _answer(self, connection: socket.socket) -> None:
        heard = _heard(connection)
        self.heard.append(heard)
        answer = self.answer(heard)
        self.asked.set()
        if answer is SILENCE:
            self._kept.append(connection.dup())
        elif answer == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif answer:
            connection.sendall(answer)


def _heard(connection: socket.socket) -> Heard:
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += _received(connection)
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rest)}
    while len(body) < int(headers.get("content-length", 0)):
        body += _received(connection)
    return Heard(line, headers, json.loads(body) if body else None)


def _received(connection: socket.socket) -> bytes:
    part = connection.recv(65_536)
    if not part:
        raise ConnectionError("whoever asked has gone")
    return part


def said(document: Any, status: int = 200) -> bytes:
    """Write an HTTP answer."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return b"HTTP/1.1 %d x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (
        status, len(body),
    ) + body  # fmt: skip


def streamed(*lines: Any, whole: bool = True) -> bytes:
    """Write an HTTP answer in chunks of one line."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    rows = [json.dumps(line).encode() + b"\n" for line in lines]
    body = b"".join(b"%x\r\n%s\r\n" % (len(row), row) for row in rows)
    return head + body + (b"0\r\n\r\n" if whole else b"")


def refused(code: str, exit_code: int = 4, reason: str = "no.", hint: str = "Do so.") -> bytes:
    """Write a refusal."""
    document = {"status": "refused", "code": code, "reason": reason, "hint": hint, "exit_code": exit_code}
    return said(document, 409)


def item(item_id: str = "w-1", **fields: Any) -> dict[str, Any]:
    """Return an item as replies show it."""
    shown = {"id": item_id, "title": "A title", "status": "claimed", "priority": 5, "lease_seconds": 30.0}
    return {**shown, "agent": "a1", "incarnation": 3, "fence": 7, "attempt": 1, **fields}


def done(item_id: str = "w-1", already: bool = False, **fields: Any) -> bytes:
    """Write the reply `done` about an item."""
    view = item(item_id, **fields)
    return said({"status": "done", "id": item_id, "position": 7, "already": already, "item": view})
