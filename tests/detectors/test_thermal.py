"""Heat: margins and throttle bits, with hysteresis; never how fast it rises.

No recorded trace of a GPU that throttles was found, so temperatures and bits are made up here. The load step
has the shape of a recorded one: +16 C in 5 s, +20 C in 10 s, then flat.
"""

import pytest
from looks import Looks, at, gpu, told

from coord.services.detectors.thermal import ThermalSettings, ThermalWatch

HEAT, BRAKE, POWER_BRAKE, SLOWDOWN, POWER_LIMIT = 0x20, 0x40, 0x80, 0x8, 0x4


@pytest.fixture
def looks() -> Looks:
    """A node that nobody looked at before."""
    return Looks(ThermalWatch("n-1"))


def test_a_load_that_begins_is_no_incident(looks: Looks) -> None:
    ramp = [41.0] * 30 + [45, 49, 52, 55, 57, 58, 59, 60, 60.5, 61] + [61.0] * 600
    assert [found for celsius in ramp for found in looks.show(gpu0=gpu(celsius, POWER_LIMIT))] == []


def test_a_load_that_begins_close_to_the_limit_is_none_either_while_it_stays_below(looks: Looks) -> None:
    ramp = [63.0] * 30 + [67, 71, 74, 77, 79, 80, 81, 82, 82.5, 83] + [83.0] * 600
    assert [found for celsius in ramp for found in looks.show(gpu0=gpu(celsius))] == []


@pytest.mark.parametrize("bits", [HEAT, BRAKE | SLOWDOWN, POWER_BRAKE, HEAT | POWER_LIMIT])
def test_a_bit_in_three_of_five_samples_is_throttling(looks: Looks, bits: int) -> None:
    assert looks.show(gpu0=gpu(80, bits)) == []
    assert looks.show(gpu0=gpu(80, 0)) == []
    assert looks.show(gpu0=gpu(80, bits)) == []
    assert looks.show(gpu0=gpu(80, 0)) == []
    (found,) = looks.show(gpu0=gpu(80, bits))
    assert told([found]) == [("gpu-throttled", "began", "warning")]
    assert (found.entity_kind, found.entity) == ("node", "n-1")
    assert at(found) == [1, 3, 5]
    assert found.figures["gpu"] == 0
    assert "gpu0" in found.summary


@pytest.mark.parametrize("bits", [0, POWER_LIMIT, SLOWDOWN, 0x1 | 0x2 | 0x10])
def test_other_bits_are_normal(looks: Looks, bits: int) -> None:
    assert looks.show(300, gpu0=gpu(80, bits)) == []


def test_a_bit_now_and_then_is_not_throttling(looks: Looks) -> None:
    for _ in range(100):
        assert looks.show(gpu0=gpu(80, HEAT)) + looks.show(2, gpu0=gpu(80)) == []


def test_throttling_that_goes_on_is_told_again_every_ten_seconds(looks: Looks) -> None:
    found = looks.show(35, gpu0=gpu(80, HEAT))
    assert told(found) == [
        ("gpu-throttled", "began", "warning"),
        *[("gpu-throttled", "worse", "warning")] * 3,
    ]
    assert [finding.figures["seconds"] for finding in found[1:]] == [10, 20, 30]


def test_the_hardwares_own_brake_for_half_a_minute_is_critical(looks: Looks) -> None:
    found = [one for one in looks.show(40, gpu0=gpu(80, BRAKE)) if one.severity == "critical"]
    assert told(found)[0] == ("gpu-throttled", "worse", "critical")
    assert at(found[0]) == [1, 31]


def test_a_brake_that_lets_go_in_between_is_not(looks: Looks) -> None:
    for _ in range(4):
        found = looks.show(20, gpu0=gpu(80, BRAKE)) + looks.show(gpu0=gpu(80, HEAT))
        assert all(one.severity == "warning" for one in found)


def test_less_than_three_degrees_below_the_slowdown_for_ten_seconds_is_too_hot(looks: Looks) -> None:
    assert looks.show(10, gpu0=gpu(84.5)) == []
    (found,) = looks.show(gpu0=gpu(84.5))
    assert told([found]) == [("gpu-too-hot", "began", "warning")]
    assert found.figures["margin_celsius"] == 2.5
    assert looks.show(200, gpu0=gpu(84.5)) == []


def test_the_threshold_is_the_one_that_the_gpu_itself_names(looks: Looks) -> None:
    cooler = {"gpu_temperature_slowdown_celsius": 70.0}
    assert told(looks.show(11, gpu0=gpu(84), gpu1=gpu(68, **cooler))) == [("gpu-too-hot", "began", "warning")]


def test_a_gpu_that_names_no_threshold_is_not_judged_by_its_temperature(looks: Looks) -> None:
    assert looks.show(100, gpu0={"gpu_temperature_celsius": 99.0, "gpu_throttle_reasons_bits": 0.0}) == []


def test_a_threshold_that_was_named_once_holds(looks: Looks) -> None:
    looks.show(gpu0=gpu(60))
    assert told(looks.show(11, gpu0={"gpu_temperature_celsius": 85.0})) == [
        ("gpu-too-hot", "began", "warning")
    ]


def test_hot_memory_is_too_hot_though_the_chip_is_cool(looks: Looks) -> None:
    (found,) = looks.show(11, gpu0=gpu(62, gpu_memory_temperature_celsius=93.0))
    assert told([found]) == [("gpu-too-hot", "began", "warning")]


def test_near_the_shutdown_is_critical_at_the_second_look(looks: Looks) -> None:
    assert looks.show(gpu0=gpu(90)) == []
    assert told(looks.show(gpu0=gpu(90))) == [("gpu-too-hot", "began", "critical")]


def test_one_wild_reading_is_nothing(looks: Looks) -> None:
    assert looks.show(gpu0=gpu(127)) + looks.show(60, gpu0=gpu(61)) == []


def test_it_is_over_after_a_minute_well_below_and_no_sooner(looks: Looks) -> None:
    looks.show(5, gpu0=gpu(86, HEAT))
    looks.show(10, gpu0=gpu(86, HEAT))
    assert looks.show(60, gpu0=gpu(78)) == []
    assert sorted(told(looks.show(gpu0=gpu(78)))) == [
        ("gpu-throttled", "ended", "warning"),
        ("gpu-too-hot", "ended", "warning"),
    ]
    assert looks.show(600, gpu0=gpu(78)) == []


@pytest.mark.parametrize("relapse", [gpu(82), gpu(70, HEAT)], ids=["not cool enough", "a bit"])
def test_a_relapse_begins_the_minute_anew(looks: Looks, relapse: dict[str, float]) -> None:
    looks.show(15, gpu0=gpu(80, HEAT))
    looks.show(50, gpu0=gpu(78))
    assert looks.show(gpu0=relapse) == []
    assert looks.show(60, gpu0=gpu(78)) == []
    assert told(looks.show(gpu0=gpu(78))) == [("gpu-throttled", "ended", "warning")]


def test_between_hot_and_calm_it_neither_begins_nor_ends(looks: Looks) -> None:
    assert looks.show(300, gpu0=gpu(82)) == []
    looks.show(11, gpu0=gpu(85))
    assert looks.show(300, gpu0=gpu(82)) == []


def test_a_second_gpu_joins_the_incident_and_it_ends_with_the_last(looks: Looks) -> None:
    looks.show(15, gpu0=gpu(80, HEAT), gpu1=gpu(60))
    joined = looks.show(4, gpu0=gpu(60), gpu1=gpu(80, HEAT))
    assert told(joined) == [("gpu-throttled", "worse", "warning")]
    assert looks.show(64, gpu0=gpu(60), gpu1=gpu(80, HEAT))[-1].change == "worse"
    assert told(looks.show(61, gpu0=gpu(60), gpu1=gpu(60))) == [("gpu-throttled", "ended", "warning")]


def test_what_nobody_looked_at_is_not_taken_to_have_held(looks: Looks) -> None:
    looks.show(5, gpu0=gpu(85))
    looks.rest(120)
    assert looks.show(10, gpu0=gpu(85)) == []
    assert told(looks.show(gpu0=gpu(85))) == [("gpu-too-hot", "began", "warning")]


def test_a_gpu_that_is_not_read_any_more_ends_its_incident(looks: Looks) -> None:
    looks.show(15, gpu0=gpu(86, HEAT))
    found = looks.show(62, node={"memory_used_bytes": 1.0})
    assert sorted(told(found)) == [
        ("gpu-throttled", "ended", "warning"),
        ("gpu-too-hot", "ended", "warning"),
    ]


def test_looks_ten_seconds_apart_are_judged_too() -> None:
    looks = Looks(ThermalWatch("n-1"), seconds=60)
    assert told(looks.show(3, gpu0=gpu(85)))[:1] == [("gpu-too-hot", "began", "warning")]


def test_every_figure_is_a_setting() -> None:
    looks = Looks(ThermalWatch("n-1", ThermalSettings(calm_margin_celsius=20, calm_seconds=5)))
    looks.show(5, gpu0=gpu(80, HEAT))
    assert looks.show(60, gpu0=gpu(70)) == []
    assert told(looks.show(6, gpu0=gpu(60))) == [("gpu-throttled", "ended", "warning")]


def test_the_same_looks_give_the_same_findings() -> None:
    def run() -> list[object]:
        looks = Looks(ThermalWatch("n-1"))
        shown = [gpu(60 + second % 40, HEAT if second % 7 else 0) for second in range(400)]
        return [found for one in shown for found in looks.show(gpu0=one)]

    assert run() == run()
