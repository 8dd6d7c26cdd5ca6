"""What every answer carries: the moment it speaks of, and the bounds on its rows."""

from typing import Annotated, Final, Self, get_args, get_origin

from pydantic import Field, model_validator

from coord.events.model import Count, Nanoseconds, Position, Question, Words

ROWS_MAX: Final = 1_000
ROWS_DEFAULT: Final = 100
ARROW_ROWS_MAX: Final = 100_000
"""Of an answer as a stream of Arrow, which costs its reader no parsing."""
ARROW: Final = "application/vnd.apache.arrow.stream"
"""The media type of that."""
ACCEPT: Final = "accept"
"""The header of a question that names it where it is wanted."""
FORM: Final = "content-type"
"""The header of an answer with its media type."""
AFTER: Final = "coord-after"
"""The header with the position of EVENTS that must be folded in first, or `now`: what the log holds by then."""
AS_OF: Final = "coord-as-of"
"""The header, and the key of an Arrow schema, with the moment an answer speaks of, as JSON."""
TRUNCATED: Final = "coord-truncated"
"""Likewise: true where there were more rows."""
_LISTS: Final = ("rows", "events", "figures", "parts")
"""What an answer's list is called."""
Limit = Annotated[int, Field(ge=1, le=ROWS_MAX)]

assert ROWS_MAX < ARROW_ROWS_MAX


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
    past: bool = False
    """Whether a past moment was asked for: `time_ns` is then that moment, by the broker's clock."""


class PastQuestion(Question):
    """A question that may be asked of a past moment: of a position of EVENTS, or of a time; neither: now."""

    at_position: Position | None = None
    at_ns: Nanoseconds | None = None
    """The last position before the first that the broker recorded later than this."""

    @model_validator(mode="after")
    def _one_moment(self) -> Self:
        if self.at_position is not None and self.at_ns is not None:
            raise ValueError("at_position and at_ns name two moments: give one of them")
        return self

    @property
    def is_past(self) -> bool:
        """Whether a past moment is asked for."""
        return self.at_position is not None or self.at_ns is not None


class Answer(Words):
    """What every answer carries."""

    as_of: AsOf


def list_in(answer: type[Words]) -> tuple[str, type[Words]] | None:
    """Return the field of an answer that is its list, and what that is a list of; None: it is no list."""
    for field in _LISTS:
        annotation = answer.model_fields[field].annotation if field in answer.model_fields else None
        if get_origin(annotation) is tuple:
            return field, get_args(annotation)[0]
    return None
