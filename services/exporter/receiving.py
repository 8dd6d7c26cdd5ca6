"""What a receiver may say to a request, and what that means; the same for HTTP and gRPC.

accepted     dealt with, even where part of it was rejected: never sent again
later        not taken now: the same again, after a pause
refused      something in it is wrong: halved, until what is wrong stands alone
turned away  nothing of ours is taken as things are: a wrong place, no permission
"""

from dataclasses import dataclass
from typing import Protocol

from coord.events.errors import visible

WORDS_MAX = 200


@dataclass(frozen=True, slots=True)
class Accepted:
    """The receiver said yes; `rejected` items were refused all the same, and `words` says why."""

    rejected: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now."""

    words: str
    kind: str
    """For counting: a status, or the kind of an error."""
    after_seconds: float | None = None
    """When the receiver wants it again, if it says."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not this."""

    words: str
    kind: str


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """Not us."""

    words: str
    kind: str


Outcome = Accepted | Later | Refused | TurnedAway
Setback = Later | TurnedAway


class Receiver(Protocol):
    """Where one signal goes. Blocks: called in a thread, one request at a time."""

    def send(self, body: bytes) -> Outcome:
        """Send one encoded request, and say what became of it. Never raises for what the other side does."""

    def close(self) -> None:
        """Let go of connections."""


def accepted(response: object) -> Accepted:
    """Read an export response of any signal: how many items it rejected, and why."""
    partial = getattr(response, "partial_success", None)
    if partial is None:
        return Accepted()
    names = ("rejected_spans", "rejected_data_points", "rejected_log_records")
    rejected = next((int(getattr(partial, name)) for name in names if hasattr(partial, name)), 0)
    return Accepted(max(0, rejected), visible(partial.error_message, WORDS_MAX))
