"""The question about the time line: how many events there were when, and what is worth going to."""

from typing import Any, Final

from coord.events.questions import Timeline, TimelineAnswer
from coord.projections.answers.marks import marks_between
from coord.projections.answers.moment import SECOND_NS, Moment, as_of
from coord.projections.store import Reader

_BEGAN: Final = "SELECT min(second_ns) FROM pace"
_BEFORE: Final = "SELECT coalesce(max(position), 0) FROM pace WHERE second_ns < $since_ns"
_BINS: Final = """
    SELECT (second_ns - $since_ns) // $width_ns AS bin, sum(events)::BIGINT AS events, max(position) AS position
    FROM pace WHERE second_ns >= $since_ns AND second_ns < $until_ns GROUP BY bin"""


def answer_timeline(reader: Reader, question: Timeline, moment: Moment) -> TimelineAnswer:
    """Count events in bins; a second belongs to the bin in which it begins.

    Without `since_ns` it begins with the log, or so much sooner that no bin is shorter than a second.
    """
    until_ns = moment.time_ns if question.until_ns is None else question.until_ns
    since_ns = question.since_ns
    if since_ns is None:
        began_ns = reader.value(_BEGAN)
        shortest = until_ns - question.bins * SECOND_NS
        since_ns = max(0, shortest if began_ns is None else min(began_ns, shortest))
    since_ns = min(since_ns, until_ns)
    width_ns = max(1, -(-(until_ns - since_ns) // question.bins))
    asked = {"since_ns": since_ns, "width_ns": width_ns, "until_ns": since_ns + width_ns * question.bins}
    bins = {row["bin"]: row for row in reader.rows(_BINS, **asked)}
    marks, truncated = marks_between(reader, since_ns, asked["until_ns"])
    return TimelineAnswer(
        as_of=as_of(reader, moment),
        since_ns=since_ns,
        until_ns=asked["until_ns"],
        counts=tuple(bins[place]["events"] if place in bins else 0 for place in range(question.bins)),
        positions=_positions(reader.value(_BEFORE, since_ns=since_ns), bins, question.bins),
        marks=marks,
        truncated=truncated,
    )


def _positions(before: int, bins: dict[int, dict[str, Any]], count: int) -> tuple[int, ...]:
    found = []
    for place in range(count):
        before = bins[place]["position"] if place in bins else before
        found.append(before)
    return tuple(found)
