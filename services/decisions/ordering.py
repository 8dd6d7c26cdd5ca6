"""In which order open items are claimed: five scores, each from 0 to 1, and what each counts.

One step of priority counts 0.70 / 9 = 0.078. So a deadline that is due outweighs one step, and an item that has waited
for a day, of a team that holds least, outweighs another one: nothing starves, and nobody is surprised by more.
"""

from typing import Final

from coord.events.model import PRIORITY_MAX, trusted
from coord.events.planning import Scores

WEIGHTS: Final = {"priority": 0.70, "age": 0.06, "deadline": 0.12, "match": 0.05, "fairness": 0.07}
_OF_PRIORITY, _OF_AGE, _OF_DEADLINE, _OF_MATCH, _OF_FAIRNESS = WEIGHTS.values()
_PRIORITIES: Final = tuple(round(priority / PRIORITY_MAX, 4) for priority in range(PRIORITY_MAX + 1))
_DAY_NS: Final = 86_400_000_000_000

assert abs(sum(WEIGHTS.values()) - 1) < 1e-9
assert all(
    weight < 2 * WEIGHTS["priority"] / PRIORITY_MAX for name, weight in WEIGHTS.items() if name != "priority"
)


def weigh(
    priority: int, submitted_at_ns: int, deadline_ns: int | None, match: float, fairness: float, now_ns: int
) -> float:
    """Return the weighted sum; `match` and `fairness` are scores already."""
    due = deadline_score(deadline_ns, now_ns)
    return _total(priority / PRIORITY_MAX, age_score(submitted_at_ns, now_ns), due, match, fairness)


def _total(urgency: float, age: float, due: float, match: float, fairness: float) -> float:
    return (
        _OF_PRIORITY * urgency
        + _OF_AGE * age
        + _OF_DEADLINE * due
        + _OF_MATCH * match
        + _OF_FAIRNESS * fairness
    )


def scores(
    priority: int, submitted_at_ns: int, deadline_ns: int | None, match: float, fairness: float, now_ns: int
) -> Scores:
    """Return all scores as an event records them, to four digits."""
    age, due = age_score(submitted_at_ns, now_ns), deadline_score(deadline_ns, now_ns)
    return trusted(
        Scores,
        {
            "priority": _PRIORITIES[priority],
            "age": round(age, 4),
            "deadline": round(due, 4) if due else 0.0,
            "match": round(match, 4),
            "fairness": round(fairness, 4),
            "total": round(_total(priority / PRIORITY_MAX, age, due, match, fairness), 4),
        },
    )


def age_score(submitted_at_ns: int, now_ns: int) -> float:
    """Return for how many days the item has waited, at most 1."""
    waited_ns = now_ns - submitted_at_ns
    return waited_ns / _DAY_NS if 0 <= waited_ns <= _DAY_NS else float(waited_ns > 0)


def deadline_score(deadline_ns: int | None, now_ns: int) -> float:
    """Return 1 at the deadline and after it, 0 a day before it and without one."""
    if deadline_ns is None:
        return 0.0
    return min(max(1.0 - (deadline_ns - now_ns) / _DAY_NS, 0.0), 1.0)


def match_score(needed: int, offered: int) -> float:
    """Return how much of what an agent offers an item needs: (1 + needed) / (1 + offered)."""
    return (1 + needed) / (1 + offered)


def fairness_score(load: float, load_max: float) -> float:
    """Return 1 for no load, 0 for the greatest; a team's load is what is held for it, divided by its share."""
    return 1.0 if load_max <= 0 else max(1.0 - load / load_max, 0.0)
