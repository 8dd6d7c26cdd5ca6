"""Rates out of the kernel's counters, on the clock that never jumps.

The first look at a counter gives no rate, and neither does a look that finds it lower than before (a reset,
a wrap, a device that came back): such a rate is absent, not zero. `Rates` forgets what is no longer looked at.
"""

from typing import Final

FORGET_LOOKS: Final = 100
"""After so many looks elsewhere a counter counts as gone."""


class Rates:
    """What the counters were at the last look."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[float, float, int]] = {}
        self._now = 0.0
        self._look = 0

    def look(self, now: float) -> None:
        """Begin a look at all counters, at a moment of the monotonic clock in seconds."""
        self._now = now
        self._look += 1
        if self._look % FORGET_LOOKS == 0:
            oldest = self._look - FORGET_LOOKS
            self._seen = {key: seen for key, seen in self._seen.items() if seen[2] >= oldest}

    def change(self, name: str, device: str, counter: float) -> tuple[float, float] | None:
        """Return by how much a counter grew and in how many seconds; None when nobody can tell."""
        key = (name, device)
        before = self._seen.get(key)
        self._seen[key] = (counter, self._now, self._look)
        if before is None or counter < before[0] or self._now <= before[1]:
            return None
        return counter - before[0], self._now - before[1]

    def per_second(self, name: str, device: str, counter: float) -> float | None:
        """Return how fast a counter grew since the last look; None when nobody can tell."""
        change = self.change(name, device, counter)
        return None if change is None else change[0] / change[1]
