"""The light client: one HTTP request over a service's unix socket, on a connection of its own.

    connecting --refused---> no server (5); while a supervisor lives, tried again for ten seconds
        |
      sent --silence, reset, half an answer--> unknown (6), with the request id to ask again with
        |
    answered --done--> the reply      --refused, invalid--> the error of that exit code (2, 3, 4 ...)

Standard library only, and of that little: a light command has no time for more.
"""

import io
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from coord.events.errors import CoordError, NoServer, NothingThere, OutcomeUnknown, Refused, UsageError
from coord.events.tokens import is_traceparent
from coord.services import clock
from coord.services.folder import COORDINATOR_SOCKET, PROJECTOR_SOCKET, Folder, is_alive, open_socket

CONNECT_SECONDS: Final = 10.0
"""How long a service that is being started again is waited for; nothing was sent yet."""
_CONNECT_PAUSE_SECONDS: Final = 0.05
_FRESH: Final = "coord-after: now\r\n"
_LINE_BYTES_MAX: Final = 64 * 1024
_HEADERS_MAX: Final = 100
_ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024

_ERRORS: Final[dict[int, type[CoordError]]] = {
    int(kind.exit_code): kind
    for kind in (CoordError, UsageError, NothingThere, Refused, NoServer, OutcomeUnknown)
}

Reply = dict[str, Any]


class _Silence(Exception):
    """The request was sent, and what came back is no answer."""


def tell(
    folder: Folder,
    verb: str,
    command: Mapping[str, Any],
    actor: str,
    seconds: float,
    connect_seconds: float = CONNECT_SECONDS,
) -> Reply:
    """Send one command and return its reply, which is `done`.

    A service that is being started again is waited for `connect_seconds`.

    Raises:
        NoServer: nothing was sent.
        OutcomeUnknown: it was sent and not answered; the hint names the request id.
        NothingThere, Refused, UsageError: the answer is no; `reply` of the error holds its words.
    """
    body, headers, request_id = _body_of(command), _told_by(actor), str(command["request_id"])
    with _connected(folder, COORDINATOR_SOCKET, connect_seconds) as connection:
        try:
            reply = _exchange(connection, "POST", f"/v1/commands/{verb}", body, headers, seconds)
            return _replied(reply, request_id)
        except _Silence as silence:
            raise unanswered(verb, request_id, str(silence)) from silence
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(unanswered(verb, request_id, "you stopped waiting")) from stop


def written(verb: str, command: Mapping[str, Any], actor: str) -> bytes:
    """Return a command as it is sent, for who waits for many answers at once; `read` reads what comes back."""
    return _request("POST", f"/v1/commands/{verb}", _body_of(command), _told_by(actor))


def read(raw: bytes, verb: str, request_id: str) -> Reply:
    """Read all that came back for a command until the connection was closed, as `tell` does."""
    try:
        with io.BytesIO(raw) as answer:
            _, headers = _head(answer)
            return _replied(_parsed(_body(answer, headers)), request_id)
    except _Silence as silence:
        raise unanswered(verb, request_id, str(silence)) from silence


def reach(folder: Folder, socket_name: str, connect_seconds: float = CONNECT_SECONDS) -> None:
    """See that a service listens; one that is being started again is waited for.

    Raises:
        NoServer: nobody does.
    """
    _connected(folder, socket_name, connect_seconds).close()


def ask(
    folder: Folder,
    question: str,
    fields: Mapping[str, Any],
    seconds: float,
    connect_seconds: float = CONNECT_SECONDS,
    *,
    fresh: bool = False,
) -> Reply:
    """Ask one question and return the answer; a projector that is being started again is waited for.

    A fresh answer tells of all that the log held when it was asked: who was just told "done" finds it there.

    Raises:
        NoServer: nobody answers questions there.
        OutcomeUnknown: no answer came; nothing can have changed.
        Refused, UsageError: the answer is no.
    """
    body = _body_of(fields)
    try:
        with _connected(folder, PROJECTOR_SOCKET, connect_seconds) as connection:
            headers = _FRESH if fresh else ""
            reply = _exchange(connection, "POST", f"/v1/questions/{question}", body, headers, seconds)
        if "as_of" not in reply and "exit_code" not in reply:
            raise _Silence("what came back is no answer of coord's")
    except _Silence as silence:
        raise OutcomeUnknown(
            f"the question was asked, and {silence}.", "Nothing has changed: ask again."
        ) from silence
    return _done(reply, "Ask again.")


def lines(
    folder: Folder,
    socket_name: str,
    method: str,
    path: str,
    seconds: float | None,
    connect_seconds: float = CONNECT_SECONDS,
) -> Iterator[bytes]:
    """Send a request and yield the lines of its answer as they come; `seconds` bounds the wait for each.

    Raises:
        NoServer: nothing was sent.
        OutcomeUnknown: the answer broke off.
        CoordError: the answer is no, as the error of its exit code.
    """
    with _connected(folder, socket_name, connect_seconds) as connection:
        connection.settimeout(seconds)
        try:
            _send(connection, method, path, b"", "")
            with connection.makefile("rb") as answer:
                status, headers = _head(answer)
                if status != 200:
                    _done(_parsed(_body(answer, headers)), "")
                yield from _split(_chunks(answer, headers))
        except (_Silence, OSError) as silence:
            raise OutcomeUnknown(f"the answer broke off: {_words(silence, seconds)}.") from silence


def progress(line: bytes) -> Reply:
    """Read one line of progress; the last one may be an error.

    Raises:
        CoordError: the work ended with it.
    """
    return _done(_parsed(line), "")


def health(folder: Folder, socket_name: str, seconds: float) -> Reply:
    """Ask a service how it is, without waiting for one that is not there.

    Raises:
        NoServer, OutcomeUnknown: it does not answer.
    """
    try:
        with open_socket(folder, socket_name) as connection:
            return _exchange(connection, "GET", "/healthz", b"", "", seconds)
    except OSError as error:
        raise NoServer(f"nobody listens on {socket_name}: {error.strerror}.") from error
    except _Silence as silence:
        raise OutcomeUnknown(f"{socket_name} was asked, and {silence}.") from silence


def peek(folder: Folder, question: str, fields: Mapping[str, Any], seconds: float) -> Reply:
    """Ask one question of whoever listens now; the whole of it takes at most about `seconds`.

    Raises:
        CoordError: nobody answered in time, or the answer is no.
    """
    body = _body_of(fields)
    try:
        with open_socket(folder, PROJECTOR_SOCKET) as connection:
            return _done(_exchange(connection, "POST", f"/v1/questions/{question}", body, "", seconds), "")
    except OSError as error:
        raise NoServer(f"nobody answers questions on {folder.root}: {error.strerror}.") from error
    except _Silence as silence:
        raise OutcomeUnknown(f"the question was asked, and {silence}.") from silence


def supervisor(folder: Folder) -> int | None:
    """Return the process that minds the services of a folder; None: nobody does."""
    pid = (folder.read_json("up.json") or {}).get("pid")
    return pid if isinstance(pid, int) and pid > 0 and is_alive(pid) else None


def _body_of(fields: Mapping[str, Any]) -> bytes:
    """Write what was given; without spaces, a body is quicker to check."""
    given = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(given, separators=(",", ":")).encode()


def _told_by(actor: str) -> str:
    """Write who acts, and below which span of a trace, if TRACEPARENT names one."""
    trace = os.environ.get("TRACEPARENT", "")
    traced = f"traceparent: {trace}\r\n" if trace and is_traceparent(trace) else ""
    return f"coord-actor: {actor}\r\n{traced}" if actor else traced


def _replied(reply: Reply, request_id: str) -> Reply:
    """Return the reply to a command that is yes; raise any other."""
    if reply.get("status") != "done" and "exit_code" not in reply:
        raise _Silence("what came back is no reply of coord's")
    return _done(reply, f"Ask again with: --request-id {request_id}")


def _exchange(
    connection: socket.socket, method: str, path: str, body: bytes, headers: str, seconds: float
) -> Reply:
    connection.settimeout(seconds)
    try:
        _send(connection, method, path, body, headers)
        with connection.makefile("rb") as answer:
            _, told = _head(answer)
            return _parsed(_body(answer, told))
    except OSError as error:
        raise _Silence(_words(error, seconds)) from error


def _connected(folder: Folder, name: str, seconds: float) -> socket.socket:
    """Connect; wait for a service that its supervisor is about to start again."""
    deadline = clock.monotonic() + seconds
    while True:
        try:
            return open_socket(folder, name)
        except OSError as error:
            minder = supervisor(folder)
            if minder is None or clock.monotonic() >= deadline:
                raise _no_server(folder, name, minder, error) from error
        time.sleep(_CONNECT_PAUSE_SECONDS)


def _no_server(folder: Folder, name: str, minder: int | None, error: OSError) -> NoServer:
    service = name.removesuffix(".sock")
    if minder is not None:
        return NoServer(
            f"the {service} of {folder.root} does not answer, though process {minder} minds it.",
            f"Its log is {folder.path('log')}; coord doctor says more.",
        )
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return NoServer(
            f"no {service} runs on the data folder {folder.root}.",
            "Start one with: coord up, or name another folder with --data or COORD_DATA.",
        )
    return NoServer(f"the data folder {folder.root} cannot be used: {error.strerror}.")


def _send(connection: socket.socket, method: str, path: str, body: bytes, headers: str) -> None:
    connection.sendall(_request(method, path, body, headers))


def _request(method: str, path: str, body: bytes, headers: str) -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: coord\r\nConnection: close\r\n{headers}"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _head(answer: BinaryIO) -> tuple[int, dict[bytes, bytes]]:
    words = answer.readline(_LINE_BYTES_MAX).split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise _Silence("the connection was closed before an answer came")
    headers: dict[bytes, bytes] = {}
    for _ in range(_HEADERS_MAX):
        line = answer.readline(_LINE_BYTES_MAX).rstrip(b"\r\n")
        if not line:
            return int(words[1]), headers
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    raise _Silence("the answer has too many headers")


def _body(answer: BinaryIO, headers: Mapping[bytes, bytes]) -> bytes:
    return b"".join(_chunks(answer, headers))


def _chunks(answer: BinaryIO, headers: Mapping[bytes, bytes]) -> Iterator[bytes]:
    """Yield the body as it comes, and notice when it ends too early."""
    if headers.get(b"transfer-encoding", b"").lower() != b"chunked":
        yield _exactly(answer, _number(headers.get(b"content-length", b""), 10))
        return
    while size := _number(answer.readline(_LINE_BYTES_MAX).partition(b";")[0].strip(), 16):
        yield _exactly(answer, size)
        answer.readline(_LINE_BYTES_MAX)


def _exactly(answer: BinaryIO, size: int) -> bytes:
    data = answer.read(size)
    if len(data) != size:
        raise _Silence("the connection was closed in the middle of the answer")
    return data


def _number(text: bytes, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError:
        number = -1
    if not 0 <= number <= _ANSWER_BYTES_MAX:
        raise _Silence("the connection was closed in the middle of the answer")
    return number


def _split(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line)
    if rest:
        yield rest


def _parsed(body: bytes) -> Reply:
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Silence("what came back is no JSON") from error
    if not isinstance(reply, dict):
        raise _Silence("what came back is no reply of coord's")
    return reply


def _done(reply: Reply, hint: str) -> Reply:
    """Return a reply that is yes; raise one that is no, as the error of its exit code."""
    code = reply.get("exit_code", 0)
    if code == 0:
        return reply
    kind = _ERRORS.get(code, CoordError)
    if kind is not OutcomeUnknown:
        hint = str(reply.get("hint", ""))
    error = kind(str(reply.get("reason", "no reason was given")), hint)
    error.reply = reply
    raise error


def unanswered(verb: str, request_id: str, why: str) -> OutcomeUnknown:
    """Say that a command was sent and not answered; `why` follows "was sent, and"."""
    error = OutcomeUnknown(
        f"{verb} was sent, and {why}: it may or may not have happened.",
        f"Ask again with: --request-id {request_id}",
    )
    code = int(error.exit_code)
    error.reply = {"status": "unknown", "reason": error.message, "request_id": request_id, "exit_code": code}
    return error


def _words(error: BaseException, seconds: float | None) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer came within {seconds:g} s"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the connection was closed before an answer came"
    return (getattr(error, "strerror", None) or str(error)).lower()
