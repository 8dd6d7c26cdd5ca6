"""Scenarios as a table: one row each, with its last outcome and how often it had which."""

from collections.abc import Sequence
from typing import Final

from coord.events.envelope import Recorded
from coord.events.verification import VerificationRecorded
from coord.projections.folds.shape import Draft, Projection, Reads, Row, Table, json_text


class Scenario(Row):
    """One scenario, as its last run left it."""

    id: str
    feature: str
    scenario: str
    outcome: str
    commit: str
    run_seconds: float
    reason: str | None
    evidence: str | None
    """JSON: stream and position of each."""
    transcript: str | None
    transcript_sha256: str | None
    recorded_at_ns: int
    position: int
    passed: int = 0
    failed: int = 0
    skipped: int = 0


SCENARIOS: Final = Table("scenarios", Scenario, key=("id",))


def _reads(some: Sequence[Recorded]) -> Reads:
    return ((SCENARIOS, {(one.entity,) for one in some}),)


def _recorded(draft: Draft, recorded: Recorded, event: VerificationRecorded) -> None:
    before = draft.get(SCENARIOS, recorded.entity)
    now = Scenario(
        id=recorded.entity,
        feature=event.feature,
        scenario=event.scenario,
        outcome=event.outcome,
        commit=event.commit,
        run_seconds=event.run_seconds,
        reason=event.reason,
        evidence=json_text([one.model_dump() for one in event.evidence]),
        transcript=event.transcript,
        transcript_sha256=event.transcript_sha256,
        recorded_at_ns=recorded.recorded_at_ns,
        position=recorded.position,
    )
    if before is not None:
        now.passed, now.failed, now.skipped = before.passed, before.failed, before.skipped
    setattr(now, event.outcome, getattr(now, event.outcome) + 1)
    draft.put(SCENARIOS, now)


PROJECTION: Final = Projection(
    name="verification", tables=(SCENARIOS,), on={VerificationRecorded: _recorded}, reads=_reads
)
