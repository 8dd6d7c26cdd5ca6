"""Memory: pressure, the slope to exhaustion, device headroom, a real failed allocation."""

import pytest
from looks import Looks, at, told

from coord.events.run import RunOutOfMemory
from coord.services.detectors.memory import MemoryWatch
from coord.services.detectors.out_of_memory import CLEAN_POINTS, OutOfMemoryWatch

GIB = 2.0**30
TOTAL = 64 * GIB


@pytest.fixture
def looks() -> Looks:
    """A node that nobody looked at before."""
    return Looks(MemoryWatch("n-1"))


def pressure(some: float, full: float = 0.0) -> dict[str, float]:
    """Return pressure as the kernel averages it."""
    return {"memory_pressure_some_ratio": some, "memory_pressure_full_ratio": full}


def ram(available_gib: float) -> dict[str, float]:
    """Return what is available."""
    available = available_gib * GIB
    return {"memory_available_bytes": available, "memory_used_bytes": TOTAL - available}


def device(ratio: float) -> dict[str, float]:
    """Return how full a GPU's memory is."""
    return {"gpu_memory_used_bytes": ratio * 80 * GIB, "gpu_memory_total_bytes": 80 * GIB}


@pytest.mark.parametrize("pressed", [pressure(0.4), pressure(0.1, 0.06)], ids=["some", "full"])
def test_pressure_for_ten_seconds_is_an_incident(looks: Looks, pressed: dict[str, float]) -> None:
    assert looks.show(10, node=pressed) == []
    (found,) = looks.show(node=pressed)
    assert told([found]) == [("memory-pressure", "began", "warning")]
    assert at(found) == [1, 11]


def test_all_tasks_stalled_is_critical(looks: Looks) -> None:
    assert told(looks.show(11, node=pressure(0.9, 0.4))) == [("memory-pressure", "began", "critical")]


def test_pressure_is_over_when_it_has_eased_for_half_a_minute(looks: Looks) -> None:
    looks.show(11, node=pressure(0.4))
    assert looks.show(200, node=pressure(0.2)) == []
    assert looks.show(30, node=pressure(0.05)) == []
    assert told(looks.show(node=pressure(0.05))) == [("memory-pressure", "ended", "warning")]


def test_a_node_that_tells_no_pressure_has_none(looks: Looks) -> None:
    assert looks.show(100, node=ram(60)) == []


def test_ram_that_falls_steadily_is_told_a_minute_before_its_end(looks: Looks) -> None:
    found = []
    for second in range(400):
        found += [(second, one) for one in looks.show(node=ram(40 - 0.1 * second))]
        if found:
            break
    ((second, finding),) = found
    assert told([finding]) == [("memory-exhaustion", "began", "critical")]
    exhausted_at = (40 - 0.02 * 64) / 0.1
    assert 50 <= exhausted_at - second <= 61
    assert 0 < finding.figures["seconds_left"] < 60


def test_a_model_that_is_loaded_is_no_exhaustion(looks: Looks) -> None:
    falling = [60 - 2 * second for second in range(20)]
    shown = [*[60.0] * 60, *falling, *[22.0] * 120]
    assert [found for available in shown for found in looks.show(node=ram(available))] == []


def test_one_jump_has_no_slope(looks: Looks) -> None:
    shown = [*[18.0] * 60, *[10.0] * 120]
    assert [found for available in shown for found in looks.show(node=ram(available))] == []


def test_a_staircase_has_one(looks: Looks) -> None:
    shown = [18 - 0.5 * (second // 5) for second in range(150)]
    found = [one for available in shown for one in looks.show(node=ram(available))]
    assert told(found) == [("memory-exhaustion", "began", "critical")]


def test_next_to_nothing_left_is_exhaustion_whatever_the_slope(looks: Looks) -> None:
    assert looks.show(node=ram(1.0)) == []
    assert told(looks.show(node=ram(1.0))) == [("memory-exhaustion", "began", "critical")]


def test_exhaustion_is_over_when_ram_stays_for_half_a_minute(looks: Looks) -> None:
    looks.show(3, node=ram(1.0))
    found = looks.show(120, node=ram(50.0))
    assert told(found) == [("memory-exhaustion", "ended", "critical")]


def test_a_full_device_is_told_for_notice_and_ends_below_nine_tenths(looks: Looks) -> None:
    assert looks.show(10, gpu0=device(0.97)) == []
    assert told(looks.show(gpu0=device(0.97))) == [("device-memory", "began", "info")]
    assert looks.show(100, gpu0=device(0.92)) == []
    assert told(looks.show(11, gpu0=device(0.5))) == [("device-memory", "ended", "info")]


def oom(step: int, micro_batch: int = 8) -> RunOutOfMemory:
    """Return a failed allocation."""
    return RunOutOfMemory(step=step, micro_batch=micro_batch, reason="cannot allocate")


def test_a_failed_allocation_is_an_incident_and_another_makes_it_worse() -> None:
    watch = OutOfMemoryWatch("r-1")
    (first,) = watch.failed(oom(10), 100)
    (second,) = watch.failed(oom(10, micro_batch=4), 101)
    assert told([first, second]) == [
        ("out-of-memory", "began", "warning"),
        ("out-of-memory", "worse", "warning"),
    ]
    assert (first.figures["micro_batch"], second.figures["micro_batch"]) == (8, 4)


def test_it_is_over_after_twenty_clean_steps() -> None:
    watch = OutOfMemoryWatch("r-1")
    watch.failed(oom(10), 100)
    for step in range(10, 10 + CLEAN_POINTS - 1):
        assert watch.point(step, 101 + step) == []
    assert told(watch.point(29, 200)) == [("out-of-memory", "ended", "warning")]
    assert watch.point(30, 201) == []


def test_steps_without_a_failure_are_nothing() -> None:
    watch = OutOfMemoryWatch("r-1")
    assert [found for step in range(100) for found in watch.point(step, step + 1)] == []


def test_another_failure_begins_the_count_anew() -> None:
    watch = OutOfMemoryWatch("r-1")
    watch.failed(oom(10), 100)
    for step in range(10, 25):
        watch.point(step, 101)
    watch.failed(oom(25), 130)
    assert [watch.point(step, 140) for step in range(25, 40)] == [[]] * 15
