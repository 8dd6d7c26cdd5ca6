"""Questions and answers. They travel on `ask.<question>` and on the projector's socket.

Every answer says as of which position and time it speaks; what depends on time passing (silence, age,
health) is a function of the tables and that moment. A list says when it was cut (`truncated`).
"""

from typing import Final, Literal

from pydantic import Field

from coord.events.alert import Evidence
from coord.events.answer import ROWS_DEFAULT, ROWS_MAX, Answer, AsOf, Limit, PastQuestion
from coord.events.board import Board, BoardAnswer, BoardRow, ItemAnswer, ShowItem, Waits
from coord.events.flow import (
    HeldRow,
    Mine,
    MineAnswer,
    Rate,
    Spread,
    Stats,
    StatsAnswer,
    Utilisation,
)
from coord.events.log_entry import LogEntry
from coord.events.looking import (
    Curve,
    CurveAnswer,
    CurveLine,
    Events,
    EventsAnswer,
    Mark,
    Timeline,
    TimelineAnswer,
    Trend,
    TrendAnswer,
    TrendRow,
)
from coord.events.measures import (
    Latest,
    LatestAnswer,
    LatestRow,
    MetricRow,
    Metrics,
    MetricsAnswer,
    ReadingRow,
    Readings,
    ReadingsAnswer,
)
from coord.events.meters import Distribution, Figure, Meters, MetersAnswer
from coord.events.model import (
    Bytes,
    Count,
    Nanoseconds,
    Note,
    Question,
    Seconds,
    Token,
    Words,
)
from coord.events.node import Inventory
from coord.events.oversight import (
    AlertRow,
    Alerts,
    AlertsAnswer,
    CheckpointRow,
    DirectiveRow,
    RunRow,
    Runs,
    RunsAnswer,
    ScenarioRow,
    Scenarios,
    ScenariosAnswer,
)
from coord.events.samples import Process
from coord.events.views import AgentStatus, TeamView


class Agents(PastQuestion):
    """Agents, those who hold most first."""

    team: Token | None = None
    limit: Limit = ROWS_DEFAULT


class AgentRow(Words):
    """One agent."""

    agent: Token
    status: AgentStatus
    incarnation: Count
    team: Token | None = None
    capabilities: tuple[Token, ...] = ()
    wip_limit: int | None = None
    holds: Count
    completed: Count
    failed: Count
    expired: Count
    """Claims of it that the coordinator ended: leases that ran out, mostly."""
    silent_seconds: Seconds | None = None
    """Since it was last heard; none when nobody has told yet."""
    score: float | None = None
    serves: tuple[Token, ...] = ()
    """Other teams whose items it takes, too."""
    released: Count = 0
    """Items it gave back."""
    reason: Note | None = None
    """Why it drains, or has left or was put out."""


class AgentsAnswer(Answer):
    """The agents, and the teams that were configured."""

    rows: tuple[AgentRow, ...]
    teams: tuple[TeamView, ...] = ()
    """By name, as many as agents are listed at most."""
    truncated: bool = False
    silence_seconds: Seconds | None = None
    """How long an agent may be silent before it is lost."""


class Nodes(PastQuestion):
    """Nodes with their latest readings; `inventory` adds what they are made of."""

    node: Token | None = None
    inventory: bool = False
    limit: Limit = ROWS_DEFAULT


class Reading(Words):
    """The newest value of one metric of one device."""

    metric: Token
    device: str = ""
    value: float
    at_ns: Nanoseconds


class NodeRow(Words):
    """One node."""

    node: Token
    status: Literal["active", "lost", "stale"]
    silent_seconds: Seconds | None = None
    sample_seconds: Seconds
    readings: tuple[Reading, ...] = ()
    inventory: Inventory | None = None
    score: float | None = None


class NodesAnswer(Answer):
    """The nodes."""

    rows: tuple[NodeRow, ...]
    truncated: bool = False


class Top(PastQuestion):
    """Processes that matter most, over all nodes or on one."""

    node: Token | None = None
    by: Literal["cpu", "memory", "gpu"] = "cpu"
    limit: Limit = 20


class TopRow(Words):
    """One process."""

    node: Token
    process: Process
    at_ns: Nanoseconds


class TopAnswer(Answer):
    """The processes, biggest first; and the nodes' figures above them."""

    nodes: tuple[NodeRow, ...] = ()
    rows: tuple[TopRow, ...]


class Health(PastQuestion):
    """The score of the system and of everything in it."""

    entity: str | None = Field(default=None, max_length=80)
    """`system`, or kind:name such as `agent:a1`, `node:n1`, `team:blue`, `run:r1`; a bare name if unique."""
    trend: bool = False
    """Add the scores of the system since the projector started, one a minute, at most two days of them."""


class Deduction(Words):
    """Why points are missing."""

    name: Token
    points: float = Field(gt=0, le=100)
    reason: Note
    evidence: tuple[Evidence, ...] = ()
    """Positions of the events behind it; at most ten, the newest."""


class HealthScore(Words):
    """0 to 100: what is left after the deductions, never below 0."""

    entity: str
    """`system` or kind:name."""
    score: float = Field(ge=0, le=100)
    deductions: tuple[Deduction, ...] = ()


class PastScore(Words):
    """What the system scored at a moment."""

    at_ns: Nanoseconds
    score: float = Field(ge=0, le=100)


class HealthAnswer(Answer):
    """The score asked for, and those below it, worst first."""

    score: float = Field(ge=0, le=100)
    entity: str
    deductions: tuple[Deduction, ...] = ()
    parts: tuple[HealthScore, ...] = ()
    truncated: bool = False
    trend: tuple[PastScore, ...] = ()
    """Of the system, oldest first; only when it was asked for. The projector keeps it in memory alone."""
    weights: dict[str, float] = Field(default_factory=dict)
    """What each part may cost the system or a team at most, by the name of its deduction."""


class History(PastQuestion):
    """Every event of one entity, in order, read from the log itself."""

    id: Token
    aggregate: Token | None = None
    """None: work, else the first aggregate that has events under this id."""
    limit: Limit = ROWS_MAX


class HistoryAnswer(Answer):
    """The events, oldest first."""

    events: tuple[LogEntry, ...]
    truncated: bool = False


class DeadLetters(PastQuestion):
    """Messages that are no events of ours, newest first, with the reason."""

    limit: Limit = ROWS_DEFAULT


class DeadLetter(Words):
    """One of them."""

    stream: str
    position: Count
    recorded_at_ns: Nanoseconds
    subject: str
    reason: str


class DeadLettersAnswer(Answer):
    """The dead letters."""

    total: Count
    rows: tuple[DeadLetter, ...]
    truncated: bool = False


class State(Question):
    """How the projector itself is doing; doctor asks this."""

    digests: bool = False
    """Add a digest of each table: equal tables have equal digests, whatever built them."""


class TableState(Words):
    """One table."""

    name: str
    rows: Count
    digest: str | None = None


class StreamState(Words):
    """How folding stands to one stream of the log."""

    stream: str
    behind: Count
    """Messages that are not folded in, as last known."""
    per_second: float = Field(ge=0)
    """Messages that were folded in, over the last ten seconds."""


class KeptState(Words):
    """How much is kept of what is not kept for ever."""

    name: Literal["readings", "rollups"]
    rows: Count
    rows_max: Count
    """With more the oldest go early."""
    seconds_max: Seconds
    """How long a row is kept, at least."""
    segments: Count
    """Sealed ones; only whole ones are dropped."""
    since_ns: Nanoseconds | None = None
    """From when on there are any, by the broker's clock."""


class CopiesState(Words):
    """The copies of past tables that a question of a past moment begins from."""

    copies: Count
    bytes: Bytes
    bytes_max: Bytes
    """Beyond this the oldest go, and those in between."""
    first: Count = 0
    """The position of the oldest."""
    last: Count = 0
    """The position of the newest."""
    last_at_ns: Nanoseconds | None = None
    """When the broker recorded that."""
    fault: Note = ""
    """Why none could be left lately."""


class StateAnswer(Answer):
    """The projector's state."""

    file_bytes: Bytes
    dead_letters: Count
    gaps: Count
    """Positions of EVENTS that were missing and could not be fetched again."""
    opened: str
    """How the file was opened: clean, wal_set_aside, snapshot, rebuilt."""
    opened_because: Note = ""
    """What was wrong with it."""
    log_silent_seconds: Seconds = 0.0
    """Since the projector last heard the log; it answers on from what it has."""
    positions: dict[str, Count] = Field(default_factory=dict)
    """How far each stream is folded in."""
    streams: tuple[StreamState, ...] = ()
    kept: tuple[KeptState, ...] = ()
    past: CopiesState | None = None
    tables: tuple[TableState, ...]


QUESTIONS: Final[dict[str, tuple[type[Question], type[Answer]]]] = {
    "agents": (Agents, AgentsAnswer),
    "alerts": (Alerts, AlertsAnswer),
    "board": (Board, BoardAnswer),
    "curve": (Curve, CurveAnswer),
    "deadletters": (DeadLetters, DeadLettersAnswer),
    "events": (Events, EventsAnswer),
    "health": (Health, HealthAnswer),
    "history": (History, HistoryAnswer),
    "latest": (Latest, LatestAnswer),
    "meters": (Meters, MetersAnswer),
    "metrics": (Metrics, MetricsAnswer),
    "mine": (Mine, MineAnswer),
    "nodes": (Nodes, NodesAnswer),
    "readings": (Readings, ReadingsAnswer),
    "runs": (Runs, RunsAnswer),
    "scenarios": (Scenarios, ScenariosAnswer),
    "show": (ShowItem, ItemAnswer),
    "state": (State, StateAnswer),
    "stats": (Stats, StatsAnswer),
    "timeline": (Timeline, TimelineAnswer),
    "top": (Top, TopAnswer),
    "trend": (Trend, TrendAnswer),
}
"""By name: the last token of the subject, and the path of the gateway."""

__all__ = [
    "QUESTIONS", "ROWS_DEFAULT", "ROWS_MAX", "Agents", "AgentsAnswer", "AlertRow", "Alerts", "AlertsAnswer", "Answer",
    "AsOf", "Board", "BoardAnswer", "BoardRow", "CheckpointRow", "CopiesState", "Curve", "CurveAnswer", "CurveLine", "DeadLetters",
    "DeadLettersAnswer", "DirectiveRow", "Distribution", "Events", "EventsAnswer", "Figure", "Health", "HealthAnswer",
    "HeldRow", "History", "HistoryAnswer", "ItemAnswer", "KeptState", "Latest", "LatestAnswer", "LatestRow", "Limit", "Mark", "Meters", "MetersAnswer", "MetricRow",
    "Metrics", "MetricsAnswer", "Mine", "MineAnswer", "Nodes", "NodesAnswer", "PastQuestion", "PastScore", "Rate",
    "ReadingRow", "Readings", "ReadingsAnswer", "RunRow", "Runs", "RunsAnswer", "ScenarioRow", "Scenarios", "ScenariosAnswer", "ShowItem", "Spread", "State", "StateAnswer", "Stats",
    "StatsAnswer", "StreamState", "Timeline", "TimelineAnswer", "Top", "TopAnswer", "Trend", "TrendAnswer", "TrendRow",
    "Utilisation", "Waits",
]  # fmt: skip
