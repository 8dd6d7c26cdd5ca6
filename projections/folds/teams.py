"""Teams as a table: those that were configured, as they were configured last."""

from collections.abc import Sequence
from typing import Final

from coord.events.envelope import Recorded
from coord.events.team import TeamConfigured
from coord.projections.folds.shape import Draft, Projection, Reads, Row, Table


class Team(Row):
    """One team."""

    team: str
    wip_limit: int | None
    """How many items may be held for it at once; none: any number."""
    share: float
    """How much of the work in hand is its due, beside the shares of the others."""
    configured_at_ns: int
    position: int


TEAMS: Final = Table("teams", Team, key=("team",))


def _reads(some: Sequence[Recorded]) -> Reads:
    return ((TEAMS, {(one.entity,) for one in some}),)


def _configured(draft: Draft, recorded: Recorded, event: TeamConfigured) -> None:
    draft.put(
        TEAMS,
        Team(recorded.entity, event.wip_limit, event.share, recorded.recorded_at_ns, recorded.position),
    )


PROJECTION: Final = Projection(name="teams", tables=(TEAMS,), on={TeamConfigured: _configured}, reads=_reads)
