"""The server's protocol spoken by hand: whatever bytes a publisher could send, and what the server says."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

_SILENCE_SECONDS = 3.0


@dataclass(frozen=True)
class Outcome:
    """What became of one message: its position, or why there is none."""

    position: int | None = None
    refusal: str = ""


@dataclass
class RawConnection:
    """A connection that checks nothing. When the server closes it, the next message goes over a new one."""

    url: str
    credential: Mapping[str, str]
    outcomes: list[Outcome] = field(default_factory=list)
    _socket: socket.socket | None = None
    _arrived: bytes = b""
    _sent: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def publish(self, subject: bytes, headers: bytes | None, body: bytes) -> Outcome:
        """Publish, and wait for the server's word; `headers` is the whole block, None: there is none."""
        answer = self.ask(subject, headers, body)
        outcome = Outcome(refusal=answer) if isinstance(answer, str) else _outcome(answer)
        self.outcomes.append(outcome)
        return outcome

    def ask(self, subject: bytes, headers: bytes | None, body: bytes) -> bytes | str:
        """Publish and return the answer's body; or, as text, why the server passed nothing on."""
        self._sent += 1
        inbox = self._inbox + b".%d" % self._sent
        try:
            self.send(subject, headers, body, inbox)
            return self._answer(inbox)
        except OSError as error:
            self._close()
            return str(error)

    def send(self, subject: bytes, headers: bytes | None, body: bytes, reply: bytes = b"") -> None:
        """Publish without waiting."""
        to = subject + b" " + reply if reply else subject
        if headers is None:
            command = b"PUB %s %d\r\n" % (to, len(body))
        else:
            command = b"HPUB %s %d %d\r\n%s" % (to, len(headers), len(headers) + len(body), headers)
        self._open().sendall(command + body + b"\r\nPING\r\n")

    def settle(self) -> None:
        """Wait until the server has taken all that was sent."""
        self._open().sendall(b"PING\r\n")
        while self._line() != b"PONG" or self._arrived:
            """What comes before the last answer is not looked at."""

    @property
    def _inbox(self) -> bytes:
        return self.credential["inbox"].encode() + b".raw"

    def _answer(self, inbox: bytes) -> bytes | str:
        """Read until both the server has taken a message and somebody has spoken of it."""
        pong = False
        found: bytes | str = ""
        try:
            while not (pong and found):
                line = self._line()
                words = line.split(b" ")
                if line == b"PONG":
                    pong = True
                elif line.startswith(b"-ERR"):
                    found = line[6:-1].decode("utf-8", "replace")
                elif words[0] in (b"MSG", b"HMSG"):
                    body = self._take(int(words[-1]))
                    found = _without_headers(words, body) if words[1] == inbox else found
        except TimeoutError:
            return found or "nobody answered"
        except ConnectionError:
            self._close()
            return found or "the server closed the connection"
        return found

    def _open(self) -> socket.socket:
        if self._socket is None:
            place = urlsplit(self.url)
            self._socket = socket.create_connection((place.hostname, place.port), timeout=_SILENCE_SECONDS)
            said: dict[str, Any] = {
                "verbose": False,
                "pedantic": False,
                "headers": True,
                "no_responders": True,
                "user": self.credential["user"],
                "pass": self.credential["password"],
            }
            self._line()
            self._socket.sendall(b"CONNECT " + json.dumps(said).encode() + b"\r\n")
            self._socket.sendall(b"SUB " + self._inbox + b".* 1\r\nPING\r\n")
            assert self._line() == b"PONG"
        return self._socket

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._arrived = None, b""

    def _line(self) -> bytes:
        while b"\r\n" not in self._arrived:
            self._receive()
        line, _, self._arrived = self._arrived.partition(b"\r\n")
        return line

    def _take(self, size: int) -> bytes:
        while len(self._arrived) < size + 2:
            self._receive()
        body, self._arrived = self._arrived[:size], self._arrived[size + 2 :]
        return body

    def _receive(self) -> None:
        assert self._socket is not None
        received = self._socket.recv(65_536)
        if not received:
            raise ConnectionError("the server closed the connection")
        self._arrived += received


def _without_headers(words: list[bytes], body: bytes) -> bytes | str:
    if words[0] == b"MSG":
        return body
    if body.startswith(b"NATS/1.0 503"):
        return "nobody listens on this subject"
    return body[int(words[-2]) :]


def _outcome(answer: bytes) -> Outcome:
    said = json.loads(answer)
    if "error" in said:
        return Outcome(refusal=str(said["error"]["description"]))
    return Outcome(position=int(said["seq"]))
