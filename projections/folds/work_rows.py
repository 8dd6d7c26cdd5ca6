"""The rows of the projection of work items; what each table holds stands in `work`."""

from typing import Final

from coord.projections.folds.shape import Row, Table


class Item(Row):
    """One work item. `agent`, `incarnation`, `fence` and `scores` are those of the last claim."""

    id: str
    title: str
    status: str
    priority: int
    capabilities: tuple[str, ...]
    team: str | None
    lease_seconds: float
    submitted_at_ns: int
    submitted_position: int
    changed_at_ns: int
    """Of its last change of state, by the broker's clock."""
    touched_at_ns: int
    """Of the last sign of work on it: its claim, progress, or the end of a claim."""
    opened_at_ns: int
    """When it could first be claimed since it is open, but for what it depends on: not before its time, nor its rest."""
    position: int
    """Of its last event."""
    attempt: int = 0
    tries: int = 0
    """Failures and leases that ran out, since it was submitted, requeued or reopened."""
    expired: int = 0
    """Claims that the coordinator ended, of all there were."""
    agent: str | None = None
    incarnation: int | None = None
    fence: int | None = None
    scores: str | None = None
    """JSON: why its holder was given it."""
    stuck: bool = False
    """Its holder lives and shows no work."""
    progress: float | None = None
    progress_note: str | None = None
    reason: str | None = None
    """Why it is blocked, parked, has ended, or how its last claim ended."""
    result: str | None = None
    """JSON, if it is small; else it is in the log, at `position`."""
    result_bytes: int = 0
    body_bytes: int = 0
    """Of what the item is about: in `work_bodies` if small, else in the log, at `submitted_position`."""
    verify: str | None = None
    """The scenario that must have passed since the claim."""


class Body(Row):
    """What an item is about, as JSON."""

    id: str
    body: str
    position: int


class Plan(Row):
    """How an item is planned, beside its priority and what it depends on."""

    id: str
    position: int
    parent: str | None = None
    not_before_ns: int | None = None
    deadline_ns: int | None = None
    retry: str | None = None
    """JSON."""
    concurrency_key: str | None = None
    concurrency_limit: int | None = None
    idempotency_key: str | None = None
    stuck_seconds: float | None = None
    on_stuck: str = "tell"


class Dependencies(Row):
    """What an item depends on."""

    id: str
    depends_on: tuple[str, ...]


class Attempt(Row):
    """A claim that is over."""

    item: str
    agent: str | None
    team: str | None
    incarnation: int | None
    fence: int | None
    attempt: int
    outcome: str
    """completed, failed, released, expired (ended by the coordinator) or cancelled."""
    cause: str | None
    """Why the coordinator ended it: silence, agent_lost, node_lost, evicted or stuck."""
    reason: str | None
    """What was said about its end. The first 200 characters."""
    submitted_at_ns: int
    """Of its item."""
    opened_at_ns: int
    """When the item could first be claimed, but for what it depends on."""
    claimed_at_ns: int
    ended_at_ns: int
    position: int


class Reopening(Row):
    """An end that was undone."""

    item: str
    team: str | None
    status: str
    """What it had come to."""
    submitted_at_ns: int
    ended_at_ns: int
    reopened_at_ns: int
    position: int


WORK: Final = Table("work", Item, key=("id",))
WORK_ENDED: Final = Table("work_ended", Item, key=("id",), settled=True)
WORK_BODIES: Final = Table("work_bodies", Body)
WORK_PLANS: Final = Table("work_plans", Plan)
WORK_DEPENDENCIES: Final = Table("work_dependencies", Dependencies, key=("id",))
WORK_REOPENED: Final = Table("work_reopened", Reopening)
ATTEMPTS: Final = Table("attempts", Attempt)
