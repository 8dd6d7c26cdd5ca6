"""Questions that surfaces draw from: events, a time line, a run's curves, a machine's readings over time.

A curve or trend never loses an extreme: each bin carries its lowest, highest and newest value.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from coord.events.answer import ROWS_DEFAULT, Answer, Limit, PastQuestion
from coord.events.log_entry import LogEntry
from coord.events.model import Count, Nanoseconds, Note, Number, Seconds, Token, Words

BINS_MAX: Final = 2_000
CURVES_MAX: Final = 12
Bins = Annotated[int, Field(ge=1, le=BINS_MAX)]
Place = Literal["alert", "directive", "checkpoint", "start", "end", "out_of_memory"]
"""What a mark stands for."""


class Events(PastQuestion):
    """Events as they stand in the log, oldest first: the newest that match, up to a moment."""

    aggregate: Token | None = None
    entity: Token | None = None
    type: str | None = Field(default=None, max_length=80)
    """Such as `work.claimed`, whatever its version; or its beginning up to a dot, `work.`; or `work.claimed.v2`."""
    actor: str | None = Field(default=None, max_length=80)
    text: str | None = Field(default=None, min_length=1, max_length=200)
    """What subject or body must contain, whatever its case."""
    limit: Limit = ROWS_DEFAULT


class EventsAnswer(Answer):
    """The events, oldest first."""

    events: tuple[LogEntry, ...]
    searched_from: Count
    """The first position that was looked at: the search is bounded."""
    truncated: bool = False
    """Whether older ones may match."""


class Mark(Words):
    """Something worth going to."""

    kind: Place
    position: Count
    at_ns: Nanoseconds
    entity: Token | None = None
    step: Count | None = None
    """Of a run."""
    words: Note
    """One short sentence."""
    severity: Literal["info", "warning", "critical"] | None = None
    status: str | None = None
    """Of an alert or a directive, as of the moment of the answer."""
    id: Token | None = None


class Timeline(PastQuestion):
    """How many events there were, over a span of the broker's time; the whole log when none is given."""

    since_ns: Nanoseconds | None = None
    until_ns: Nanoseconds | None = None
    """None: now."""
    bins: Bins = 100


class TimelineAnswer(Answer):
    """Bins of equal length from `since_ns` to `until_ns`; what one second holds is never divided."""

    since_ns: Nanoseconds
    until_ns: Nanoseconds
    counts: tuple[Count, ...]
    positions: tuple[Count, ...]
    """The last position at or before the end of each bin; 0 before the first event."""
    marks: tuple[Mark, ...]
    """In order; the newest when there are too many."""
    truncated: bool = False


class Curve(PastQuestion):
    """Metrics of one run over its steps."""

    run: Token
    metrics: tuple[Token, ...] = Field(default=("loss",), min_length=1, max_length=CURVES_MAX)
    rank: Count = 0
    first_step: Count | None = None
    last_step: Count | None = None
    points: Bins = 400
    """At most so many bins of steps."""


class CurveLine(Words):
    """One metric: bins of steps in order, all lists of one length."""

    metric: Token
    steps: tuple[Count, ...]
    """The last step of each bin."""
    lowest: tuple[Number, ...]
    """Over every time a step was done, also before a roll-back; NaN where there was nothing else."""
    highest: tuple[Number, ...]
    """Likewise; NaN where one value was."""
    last: tuple[Number, ...]
    """The newest value of the bin; a step that was done again counts as it was done last."""


class CurveAnswer(Answer):
    """The lines, what happened on the way, and what else there is to see."""

    run: Token
    name: str
    status: str
    lines: tuple[CurveLine, ...]
    marks: tuple[Mark, ...]
    """By step."""
    metrics: tuple[Token, ...]
    """Every metric that the run has told."""
    truncated: bool = False


class Trend(PastQuestion):
    """Readings of machines over time, in bins."""

    metrics: tuple[Token, ...] = Field(min_length=1, max_length=CURVES_MAX)
    node: Token | None = None
    device: str | None = Field(default=None, max_length=64)
    seconds: Seconds = 3_600.0
    """Up to `until_ns`."""
    until_ns: Nanoseconds | None = None
    """None: now. What the broker recorded later is left out, as nobody knew it then."""
    bins: Bins = 60
    limit: Limit = ROWS_DEFAULT


class TrendRow(Words):
    """One series."""

    node: Token
    metric: Token
    device: str = ""
    values: tuple[float | None, ...]
    """The mean of each bin; none where nothing was read."""
    highest: tuple[float | None, ...]
    lowest: tuple[float | None, ...] = ()


class TrendAnswer(Answer):
    """The series, by node, metric and device."""

    since_ns: Nanoseconds
    until_ns: Nanoseconds
    rows: tuple[TrendRow, ...]
    truncated: bool = False
