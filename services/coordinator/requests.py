"""Which requests were answered by which event: the same request again gets the same reply.

Only the position of the decided event is kept; the reply is made again from the log. A request older than
a day, or older than the oldest that fits in memory, is answered "unknown" when its id tells its age
(UUIDv7 does); after that nobody can say any more whether it happened.

A day of busy agents is some hundred thousand requests, so what is kept of each is 32 bytes in arrays, and no
object: as objects they took ten times that, and held on to the memory of what was freed between them. An id
is known by 64 bits of it: that a new one is taken for one of 400,000 others happens once in 10**13 requests,
and then its sender is told that the id was used for something else, or gets a reply to the same words.
"""

import mmap
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple

from coord.services import clock

KEPT_MS: Final = 24 * 3_600_000
KEPT_MAX: Final = 400_000
_SALT_BYTES: Final = 16
_PREFIX_LENGTH: Final = 8
_PREFIX_SHIFT: Final = 16
"""Of the 48 bits of a UUIDv7 that tell when it was made, the first eight digits hold all but so many."""
_MARKS_AT_HAND: Final = 4_096


class Kept(NamedTuple):
    """All that is remembered, oldest first, for a snapshot: numbers of 64 bits in the order of this machine."""

    salt: bytes
    forgotten_ms: int
    marks: bytes
    positions: bytes
    at_ms: bytes


class Requests:
    """Request ids and the positions of the events that answered them, oldest first."""

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        self._room = kept_max + 1
        self._mark = lru_cache(_MARKS_AT_HAND)(self._made_mark)
        """A request is looked up when it comes, and noted when it is answered."""
        self._salt = clock.new_id().encode()[-_SALT_BYTES:]
        """Whoever makes ids cannot know which of them would share a chain."""
        self._forgotten_ms = 0
        self._oldest = self._next = 0
        """Requests are numbered as they come; the n-th stands at place n % room."""
        self._marks, self._positions, self._at_ms = (_zeros(self._room, "Q") for _ in range(3))
        self._after = _zeros(self._room, "I")
        """The next older entry of the same chain, by its place plus one; 0 ends a chain."""
        self._heads = _zeros(self._room, "I")
        """The newest entry of each chain, by its place plus one."""

    def __len__(self) -> int:
        return self._next - self._oldest

    def remember(self, request_id: str, position: int, at_ms: int) -> None:
        """Note that the event at `position` answered a request at `at_ms`."""
        mark = self._mark(request_id)
        place = self._find(mark)
        if place is None:
            place = self._add(mark)
        self._positions[place], self._at_ms[place] = position, at_ms
        while self._next - self._oldest >= self._room or (
            self._oldest < self._next and self._at_ms[self._oldest % self._room] < at_ms - KEPT_MS
        ):
            self._forget()

    def position_of(self, request_id: str) -> int | None:
        """Return the position of the event that answered a request, if one is remembered."""
        place = self._find(self._mark(request_id))
        return None if place is None else self._positions[place]

    def is_too_old(self, request_id: str, now_ms: int) -> bool:
        """Tell whether a request was made so long ago that its answer may have been forgotten."""
        oldest_ms = max(now_ms - KEPT_MS, self._forgotten_ms)
        if request_id[:_PREFIX_LENGTH] > _prefix(oldest_ms >> _PREFIX_SHIFT):
            return False
        made_ms = clock.id_time_ms(request_id)
        return made_ms is not None and made_ms < oldest_ms

    def kept(self) -> Kept:
        """Return all that is remembered."""
        first = self._oldest % self._room
        last = first + len(self)
        marks, positions, at_ms = (
            column[first:last].tobytes() + column[: max(last - self._room, 0)].tobytes()
            for column in (self._marks, self._positions, self._at_ms)
        )
        return Kept(self._salt, self._forgotten_ms, marks, positions, at_ms)

    def restore(self, kept: Kept) -> None:
        """Remember what another did, in place of nothing."""
        assert not len(self)
        self._salt, self._forgotten_ms = kept.salt, kept.forgotten_ms
        self._mark.cache_clear()
        columns = [memoryview(one).cast("Q") for one in (kept.marks, kept.positions, kept.at_ms)]
        first = max(0, len(columns[0]) - self._room + 1)
        self._next = len(columns[0]) - first
        for column, told in zip((self._marks, self._positions, self._at_ms), columns, strict=True):
            column[: self._next] = told[first:]
        for place, mark in enumerate(self._marks[: self._next]):
            self._chain(place, mark)

    def _made_mark(self, request_id: str) -> int:
        return int.from_bytes(blake2b(request_id.encode(), digest_size=8, salt=self._salt).digest())

    def _find(self, mark: int) -> int | None:
        after = self._heads[mark % self._room]
        while after:
            if self._marks[after - 1] == mark:
                return after - 1
            after = self._after[after - 1]
        return None

    def _add(self, mark: int) -> int:
        """Put an entry first in the chain of those with its remainder: the oldest is the last one."""
        place = self._next % self._room
        self._next += 1
        self._marks[place] = mark
        self._chain(place, mark)
        return place

    def _chain(self, place: int, mark: int) -> None:
        chain = mark % self._room
        self._after[place] = self._heads[chain]
        self._heads[chain] = place + 1

    def _forget(self) -> None:
        """Forget the oldest; it is the last of its chain."""
        gone = self._oldest % self._room
        chain = self._marks[gone] % self._room
        if self._heads[chain] == gone + 1:
            self._heads[chain] = 0
        else:
            place = self._heads[chain] - 1
            while self._after[place] != gone + 1:
                place = self._after[place] - 1
            self._after[place] = 0
        self._forgotten_ms = max(self._forgotten_ms, self._at_ms[gone])
        self._oldest += 1


@lru_cache(maxsize=4)
def _prefix(time: int) -> str:
    """Return how the UUIDv7s of a time begin: whatever sorts behind it is no UUIDv7, or was made later."""
    return f"{time:08x}"


def _zeros(count: int, kind: str) -> "memoryview[int]":
    """Make room for numbers; what is never written to takes no memory."""
    size = 8 if kind == "Q" else 4
    return memoryview(mmap.mmap(-1, size * count)).cast(kind)  # type: ignore[call-overload, no-any-return]
