"""The weights of health as a table: of the parts that somebody weighed, as they were weighed last."""

from collections.abc import Sequence
from typing import Final

from coord.events.envelope import Recorded
from coord.events.health import HealthWeighed
from coord.projections.folds.shape import Draft, Projection, Reads, Row, Table


class Weight(Row):
    """One part."""

    part: str
    """The name of its deduction."""
    points: float
    """What it may cost at most."""
    weighed_at_ns: int
    position: int


WEIGHTS: Final = Table("health_weights", Weight, key=("part",))


def _reads(some: Sequence[Recorded]) -> Reads:
    return ((WEIGHTS, {(one.entity,) for one in some}),)


def _weighed(draft: Draft, recorded: Recorded, event: HealthWeighed) -> None:
    draft.put(WEIGHTS, Weight(recorded.entity, event.points, recorded.recorded_at_ns, recorded.position))


PROJECTION: Final = Projection(name="weights", tables=(WEIGHTS,), on={HealthWeighed: _weighed}, reads=_reads)
