"""Curves with more points than dots: no extreme is lost, and what is no number leaves a hole only where nothing else is."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coord.tui.ink import Ink
from coord.tui.plot import Trace, thinned, wants_log

VALUES = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)), min_size=1, max_size=300)


@given(VALUES, st.integers(1, 60))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_extremes_order_and_ends_stay(values: list[float], most: int) -> None:
    trace = Trace(range(len(values)), values, values, Ink.WARN)
    found = thinned(trace, most)
    assert len(found.xs) == len(found.lowest) == len(found.highest) == min(len(values), most)
    assert list(found.xs) == sorted(found.xs)
    assert found.xs[-1] == len(values) - 1
    assert found.ink is Ink.WARN
    finite = [value for value in values if math.isfinite(value)]
    assert min(filter(math.isfinite, found.lowest), default=None) == min(finite, default=None)
    assert max(filter(math.isfinite, found.highest), default=None) == max(finite, default=None)


@pytest.mark.parametrize(
    ("values", "log"),
    [
        ([2.0] * 99 + [11.0], True),
        ([2.0] * 99 + [6.0], False),
        ([2.0] * 90 + [11.0] * 10, False),
        ([2.0] * 98 + [0.0, 11.0], False),
        ([2.0] * 98 + [math.nan, 11.0], True),
        ([math.nan], False),
        ([], False),
    ],
)
def test_a_few_high_values_want_a_logarithmic_scale(values: list[float], log: bool) -> None:
    """But not where most are high, nor where one is not above 0."""
    assert wants_log([Trace(range(len(values)), values, values)]) is log
