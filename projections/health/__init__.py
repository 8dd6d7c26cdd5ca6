"""Health: a pure function of (tables, as_of) to scores from 0 to 100, each with the reasons for what is missing.

    facts     what the tables said, and as of when; made by the answers, or by hand in tests
    scale     how much a trouble costs: saturating, so that more trouble always costs more and never too much
    load      backlog, stalled work, failures: of the system and of each team
    parts     agents, nodes and runs
    system    everything together

A score is 100 less its deductions, and never below 0; what each of the system's and of a team's may cost at most can
be said (`coord weigh`). Each deduction has a name, its size, its reason in words and the
positions of the events behind it. More of a trouble never costs less; a fresh, empty system has 100.
"""

from collections.abc import Iterable

from coord.events.questions import HealthScore
from coord.projections.folds.agents import GONE
from coord.projections.health.facts import Facts
from coord.projections.health.parts import score_agent, score_node, score_run
from coord.projections.health.system import score_system, score_team

__all__ = ["Facts", "score_parts", "score_system", "worst_first"]


def score_parts(facts: Facts) -> tuple[HealthScore, ...]:
    """Score every team, agent, node and run, worst first; who has left or was put out has no score."""
    agents = {agent.agent: score_agent(agent, facts) for agent in facts.agents if agent.status not in GONE}
    teams = (score_team(work, facts, agents) for work in facts.work if work.team is not None)
    nodes = (score_node(node, facts) for node in facts.nodes)
    runs = (score_run(run, facts) for run in facts.runs)
    return worst_first((*teams, *agents.values(), *nodes, *runs))


def worst_first(scores: Iterable[HealthScore]) -> tuple[HealthScore, ...]:
    """Order scores, the worst first."""
    return tuple(sorted(scores, key=lambda one: (one.score, one.entity)))
