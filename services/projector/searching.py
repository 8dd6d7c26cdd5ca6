"""Searching the log backwards: the newest events that match, read from the log itself.

    end of what is asked <- window <- wider window <- ...   until enough is found, or the search has its fill

The server filters by aggregate and entity; type, actor and text are compared here. A window is read whole, so
what is found is exact down to where the search ended, and the answer says where that is.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from coord.events.questions import Events
from coord.events.streams import EVENTS
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
    subjects, matches = _subjects(question), _matcher(question)
    found: deque[Stored] = deque()
    left, width, high = LOOKED_AT_MAX, WINDOW, until
    stop_at = clock.monotonic() + SECONDS_MAX
    while high > 0 and left > 0 and len(found) <= question.limit and clock.monotonic() < stop_at:
        low = max(1, high - width + 1)
        window = await read_between(log, EVENTS.name, subjects, low, high, MESSAGES_MAX)
        if window is None:
            width = max(1, (high - low + 1) // 2)
            continue
        found.extendleft(stored for stored in reversed(window) if matches(stored))
        left -= len(window)
        high = low - 1
        if len(window) < MESSAGES_MAX // WIDER:
            width *= WIDER
    newest = tuple(found)[-question.limit :]
    enough = len(found) >= question.limit
    searched_from = newest[0].position if enough and newest else high + 1
    return Searched(newest, max(1, searched_from), truncated=len(found) > len(newest) or high > 0)


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
