"""The question about readings over time: bins of equal length up to now, from raw readings or their minutes.

A bin is placed by the reading's own time. Minutes are used where a bin is at least as long as one, or where
raw readings are not kept any more; a minute belongs to the bin in which it begins, and of one that late readings left
in parts each part is taken for itself. As of a past moment a reading is known that was recorded by then.
"""

from typing import Any, Final

from coord.events.model import trusted
from coord.events.questions import Trend, TrendAnswer, TrendRow
from coord.projections.answers.moment import SECOND_NS, Moment, as_of, cut
from coord.projections.answers.spans import rows_since
from coord.projections.folds.samples import READINGS_HOT, ROLLUP_PARTS
from coord.projections.folds.shape import Table
from coord.projections.store import Reader

MINUTE_SECONDS: Final = 60

_SERIES: Final = """
    SELECT node, metric, device FROM latest
    WHERE list_contains($metrics::VARCHAR[], metric) AND ($node::VARCHAR IS NULL OR node = $node)
      AND ($device::VARCHAR IS NULL OR device = $device) AND at_ns >= $since_ns
    ORDER BY node, metric, device LIMIT $limit"""
_SERIES_THEN: Final = """
    SELECT DISTINCT node, metric, device FROM (
        SELECT node, metric, device, at_ns, recorded_at_ns FROM {readings}
        UNION ALL SELECT node, metric, device, minute_ns, recorded_at_ns FROM {parts}
        UNION ALL SELECT node, metric, device, at_ns, recorded_at_ns FROM latest)
    WHERE list_contains($metrics::VARCHAR[], metric) AND ($node::VARCHAR IS NULL OR node = $node)
      AND ($device::VARCHAR IS NULL OR device = $device) AND at_ns >= $since_ns AND recorded_at_ns <= $then_ns
    ORDER BY node, metric, device LIMIT $limit"""
"""Of a past moment: as `latest` was then."""

_BINS: Final = """
    SELECT node, metric, device, (at_ns - $since_ns) // $width_ns AS bin, {mean} AS values, {highest} AS highest,
           {lowest} AS lowest
    FROM ({rows})
    WHERE at_ns >= $since_ns AND at_ns < $until_ns AND list_contains($metrics::VARCHAR[], metric)
      AND ($node::VARCHAR IS NULL OR node = $node) AND ($device::VARCHAR IS NULL OR device = $device)
      AND isfinite({highest_of}) AND {known}
    GROUP BY node, metric, device, bin"""
_RAW: Final = _BINS.format(
    mean="avg(value)",
    highest="max(value)",
    lowest="min(value)",
    highest_of="value",
    known="recorded_at_ns <= $known_ns",
    rows="SELECT * FROM {readings}",
)
_MINUTES: Final = _BINS.format(
    mean="sum(total) / sum(readings)",
    highest="max(highest)",
    lowest="min(lowest)",
    highest_of="highest",
    known="minute_ns <= $known_ns",
    rows=" UNION ALL ".join(
        f"SELECT node, metric, device, minute_ns AS at_ns, readings, total, highest, lowest, minute_ns FROM {source}"
        for source in ("{parts}", "latest")
    ),
)
_OF_READINGS: Final = """
    SELECT node, metric, device, minute_ns AS at_ns, count(*) AS readings, sum(value) AS total, max(value) AS highest,
           min(value) AS lowest
    FROM (SELECT *, at_ns - at_ns % 60_000_000_000 AS minute_ns FROM {readings}
          WHERE recorded_at_ns <= $known_ns AND at_ns >= $since_ns AND list_contains($metrics::VARCHAR[], metric))
    GROUP BY ALL"""
_MINUTES_THEN: Final = _BINS.format(
    mean="sum(total) / sum(readings)",
    highest="max(highest)",
    lowest="min(lowest)",
    highest_of="highest",
    known="true",
    rows=f"""
        {_OF_READINGS}
        UNION ALL
        SELECT node, metric, device, minute_ns AS at_ns, readings, total, highest, lowest FROM {{parts}}
        ANTI JOIN (SELECT node, metric, device, at_ns AS minute_ns FROM ({_OF_READINGS})) USING (node, metric, device, minute_ns)
        WHERE recorded_at_ns <= $known_ns""",
)
"""Of readings where they are kept, as a minute may have been open then; else minutes that were over."""
_SEALED: Final[dict[str, Table[Any]]] = {"readings": READINGS_HOT, "parts": ROLLUP_PARTS}
_ALL_NS: Final = 2**62
"""Nothing is recorded as late as this."""
_LINES: Final = ("values", "highest", "lowest")


def answer_trend(reader: Reader, question: Trend, moment: Moment) -> TrendAnswer:
    """Bin the readings of each series that has any in the span."""
    until_ns = moment.time_ns if question.until_ns is None else question.until_ns
    known = moment.known_ns(question.until_ns)
    known_ns = _ALL_NS if known is None else known
    width_ns = max(1, round(question.seconds * SECOND_NS / question.bins))
    since_ns = max(0, until_ns - width_ns * question.bins)
    asked = {
        "metrics": list(question.metrics), "node": question.node, "device": question.device, "since_ns": since_ns,
    }  # fmt: skip
    past = moment.stands is not None
    then = {"then_ns": moment.time_ns} if past else {}
    minutes = width_ns >= MINUTE_SECONDS * SECOND_NS or since_ns < moment.readings_since_ns
    read = tuple(_SEALED) if past else ("parts",) if minutes else ("readings",)
    tables = {name: rows_since(reader, _SEALED[name], since_ns) for name in read}
    known_series = _SERIES_THEN.format(**tables) if past else _SERIES
    found_series = reader.rows(known_series, **asked, **then, limit=question.limit + 1)
    series, truncated = cut(found_series, question.limit)
    sql, span = (
        (_MINUTES_THEN if past else _MINUTES) if minutes else _RAW,
        {"until_ns": until_ns, "known_ns": known_ns},
    )
    found = reader.rows(sql.format(**tables), **asked, **span, width_ns=width_ns)
    return TrendAnswer(
        as_of=as_of(reader, moment),
        since_ns=since_ns,
        until_ns=until_ns,
        rows=_rows(series, found, question.bins),
        truncated=truncated,
    )


def _rows(series: list[dict[str, Any]], found: list[dict[str, Any]], count: int) -> tuple[TrendRow, ...]:
    """Give each series its bins; one in which nothing was read holds none."""
    drawn: dict[tuple[Any, ...], dict[str, list[float | None]]] = {
        (one["node"], one["metric"], one["device"]): {name: [None] * count for name in _LINES}
        for one in series
    }
    for row in found:
        lines = drawn.get((row["node"], row["metric"], row["device"]))
        if lines is not None:
            for name, line in lines.items():
                line[row["bin"]] = row[name]
    return tuple(
        trusted(TrendRow, {**one, **{name: tuple(line) for name, line in lines.items()}})
        for one, lines in zip(series, drawn.values(), strict=True)
    )
