"""The rows of the projection of training runs; what each table holds stands in `runs`."""

from typing import Final

from coord.projections.folds.shape import Row, Table


class Run(Row):
    """One run."""

    run: str
    name: str
    status: str
    """running, completed, failed, stopped or lost."""
    node: str | None
    agent: str | None
    work_item: str | None
    world_size: int
    started_at_ns: int
    changed_at_ns: int
    """Of its last change of status."""
    heard_at_ns: int
    """Of its last event."""
    position: int
    starts: int = 1
    step: int = 0
    """Where rank 0 is; it goes back when the run is rolled back."""
    checkpoint_step: int | None = None
    """Of its newest checkpoint."""
    out_of_memory: int = 0
    """Allocations that failed so far."""
    not_finite: int = 0
    """Values so far that were NaN or infinite."""
    not_finite_position: int | None = None
    """Of the last event that held one."""
    not_finite_at_ns: int | None = None
    dropped_points: int = 0
    reason: str | None = None


class RunStart(Row):
    """One start of a run."""

    run: str
    name: str
    node: str | None
    agent: str | None
    world_size: int
    configuration: str | None
    """JSON, if it is small; else it is in the log, at `position`."""
    configuration_bytes: int
    resumed_from_step: int | None
    recorded_at_ns: int
    position: int


class RunEnd(Row):
    """One end of a run; one that was lost may be heard again."""

    run: str
    outcome: str
    """completed, failed, stopped or lost."""
    step: int
    reason: str | None
    recorded_at_ns: int
    position: int


class RunFailure(Row):
    """One allocation that failed."""

    run: str
    step: int
    micro_batch: int
    reason: str
    recorded_at_ns: int
    position: int


class RunPoint(Row):
    """One metric at one step."""

    run: str
    metric: str
    rank: int
    step: int
    value: float
    start: int
    """Which start of the run it belongs to, counting from 1: steps may come again after a roll-back."""
    recorded_at_ns: int
    position: int


class RunLatest(Row):
    """The newest value of one metric of rank 0."""

    run: str
    metric: str
    value: float
    step: int
    recorded_at_ns: int
    position: int


class Evaluation(Row):
    """One metric of one evaluation."""

    run: str
    metric: str
    step: int
    value: float
    recorded_at_ns: int
    position: int


class Checkpoint(Row):
    """One checkpoint."""

    run: str
    step: int
    path: str
    sha256: str
    size_bytes: int
    write_seconds: float
    recorded_at_ns: int
    position: int


class RunWriter(Row):
    """One writer of metrics."""

    run: str
    writer: str
    start: int
    """In which start of the run it was first heard."""
    seen: tuple[int, ...]
    dropped_points: int
    position: int


RUNS: Final = Table("runs", Run, key=("run",))
RUN_STARTS: Final = Table("run_starts", RunStart)
RUN_ENDS: Final = Table("run_ends", RunEnd)
RUN_FAILURES: Final = Table("run_failures", RunFailure)
RUN_POINTS: Final = Table("run_points", RunPoint)
RUN_LATEST: Final = Table("run_latest", RunLatest, key=("run", "metric"))
EVALUATIONS: Final = Table("evaluations", Evaluation)
CHECKPOINTS: Final = Table("checkpoints", Checkpoint)
RUN_WRITERS: Final = Table("run_writers", RunWriter, key=("run", "writer"))
