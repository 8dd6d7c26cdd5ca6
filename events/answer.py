"""What every answer carries: the moment it speaks of, and the bounds on its rows."""

from typing import Annotated, Final

from pydantic import Field

from coord.events.model import Count, Nanoseconds, Words

ROWS_MAX: Final = 1_000
ROWS_DEFAULT: Final = 100
Limit = Annotated[int, Field(ge=1, le=ROWS_MAX)]


class AsOf(Words):
    """The moment an answer speaks of."""

    position: Count
    """Last position of EVENTS that is folded in; 0 before the first."""
    time_ns: Nanoseconds
    """The projector's clock when it answered; ages are measured against it."""
    recorded_at_ns: Nanoseconds = 0
    """The broker's time of that position."""
    lag: Count = 0
    """Events in the log that were not folded in yet, as the projector last knew."""


class Answer(Words):
    """What every answer carries."""

    as_of: AsOf
