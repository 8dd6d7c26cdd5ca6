"""The question about a run's curves: bins of steps that lose no extreme, and the marks beside them."""

import math
from typing import Any, Final

from coord.events.commands import Refusal, refusal
from coord.events.questions import Curve, CurveAnswer, CurveLine
from coord.projections.answers.marks import marks_of_run
from coord.projections.answers.moment import Moment, as_of
from coord.projections.store import Reader

METRICS_LISTED_MAX: Final = 1_000

_RUN: Final = "SELECT name, status FROM runs WHERE run = $run"

_METRICS: Final = """
    SELECT metric FROM (SELECT metric FROM run_latest WHERE run = $run
                        UNION SELECT DISTINCT metric FROM run_points WHERE run = $run)
    ORDER BY metric LIMIT $limit"""

_LINES: Final = """
    WITH chosen AS (
        SELECT metric, step, value, position FROM run_points
        WHERE run = $run AND rank = $rank AND list_contains($metrics::VARCHAR[], metric)
          AND step >= $first AND step <= $last),
    span AS (SELECT min(step) AS low, (max(step) - min(step)) // $points + 1 AS width FROM chosen)
    SELECT metric, max(step) AS step, min(value) AS lowest, max(value) AS highest,
           arg_max(value, {position: position, step: step}) AS last
    FROM chosen, span GROUP BY metric, (step - low) // width ORDER BY metric, step"""


def answer_curve(reader: Reader, question: Curve, moment: Moment) -> CurveAnswer | Refusal:
    """Draw metrics of a run over its steps; metrics that it never told have no line."""
    found = reader.rows(_RUN, run=question.run)
    if not found:
        return refusal("unknown_id", f"there is no run {question.run}.", "coord runs lists what there is.")
    marks, truncated = marks_of_run(reader, question)
    listed = reader.rows(_METRICS, run=question.run, limit=METRICS_LISTED_MAX + 1)
    return CurveAnswer(
        as_of=as_of(reader, moment),
        run=question.run,
        **found[0],
        lines=_lines(reader, question),
        marks=marks,
        metrics=tuple(row["metric"] for row in listed[:METRICS_LISTED_MAX]),
        truncated=truncated or len(listed) > METRICS_LISTED_MAX,
    )


def _lines(reader: Reader, question: Curve) -> tuple[CurveLine, ...]:
    rows = reader.rows(
        _LINES,
        run=question.run,
        rank=question.rank,
        metrics=list(question.metrics),
        first=question.first_step or 0,
        last=2**62 if question.last_step is None else question.last_step,
        points=question.points,
    )
    by_metric: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_metric.setdefault(row["metric"], []).append(row)
    wanted = dict.fromkeys(question.metrics)
    return tuple(_line(metric, by_metric[metric]) for metric in wanted if metric in by_metric)


def _line(metric: str, rows: list[dict[str, Any]]) -> CurveLine:
    return CurveLine(
        metric=metric,
        steps=tuple(row["step"] for row in rows),
        **{name: tuple(_number(row[name]) for row in rows) for name in ("lowest", "highest", "last")},
    )


def _number(value: float) -> Any:
    """Write what is no number of JSON as a word, as the event did."""
    return value if math.isfinite(value) else str(value)
