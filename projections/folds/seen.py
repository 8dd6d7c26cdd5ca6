"""Which numbers of a writer were seen: a set kept as ranges, so that a batch sent again changes nothing.

Ranges are flat: first, last, first, last ... in order, never touching. A writer that loses nothing has
one. When there are more than `RANGES_MAX`, the oldest hole counts as seen: what comes that late is lost.
"""

from bisect import bisect_left
from typing import Final

RANGES_MAX: Final = 32
Ranges = tuple[int, ...]


def has(seen: Ranges, number: int) -> bool:
    """Tell whether a number was seen."""
    place = bisect_left(seen, number)
    return place % 2 == 1 or (place < len(seen) and seen[place] == number)


def add(seen: Ranges, number: int) -> Ranges:
    """Return the ranges with one more number, which was not seen before."""
    assert not has(seen, number)
    place = bisect_left(seen, number)
    joins_before = place > 0 and seen[place - 1] == number - 1
    joins_after = place < len(seen) and seen[place] == number + 1
    head = seen[: place - 1] if joins_before else (*seen[:place], number)
    tail = seen[place + 1 :] if joins_after else (number, *seen[place:])
    ranges = head + tail
    return ranges if len(ranges) <= 2 * RANGES_MAX else (ranges[0], *ranges[3:])


def missing(seen: Ranges) -> int:
    """Count the numbers between the first and the last that were never seen."""
    return sum(after - before - 1 for before, after in zip(seen[1::2], seen[2::2], strict=False))
