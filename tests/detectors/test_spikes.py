"""The spike detector: its formula by hand, its two tiers, and what it does with values that are no losses."""

import math
import random
import statistics
from collections.abc import Iterable

import pytest
from detectors.series import flat, noisy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coord.events.errors import SettingsError
from coord.services.detectors.ranked import RankedWindow
from coord.services.detectors.spikes import SpikeDetector, SpikeSettings

SMALL = SpikeSettings(k=8, k_again=5, window=8, warm_up=8, alpha=0.5, floor=0.01)


def readings(values: Iterable[float], settings: SpikeSettings | None = None) -> list[tuple[float, bool]]:
    """Return all readings of a series."""
    detector = SpikeDetector(settings)
    return [(reading.z, reading.alarm) for reading in map(detector.update, values)]


def alarms(values: Iterable[float], settings: SpikeSettings | None = None) -> list[int]:
    """Return where a series alarms."""
    return [place for place, (_, alarm) in enumerate(readings(values, settings)) if alarm]


def test_z_is_what_the_formula_gives_by_hand() -> None:
    residuals = [0.0, 0.02, -0.02, 0.04, 0.0, -0.04, 0.02, 0.0]
    detector, trend = SpikeDetector(SMALL), 1.0
    detector.update(math.exp(trend))
    for residual in residuals:
        assert detector.update(math.exp(trend + residual)).z == 0
        trend += 0.5 * residual
    # The median of the eight is 0; their distances from it are 0, 0, 0, 0.02, 0.02, 0.02, 0.04, 0.04.
    scale = 1.4826 * 0.02
    assert detector.update(math.exp(trend + 3 * scale)).z == pytest.approx(3)
    trend += 0.5 * 3 * scale
    # The oldest 0 has gone, 3 * scale = 0.089 has come: median 0.01, distances from it
    # 0.01, 0.01, 0.01, 0.01, 0.03, 0.03, 0.05, 0.079.
    scale = 1.4826 * 0.02
    assert detector.update(math.exp(trend + 0.1)).z == pytest.approx((0.1 - 0.01) / scale)


def test_a_spike_moves_the_trend_by_no_more_than_k() -> None:
    spiked, held = SpikeDetector(SMALL), SpikeDetector(SMALL)
    for value in flat(20):
        spiked.update(value)
        held.update(value)
    assert spiked.update(2e6).alarm
    held.update(2 * math.exp(8 * 0.01))
    assert spiked.expected == pytest.approx(held.expected)


def test_one_batch_of_nothing_is_no_reason_to_alarm_at_what_follows() -> None:
    values = noisy(600, sigma=0.015)
    values[400] = 0.01
    assert alarms(values) == []


def test_one_value_far_above_the_trend_is_an_alarm_and_two_less_far_are_one_at_the_second() -> None:
    values = noisy(400)
    values[300] *= 1.2
    assert alarms(values) == [300]
    values = noisy(400)
    values[300] *= 1.065
    values[301] *= 1.065
    found = readings(values)
    assert [place for place, (_, alarm) in enumerate(found) if alarm] == [301]
    assert all(5 < z < 8 for z, _ in found[300:302])


def test_nothing_is_an_alarm_before_the_warm_up() -> None:
    values = noisy(200)
    values[60] *= 4
    assert alarms(values[:64]) == []
    assert not SpikeDetector().warm


def test_a_value_that_is_not_finite_alarms_and_changes_nothing() -> None:
    clean, broken = SpikeDetector(), SpikeDetector()
    for place, value in enumerate(noisy(200)):
        if place % 7 == 0:
            for bad in (math.nan, math.inf, -math.inf):
                reading = broken.update(bad)
                assert (reading.z, reading.alarm) == (math.inf, True)
        assert broken.update(value) == clean.update(value)


@pytest.mark.parametrize("nothing", [0.0, -0.0, -3.0, -1e308])
def test_a_value_without_a_logarithm_says_nothing_and_changes_nothing(nothing: float) -> None:
    clean, broken = SpikeDetector(), SpikeDetector()
    for value in noisy(200):
        assert broken.update(nothing) == (0.0, False)
        assert broken.update(value) == clean.update(value)


@pytest.mark.parametrize(
    "values",
    [
        [2.0] * 500,
        [1e308] * 200 + [5e-324] * 200 + [1e308],
        [5e-324] * 500,
        [math.exp(-place / 25) for place in range(500)],
        [3 * 0.96**place + 1e-9 for place in range(1_000)],
        [0.0] * 500,
        [-1.0] * 500,
    ],
    ids=["constant", "the ends of floats", "the smallest", "falling", "falling to 1e-9", "zero", "negative"],
)
def test_a_hostile_series_gives_readings_and_no_error(values: list[float]) -> None:
    found = readings(values)
    assert not any(math.isnan(z) for z, _ in found)
    if values[0] < 1e300:
        assert not any(alarm for _, alarm in found)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=20, max_size=200))
def test_any_floats_at_all_give_readings(values: list[float]) -> None:
    for z, alarm in readings(values, SMALL):
        assert not math.isnan(z)
        assert isinstance(alarm, bool)


def test_the_floor_keeps_a_series_that_never_moves_from_being_judged_by_its_rounding() -> None:
    values = [*flat(200), 2.0 + 1e-9, *flat(5)]
    assert alarms(values) == []
    assert readings([*flat(200), 2.0 * math.exp(0.02)])[-1][0] == pytest.approx(0.02 / 0.004)


def test_the_same_values_give_the_same_readings_and_a_copy_goes_its_own_way() -> None:
    values = noisy(300)
    assert readings(values) == readings(values)
    detector = SpikeDetector()
    for value in values[:200]:
        detector.update(value)
    copy = detector.copy()
    copy.update(1e9)
    ahead = detector.copy()
    assert [detector.update(value) for value in values[200:]] == [
        ahead.update(value) for value in values[200:]
    ]


def test_what_is_not_to_be_learnt_is_judged_and_moves_nothing() -> None:
    detector = SpikeDetector()
    for value in noisy(300):
        detector.update(value)
    before = detector.expected
    assert detector.update(2.6, learn=False).z > 5
    assert detector.update(2.6, learn=False).alarm
    assert detector.expected == before


def test_rearming_forgets_everything() -> None:
    used = SpikeDetector()
    for value in noisy(300):
        used.update(value)
    used.rearm()
    assert used.expected is None
    fresh = SpikeDetector()
    assert [used.update(value) for value in noisy(100)] == [fresh.update(value) for value in noisy(100)]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"k": 0.0}, "k is 0.0; it must be above 0, and at most 1000000."),
        ({"k": math.nan}, "k is nan; it must be above 0, and at most 1000000."),
        ({"k_again": math.inf}, "k_again is inf; it must be above 0, and at most 1000000."),
        ({"window": 7}, "window is 7; it must be from 8 to 10000."),
        ({"warm_up": 10_001}, "warm_up is 10001; it must be from 8 to 10000."),
        ({"alpha": 1.5}, "alpha is 1.5; it must be above 0, and at most 1."),
        ({"floor": -0.1}, "floor is -0.1; it must be above 0, and at most 1."),
    ],
)
def test_settings_that_no_detector_can_run_with_are_refused(wrong: dict[str, float], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        SpikeSettings(**wrong)  # type: ignore[arg-type]
    assert str(caught.value) == sentence


def test_the_window_has_the_median_and_the_deviation_of_its_last_values() -> None:
    rolled = random.Random(1)
    for size in range(1, 20):
        window = RankedWindow(size)
        values = [rolled.choice([0.0, 1.0, rolled.gauss(0, 1)]) for _ in range(60)]
        for place, value in enumerate(values, 1):
            window.push(value)
            kept = values[max(0, place - size) : place]
            center, deviation = window.spread()
            assert center == pytest.approx(statistics.median(kept))
            assert deviation == pytest.approx(statistics.median([abs(one - center) for one in kept]))
            assert len(window) == len(kept)
