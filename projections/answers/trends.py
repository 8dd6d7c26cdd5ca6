"""The question about readings over time: bins of equal length up to now, from raw readings or their minutes.

A bin is placed by the reading's own time. Minutes are used where a bin is at least as long as one, or where
raw readings are not kept any more; a minute belongs to the bin in which it begins.
"""

from typing import Any, Final

from coord.events.questions import Trend, TrendAnswer, TrendRow
from coord.events.streams import SAMPLES
from coord.projections.answers.moment import SECOND_NS, Moment, as_of, cut
from coord.projections.store import Reader

MINUTE_SECONDS: Final = 60

_SERIES: Final = """
    SELECT node, metric, device FROM latest
    WHERE list_contains($metrics::VARCHAR[], metric) AND ($node::VARCHAR IS NULL OR node = $node)
      AND at_ns >= $since_ns
    ORDER BY node, metric, device LIMIT $limit"""

_BINS: Final = """
    SELECT node, metric, device, (at_ns - $since_ns) // $width_ns AS bin, {mean} AS mean, {highest} AS highest
    FROM ({rows})
    WHERE at_ns >= $since_ns AND at_ns < $until_ns AND list_contains($metrics::VARCHAR[], metric)
      AND ($node::VARCHAR IS NULL OR node = $node) AND isfinite({highest_of})
    GROUP BY node, metric, device, bin"""
_RAW: Final = _BINS.format(
    mean="avg(value)", highest="max(value)", highest_of="value", rows="SELECT * FROM readings"
)
_MINUTES: Final = _BINS.format(
    mean="sum(total) / sum(readings)",
    highest="max(highest)",
    highest_of="highest",
    rows="SELECT minute_ns AS at_ns, * FROM rollups",
)


def answer_trend(reader: Reader, question: Trend, moment: Moment) -> TrendAnswer:
    """Bin the readings of each series that has any in the span."""
    until_ns = moment.time_ns
    width_ns = max(1, round(question.seconds * SECOND_NS / question.bins))
    since_ns = max(0, until_ns - width_ns * question.bins)
    asked = {"metrics": list(question.metrics), "node": question.node, "since_ns": since_ns}
    series, truncated = cut(reader.rows(_SERIES, **asked, limit=question.limit + 1), question.limit)
    minutes = width_ns >= MINUTE_SECONDS * SECOND_NS or question.seconds > SAMPLES.age_seconds_max
    found = reader.rows(_MINUTES if minutes else _RAW, **asked, until_ns=until_ns, width_ns=width_ns)
    bins = {(row["node"], row["metric"], row["device"], row["bin"]): row for row in found}
    return TrendAnswer(
        as_of=as_of(reader, moment),
        since_ns=since_ns,
        until_ns=until_ns,
        rows=tuple(_row(one, bins, question.bins) for one in series),
        truncated=truncated,
    )


def _row(one: dict[str, Any], bins: dict[tuple[Any, ...], dict[str, Any]], count: int) -> TrendRow:
    found = [bins.get((one["node"], one["metric"], one["device"], place), {}) for place in range(count)]
    return TrendRow(
        **one,
        values=tuple(row.get("mean") for row in found),
        highest=tuple(row.get("highest") for row in found),
    )
