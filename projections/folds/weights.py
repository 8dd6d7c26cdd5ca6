"""The weights of health as a table: of the parts that somebody weighed, as they were weighed last."""

from dataclasses import dataclass
from typing import Final

from coord.events.envelope import Recorded
from coord.events.health import HealthWeighed
from coord.projections.folds.shape import Draft, Projection, Reads, Table


@dataclass(slots=True)
class Weight:
    """One part."""

    part: str
    """The name of its deduction."""
    points: float
    """What it may cost at most."""
    weighed_at_ns: int
    position: int


WEIGHTS: Final = Table("health_weights", Weight, key=("part",))


def _reads(recorded: Recorded) -> Reads:
    return ((WEIGHTS, (recorded.entity,)),) if recorded.aggregate == "health" else ()


def _weighed(draft: Draft, recorded: Recorded, event: HealthWeighed) -> None:
    draft.put(WEIGHTS, Weight(recorded.entity, event.points, recorded.recorded_at_ns, recorded.position))


PROJECTION: Final = Projection(name="weights", tables=(WEIGHTS,), on={HealthWeighed: _weighed}, reads=_reads)
