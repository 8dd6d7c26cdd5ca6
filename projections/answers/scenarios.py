"""The question about scenarios: what is verified, when, at which commit, by which evidence."""

from typing import Any, Final

from coord.events.commands import Refusal, refusal
from coord.events.questions import ScenarioRow, Scenarios, ScenariosAnswer
from coord.projections.answers.alerts import evidence
from coord.projections.answers.moment import Moment, as_of, cut
from coord.projections.store import Reader

_SCENARIOS: Final = """
    SELECT * FROM scenarios WHERE $scenario::VARCHAR IS NULL OR id = $scenario
    ORDER BY feature, scenario, id LIMIT $limit"""


def answer_scenarios(reader: Reader, question: Scenarios, moment: Moment) -> ScenariosAnswer | Refusal:
    """List scenarios with their last outcome, by feature."""
    found = reader.rows(_SCENARIOS, scenario=question.scenario, limit=question.limit + 1)
    if question.scenario is not None and not found:
        return refusal(
            "unknown_id",
            f"the scenario {question.scenario} was never run.",
            "coord verify --status lists those that were.",
        )
    rows, truncated = cut(found, question.limit)
    return ScenariosAnswer(
        as_of=as_of(reader, moment),
        rows=tuple(_scenario_row(row, moment) for row in rows),
        truncated=truncated,
    )


def _scenario_row(row: dict[str, Any], moment: Moment) -> ScenarioRow:
    return ScenarioRow(
        evidence=evidence(row.pop("evidence")), age_seconds=moment.seconds_since(row["recorded_at_ns"]), **row
    )
