"""Questions about the closed loop: alerts, directives, runs and what is verified."""

from typing import Literal

from pydantic import Field

from coord.events.alert import EntityKind, Evidence, Severity
from coord.events.answer import ROWS_DEFAULT, ROWS_MAX, Answer, Limit, PastQuestion
from coord.events.directive import Action
from coord.events.model import AnyJson, Count, Nanoseconds, Note, Seconds, Title, Token, Words


class Alerts(PastQuestion):
    """Alerts, the worst and newest first, with the directives they led to."""

    status: Literal["open", "active", "acknowledged", "resolved"] | None = None
    """open: not resolved. None: those that are open, then what was resolved last."""
    entity: Token | None = None
    limit: Limit = ROWS_DEFAULT


class DirectiveRow(Words):
    """One directive and what became of it."""

    id: Token
    entity_kind: EntityKind
    entity: Token
    action: Action
    parameters: dict[str, AnyJson] = Field(default_factory=dict)
    status: Literal["issued", "withdrawn", "applied", "refused"]
    reason: Note
    answer: Note | None = None
    """What the entity said when it obeyed or refused."""
    step: Count | None = None
    """The step at which it did."""
    alert: Token | None = None
    live_seconds: Seconds
    """For so long from its issue on it may be obeyed."""
    age_seconds: Seconds
    answered_seconds: Seconds | None = None
    """From its issue to its answer, by the broker's clock."""
    position: Count
    """Of its issue."""


class AlertRow(Words):
    """One alert."""

    id: Token
    rule: Token
    severity: Severity
    status: Literal["active", "acknowledged", "resolved"]
    entity_kind: EntityKind
    entity: Token
    summary: Title
    evidence: tuple[Evidence, ...] = ()
    age_seconds: Seconds
    """Since it was raised."""
    state_seconds: Seconds
    """Since its last change of state."""
    silenced_seconds: Seconds | None = None
    """For so long from now on nobody wants notice of it."""
    by: Token | None = None
    reason: Note | None = None
    directives: tuple[DirectiveRow, ...] = ()


class AlertsAnswer(Answer):
    """The alerts."""

    counts: dict[str, Count]
    """Alerts by status, all of them."""
    rows: tuple[AlertRow, ...]
    truncated: bool = False


class Runs(PastQuestion):
    """Training runs, those that run now first."""

    run: Token | None = None
    """Only this one, with its checkpoints and more of its directives."""
    limit: Limit = ROWS_DEFAULT


class CheckpointRow(Words):
    """One checkpoint of a run."""

    step: Count
    path: str
    """Of its folder, in the run's own."""
    sha256: str
    size_bytes: Count
    write_seconds: Seconds
    age_seconds: Seconds
    position: Count


class RunRow(Words):
    """One run."""

    run: Token
    name: str
    status: Literal["running", "completed", "failed", "stopped", "lost"]
    node: Token | None = None
    agent: Token | None = None
    work_item: Token | None = None
    """What it works for."""
    world_size: Count = 1
    starts: Count
    step: Count
    latest: dict[str, float | str] = Field(default_factory=dict)
    """The newest value of every metric of rank 0; what is not finite is a word."""
    age_seconds: Seconds
    silent_seconds: Seconds
    """Since its last event."""
    checkpoint_step: Count | None = None
    """Of its newest checkpoint."""
    left_out: Count = 0
    """Steps whose update was left out; only of a run that is asked for by name."""
    left_out_step: Count | None = None
    """The last of them."""
    out_of_memory: Count = 0
    """Allocations that failed so far."""
    not_finite: Count = 0
    dropped_points: Count = 0
    reason: str | None = None
    configuration: dict[str, AnyJson] = Field(default_factory=dict)
    """What its newest start said of how it trains, where that is small; only of a run that is asked for by name."""
    directives: tuple[DirectiveRow, ...] = ()
    """The newest first."""
    checkpoints: tuple[CheckpointRow, ...] = ()
    """The newest first; only of a run that is asked for by name."""
    score: float | None = None


class RunsAnswer(Answer):
    """The runs."""

    rows: tuple[RunRow, ...]
    truncated: bool = False


class Scenarios(PastQuestion):
    """Scenarios with their last outcome: what is verified, when, at which commit, by which evidence."""

    scenario: Token | None = None
    limit: Limit = ROWS_MAX


class ScenarioRow(Words):
    """One scenario."""

    id: Token
    feature: Title
    scenario: Title
    outcome: Literal["passed", "failed", "skipped"]
    commit: str
    run_seconds: Seconds
    age_seconds: Seconds
    """Since it was run."""
    recorded_at_ns: Nanoseconds
    position: Count
    passed: Count
    failed: Count
    skipped: Count
    reason: Note | None = None
    evidence: tuple[Evidence, ...] = ()
    transcript: str | None = None
    transcript_sha256: str | None = None


class ScenariosAnswer(Answer):
    """The scenarios, by feature."""

    rows: tuple[ScenarioRow, ...]
    truncated: bool = False
