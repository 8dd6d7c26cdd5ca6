"""What health is judged by: what the tables said as of one moment. Ages are in seconds before it.

`*_recent` counts are of the last `RECENT_SECONDS`; positions are evidence, the newest ten at most.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

RECENT_SECONDS: Final = 600
DAY_SECONDS: Final = 86_400
STALL_LEASES: Final = 10
STALL_SECONDS_MIN: Final = 300
"""An item is stalled when it is held without a word for ten of its leases, and for five minutes at least."""

Positions = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WorkFacts:
    """Items and recent ends of claims, of one team or (None) of all."""

    team: str | None = None
    open: int = 0
    """That can be claimed: what waits for others or for its time is no load yet."""
    claimed: int = 0
    stalled: int = 0
    stuck: int = 0
    parked: int = 0
    completed_recent: int = 0
    failed_recent: int = 0
    expired_recent: int = 0
    """Claims that ended because their holders were silent, lost or stuck."""
    oldest_seconds: float = 0.0
    """Age of the oldest open item since it was submitted."""
    waiting: Positions = ()
    """Last events of the items that wait longest."""
    stalled_at: Positions = ()
    stuck_at: Positions = ()
    parked_at: Positions = ()
    failed_at: Positions = ()
    expired_at: Positions = ()


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """One agent."""

    agent: str
    status: str
    team: str | None = None
    position: int = 1
    changed_seconds: float = 0.0
    silent_seconds: float | None = None
    holds: int = 0
    stalled: int = 0
    stuck: int = 0
    completed_recent: int = 0
    failed_recent: int = 0
    expired_recent: int = 0
    held_at: Positions = ()
    stuck_at: Positions = ()
    failed_at: Positions = ()
    expired_at: Positions = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A reading and where it came from."""

    value: float
    position: int
    age_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node and its newest readings, by metric and device."""

    node: str
    status: str
    position: int = 1
    silent_seconds: float = 0.0
    """Since its last readings, or since it was registered when there are none."""
    silence_seconds_max: float = 3.0
    """What its own interval makes ordinary."""
    readings: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    dropped_readings: int = 0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run that runs, or that ended a short while ago."""

    run: str
    status: str
    position: int = 1
    silent_seconds: float = 0.0
    waiting_seconds: float = 0.0
    """Since its own loop said something, where its emitter says that it has not."""
    not_finite: int = 0
    not_finite_position: int | None = None
    not_finite_seconds: float = 0.0
    """Since the last of those values."""
    dropped_points: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """One alert that is not resolved."""

    alert: str
    entity_kind: str
    entity: str
    severity: str
    summary: str
    position: int
    acknowledged: bool = False
    silenced: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything, as of one moment."""

    all_work: WorkFacts = WorkFacts()
    work: tuple[WorkFacts, ...] = ()
    """By team."""
    agents: tuple[AgentFacts, ...] = ()
    nodes: tuple[NodeFacts, ...] = ()
    runs: tuple[RunFacts, ...] = ()
    alerts: tuple[AlertFacts, ...] = ()
    dead_recent: int = 0
    dead_at: Positions = ()
    """Of EVENTS."""
    oddities_recent: int = 0
    oddities_at: Positions = ()
    missing_events: int = 0
    """Positions of EVENTS that the log has lost."""
    missing_at: Positions = ()
    lag: int = 0
    log_silent_seconds: float = 0.0
    """Since the projector last heard the log."""
    agent_silence_seconds: float = 60.0
    node_silence_seconds: float = 10.0
    run_silence_seconds: float = 60.0
    weights: Mapping[str, float] = field(default_factory=dict)
    """What parts of the health of the system and of teams may cost, where somebody said so."""
