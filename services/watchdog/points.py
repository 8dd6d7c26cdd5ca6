"""The points of one run that rules of loss look at: those of rank 0, in the order of the log, each once."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from coord.events.envelope import Recorded
from coord.events.model import Number
from coord.events.run import RunMetricsRecorded
from coord.projections.folds import seen


class PointSeen(NamedTuple):
    """One step's values, and the message they came in."""

    step: int
    values: Mapping[str, Number]
    position: int


class Points:
    """A fold over the events of one run: a pack that was sent again gives nothing."""

    def __init__(self) -> None:
        self._seen: dict[str, seen.Ranges] = {}
        self.dropped = 0
        """Points that the writers of rank 0 say they dropped."""
        self._dropped_of: dict[str, int] = {}

    def take(self, recorded: Recorded) -> Iterator[PointSeen]:
        """Yield the points of a message that were not seen before; none when it is no metrics of rank 0."""
        event = recorded.event
        if not isinstance(event, RunMetricsRecorded) or event.rank != 0:
            return
        known = self._seen.get(event.writer, ())
        if seen.has(known, event.writer_sequence):
            return
        self._seen[event.writer] = seen.add(known, event.writer_sequence)
        before = self._dropped_of.get(event.writer, 0)
        self._dropped_of[event.writer] = max(before, event.dropped_points)
        self.dropped += max(0, event.dropped_points - before)
        for point in event.points:
            yield PointSeen(point.step, point.values, recorded.position)
