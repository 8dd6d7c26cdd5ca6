"""The weights of health: what each part of it may cost at most. A part that nobody weighed has its usual weight."""

from collections.abc import Sequence

from coord.events.commands import Weigh
from coord.events.envelope import Recorded
from coord.events.health import HealthWeighed
from coord.events.model import Event
from coord.events.weights import WEIGHTS


def evolve(points: float | None, recorded: Recorded) -> float | None:
    """Apply one event to the weight of a part; what does not fit leaves it as it is."""
    event = recorded.event
    return event.points if isinstance(event, HealthWeighed) else points


def decide_weigh(points: float, command: Weigh) -> Sequence[Event]:
    """Weigh a part; the same again is already so."""
    wanted = WEIGHTS[command.part] if command.points is None else command.points
    return [] if wanted == points else [HealthWeighed(points=wanted)]
