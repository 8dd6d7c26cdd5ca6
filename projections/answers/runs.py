"""The question about training runs: where each is, what it measured last, and what was asked of it."""

import json
import math
from typing import Any, Final

from coord.events.commands import Refusal, refusal
from coord.events.questions import CheckpointRow, DirectiveRow, RunRow, Runs, RunsAnswer
from coord.events.run import SKIPPED
from coord.projections.answers.alerts import directives_of
from coord.projections.answers.gather import gather
from coord.projections.answers.moment import Moment, as_of, cut
from coord.projections.health.parts import score_run
from coord.projections.store import Reader

DIRECTIVES_LISTED: Final = 10
"""Of each run in a list; of a run that is asked for by name there are a hundred."""
DIRECTIVES_SHOWN: Final = 100
CHECKPOINTS_SHOWN: Final = 100

_RUNS: Final = """
    SELECT run, name, status, node, agent, work_item, world_size, starts, step, checkpoint_step, out_of_memory,
           not_finite, dropped_points, reason, started_at_ns, heard_at_ns
    FROM runs WHERE $run::VARCHAR IS NULL OR run = $run
    ORDER BY status <> 'running', changed_at_ns DESC, run LIMIT $limit"""

_LATEST: Final = """
    SELECT run, metric, value FROM run_latest WHERE list_contains($runs::VARCHAR[], run) ORDER BY run, metric"""

_CHECKPOINTS: Final = """
    SELECT step, path, sha256, size_bytes, write_seconds, recorded_at_ns, position FROM checkpoints
    WHERE run = $run ORDER BY position DESC LIMIT $limit"""

_CONFIGURATION: Final = """
    SELECT arg_max(configuration, position) FROM run_starts WHERE run = $run AND configuration IS NOT NULL"""

_LEFT_OUT: Final = """
    SELECT count(DISTINCT step) AS left_out, max(step) AS left_out_step FROM run_points
    WHERE run = $run AND metric = $metric AND rank = 0"""


def answer_runs(reader: Reader, question: Runs, moment: Moment) -> RunsAnswer | Refusal:
    """List runs, those that run now first; one that is asked for by name with all there is about it."""
    found = reader.rows(_RUNS, run=question.run, limit=question.limit + 1)
    if question.run is not None and not found:
        return refusal("unknown_id", f"there is no run {question.run}.", "coord runs lists what there is.")
    rows, truncated = cut(found, question.limit)
    names = [row["run"] for row in rows]
    facts = gather(reader, moment)
    scores = {run.run: score_run(run, facts).score for run in facts.runs}
    latest = _latest(reader, names)
    asked = directives_of(
        reader, "entity", names, moment, DIRECTIVES_LISTED if question.run is None else DIRECTIVES_SHOWN
    )
    whole = {} if question.run is None else _whole(reader, question.run, moment)
    return RunsAnswer(
        as_of=as_of(reader, moment),
        rows=tuple(
            _run_row(
                row,
                moment,
                latest=latest.get(row["run"], {}),
                directives=tuple[DirectiveRow, ...](asked.get(row["run"], ())),
                score=scores.get(row["run"]),
                **whole,
            )
            for row in rows
        ),
        truncated=truncated,
    )


def _run_row(row: dict[str, Any], moment: Moment, **more: Any) -> RunRow:
    return RunRow(
        age_seconds=moment.seconds_since(row.pop("started_at_ns")),
        silent_seconds=moment.seconds_since(row.pop("heard_at_ns")),
        **row,
        **more,
    )


def _latest(reader: Reader, runs: list[str]) -> dict[str, dict[str, float | str]]:
    found: dict[str, dict[str, float | str]] = {}
    for row in reader.rows(_LATEST, runs=runs):
        found.setdefault(row["run"], {})[row["metric"]] = _worded(row["value"])
    return found


def _worded(value: float) -> float | str:
    """Write what is no number of JSON as a word, as the event did."""
    return value if math.isfinite(value) else str(value)


def _whole(reader: Reader, run: str, moment: Moment) -> dict[str, Any]:
    """Return what only a run that is asked for by name is told with."""
    (left_out,) = reader.rows(_LEFT_OUT, run=run, metric=SKIPPED)
    told = reader.value(_CONFIGURATION, run=run)
    configuration = json.loads(told) if told else {}
    return {"checkpoints": _checkpoints(reader, run, moment), "configuration": configuration, **left_out}


def _checkpoints(reader: Reader, run: str, moment: Moment) -> tuple[CheckpointRow, ...]:
    return tuple(
        CheckpointRow(age_seconds=moment.seconds_since(row.pop("recorded_at_ns")), **row)
        for row in reader.rows(_CHECKPOINTS, run=run, limit=CHECKPOINTS_SHOWN)
    )
