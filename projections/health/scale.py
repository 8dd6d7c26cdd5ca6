"""How much a trouble costs. Every scale rises with the trouble and ends at a ceiling."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from coord.events.alert import Evidence
from coord.events.model import NOTE_LENGTH_MAX
from coord.events.questions import Deduction, HealthScore
from coord.events.weights import WEIGHTS

EVIDENCE_MAX: Final = 10
POINTS_MIN: Final = 0.05
"""Less than this is no deduction: it would be shown as 0.0."""


def saturating(trouble: float, half: float) -> float:
    """Return a share from 0 to 1: 0 without trouble, a half at `half`, ever closer to 1."""
    return trouble / (trouble + half) if trouble > 0 else 0.0


def ramp(value: float, low: float, high: float) -> float:
    """Return a share from 0 at `low` to 1 at `high`; `high` may be the smaller one."""
    return min(1.0, max(0.0, (value - low) / (high - low)))


def deduct(
    name: str,
    points: float,
    reason: str,
    positions: Iterable[int] = (),
    stream: Literal["EVENTS", "SAMPLES"] = "EVENTS",
) -> list[Deduction]:
    """Make a deduction; none when it would be nothing."""
    if points < POINTS_MIN:
        return []
    newest = sorted(set(positions))[-EVIDENCE_MAX:]
    return [
        Deduction(
            name=name,
            points=min(points, 100.0),
            reason=reason[:NOTE_LENGTH_MAX],
            evidence=tuple(Evidence(stream=stream, position=position) for position in newest if position > 0),
        )
    ]


def weighed(deductions: Iterable[Deduction], weights: Mapping[str, float]) -> list[Deduction]:
    """Bring deductions from their usual weights to those that were said; what would be nothing is left out."""
    found = []
    for one in deductions:
        points = one.points * weights.get(one.name, WEIGHTS[one.name]) / WEIGHTS[one.name]
        if points >= POINTS_MIN:
            found.append(one.model_copy(update={"points": min(points, 100.0)}))
    return found


def score_of(entity: str, deductions: Iterable[Deduction]) -> HealthScore:
    """Take the deductions from 100; the largest is told first."""
    ordered = tuple(sorted(deductions, key=lambda one: (-one.points, one.name)))
    left = 100.0 - sum(one.points for one in ordered)
    return HealthScore(entity=entity, score=min(100.0, max(0.0, left)), deductions=ordered)


def missing_share(scores: Iterable[HealthScore]) -> float:
    """Add up what is missing in parts: 1 for each part that has nothing left."""
    return sum(1.0 - one.score / 100.0 for one in scores)


def seconds(value: float) -> str:
    """Write a duration for people."""
    if value < 120:
        return f"{value:.0f} s"
    if value < 7200:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.0f} h"


def items(count: int, what: str = "item") -> str:
    """Write a count with its noun."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
