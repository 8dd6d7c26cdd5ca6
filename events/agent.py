"""Facts about agents: aggregate `agent`, one subject a name.

    registered --> active --lost--> lost --returned--> active
                     |--drained--> draining     (ends what it holds, is given nothing new; may be lost, too)
                     |--evicted--> evicted      (all it holds is taken from it)
                     `--retired--> retired      (registered again: a new incarnation, from any state)

An incarnation is the position of an `agent.registered` event: a restart under the same name is
somebody else. Heartbeats are commands, not events; who was last seen when travels as a sample.
"""

from pydantic import Field

from coord.events.model import Event, Name, Note, Position, Seconds, Token
from coord.events.work import CAPABILITIES_MAX

WIP_LIMIT_MAX = 10_000
TEAMS_MAX = 32


class AgentRegistered(Event):
    """An agent is there, under a new incarnation."""

    team: Token | None = None
    capabilities: tuple[Token, ...] = Field(default=(), max_length=CAPABILITIES_MAX)
    wip_limit: int | None = Field(default=None, ge=1, le=WIP_LIMIT_MAX)
    """How many items it may hold at once; none: any number."""
    host: Name | None = None
    serves: tuple[Token, ...] = Field(default=(), max_length=TEAMS_MAX)
    """Other teams whose items it takes, too."""


class AgentLost(Event):
    """The agent gave no sign of life for too long."""

    incarnation: Position
    silent_seconds: Seconds


class AgentReturned(Event):
    """A lost agent was heard again, under the same incarnation."""

    incarnation: Position
    lost_seconds: Seconds


class AgentRetired(Event):
    """The agent left on purpose."""

    incarnation: Position
    reason: Note | None = None


class AgentDrained(Event):
    """The agent shall end what it holds and be given nothing new."""

    incarnation: Position
    reason: Note | None = None


class AgentEvicted(Event):
    """The agent is put out: whatever it holds is open again, and what it says is refused."""

    incarnation: Position
    reason: Note
