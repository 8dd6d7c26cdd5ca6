"""Facts about directives: aggregate `directive`, one subject an entity they are for.

They stand on a subject of their own, so that a worker reads one subject, and a trainer's permission to
write its own run gives it no directive. The run answers on its own subject.
"""

from typing import Final, Literal

from pydantic import Field

from coord.events.alert import EntityKind
from coord.events.model import Count, Event, Json, Note, Token

PARAMETERS_MAX: Final = 32
LIVE_SECONDS_MAX: Final = 86_400.0

Action = Literal[
    "skip_batch", "lower_learning_rate", "restore_learning_rate", "halve_micro_batch", "roll_back",
    "checkpoint_now", "pause", "resume", "stop", "drain",
]  # fmt: skip


class DirectiveIssued(Event):
    """A watchdog or a person asks something of a run, an agent or a node."""

    directive_id: Token
    entity_kind: EntityKind
    action: Action
    parameters: dict[str, Json] = Field(default_factory=dict, max_length=PARAMETERS_MAX)
    epoch: Count
    """Position of EVENTS up to which its issuer knew the entity. An entity that has started again or rolled
    back at a later position refuses it as stale."""
    live_seconds: float = Field(gt=0, le=LIVE_SECONDS_MAX)
    alert: Token | None = None
    reason: Note


class DirectiveWithdrawn(Event):
    """The directive shall not be obeyed any more."""

    directive_id: Token
    reason: Note
