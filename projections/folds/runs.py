"""Training runs as tables.

    runs            one row a run: where it is, and what it was last heard of
    run_starts      each start and resumption, with its configuration
    run_ends        each time a run finished or was declared lost
    run_failures    each allocation that failed
    run_points      every metric of every step, in the order it arrived
    run_latest      the newest value of every metric of rank 0: one row a run and metric
    evaluations     every metric of every evaluation
    checkpoints     each checkpoint that was written and verified
    run_writers     which packs of each writer were seen: a pack sent again changes nothing

A value that is not finite stays what it is: NaN and the infinities are numbers of a column.
Every event that a run writes is a sign of life: one that was lost and is heard again is running.
"""

from collections.abc import Sequence
from typing import Final

from coord.events import run as facts
from coord.events.envelope import Recorded
from coord.events.model import Number
from coord.projections.folds import seen
from coord.projections.folds.oddities import note
from coord.projections.folds.run_rows import (
    CHECKPOINTS,
    EVALUATIONS,
    RUN_ENDS,
    RUN_FAILURES,
    RUN_LATEST,
    RUN_POINTS,
    RUN_STARTS,
    RUN_WRITERS,
    RUNS,
    Checkpoint,
    Evaluation,
    Run,
    RunEnd,
    RunFailure,
    RunLatest,
    RunStart,
    RunWriter,
)
from coord.projections.folds.shape import Draft, Projection, Reads, small_json

_MARKS: Final = frozenset((facts.SKIPPED, facts.PAUSED, facts.WAITING_SECONDS))
"""Metrics that are true of one step or moment: the newest value is gone with the next point that has none."""
_KEPT: Final = (
    "checkpoint_step", "out_of_memory", "not_finite", "not_finite_position", "not_finite_at_ns", "dropped_points",
)  # fmt: skip
"""What a run that starts again goes on with."""


def _reads(some: Sequence[Recorded]) -> Reads:
    yield RUNS, {(one.entity,) for one in some}
    for one in some:
        if isinstance(one.event, facts.RunMetricsRecorded):
            yield RUN_WRITERS, ((one.entity, one.event.writer),)
            metrics = _MARKS.union(*(point.values for point in one.event.points))
            yield RUN_LATEST, [(one.entity, metric) for metric in metrics]


def _known(draft: Draft, recorded: Recorded) -> Run | None:
    """Return the run to change, heard; None, and a note, when there is none."""
    run = draft.change(RUNS, recorded.entity)
    if run is None:
        note(draft, recorded, "no such run was started")
        return None
    run.heard_at_ns = recorded.recorded_at_ns
    run.position = recorded.position
    if run.status == "lost":
        run.status, run.reason, run.changed_at_ns = "running", None, recorded.recorded_at_ns
    return run


def _started(draft: Draft, recorded: Recorded, event: facts.RunStarted) -> None:
    at_ns = recorded.recorded_at_ns
    before = draft.get(RUNS, recorded.entity)
    draft.put(
        RUNS,
        Run(
            run=recorded.entity,
            name=event.name,
            status="running",
            node=event.node,
            agent=event.agent,
            work_item=event.work_item,
            world_size=event.world_size,
            started_at_ns=before.started_at_ns if before else at_ns,
            changed_at_ns=at_ns,
            heard_at_ns=at_ns,
            position=recorded.position,
            starts=before.starts + 1 if before else 1,
            step=event.resumed_from_step or 0,
            **{name: getattr(before, name) for name in _KEPT if before},
        ),
    )
    configuration, configuration_bytes = small_json(event.configuration)
    draft.append(
        RUN_STARTS,
        RunStart(
            run=recorded.entity,
            name=event.name,
            node=event.node,
            agent=event.agent,
            world_size=event.world_size,
            configuration=configuration,
            configuration_bytes=configuration_bytes,
            resumed_from_step=event.resumed_from_step,
            recorded_at_ns=at_ns,
            position=recorded.position,
        ),
    )


def _metrics_recorded(draft: Draft, recorded: Recorded, event: facts.RunMetricsRecorded) -> None:
    run = _known(draft, recorded)
    writer = _new_from(draft, recorded, run, event) if run is not None else None
    if run is None or writer is None:
        return
    if event.rank == 0 and event.writer_sequence == writer.seen[-1] and writer.start == run.starts:
        _latest(draft, recorded, run, event)
    columns = draft.columns(RUN_POINTS)
    for point in event.points:
        values = _floats(recorded, run, point.values)
        count = len(values)
        columns["run"].extend([recorded.entity] * count)
        columns["metric"].extend(point.values)
        columns["rank"].extend([event.rank] * count)
        columns["step"].extend([point.step] * count)
        columns["value"].extend(values)
        columns["start"].extend([writer.start] * count)
        columns["recorded_at_ns"].extend([recorded.recorded_at_ns] * count)
        columns["position"].extend([recorded.position] * count)


def _new_from(
    draft: Draft, recorded: Recorded, run: Run, event: facts.RunMetricsRecorded
) -> RunWriter | None:
    """Return who wrote a pack, the pack counted; None when it was seen before."""
    writer = draft.change(RUN_WRITERS, recorded.entity, event.writer)
    number = event.writer_sequence
    if writer is None:
        writer = draft.put(
            RUN_WRITERS, RunWriter(recorded.entity, event.writer, run.starts, (number, number), 0, 0)
        )
    elif seen.has(writer.seen, number):
        return None
    else:
        writer.seen = seen.add(writer.seen, number)
    more = max(0, event.dropped_points - writer.dropped_points)
    writer.dropped_points += more
    run.dropped_points += more
    writer.position = recorded.position
    return writer


def _latest(draft: Draft, recorded: Recorded, run: Run, event: facts.RunMetricsRecorded) -> None:
    """Keep the values of the newest pack; one that comes late is history only."""
    if run.status == "running":
        run.step = event.points[-1].step
    values = {metric: (point.step, value) for point in event.points for metric, value in point.values.items()}
    last = event.points[-1].values.keys()
    for mark in _MARKS - last if last != {facts.WAITING_SECONDS} else ():
        values.pop(mark, None)
        if draft.get(RUN_LATEST, recorded.entity, mark) is not None:
            draft.drop(RUN_LATEST, recorded.entity, mark)
    at_ns, position = recorded.recorded_at_ns, recorded.position
    for metric, (step, value) in values.items():
        draft.put(RUN_LATEST, RunLatest(recorded.entity, metric, float(value), step, at_ns, position))


def _floats(recorded: Recorded, run: Run, values: dict[str, Number]) -> list[float]:
    worded = sum(isinstance(value, str) for value in values.values())
    if worded:
        run.not_finite += worded
        run.not_finite_position, run.not_finite_at_ns = recorded.position, recorded.recorded_at_ns
    return [float(value) for value in values.values()]


def _evaluated(draft: Draft, recorded: Recorded, event: facts.RunEvaluated) -> None:
    run = _known(draft, recorded)
    if run is None:
        return
    for metric, value in zip(event.values, _floats(recorded, run, event.values), strict=True):
        draft.append(
            EVALUATIONS,
            Evaluation(
                recorded.entity, metric, event.step, value, recorded.recorded_at_ns, recorded.position
            ),
        )


def _checkpoint_written(draft: Draft, recorded: Recorded, event: facts.RunCheckpointWritten) -> None:
    run = _known(draft, recorded)
    if run is None:
        return
    run.checkpoint_step = event.step
    draft.append(
        CHECKPOINTS,
        Checkpoint(
            run=recorded.entity,
            step=event.step,
            path=event.path,
            sha256=event.sha256,
            size_bytes=event.size_bytes,
            write_seconds=event.write_seconds,
            recorded_at_ns=recorded.recorded_at_ns,
            position=recorded.position,
        ),
    )


def _out_of_memory(draft: Draft, recorded: Recorded, event: facts.RunOutOfMemory) -> None:
    run = _known(draft, recorded)
    if run is None:
        return
    run.out_of_memory += 1
    at_ns, position = recorded.recorded_at_ns, recorded.position
    draft.append(
        RUN_FAILURES,
        RunFailure(recorded.entity, event.step, event.micro_batch, event.reason, at_ns, position),
    )


def _finished(draft: Draft, recorded: Recorded, event: facts.RunFinished) -> None:
    run = _known(draft, recorded)
    if run is not None:
        run.status, run.reason, run.step = event.outcome, event.reason, event.step
        run.changed_at_ns = recorded.recorded_at_ns
        _end(draft, recorded, run)


def _lost(draft: Draft, recorded: Recorded, event: facts.RunLost) -> None:
    run = draft.change(RUNS, recorded.entity)
    if run is None or run.status != "running":
        note(draft, recorded, f"the run is {run.status}" if run else "no such run was started")
        return
    run.status = "lost"
    run.reason = f"not heard of for {event.silent_seconds:.0f} s"
    run.changed_at_ns, run.position = recorded.recorded_at_ns, recorded.position
    _end(draft, recorded, run)


def _end(draft: Draft, recorded: Recorded, run: Run) -> None:
    at_ns, position = recorded.recorded_at_ns, recorded.position
    draft.append(RUN_ENDS, RunEnd(run.run, run.status, run.step, run.reason, at_ns, position))


def _heard(draft: Draft, recorded: Recorded, _: object) -> None:
    _known(draft, recorded)


PROJECTION: Final = Projection(
    name="runs",
    tables=(
        RUNS,
        RUN_STARTS,
        RUN_ENDS,
        RUN_FAILURES,
        RUN_POINTS,
        RUN_LATEST,
        EVALUATIONS,
        CHECKPOINTS,
        RUN_WRITERS,
    ),
    on={
        facts.RunStarted: _started,
        facts.RunMetricsRecorded: _metrics_recorded,
        facts.RunEvaluated: _evaluated,
        facts.RunCheckpointWritten: _checkpoint_written,
        facts.RunDirectiveApplied: _heard,
        facts.RunDirectiveRefused: _heard,
        facts.RunOutOfMemory: _out_of_memory,
        facts.RunFinished: _finished,
        facts.RunLost: _lost,
    },
    reads=_reads,
)
