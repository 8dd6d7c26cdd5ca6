"""What a part of health may cost is said for the system and for each team, and 0 is nothing."""

from dataclasses import replace

import pytest

from coord.projections.health import Facts, score_parts, score_system
from coord.projections.health.facts import AgentFacts, WorkFacts


def test_what_a_part_may_cost_can_be_said_for_the_system_and_each_team() -> None:
    work = WorkFacts(team="blue", open=9, parked=4)
    facts = Facts(
        all_work=replace(work, team=None), work=(work,), agents=(AgentFacts("ada", "active", team="blue"),)
    )
    light = replace(facts, weights={"backlog": 20.0, "parked": 0.0})
    for entity in (0, 1):
        before, after = (
            {one.name: one.points for one in [score_system(given), *score_parts(given)][entity].deductions}
            for given in (facts, light)
        )
        assert after == {"backlog": pytest.approx(before["backlog"] / 2)}
    assert score_system(light).score == pytest.approx(100 - after["backlog"])
