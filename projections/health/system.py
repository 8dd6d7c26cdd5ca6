"""The whole: the load, what its parts lack, what is wrong with the log and with who reads it."""

from typing import Final

from coord.events.questions import Deduction, HealthScore
from coord.events.weights import WEIGHTS
from coord.projections.health.facts import DAY_SECONDS, RECENT_SECONDS, AgentFacts, Facts, WorkFacts
from coord.projections.health.load import load_deductions
from coord.projections.health.parts import (
    Scores,
    alert_deduction,
    score_node,
    score_run,
)
from coord.projections.health.scale import (
    deduct,
    items,
    missing_share,
    saturating,
    score_of,
    seconds,
    weighed,
)

LAG_FREE: Final = 200
"""Events not folded in yet that are ordinary."""
LOG_AWAY_SECONDS: Final = 5.0


def score_system(facts: Facts) -> HealthScore:
    """Score the system."""
    deductions = [
        *load_deductions(facts.all_work, _active(facts.agents), _leaving(facts.agents)),
        *_agents_lost(facts.agents),
        *_nodes(facts),
        *_runs(facts),
        *alert_deduction(facts.alerts, WEIGHTS["alerts"]),
        *_log(facts),
        *_projector(facts),
    ]
    return score_of("system", weighed(deductions, facts.weights))


def score_team(work: WorkFacts, facts: Facts, scores: Scores) -> HealthScore:
    """Score a team by its own items and agents."""
    own = tuple(agent for agent in facts.agents if agent.team == work.team)
    missing = missing_share(scores[agent.agent] for agent in own if agent.agent in scores)
    deductions = [
        *load_deductions(work, _active(own), _leaving(own)),
        *_agents_lost(own),
        *deduct(
            "agents",
            WEIGHTS["agents"] * saturating(missing, 2.0),
            "its agents lack health; ask for each of them.",
            (agent.position for agent in own),
        ),
        *alert_deduction(
            (one for one in facts.alerts if (one.entity_kind, one.entity) == ("team", work.team)),
            WEIGHTS["alerts"],
        ),
    ]
    return score_of(f"team:{work.team}", weighed(deductions, facts.weights))


def _active(agents: tuple[AgentFacts, ...]) -> int:
    return sum(agent.status == "active" for agent in agents)


def _leaving(agents: tuple[AgentFacts, ...]) -> int:
    return sum(agent.status == "draining" and agent.holds > 0 for agent in agents)


def _agents_lost(agents: tuple[AgentFacts, ...]) -> list[Deduction]:
    """Deduct for agents that are lost with work in hand, and less for those lost a short while ago."""
    lost = [agent for agent in agents if agent.status == "lost"]
    holding = [agent for agent in lost if agent.holds]
    lately = [agent for agent in lost if not agent.holds and agent.changed_seconds <= RECENT_SECONDS]
    if not holding and not lately:
        return []
    names = ", ".join(agent.agent for agent in (*holding, *lately)[:5])
    return deduct(
        "agents_lost",
        WEIGHTS["agents_lost"] * saturating(len(holding) + len(lately) / 4, 2.0),
        f"{items(len(holding), 'lost agent')} with work in hand and {len(lately)} lost lately: {names}.",
        (position for agent in (*holding, *lately) for position in (agent.position, *agent.held_at)),
    )


def _nodes(facts: Facts) -> list[Deduction]:
    """Deduct for what nodes lack; one that has been silent for a day is taken to be gone."""
    here = [node for node in facts.nodes if node.silent_seconds <= DAY_SECONDS]
    scores = [score_node(node, facts) for node in here]
    worst = min(scores, key=lambda one: one.score, default=None)
    if worst is None or not worst.deductions:
        return []
    return deduct(
        "nodes",
        WEIGHTS["nodes"] * saturating(missing_share(scores), 1.0),
        f"{worst.entity} has {worst.score:.0f} of 100: {worst.deductions[0].reason}",
        (node.position for node, score in zip(here, scores, strict=True) if score.score < 100),
    )


def _runs(facts: Facts) -> list[Deduction]:
    scores = [score_run(run, facts) for run in facts.runs]
    worst = min(scores, key=lambda one: one.score, default=None)
    if worst is None or not worst.deductions:
        return []
    return deduct(
        "runs",
        WEIGHTS["runs"] * saturating(missing_share(scores), 1.0),
        f"{worst.entity} has {worst.score:.0f} of 100: {worst.deductions[0].reason}",
        (run.position for run, score in zip(facts.runs, scores, strict=True) if score.score < 100),
    )


def _log(facts: Facts) -> list[Deduction]:
    window = f"in the last {RECENT_SECONDS // 60} min"
    return [
        *deduct(
            "dead_letters",
            WEIGHTS["dead_letters"] * saturating(facts.dead_recent, 5.0),
            f"{items(facts.dead_recent, 'message')} {window} were no events of ours; coord deadletters.",
            facts.dead_at,
        ),
        *deduct(
            "oddities",
            WEIGHTS["oddities"] * saturating(facts.oddities_recent, 3.0),
            f"{items(facts.oddities_recent, 'event')} {window} did not fit what came before.",
            facts.oddities_at,
        ),
        *deduct(
            "events_missing",
            WEIGHTS["events_missing"] if facts.missing_events else 0.0,
            f"the log has lost {items(facts.missing_events, 'event')}.",
            facts.missing_at,
        ),
    ]


def _projector(facts: Facts) -> list[Deduction]:
    away = facts.log_silent_seconds > LOG_AWAY_SECONDS
    return [
        *deduct(
            "behind",
            WEIGHTS["behind"] * saturating(facts.lag - LAG_FREE, 2000.0),
            f"{items(facts.lag, 'event')} of the log are not folded in yet.",
        ),
        *deduct(
            "log_away",
            WEIGHTS["log_away"] if away else 0.0,
            f"the log was not heard for {seconds(facts.log_silent_seconds)}; this is what it said before.",
        ),
    ]
