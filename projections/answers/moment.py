"""The moment an answer speaks of, and what else it needs to know that no table holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from coord.events.questions import AsOf
from coord.events.streams import EVENTS
from coord.projections.folds.samples import READINGS_HOT
from coord.projections.store import KEEPING, Kept, Reader

SECOND_NS: Final = 1_000_000_000
SAMPLE_SECONDS_SILENT: Final = 3.0
"""A node is silent after three of its own intervals, and never before the setting says so."""

R = TypeVar("R")


class Followed(NamedTuple):
    """How folding stands to one stream of the log."""

    stream: str
    behind: int
    """Messages that are not folded in, as last known."""
    per_second: float
    """Messages that were folded in lately."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a question is asked, and how things stand with who answers it."""

    time_ns: int
    """Ages are measured against it."""
    lag: int = 0
    """Events in the log that are not folded in, as last known."""
    log_silent_seconds: float = 0.0
    opened: str = "clean"
    opened_because: str = ""
    agent_silence_seconds: float = 60.0
    node_silence_seconds: float = 10.0
    run_silence_seconds: float = 60.0
    past: bool = False
    """Whether it is a past one, of tables that were folded up to there."""
    followed: tuple[Followed, ...] = ()
    """By stream; empty where nothing is followed."""
    keeping: Mapping[str, Kept] = field(default_factory=lambda: KEEPING)
    """How much of readings and rollups is kept."""
    stands: AsOf | None = None
    """Of a past moment that is asked of live tables: what is said of it. Readings recorded later are not known then."""
    now_ns: int | None = None
    """The present, where it is not the moment itself: what is kept is counted from there."""

    @property
    def readings_since_ns(self) -> int:
        """From when on every single reading is kept, unless there are too many."""
        now_ns = self.time_ns if self.now_ns is None else self.now_ns
        return now_ns - self.keeping[READINGS_HOT.name].kept_ns

    def known_ns(self, until_ns: int | None) -> int | None:
        """Return up to when readings must have been recorded to be known: a span's end, or the past moment; None: any."""
        if self.stands is None:
            return until_ns
        return self.time_ns if until_ns is None else min(until_ns, self.time_ns)

    def seconds_since(self, at_ns: int) -> float:
        """Return an age; never negative, because the broker's clock may be ahead of ours."""
        return max(0.0, (self.time_ns - at_ns) / SECOND_NS)

    def before(self, seconds: float) -> int:
        """Return a moment so long ago."""
        return self.time_ns - round(seconds * SECOND_NS)


def as_of(reader: Reader, moment: Moment) -> AsOf:
    """Say how far the log is folded in."""
    if moment.stands is not None:
        return moment.stands
    mark = reader.mark(EVENTS.name)
    return AsOf(
        position=mark.position if mark else 0,
        time_ns=moment.time_ns,
        recorded_at_ns=mark.recorded_at_ns if mark else 0,
        lag=moment.lag,
        past=moment.past,
    )


def cut(rows: list[R], limit: int) -> tuple[list[R], bool]:
    """Keep `limit` rows of one more that were asked for, and tell whether there was one more."""
    return rows[:limit], len(rows) > limit
