"""One command to the coordinator, asked under one request id until it is answered, without waiting in between.

    connecting --> sending --> listening --the connection was closed behind a whole answer--> answered
        ^               nobody listens, hang-up, silence, "unknown"          |
        `--------------- a pause, while there is patience <------------------'--> given up

A restart of the coordinator or of the server is ridden out so: whoever answers at last tells what happened.
"""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coord.events.errors import CoordError, NoServer, OutcomeUnknown
from coord.services import client, clock
from coord.services.client import Reply
from coord.services.folder import COORDINATOR_SOCKET, Folder, open_socket
from coord.services.worker.loop import Loop, Timer

PAUSE_SECONDS: Final = 0.05
PAUSE_SECONDS_MAX: Final = 1.0
_CHUNK_BYTES: Final = 65_536
_ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024

Answer = Reply | CoordError


@dataclass(frozen=True, slots=True)
class Coordinator:
    """Whom is asked, and by whom."""

    loop: Loop
    folder: Folder
    actor: str
    seconds: float
    """How long an answer may take, beside the time that is waited for on purpose."""
    answers: Callable[[bool], object]
    """Told of each try whether an answer came."""


class Asking:
    """One command, under way."""

    def __init__(
        self,
        coordinator: Coordinator,
        verb: str,
        fields: Mapping[str, Any],
        answered: Callable[["Asking", Answer], object],
        until: float,
        request_id: str | None = None,
    ) -> None:
        """Begin to ask.

        Args:
            coordinator: who is asked.
            verb: the command's.
            fields: the command's, without its request id.
            answered: called once, with the reply that is `done`, or the error that is the answer.
            until: the moment from which on it is not asked again; the last error is the answer then.
            request_id: of an earlier request, to hear what became of it.
        """
        self.verb = verb
        self.request_id = request_id or clock.new_id()
        self.sent_at = 0.0
        """When it was sent last; 0: never."""
        self.tries = 0
        """How often it was sent."""
        self._coordinator = coordinator
        self._answered = answered
        self._until = until
        self._seconds = coordinator.seconds + float(fields.get("wait_seconds") or 0.0)
        command = {"request_id": self.request_id, **fields}
        self._raw = client.written(verb, command, coordinator.actor)
        self._pause = PAUSE_SECONDS
        self._connection: socket.socket | None = None
        self._unsent = memoryview(b"")
        self._received = bytearray()
        self._over = False
        self._timer: Timer | None = coordinator.loop.after(0.0, self._connect)

    def drop(self) -> None:
        """Ask no more; nobody is told."""
        self._over = True
        self._hang_up()

    def _connect(self) -> None:
        try:
            self._connection = open_socket(self._coordinator.folder, COORDINATOR_SOCKET, waits=False)
        except OSError as error:
            words = f"the coordinator of {self._coordinator.folder.root} does not answer: {error.strerror}."
            self._again(NoServer(words) if self.tries == 0 else self._unknown("the coordinator went away"))
            return
        self._unsent, self._received = memoryview(self._raw), bytearray()
        self._timer = self._coordinator.loop.after(self._seconds, self._silent)
        self._send()

    def _send(self) -> None:
        assert self._connection is not None
        self.sent_at = clock.monotonic()
        try:
            self._unsent = self._unsent[self._connection.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._again(self._unknown("the connection was closed before it was read"))
            return
        listens = not self._unsent
        self.tries += listens
        self._coordinator.loop.watch(
            self._connection.fileno(), self._hear if listens else None, None if listens else self._send
        )

    def _hear(self) -> None:
        assert self._connection is not None
        try:
            chunk = self._connection.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        self._received += chunk
        if chunk and len(self._received) <= _ANSWER_BYTES_MAX:
            return
        try:
            self._tell(client.read(bytes(self._received), self.verb, self.request_id))
        except (NoServer, OutcomeUnknown) as error:
            self._again(error)
        except CoordError as error:
            self._tell(error)

    def _silent(self) -> None:
        self._again(self._unknown(f"no answer came within {self._seconds:g} s"))

    def _again(self, error: CoordError) -> None:
        self._hang_up()
        self._coordinator.answers(False)
        if clock.monotonic() + self._pause >= self._until:
            self._tell(error)
            return
        self._timer = self._coordinator.loop.after(self._pause * (0.5 + clock.chance() / 2), self._connect)
        self._pause = min(2 * self._pause, PAUSE_SECONDS_MAX)

    def _tell(self, answer: Answer) -> None:
        self._hang_up()
        if not self._over:
            self._over = True
            if not isinstance(answer, NoServer | OutcomeUnknown):
                self._coordinator.answers(True)
            self._answered(self, answer)

    def _hang_up(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            self._coordinator.loop.watch(connection.fileno())
            connection.close()

    def _unknown(self, why: str) -> CoordError:
        return client.unanswered(self.verb, self.request_id, why)
