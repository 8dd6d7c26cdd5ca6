"""Searching the log backwards: the newest events that match, read from the log itself.

    end of what is asked <- window <- wider window <- ...   until enough is found, or the search has its fill

The server filters by aggregate and entity; type, actor and text are compared here. A window is read whole, so
what is found is exact down to where the search ended, and the answer says where that is.
"""

from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from coord.events.questions import Events
from coord.events.streams import EVENTS, MIB
from coord.events.wire import Stored
from coord.services import clock
from coord.services.log import Log
from coord.services.log.looking_back import read_between

WINDOW: Final = 1_000
"""Positions in the first window."""
WIDER: Final = 4
"""How much wider the next window is, while little is read."""
MESSAGES_MAX: Final = 5_000
"""Read from one window; one that holds more is halved."""
ANSWER_BYTES_MAX: Final = 8 * MIB
"""Of the bodies of what is found; what is older goes, and the answer says so."""
LOOKED_AT_MAX: Final = 50_000
"""Messages read for one question."""
SECONDS_MAX: Final = 2.0


@dataclass(frozen=True, slots=True)
class Searched:
    """What was found, oldest first, and down to which position everything was looked at."""

    events: tuple[Stored, ...]
    searched_from: int
    truncated: bool


async def search(log: Log, question: Events, until: int) -> Searched:
    """Search from a position backwards.

    Raises:
        NoServer, OutcomeUnknown: the log cannot be read.
    """
    matches, found = _matcher(question), _Newest(question.limit)
    left, width, high = LOOKED_AT_MAX, WINDOW, until
    stop_at = clock.monotonic() + SECONDS_MAX
    while high > 0 and left > 0 and not found.is_full and clock.monotonic() < stop_at:
        low = max(1, high - width + 1)
        window = _Newest(question.limit)
        looked_at = await _look(log, question, low, high, matches, window)
        if looked_at > MESSAGES_MAX:
            width = max(1, (high - low + 1) // 2)
            continue
        found.put_before(window)
        left -= looked_at
        high = low - 1
        width *= WIDER if looked_at < MESSAGES_MAX // WIDER else 1
    newest = found.events()
    searched_from = newest[0].position if found.is_full and newest else high + 1
    return Searched(newest, max(1, searched_from), truncated=found.is_full or high > 0)


class _Newest:
    """The newest of the messages it is given in order, as many as are wanted and fit into an answer."""

    def __init__(self, limit: int) -> None:
        self.is_full = False
        """Whether an older one had to go, or would have to."""
        self._limit = limit
        self._kept: deque[Stored] = deque()
        self._bytes = 0

    def add(self, stored: Stored) -> None:
        """Take one that is newer than all others."""
        self._kept.append(stored)
        self._bytes += len(stored.body)
        while len(self._kept) > self._limit or (self._bytes > ANSWER_BYTES_MAX and len(self._kept) > 1):
            self._bytes -= len(self._kept.popleft().body)
            self.is_full = True

    def put_before(self, older: "_Newest") -> None:
        """Take as many as fit of some that are all older."""
        self.is_full = self.is_full or older.is_full
        newer, self._kept, self._bytes = self._kept, older._kept, older._bytes
        for stored in newer:
            self.add(stored)

    def events(self) -> tuple[Stored, ...]:
        """Return them, oldest first."""
        return tuple(self._kept)


async def _look(
    log: Log, question: Events, low: int, high: int, matches: Callable[[Stored], bool], found: _Newest
) -> int:
    """Look at every message of a window, oldest first; returns how many: more than `MESSAGES_MAX` are too many."""
    looked_at = 0
    batches = read_between(log, EVENTS.name, _subjects(question), low, high)
    async with aclosing(batches):  # type: ignore[type-var]
        async for batch in batches:
            looked_at += len(batch)
            if looked_at > MESSAGES_MAX:
                break
            for stored in filter(matches, batch):
                found.add(stored)
    return looked_at


def _subjects(question: Events) -> tuple[str, ...]:
    if question.aggregate is None and question.entity is None:
        return ()
    return (f"ev.*.{question.aggregate or '*'}.{question.entity or '*'}",)


def _matcher(question: Events) -> Callable[[Stored], bool]:
    wanted, actor = question.type, question.actor
    text = None if question.text is None else question.text.casefold()

    def matches(stored: Stored) -> bool:
        headers = stored.headers or {}
        if wanted is not None and not _is_type(headers.get("ce-type", ""), wanted):
            return False
        if actor is not None and headers.get("cx-actor", "") != actor:
            return False
        return text is None or text in stored.subject.casefold() or text in _words(stored.body)

    return matches


def _is_type(type_: str, wanted: str) -> bool:
    """Tell whether a type is the one wanted, whatever its version, or begins with it up to a dot."""
    return type_ == wanted or type_.startswith(wanted if wanted.endswith(".") else f"{wanted}.v")


def _words(body: bytes) -> str:
    return body.decode("utf-8", "replace").casefold()
