"""The last values of a series, kept in their order: median and median absolute deviation without a sort."""

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable


class RankedWindow:
    """At most `size` finite values; the oldest goes first. About a microsecond a value."""

    __slots__ = ("_ranked", "_recent", "_size")

    def __init__(self, size: int, values: Iterable[float] = ()) -> None:
        self._size = size
        self._recent = deque(values, size)
        self._ranked = sorted(self._recent)

    def __len__(self) -> int:
        return len(self._ranked)

    def copy(self) -> "RankedWindow":
        """Return another of the same values."""
        return RankedWindow(self._size, self._recent)

    def values(self) -> list[float]:
        """Return them, the oldest first."""
        return list(self._recent)

    def push(self, value: float) -> None:
        """Take a value in."""
        ranked, recent = self._ranked, self._recent
        if len(ranked) == self._size:
            del ranked[bisect_left(ranked, recent[0])]
        recent.append(value)
        insort(ranked, value)

    def spread(self) -> tuple[float, float]:
        """Return the median and the median absolute deviation from it; there must be a value.

        The half of the values that lies nearest the median stands side by side in their order: a binary
        search finds where it begins, and its ends hold the median deviation.
        """
        ranked = self._ranked
        size = len(ranked)
        half, odd = divmod(size, 2)
        center = ranked[half] if odd else (ranked[half - 1] + ranked[half]) / 2
        nearest = half + odd
        low, high = 0, half
        while low < high:
            middle = (low + high) // 2
            if center - ranked[middle] > ranked[middle + nearest] - center:
                low = middle + 1
            else:
                high = middle
        end = low + nearest
        deviation = max(center - ranked[low], ranked[end - 1] - center)
        if odd:
            return center, deviation
        below = center - ranked[low - 1] if low else math.inf
        above = ranked[end] - center if end < size else math.inf
        return center, (deviation + min(below, above)) / 2
