"""Facts about how health is judged: aggregate `health`, one subject a part, such as `ev.local.health.backlog`."""

from pydantic import Field

from coord.events.model import Event
from coord.events.weights import POINTS_MAX


class HealthWeighed(Event):
    """What the part may cost at most from now on, for the system and for each team."""

    points: float = Field(ge=0, le=POINTS_MAX)
    """0: it costs nothing, and is not told."""
