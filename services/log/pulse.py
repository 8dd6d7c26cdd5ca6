"""Whether the log takes and gives: since when nothing that was appended has been confirmed, or nothing asked answered.

A cluster that chooses its leader, a full disk, a server that is away: to whoever wants to claim they look alike.
"""

from typing import Final

from coord.services import clock

PAUSED_FROM_SECONDS: Final = 1.0
"""What takes less is no pause."""
FORGOTTEN_SECONDS: Final = 15.0
"""A failure that nobody repeated for so long says nothing about now. Longer than one append is tried."""


class Pulse:
    """What the log was last seen to do; `began` is when a try began that failed."""

    def __init__(self) -> None:
        self._unconfirmed: float | None = None
        self._unanswered: float | None = None
        self._failed = float("-inf")

    def confirmed(self) -> None:
        """An append was confirmed, or refused for a reason: the log takes."""
        self._unconfirmed = None

    def unconfirmed(self, began: float) -> None:
        """An append was not confirmed in its time."""
        self._failed = clock.monotonic()
        if self._unconfirmed is None:
            self._unconfirmed = began

    def answered(self) -> None:
        """A question was answered: the log gives."""
        self._unanswered = None
        if clock.monotonic() - self._failed > FORGOTTEN_SECONDS:
            self._unconfirmed = None

    def unanswered(self, began: float) -> None:
        """A question was not answered in its time."""
        if self._unanswered is None:
            self._unanswered = began

    def paused_seconds(self) -> float:
        """Return for how long nothing has gone on; 0: it does."""
        since = min((one for one in (self._unconfirmed, self._unanswered) if one is not None), default=None)
        paused = clock.monotonic() - since if since is not None else 0.0
        return paused if paused >= PAUSED_FROM_SECONDS else 0.0
