"""The error tree. Each class carries its exit code and says what to do next.

    CoordError                 1   unexpected
    +-- UsageError             2   the request itself is wrong: a name, a value, a file, a setting
    |   +-- SettingsError
    |   +-- TokenError
    |   `-- InvalidEvent           a body, header or subject that is no event of ours (dead-lettered when stored)
    +-- NothingThere           3   nothing to claim, to verify, held or archived, or a wait timed out
    +-- Refused                4   the answer is no: taken, stale fence, wrong holder, unknown id ...
    |   +-- Conflict               somebody else's event stands where ours was to go
    |   `-- AlreadyAppended        an event of the same id stands elsewhere in the log
    +-- NoServer               5   nothing was sent: connection refused, folder taken, server not usable
    |   +-- FolderTaken
    |   `-- UnsafeServer           it answers, and would lose acknowledged events
    +-- OutcomeUnknown         6   sent, no answer: retry with the same request id
    `-- FoundWanting           7   checked, and found wanting (doctor, verify)

A message is one sentence: what, with which value; `hint` says what to do now.
"""

from enum import IntEnum
from typing import Any


def visible(text: str, length_max: int = 80) -> str:
    """Return `text` for a sentence: cut, and with control, bidi and other unprintable characters escaped."""
    shown = text if len(text) <= length_max else text[: length_max - 3] + "..."
    if shown.isprintable():
        return shown
    return "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in shown)


_STOPS = ".!?:,;"
"""What a message may end with before its hint, which is a sentence of its own."""


class Exit(IntEnum):
    """Exit codes of the command line, and `exit_code` of refusals on the wire."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    NOTHING = 3
    REFUSED = 4
    NO_SERVER = 5
    UNKNOWN = 6
    WANTING = 7


class CoordError(Exception):
    """Something unexpected happened."""

    exit_code = Exit.UNEXPECTED
    reply: dict[str, Any] | None = None
    """The words it came in, when it came over the wire."""

    def __init__(self, message: str | None = None, hint: str = "") -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.hint = hint
        super().__init__(self.message)

    def __str__(self) -> str:
        stop = "." if self.hint and self.message[-1:] not in _STOPS else ""
        return f"{self.message}{stop} {self.hint}".strip()


class UsageError(CoordError):
    """The request is wrong as it stands."""

    exit_code = Exit.USAGE


class SettingsError(UsageError):
    """A setting is wrong."""


class TokenError(UsageError):
    """A name is not a token."""


class InvalidEvent(UsageError):
    """This is not an event of ours."""


class NothingThere(CoordError):
    """Nothing to claim, or the wait timed out."""

    exit_code = Exit.NOTHING


class Refused(CoordError):
    """The decision was no."""

    exit_code = Exit.REFUSED


class Conflict(Refused):
    """Another event stands where this one was to go."""

    def __init__(self, message: str | None = None, hint: str = "", last_position: int | None = None) -> None:
        super().__init__(message, hint)
        self.last_position = last_position


class AlreadyAppended(Refused):
    """An event of the same id is in the log already, on another subject."""

    def __init__(self, position: int, subject: str) -> None:
        super().__init__(f"an event of the same id stands at position {position}, on {subject}.")
        self.position = position
        self.subject = subject


class NoServer(CoordError):
    """No server answers."""

    exit_code = Exit.NO_SERVER


class FolderTaken(NoServer):
    """Another process holds the data folder."""


class UnsafeServer(NoServer):
    """The server would lose acknowledged events."""


class OutcomeUnknown(CoordError):
    """The request was sent and no answer came: it may or may not have happened."""

    exit_code = Exit.UNKNOWN


class FoundWanting(CoordError):
    """Checked, and found wanting."""

    exit_code = Exit.WANTING
