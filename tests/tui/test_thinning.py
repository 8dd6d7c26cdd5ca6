"""Curves with more points than dots: no extreme is lost, and what is no number leaves a hole only where nothing else is."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coord.tui.ink import Ink, plain, width_of
from coord.tui.plot import Flag, Trace, bars, plot, thinned, wants_log
from coord.tui.table import Column, listed

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


def test_a_mark_never_leaves_a_part_of_a_number_on_the_axis() -> None:
    curve = Trace(range(500), range(500), range(500))
    whole = set(plain(plot([curve], [], 80, 10)[-1]).replace("─", " ").split())
    for step in range(0, 500, 3):
        axis = plain(plot([curve], [Flag(step, "▲", Ink.WARN)], 80, 10)[-1])
        assert set(axis.replace("─", " ").replace("▲", " ").split()) <= whole


@pytest.mark.parametrize("width", [40, 44, 60, 80])
def test_a_flexible_column_gives_room_to_long_ids_before_a_row_is_cut(width: int) -> None:
    columns: list[Column[str]] = [
        Column("ITEM", 20, lambda _: "x" * 20),
        Column("WHY", 34, lambda _: "waits", flexible=True),
        Column("TRY", 3, lambda _: "1", rank=1),
    ]
    for row in listed(columns, ["one"], 0, width, 2).lines:
        assert "…" not in plain(row)
        assert width_of(row) == width


def test_a_way_longer_than_a_float_has_its_places() -> None:
    assert bars([-1.5e308, 0.0, 1.5e308], 3, -1.5e308, 1.5e308) == "▁▄▇"
    values = [1.5e308, -1.5e308]
    rows = [plain(row) for row in plot([Trace([0, 1], values, values)], (), 30, 8)]
    assert [rows[place].split()[0] for place in (0, 3, 6)] == ["1.5e+308", "0.000", "-1.5e+308"]
    assert all(set(row) & set(map(chr, range(0x2801, 0x2900))) for row in rows[:7])
