"""How long to wait before the next try: longer and longer, with chance in it, so that many do not come at once."""

from typing import Final

from coord.services import clock

FIRST_SECONDS: Final = 1.0
LAST_SECONDS: Final = 60.0


class Backoff:
    """The pauses of one lane."""

    def __init__(self, first_seconds: float = FIRST_SECONDS, last_seconds: float = LAST_SECONDS) -> None:
        self._first = first_seconds
        self._last = last_seconds
        self._next = first_seconds

    def reset(self) -> None:
        """Begin anew: it went well."""
        self._next = self._first

    def pause(self, wanted_seconds: float | None = None) -> float:
        """Return how long to wait now; what the other side wants counts, if that is longer."""
        pause, self._next = self._next, min(2 * self._next, self._last)
        return max(pause * (0.5 + clock.chance() / 2), wanted_seconds or 0.0)
