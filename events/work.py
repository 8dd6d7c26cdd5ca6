"""Facts about work items: aggregate `work`, one subject an item.

    open --claimed--> claimed --completed--> completed
     ^                  |  |----failed------> failed
     |---released-------|  |
     |---lease_expired--|  `---cancelled---> cancelled   (also from open)

`fence` is the position of the `work.claimed` event a later fact rests on.
"""

from pydantic import Field

from coord.events.model import (
    Event,
    Json,
    LeaseSeconds,
    Note,
    Position,
    Priority,
    Ratio,
    Seconds,
    Title,
    Token,
)

CAPABILITIES_MAX = 32


class WorkSubmitted(Event):
    """An item of work exists and may be claimed."""

    title: Title
    priority: Priority = 5
    """0 to 9; 9 is claimed first."""
    capabilities: tuple[Token, ...] = Field(default=(), max_length=CAPABILITIES_MAX)
    """What an agent must offer to be given this item."""
    team: Token | None = None
    lease_seconds: LeaseSeconds = 30.0
    """How long a claim lasts without a sign of life from its holder."""
    body: Json = None
    """What the item is about, for the agent: any JSON."""
    verify: Token | None = None
    """A scenario's name: the item completes only with a passing run of it, newer than the claim."""


class WorkClaimed(Event):
    """One agent holds the item; this event's position is the fence."""

    agent: Token
    incarnation: Position
    """Position of the holder's `agent.registered`."""
    lease_seconds: LeaseSeconds
    attempt: int = Field(ge=1)
    """1 for the first claim of this item, counting every claim since."""


class WorkProgressed(Event):
    """The holder is getting on; renews the lease."""

    agent: Token
    fence: Position
    fraction: Ratio | None = None
    note: Note | None = None


class WorkCompleted(Event):
    """The item is done, once and for all."""

    agent: Token
    fence: Position
    result: Json = None


class WorkFailed(Event):
    """The holder gave up for good."""

    agent: Token
    fence: Position
    reason: Note


class WorkReleased(Event):
    """The holder gave the item back; it is open again."""

    agent: Token
    fence: Position
    reason: Note | None = None


class WorkLeaseExpired(Event):
    """The holder fell silent for the length of its lease; the item is open again."""

    agent: Token
    incarnation: Position
    fence: Position
    lease_seconds: LeaseSeconds
    silent_seconds: Seconds
    """How long the coordinator itself saw no sign of life, on its monotonic clock."""


class WorkCancelled(Event):
    """Nobody shall do this item any more."""

    reason: Note | None = None
