"""What is worth going to: alerts, directives, checkpoints, starts, ends and failed allocations, as marks.

An alert about a run has no step of its own: it is that of the worst loss, or of the failed allocation, among
its first evidence; else, like that of a directive nobody has answered, the last step before it.
"""

from typing import Any, Final

from coord.events.model import NOTE_LENGTH_MAX
from coord.events.questions import Curve, Mark
from coord.projections.store import Reader

MARKS_MAX: Final = 500
"""The newest of more."""

_ALERTS: Final = """
    SELECT 'alert' AS kind, raised_position AS position, raised_at_ns AS at_ns, entity_kind, entity, NULL AS step,
           summary AS words, severity, status, alert AS id,
           evidence::JSON ->> '$[0].stream' AS stream, (evidence::JSON ->> '$[0].position')::BIGINT AS cause
    FROM alerts"""
_DIRECTIVES: Final = """
    SELECT 'directive', issued_position, issued_at_ns, entity_kind, entity, step,
           action || ' ' || status || CASE WHEN coalesce(answer, '') = '' THEN '' ELSE ': ' || answer END,
           NULL, status, directive, NULL, NULL FROM directives"""
_STARTS: Final = """
    SELECT 'start', position, recorded_at_ns, 'run', run, coalesce(resumed_from_step, 0),
           CASE WHEN resumed_from_step IS NULL THEN 'started' ELSE 'resumed from step ' || resumed_from_step END,
           NULL, NULL, NULL, NULL, NULL FROM run_starts"""
_ENDS: Final = """
    SELECT 'end', position, recorded_at_ns, 'run', run, step,
           outcome || CASE WHEN coalesce(reason, '') = '' THEN '' ELSE ': ' || reason END,
           NULL, outcome, NULL, NULL, NULL FROM run_ends"""
_CHECKPOINTS: Final = """
    SELECT 'checkpoint', position, recorded_at_ns, 'run', run, step, 'checkpoint at step ' || step,
           NULL, NULL, NULL, NULL, NULL FROM checkpoints"""
_FAILURES: Final = """
    SELECT 'out_of_memory', position, recorded_at_ns, 'run', run, step,
           'out of memory with a micro-batch of ' || micro_batch, NULL, NULL, NULL, NULL, NULL FROM run_failures"""

_EVERYTHING: Final = (_ALERTS, _DIRECTIVES, _STARTS, _ENDS, _CHECKPOINTS, _FAILURES)

_OF_RUN: Final = f"""
    WITH marks AS (
        SELECT * FROM ({" UNION ALL ".join(_EVERYTHING)})
        WHERE entity_kind = 'run' AND entity = $run),
    points AS (SELECT position, step, value, metric FROM run_points WHERE run = $run AND rank = 0),
    causes AS (
        SELECT p.position, arg_max(p.step, p.value) AS step
        FROM points p SEMI JOIN marks m ON m.cause = p.position AND m.stream = 'EVENTS'
        WHERE p.metric = 'loss' GROUP BY p.position
        UNION ALL SELECT position, step FROM run_failures WHERE run = $run),
    steps AS (SELECT position, max(step) AS step FROM points GROUP BY position)
    SELECT m.kind, m.position, m.at_ns, m.entity, m.words, m.severity, m.status, m.id,
           coalesce(m.step, c.step, s.step, 0) AS step
    FROM marks m LEFT JOIN causes c ON c.position = m.cause AND m.stream = 'EVENTS'
    ASOF LEFT JOIN steps s ON m.position >= s.position
    ORDER BY m.position DESC"""

_BETWEEN: Final = f"""
    SELECT kind, position, at_ns, entity, words, severity, status, id, step
    FROM ({" UNION ALL ".join(_EVERYTHING[:4])})
    WHERE at_ns >= $since_ns AND at_ns < $until_ns ORDER BY position DESC LIMIT $limit"""


def marks_of_run(reader: Reader, question: Curve) -> tuple[tuple[Mark, ...], bool]:
    """Return the marks of a run between the steps asked for, by step; and whether there were too many."""
    first = question.first_step or 0
    last = question.last_step
    found = [
        _mark(row)
        for row in reader.rows(_OF_RUN, run=question.run)
        if row["step"] >= first and (last is None or row["step"] <= last)
    ]
    newest = found[:MARKS_MAX]
    return tuple(sorted(newest, key=lambda mark: (mark.step or 0, mark.position))), len(found) > MARKS_MAX


def marks_between(reader: Reader, since_ns: int, until_ns: int) -> tuple[tuple[Mark, ...], bool]:
    """Return the marks of a span of the broker's time, in order; and whether there were too many."""
    found = reader.rows(_BETWEEN, since_ns=since_ns, until_ns=until_ns, limit=MARKS_MAX + 1)
    return tuple(_mark(row) for row in reversed(found[:MARKS_MAX])), len(found) > MARKS_MAX


def _mark(row: dict[str, Any]) -> Mark:
    row["words"] = row["words"][:NOTE_LENGTH_MAX]
    return Mark(**row)
