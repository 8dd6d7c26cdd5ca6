"""Events that are well formed and do not fit what came before: noted, never fatal.

The deciders make such histories impossible; a gap in the log, a fault of ours or a foreign publisher
with a key does not. A fold that ignores an event says so here, and health tells.
"""

from typing import Final

from coord.events.envelope import Recorded
from coord.projections.folds.shape import Draft, Row, Table


class Oddity(Row):
    """One event that did not fit."""

    position: int
    recorded_at_ns: int
    aggregate: str
    entity: str
    type: str
    reason: str


ODDITIES: Final = Table("oddities", Oddity)


def note(draft: Draft, recorded: Recorded, reason: str) -> None:
    """Note that an event did not fit."""
    draft.append(
        ODDITIES,
        Oddity(
            recorded.position,
            recorded.recorded_at_ns,
            recorded.aggregate,
            recorded.entity,
            recorded.envelope.type,
            reason,
        ),
    )
