"""Whether GPUs are there and their driver answers."""

import pytest
from looks import Looks, at, told

from coord.services.detectors.gpu_presence import PresenceWatch

HERE = {"gpu_lost_ratio": 0.0, "gpu_temperature_celsius": 60.0}
LOST = {"gpu_lost_ratio": 1.0}


@pytest.fixture
def looks() -> Looks:
    """A node that nobody looked at before."""
    return Looks(PresenceWatch("n-1"))


def timeouts(count: int) -> dict[str, float]:
    """Return the machine's own readings."""
    return {"gpu_driver_timeouts_count": float(count)}


def test_a_gpu_that_the_driver_calls_lost_is_lost_at_once(looks: Looks) -> None:
    assert looks.show(5, gpu0=HERE, gpu1=HERE) == []
    (found,) = looks.show(3, gpu0=HERE, gpu1=LOST)
    assert told([found]) == [("gpu-lost", "began", "critical")]
    assert found.figures == {"gpu": 1.0}
    assert at(found) == [6]


def test_it_is_back_when_it_answered_for_ten_seconds(looks: Looks) -> None:
    looks.show(3, gpu0=LOST)
    assert looks.show(10, gpu0=HERE) == []
    assert told(looks.show(gpu0=HERE)) == [("gpu-lost", "ended", "critical")]


def test_a_driver_that_did_not_answer_in_time_is_unresponsive(looks: Looks) -> None:
    looks.show(5, node=timeouts(0), gpu0=HERE)
    (found,) = looks.show(3, node=timeouts(1))
    assert told([found]) == [("gpu-unresponsive", "began", "warning")]
    assert "1st time" in found.summary


def test_a_minute_without_a_reading_is_critical(looks: Looks) -> None:
    looks.show(5, node=timeouts(0), gpu0=HERE)
    found = looks.show(70, node=timeouts(1))
    assert told(found) == [
        ("gpu-unresponsive", "began", "warning"),
        ("gpu-unresponsive", "worse", "critical"),
    ]


def test_gpus_that_are_not_read_although_the_node_speaks_are_unresponsive(looks: Looks) -> None:
    looks.show(5, node=timeouts(0), gpu0=HERE)
    assert looks.show(14, node=timeouts(0)) == []
    assert told(looks.show(node=timeouts(0))) == [("gpu-unresponsive", "began", "warning")]


def test_it_is_over_after_half_a_minute_of_answers(looks: Looks) -> None:
    looks.show(5, node=timeouts(0), gpu0=HERE)
    looks.show(20, node=timeouts(1))
    assert looks.show(30, node=timeouts(1), gpu0=HERE) == []
    assert told(looks.show(node=timeouts(1), gpu0=HERE)) == [("gpu-unresponsive", "ended", "warning")]


def test_time_outs_from_before_the_first_look_are_past(looks: Looks) -> None:
    assert looks.show(60, node=timeouts(7), gpu0=HERE) == []


def test_a_monitor_that_counts_from_nothing_again_says_nothing(looks: Looks) -> None:
    looks.show(5, node=timeouts(7), gpu0=HERE)
    assert looks.show(60, node=timeouts(0), gpu0=HERE) == []


def test_a_node_without_gpus_has_none_to_lose(looks: Looks) -> None:
    assert looks.show(300, node={"memory_used_bytes": 1.0}) == []
