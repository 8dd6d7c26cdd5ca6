"""How quickly a stream is folded in: messages a second, between the oldest and the newest of the last looks."""

from collections import deque
from typing import Final

LOOKS_KEPT: Final = 11
"""One a second: the pace is that of ten seconds."""


class Pace:
    """The pace of one stream."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque(maxlen=LOOKS_KEPT)

    def look(self, now: float, position: int) -> None:
        """Note how far the stream is folded in; one that was begun anew is followed from there."""
        if self._looks and position < self._looks[-1][1]:
            self._looks.clear()
        self._looks.append((now, position))

    def per_second(self) -> float:
        """Return how many messages a second were folded in lately; 0 before there are two looks."""
        if len(self._looks) < 2:
            return 0.0
        (began, first), (ended, last) = self._looks[0], self._looks[-1]
        return (last - first) / (ended - began) if ended > began else 0.0
