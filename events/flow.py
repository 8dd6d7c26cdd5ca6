"""Questions about the flow of work: what an agent holds, how much gets done, and how long it takes.

Durations are seconds by the broker's clock.
"""

from typing import Final, Self

from pydantic import Field, model_validator

from coord.events.answer import ROWS_DEFAULT, Answer, Limit, PastQuestion
from coord.events.looking import Bins
from coord.events.model import Count, Nanoseconds, Note, Ratio, Seconds, Title, Token, Words
from coord.events.views import AgentStatus

WINDOW_SECONDS_DEFAULT: Final = 3_600.0
WINDOW_SECONDS_MAX: Final = 366 * 86_400.0


class Mine(PastQuestion):
    """What one agent holds, the claim that ends soonest first."""

    agent: Token
    limit: Limit = ROWS_DEFAULT


class HeldRow(Words):
    """One claim."""

    id: Token
    title: Title
    priority: int
    team: Token | None = None
    fence: Count
    incarnation: Count
    attempt: Count
    lease_seconds: Seconds
    held_seconds: Seconds
    """Since it was claimed."""
    renewed_seconds: Seconds
    """Since the last sign of life that the tables tell of: the claim, progress, or that the agent was heard, which is
    taken to have renewed all it holds."""
    until_ns: Nanoseconds
    """That sign of life plus the lease. The coordinator decides, by what it saw itself."""
    left_seconds: float
    """From the moment of the answer to `until_ns`; below 0: the lease is over, and is about to be ended."""
    stuck: bool = False
    """Its holder lives and shows no work."""
    progress: Ratio | None = None
    note: Note | None = None
    """What the holder said last. The first 200 characters."""
    deadline_ns: Nanoseconds | None = None


class MineAnswer(Answer):
    """The claims; refused with `unknown_agent` when nobody of that name was ever registered or held anything."""

    agent: Token
    status: AgentStatus | None = None
    """None: it holds something and was never registered."""
    incarnation: Count | None = None
    team: Token | None = None
    wip_limit: int | None = None
    holds: Count
    stuck: Count = 0
    silent_seconds: Seconds | None = None
    """Since it was last heard, as far as the tables tell."""
    rows: tuple[HeldRow, ...]
    truncated: bool = False


class Stats(PastQuestion):
    """How work flows, over a window that ends at the moment of the answer; without one it is the last hour."""

    team: Token | None = None
    agent: Token | None = None
    """Claims by this agent alone."""
    since_ns: Nanoseconds | None = None
    """Begin of the window, by the broker's clock; before the log began: from there on."""
    last_seconds: float | None = Field(default=None, gt=0, le=WINDOW_SECONDS_MAX)
    """Length of the window, instead of `since_ns`."""
    bins: Bins = 60
    """Of each series; all of equal length."""
    limit: Limit = ROWS_DEFAULT
    """Agents that are listed."""

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if self.since_ns is not None and self.last_seconds is not None:
            raise ValueError("since_ns and last_seconds name two windows: give one of them")
        return self


class Rate(Words):
    """How often something happened in the window."""

    count: Count
    per_minute: float = Field(ge=0)
    bins: tuple[Count, ...]
    """Over the window, oldest first."""


class Spread(Words):
    """How long something took, in seconds; nothing but the count when it never happened."""

    count: Count
    mean: Seconds | None = None
    p50: Seconds | None = None
    p90: Seconds | None = None
    p99: Seconds | None = None
    max: Seconds | None = None


class Utilisation(Words):
    """How much of its time an agent had work in hand, within the window."""

    agent: Token
    team: Token | None = None
    present_seconds: Seconds
    """Since it registered after it had last left, until it left or was lost, within the window."""
    busy_seconds: Seconds
    """Of those, with at least one item in hand."""
    held_seconds: Seconds
    """Likewise, counted once for every item in hand."""
    utilisation: Ratio
    """Busy by present."""


class StatsAnswer(Answer):
    """The flow between `since_ns` and `until_ns`."""

    since_ns: Nanoseconds
    until_ns: Nanoseconds
    team: Token | None = None
    agent: Token | None = None
    throughput: dict[str, Rate]
    """submitted (items; absent when an agent is asked for), claimed (claims that began), and claims that ended:
    completed, failed (whether the item is tried again or not), released, expired (ended by the coordinator).
    cancelled: items, held or not; of an agent those it held."""
    wait: Spread
    """From when the item could be claimed (open, rested, its time come, what it depends on completed) to its claim;
    of claims that began in the window. The wait for a concurrency key counts."""
    cycle: Spread
    """From the claim to its end, however it ended; of claims that ended in the window."""
    lead: Spread
    """From when an item was submitted to its completion; of completions in the window."""
    causes: dict[str, Count]
    """Why the coordinator ended claims: silence, agent_lost, node_lost, evicted, stuck."""
    items: dict[str, Count]
    """Items by status at the moment of the answer; of an agent: what it holds or was the last to hold."""
    stuck: Count = 0
    """Of the claimed ones."""
    utilisation: Ratio | None = None
    """Of all agents together; none when none was present."""
    unknown: tuple[Token, ...] = ()
    """Of the team and the agent that were asked for, those that nothing is known of."""
    agents: tuple[Utilisation, ...]
    """The busiest first."""
    truncated: bool = False
    """Whether there are more agents."""
