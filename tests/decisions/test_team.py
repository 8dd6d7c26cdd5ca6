"""Given how a team was configured, when somebody configures it, then what was not said stays."""

from coord.events.commands import ConfigureTeam
from coord.events.team import TeamConfigured
from coord.services.decisions.team import Team, decide_configure

TEAM = Team("red", 5, wip_limit=2, share=3.0)


def test_what_is_not_said_stays_and_what_is_so_already_is_no_event() -> None:
    assert decide_configure(TEAM, ConfigureTeam(request_id="r", team="red", share=1.0)) == [
        TeamConfigured(wip_limit=2, share=1.0)
    ]
    assert decide_configure(TEAM, ConfigureTeam(request_id="r", team="red", wip_limit=0)) == [
        TeamConfigured(wip_limit=None, share=3.0)
    ]
    assert decide_configure(TEAM, ConfigureTeam(request_id="r", team="red", wip_limit=2)) == []
    assert decide_configure(Team("new"), ConfigureTeam(request_id="r", team="new", share=1.0)) == []
