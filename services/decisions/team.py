"""Teams: how many items may be held for one at once, and what its share is."""

from collections.abc import Sequence
from dataclasses import dataclass

from coord.events.commands import ConfigureTeam, Refusal
from coord.events.envelope import Recorded
from coord.events.model import Event
from coord.events.team import TeamConfigured
from coord.events.views import TeamView

Decision = Sequence[Event] | Refusal


@dataclass(frozen=True, slots=True)
class Team:
    """One team as it was configured last; position 0: it never was."""

    name: str
    position: int = 0
    wip_limit: int | None = None
    share: float = 1.0


def evolve(team: Team | None, recorded: Recorded) -> Team | None:
    """Apply one event; what does not fit leaves the team as it is."""
    if team is not None and recorded.position <= team.position:
        return team
    event = recorded.event
    if isinstance(event, TeamConfigured):
        return Team(recorded.entity, recorded.position, event.wip_limit, event.share)
    return team


def view(team: Team, holds: int) -> TeamView:
    """Show a team as replies do."""
    return TeamView(team=team.name, wip_limit=team.wip_limit, share=team.share, holds=holds)


def decide_configure(team: Team, command: ConfigureTeam) -> Decision:
    """Configure a team; the same again is already so."""
    wip_limit = team.wip_limit if command.wip_limit is None else command.wip_limit or None
    share = team.share if command.share is None else command.share
    if (team.wip_limit, team.share) == (wip_limit, share):
        return []
    return [TeamConfigured(wip_limit=wip_limit, share=share)]
