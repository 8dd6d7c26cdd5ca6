"""Facts about training runs: aggregate `run`, one subject a run. Their producer is the training worker.

started --> running --finished--> finished (completed | failed | stopped)
              |  ^
              `--lost / resumed (started again with `resumed_from_step`)
"""

from typing import Final, Literal

from pydantic import Field, model_validator

from coord.events.model import (
    Bytes,
    Count,
    Event,
    Json,
    Name,
    Note,
    Number,
    Position,
    Seconds,
    Sha256,
    Token,
    Words,
)
from coord.events.tokens import TOKEN_PATTERN

POINTS_MAX: Final = 500
METRICS_MAX: Final = 200

LOSS: Final = "loss"
"""Training loss of the step, in nats a token."""
GRADIENT_NORM: Final = "gradient_norm"
"""Global L2 norm before clipping."""
LEARNING_RATE: Final = "learning_rate"
STEP_SECONDS: Final = "step_seconds"
TOKENS_PER_SECOND: Final = "tokens_per_second"
BATCH: Final = "batch"
"""Number of the batch in the order of the data: what a skip names."""
SKIPPED: Final = "skipped"
"""1 when the step's update was left out, else absent."""
CANARY_LOSS: Final = "canary_loss"
"""Loss on one fixed batch that is never trained on: a damaged model shows here, a hard batch does not."""
MICRO_BATCH: Final = "micro_batch"
"""Sequences a forward pass takes at once on one rank."""
PAUSED: Final = "paused"
"""1 while the run is paused and waits for what is directed next, else absent."""
WAITING_SECONDS: Final = "waiting_seconds"
"""How long the run's own loop has said nothing, told by its emitter: a sign of life of a slow or paused run."""


class RunStarted(Event):
    """A run began, or began again."""

    name: Name
    node: Token | None = None
    agent: Token | None = None
    work_item: Token | None = None
    world_size: int = Field(default=1, ge=1)
    configuration: dict[str, Json] = Field(default_factory=dict, max_length=200)
    resumed_from_step: Count | None = None


class Point(Words):
    """The metrics of one step."""

    step: Count
    values: dict[Token, Number] = Field(min_length=1, max_length=METRICS_MAX)


class RunMetricsRecorded(Event):
    """A pack of metrics: at most one a second a rank, sent at once when a value is not finite."""

    rank: Count = 0
    writer: Token
    writer_sequence: Count
    """Counts up by one a pack; folds ignore what they have seen."""
    points: tuple[Point, ...] = Field(min_length=1, max_length=POINTS_MAX)
    dropped_points: Count = 0

    @model_validator(mode="after")
    def _in_order(self) -> "RunMetricsRecorded":
        steps = [point.step for point in self.points]
        if steps != sorted(steps):
            raise ValueError("points are not in the order of their steps")
        return self


class RunCheckpointWritten(Event):
    """A checkpoint is complete on disk and verified."""

    step: Count
    path: str = Field(pattern=rf"^{TOKEN_PATTERN}(?:/{TOKEN_PATTERN})*$", max_length=1_024)
    """Of its folder, in the run's own: tokens between slashes, so that it leads nowhere else."""
    sha256: Sha256
    """Of the manifest, which names each file with its own."""
    size_bytes: Bytes
    write_seconds: Seconds


class RunEvaluated(Event):
    """An evaluation at a step."""

    step: Count
    values: dict[Token, Number] = Field(min_length=1, max_length=METRICS_MAX)


class RunDirectiveApplied(Event):
    """The run obeyed a directive, between two steps."""

    directive_id: Token
    directive_position: Position
    step: Count
    note: Note | None = None


class RunDirectiveRefused(Event):
    """The run did not obey, and says why: stale, unknown, or not possible now."""

    directive_id: Token
    directive_position: Position
    step: Count
    reason: Note


class RunOutOfMemory(Event):
    """An allocation failed in a step; the step's update was not made, and the step is tried again."""

    step: Count
    micro_batch: int = Field(ge=1)
    """Sequences a forward pass took when it failed."""
    reason: Note
    """The allocator's own words."""


class RunFinished(Event):
    """The run is over."""

    outcome: Literal["completed", "failed", "stopped"]
    step: Count
    reason: Note | None = None


class RunLost(Event):
    """Nothing was heard of the run for too long."""

    silent_seconds: Seconds
