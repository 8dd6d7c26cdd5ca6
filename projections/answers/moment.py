"""The moment an answer speaks of, and what else it needs to know that no table holds."""

from dataclasses import dataclass
from typing import Final, TypeVar

from coord.events.questions import AsOf
from coord.events.streams import EVENTS
from coord.projections.store import Reader

SECOND_NS: Final = 1_000_000_000
SAMPLE_SECONDS_SILENT: Final = 3.0
"""A node is silent after three of its own intervals, and never before the setting says so."""

R = TypeVar("R")


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

    def seconds_since(self, at_ns: int) -> float:
        """Return an age; never negative, because the broker's clock may be ahead of ours."""
        return max(0.0, (self.time_ns - at_ns) / SECOND_NS)

    def before(self, seconds: float) -> int:
        """Return a moment so long ago."""
        return self.time_ns - round(seconds * SECOND_NS)


def as_of(reader: Reader, moment: Moment) -> AsOf:
    """Say how far the log is folded in."""
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
