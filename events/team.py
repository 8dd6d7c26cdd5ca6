"""Facts about teams: aggregate `team`, one subject a team. A team nobody configured has no limit and one share."""

from typing import Final

from pydantic import Field

from coord.events.agent import WIP_LIMIT_MAX
from coord.events.model import Event

SHARE_MAX: Final = 1_000.0


class TeamConfigured(Event):
    """What holds for the team from now on, all of it."""

    wip_limit: int | None = Field(default=None, ge=1, le=WIP_LIMIT_MAX)
    """How many items may be held for it at once; none: any number."""
    share: float = Field(default=1.0, gt=0, le=SHARE_MAX)
    """How much of the work in hand is its due, beside the shares of the others."""
