"""What is verified: the scenarios as they are written, beside the last result of each as it was recorded."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coord.services import clock
from coord.services.verification.features import Feature

NEVER = "never"


@dataclass(frozen=True, slots=True)
class Standing:
    """One scenario, and what is known of it."""

    feature: str
    scenario: str
    id: str
    outcome: str
    """passed, failed, skipped, or never: it was not run here."""
    judged: bool
    """Whether it stands among the features that were read; others are shown, and count for nothing."""
    last: Mapping[str, Any]
    """The row of the answer; empty when it never ran."""

    @property
    def wanting(self) -> bool:
        """Whether it keeps everything from being verified."""
        return self.judged and self.outcome != "passed"


def standings(features: Sequence[Feature], rows: Iterable[Mapping[str, Any]]) -> list[Standing]:
    """Put what is written and what was recorded together; without features, all that was recorded counts."""
    recorded = {row["id"]: row for row in rows}
    found = []
    for scenario in (one for feature in features for one in feature.scenarios):
        last = recorded.pop(scenario.id, {})
        outcome = last.get("outcome", NEVER)
        found.append(Standing(scenario.feature, scenario.title, scenario.id, outcome, True, last))
    for name, row in recorded.items():
        found.append(Standing(row["feature"], row["scenario"], name, row["outcome"], not features, row))
    return found


def markdown(features: Sequence[Feature], found: Iterable[Standing]) -> str:
    """Write the feature table of README."""
    by_feature: dict[str, list[Standing]] = {}
    for standing in found:
        by_feature.setdefault(standing.feature, []).append(standing)
    rows = [
        f"| {feature.title} | {feature.promise} | {len(feature.scenarios)} | "
        f"{_verified(by_feature.get(feature.title, []))} |"
        for feature in features
    ]
    return "\n".join(
        ["| feature | what it promises | scenarios | verified |", "| --- | --- | --- | --- |", *rows]
    )


def _verified(found: Sequence[Standing]) -> str:
    passed = [one for one in found if one.outcome == "passed"]
    if not passed:
        return "not yet"
    commits = sorted({one.last["commit"] for one in passed})
    day = clock.rfc3339(max(one.last["recorded_at_ns"] for one in passed))[:10]
    share = "all" if len(passed) == len(found) else f"{len(passed)} of {len(found)}"
    return f"{share} passed at {', '.join(commits)}, {day}"
