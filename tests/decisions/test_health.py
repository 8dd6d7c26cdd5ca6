"""Given what a part of health costs at most, when somebody weighs it, then that holds; the same again is already so."""

import pytest
from pydantic import ValidationError

from coord.events.commands import Weigh
from coord.events.health import HealthWeighed
from coord.events.weights import POINTS_MAX, WEIGHTS
from coord.services.decisions.health import decide_weigh


def weigh(points: float | None, part: str = "backlog") -> Weigh:
    return Weigh(request_id="r", part=part, points=points)


def test_a_part_is_weighed_once_and_goes_back_to_what_is_usual() -> None:
    assert decide_weigh(40.0, weigh(20.0)) == [HealthWeighed(points=20.0)]
    assert decide_weigh(20.0, weigh(20.0)) == []
    assert decide_weigh(20.0, weigh(None)) == [HealthWeighed(points=WEIGHTS["backlog"])]
    assert decide_weigh(WEIGHTS["backlog"], weigh(None)) == []
    assert decide_weigh(20.0, weigh(0.0)) == [HealthWeighed(points=0.0)]


@pytest.mark.parametrize(
    ("part", "points"),
    [("luck", 1.0), ("backlog", -1.0), ("backlog", POINTS_MAX + 1), ("backlog", float("nan"))],
)
def test_what_is_no_part_or_no_weight_is_no_command(part: str, points: float) -> None:
    with pytest.raises(ValidationError):
        weigh(points, part)
