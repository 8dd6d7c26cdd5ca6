"""The question about health: gather the facts, score them, and show the one asked for with what is below it."""

from coord.events.commands import Invalid, Refusal, refusal
from coord.events.questions import ROWS_MAX, Health, HealthAnswer, HealthScore
from coord.events.weights import WEIGHTS
from coord.projections.answers.gather import gather
from coord.projections.answers.moment import Moment, as_of
from coord.projections.health import Facts, score_parts, score_system, worst_first
from coord.projections.store import Reader


def answer_health(reader: Reader, question: Health, moment: Moment) -> HealthAnswer | Refusal | Invalid:
    """Score the system or one entity; the parts below it come worst first."""
    facts = gather(reader, moment)
    parts = score_parts(facts)
    found = _find(question.entity, facts, parts)
    if isinstance(found, Refusal | Invalid):
        return found
    below = _below(found.entity, facts, parts)
    return HealthAnswer(
        as_of=as_of(reader, moment),
        score=found.score,
        entity=found.entity,
        deductions=found.deductions,
        parts=below[:ROWS_MAX],
        truncated=len(below) > ROWS_MAX,
        weights={**WEIGHTS, **facts.weights},
    )


def _find(
    entity: str | None, facts: Facts, parts: tuple[HealthScore, ...]
) -> HealthScore | Refusal | Invalid:
    if entity in (None, "system"):
        return score_system(facts)
    named = [part for part in parts if part.entity == entity or part.entity.partition(":")[2] == entity]
    if len(named) == 1:
        return named[0]
    if named:
        which = " or ".join(part.entity for part in named)
        return Invalid(reason=f"{entity} may be {which}: say which.")
    return refusal(
        "unknown_id",
        f"there is no {entity} to be healthy or not.",
        "coord health lists what there is: agent:, node:, team: and run: before a name.",
    )


def _below(entity: str, facts: Facts, parts: tuple[HealthScore, ...]) -> tuple[HealthScore, ...]:
    if entity == "system":
        return parts
    kind, _, name = entity.partition(":")
    if kind != "team":
        return ()
    members = {f"agent:{agent.agent}" for agent in facts.agents if agent.team == name}
    return worst_first(part for part in parts if part.entity in members)
