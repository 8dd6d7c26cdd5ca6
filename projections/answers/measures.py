"""The questions about what is measured: the list of metrics, what was read last, and readings as they were taken."""

import math
from typing import Any, Final

from coord.events.measures import unit_of
from coord.events.model import trusted
from coord.events.questions import (
    Latest,
    LatestAnswer,
    LatestRow,
    MetricRow,
    Metrics,
    MetricsAnswer,
    ReadingRow,
    Readings,
    ReadingsAnswer,
)
from coord.projections.answers.moment import Moment, as_of, cut
from coord.projections.answers.spans import rows_since
from coord.projections.folds.samples import READINGS_HOT
from coord.projections.store import Reader

_METRICS: Final = """
    SELECT 'nodes' AS told_by, metric, count(DISTINCT node) AS tellers, count(*) AS series,
           arg_max(value, at_ns) AS value, max(at_ns) AS at_ns,
           arg_max(node, at_ns) AS newest_of, arg_max(device, at_ns) AS device
    FROM latest WHERE $node::VARCHAR IS NULL OR node = $node GROUP BY metric
    UNION ALL
    SELECT 'runs', metric, count(*), count(*), arg_max(value, recorded_at_ns), max(recorded_at_ns),
           arg_max(run, recorded_at_ns), ''
    FROM run_latest WHERE $node::VARCHAR IS NULL GROUP BY metric
    ORDER BY told_by, metric LIMIT $limit"""

_LATEST: Final = """
    SELECT metric, node, device, value, at_ns, recorded_at_ns FROM latest
    WHERE ($metric::VARCHAR IS NULL OR metric = $metric) AND ($node::VARCHAR IS NULL OR node = $node)
      AND ($device::VARCHAR IS NULL OR device = $device) AND isfinite(value)
    ORDER BY metric, node, device LIMIT $limit"""

_READINGS: Final = """
    SELECT at_ns, node, device, value, recorded_at_ns FROM {readings}
    WHERE metric = $metric AND at_ns >= $since_ns AND at_ns < $until_ns AND recorded_at_ns <= $known_ns
      AND ($node::VARCHAR IS NULL OR node = $node) AND ($device::VARCHAR IS NULL OR device = $device)
    ORDER BY at_ns, node, device LIMIT $limit"""


def answer_metrics(reader: Reader, question: Metrics, moment: Moment) -> MetricsAnswer:
    """List the metrics, those of machines first."""
    found = reader.rows(_METRICS, node=question.node, limit=question.limit + 1)
    rows, truncated = cut(found, question.limit)
    return MetricsAnswer(as_of=as_of(reader, moment), rows=tuple(map(_metric, rows)), truncated=truncated)


def answer_latest(reader: Reader, question: Latest, moment: Moment) -> LatestAnswer:
    """List the newest reading of each series."""
    asked = {"metric": question.metric, "node": question.node, "device": question.device}
    rows, truncated = cut(reader.rows(_LATEST, **asked, limit=question.limit + 1), question.limit)
    return LatestAnswer(
        as_of=as_of(reader, moment),
        rows=tuple(trusted(LatestRow, row) for row in rows),
        truncated=truncated,
    )


def answer_readings(reader: Reader, question: Readings, moment: Moment) -> ReadingsAnswer:
    """List raw readings, oldest first."""
    until_ns = moment.time_ns if question.until_ns is None else question.until_ns
    found = reader.rows(
        _READINGS.format(readings=rows_since(reader, READINGS_HOT, question.since_ns)),
        metric=question.metric,
        node=question.node,
        device=question.device,
        since_ns=question.since_ns,
        until_ns=until_ns,
        known_ns=moment.known_ns(until_ns),
        limit=question.limit + 1,
    )
    rows, truncated = cut(found, question.limit)
    return ReadingsAnswer(
        as_of=as_of(reader, moment),
        rows=tuple(trusted(ReadingRow, row) for row in rows),
        truncated=truncated,
    )


def _metric(row: dict[str, Any]) -> MetricRow:
    value = row.pop("value")
    told: Any = value if math.isfinite(value) else str(value)
    return MetricRow(unit=unit_of(row["metric"]), value=told, **row)
