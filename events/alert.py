"""Facts about alerts: aggregate `alert`; its id is a hash of rule, entity and first evidence.

raised --> active --acknowledged--> acknowledged --resolved--> resolved
             |--silenced (until a moment)            ^
             `---------------------------------------'
"""

from typing import Final, Literal

from pydantic import Field

from coord.events.model import Event, Nanoseconds, Note, Position, Title, Token, Words

EVIDENCE_MAX: Final = 100

Severity = Literal["info", "warning", "critical"]
EntityKind = Literal["system", "agent", "node", "run", "team", "work"]


class Evidence(Words):
    """One stored message a conclusion rests on."""

    stream: Literal["EVENTS", "SAMPLES"]
    position: Position


class AlertRaised(Event):
    """A rule found something wrong with an entity."""

    rule: Token
    entity_kind: EntityKind
    entity: Token
    severity: Severity
    summary: Title
    evidence: tuple[Evidence, ...] = Field(min_length=1, max_length=EVIDENCE_MAX)


class AlertAcknowledged(Event):
    """A person or an agent took notice."""

    by: Token
    note: Note | None = None


class AlertSilenced(Event):
    """No notice of this alert until a moment."""

    by: Token
    until_ns: Nanoseconds
    reason: Note | None = None


class AlertResolved(Event):
    """The cause is gone."""

    reason: Note
    evidence: tuple[Evidence, ...] = Field(default=(), max_length=EVIDENCE_MAX)
