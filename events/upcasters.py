"""Old versions of events, and how each becomes the present one. What was stored is never rewritten."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from coord.events.agent import WIP_LIMIT_MAX, AgentRegistered
from coord.events.alert import EVIDENCE_MAX, Evidence
from coord.events.model import (
    Event,
    Json,
    LeaseSeconds,
    Name,
    Nanoseconds,
    Note,
    Position,
    Priority,
    Seconds,
    Title,
    Token,
)
from coord.events.planning import (
    Concurrency,
    Dependencies,
    IdempotencyKey,
    OnStuck,
    Retry,
    StuckSeconds,
)
from coord.events.tokens import TOKEN_PATTERN
from coord.events.verification import VerificationRecorded
from coord.events.work import (
    CAPABILITIES_MAX,
    WorkClaimed,
    WorkFailed,
    WorkLeaseExpired,
    WorkReleased,
    WorkSubmitted,
)

_NEEDS_PATTERN: Final = rf"^(?:{TOKEN_PATTERN}(?: ?, ?{TOKEN_PATTERN}){{0,{CAPABILITIES_MAX - 1}}})?$"
_PRIORITY_OF_WORD: Final = {"low": 2, "normal": 5, "high": 8}


class WorkSubmittedV1(Event):
    """The first shape: priority in words, capabilities in one string, the lease in milliseconds."""

    title: Title
    priority: Literal["low", "normal", "high"] = "normal"
    needs: str = Field(default="", pattern=_NEEDS_PATTERN, max_length=2_000)
    """Capabilities, separated by commas."""
    lease_ms: int = Field(default=30_000, ge=1_000, le=86_400_000)


class WorkSubmittedV2(Event):
    """The second shape: no scenario that has to pass."""

    title: Title
    priority: Priority = 5
    capabilities: tuple[Token, ...] = Field(default=(), max_length=CAPABILITIES_MAX)
    team: Token | None = None
    lease_seconds: LeaseSeconds = 30.0
    body: Json = None


class WorkSubmittedV3(WorkSubmittedV2):
    """The third shape: no plan of when, how often and beside what it is done."""

    verify: Token | None = None


class WorkSubmittedV4(WorkSubmittedV3):
    """The fourth shape: nothing of how its moments were said."""

    parent: Token | None = None
    depends_on: Dependencies = ()
    not_before_ns: Nanoseconds | None = None
    deadline_ns: Nanoseconds | None = None
    retry: Retry | None = None
    concurrency: Concurrency | None = None
    idempotency_key: IdempotencyKey | None = None
    stuck_seconds: StuckSeconds | None = None
    on_stuck: OnStuck = "tell"


class WorkClaimedV1(Event):
    """The first shape: no scores."""

    agent: Token
    incarnation: Position
    lease_seconds: LeaseSeconds
    attempt: int = Field(ge=1)


class WorkFailedV1(Event):
    """The first shape: a failure was the end."""

    agent: Token
    fence: Position
    reason: Note


class WorkLeaseExpiredV1(Event):
    """The first shape: only silence ended a claim."""

    agent: Token
    incarnation: Position
    fence: Position
    lease_seconds: LeaseSeconds
    silent_seconds: Seconds


class WorkReleasedV1(Event):
    """The first shape: it was open again at once, however often."""

    agent: Token
    fence: Position
    reason: Note | None = None


class AgentRegisteredV1(Event):
    """The first shape: an agent takes the items of its own team alone."""

    team: Token | None = None
    capabilities: tuple[Token, ...] = Field(default=(), max_length=CAPABILITIES_MAX)
    wip_limit: int | None = Field(default=None, ge=1, le=WIP_LIMIT_MAX)
    host: Name | None = None


class VerificationRecordedV1(Event):
    """The first shape: no transcript."""

    feature: Title
    scenario: Title
    outcome: Literal["passed", "failed", "skipped"]
    commit: Name
    run_seconds: Seconds
    reason: Note | None = None
    evidence: tuple[Evidence, ...] = Field(default=(), max_length=EVIDENCE_MAX)


@dataclass(frozen=True, slots=True)
class Upcaster:
    """How one old version is read."""

    old_type: str
    model: type[Event]
    upcast: Callable[[Event], Event]


def _work_submitted_v1(old: Event) -> Event:
    assert isinstance(old, WorkSubmittedV1)
    return WorkSubmitted(
        title=old.title,
        priority=_PRIORITY_OF_WORD[old.priority],
        capabilities=tuple(name for need in old.needs.split(",") if (name := need.strip())),
        lease_seconds=old.lease_ms / 1000,
    )


def _with_defaults(model: type[Event]) -> Callable[[Event], Event]:
    """Read a version whose fields all stand unchanged in the present one: what came since takes its default."""
    return lambda old: model(**dict(old))


UPCASTERS: Final = {
    upcaster.old_type: upcaster
    for upcaster in (
        Upcaster("agent.registered.v1", AgentRegisteredV1, _with_defaults(AgentRegistered)),
        Upcaster("verification.recorded.v1", VerificationRecordedV1, _with_defaults(VerificationRecorded)),
        Upcaster("work.claimed.v1", WorkClaimedV1, _with_defaults(WorkClaimed)),
        Upcaster("work.failed.v1", WorkFailedV1, _with_defaults(WorkFailed)),
        Upcaster("work.lease_expired.v1", WorkLeaseExpiredV1, _with_defaults(WorkLeaseExpired)),
        Upcaster("work.released.v1", WorkReleasedV1, _with_defaults(WorkReleased)),
        Upcaster("work.submitted.v1", WorkSubmittedV1, _work_submitted_v1),
        Upcaster("work.submitted.v2", WorkSubmittedV2, _with_defaults(WorkSubmitted)),
        Upcaster("work.submitted.v3", WorkSubmittedV3, _with_defaults(WorkSubmitted)),
        Upcaster("work.submitted.v4", WorkSubmittedV4, _with_defaults(WorkSubmitted)),
    )
}
