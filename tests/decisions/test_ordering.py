"""The order of claims: scores between 0 and 1, and no surprise in what outweighs what."""

from hypothesis import given
from hypothesis import strategies as st

from coord.services.decisions.ordering import WEIGHTS, fairness_score, match_score, scores, weigh

DAY = 86_400_000_000_000
NOW = 20_000 * DAY


@given(
    st.integers(0, 9), st.integers(NOW - 9 * DAY, NOW + DAY), st.none() | st.integers(NOW - 9 * DAY, NOW + 9 * DAY),
    st.integers(0, 32), st.integers(0, 32), st.floats(0, 100), st.floats(0, 100),
)  # fmt: skip
def test_each_score_is_between_0_and_1_and_the_total_is_their_weighted_sum(
    priority: int, submitted: int, deadline: int | None, needed: int, more: int, load: float, load_max: float
) -> None:
    match, fairness = match_score(needed, needed + more), fairness_score(load, max(load, load_max))
    told = scores(priority, submitted, deadline, match, fairness, NOW)
    fields = told.model_dump()
    assert all(0 <= value <= 1 for value in fields.values())
    total = sum(WEIGHTS[name] * fields[name] for name in WEIGHTS)
    assert abs(total - told.total) < 0.001
    assert abs(told.total - weigh(priority, submitted, deadline, match, fairness, NOW)) < 0.0001


def total(
    priority: int = 5, age: float = 0, left: float | None = None, match: float = 1, fairness: float = 1
) -> float:
    """`age` and `left` in days."""
    deadline = None if left is None else NOW + int(left * DAY)
    return weigh(priority, NOW - int(age * DAY), deadline, match, fairness, NOW)


def test_what_outweighs_what() -> None:
    assert total(priority=6) > total(priority=5, age=9)
    assert total(priority=6) > total(priority=5, fairness=1) > total(priority=5, fairness=0)
    assert total(priority=5, left=0) > total(priority=6)
    assert total(priority=5, left=0) < total(priority=7)
    assert total(left=0.1) > total(left=0.5) > total(left=2) == total()
    assert total(age=1, fairness=1) > total(priority=6, fairness=0)
    assert total(age=0.2) > total(age=0.1)
    assert total(match=match_score(1, 1)) > total(match=match_score(0, 1))
