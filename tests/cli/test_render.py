"""Tables for people: whole in a pipe, fitted in a terminal, and safe in both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coord.services.cli.render import Column, Toned, aged, meaning_of, scored, table
from coord.services.wording import age, display_width, percent, shortened, size

COLUMNS = (
    Column("ID"),
    Column("AGE", right=True, rank=1),
    Column("TEAM", rank=2),
    Column("TITLE", flexible=True),
)
ROW = ["w-1", "12m", "blue", "Hash every file of the repository"]


def test_columns_are_aligned_under_their_titles() -> None:
    made = table(COLUMNS, [ROW, ["w-22", "4s", None, "x"]])
    assert made.lines == [
        "ID    AGE  TEAM  TITLE",
        "w-1   12m  blue  Hash every file of the repository",
        "w-22   4s  -     x",
    ]
    assert not made.cut


def test_in_a_narrow_terminal_the_flexible_column_is_cut_and_that_is_told() -> None:
    made = table(COLUMNS, [ROW], 40)
    assert made.lines[1] == "w-1  12m  blue  Hash every file of the …"
    assert made.cut


def test_in_a_very_narrow_terminal_the_least_important_columns_go_first() -> None:
    assert table(COLUMNS, [ROW], 25).lines == ["ID   AGE  TITLE", "w-1  12m  Hash every fil…"]
    assert table(COLUMNS, [ROW], 18).lines == ["ID   TITLE", "w-1  Hash every f…"]


def test_a_terminal_that_is_wide_enough_cuts_nothing() -> None:
    assert table(COLUMNS, [ROW], 1_000) == table(COLUMNS, [ROW])


WIDE = (
    Column("ID"),
    Column("WHAT", flexible=True, least=16),
    Column("ANSWER", flexible=True, rank=1, least=20),
    Column("WHY", flexible=True, rank=2, least=20),
)
LONG = [
    "w-1",
    "skip_batch  batches 305,306",
    "two batches in quarantine",
    "the loss rose to ten times what it was",
]


def test_wide_columns_share_what_is_missing_and_keep_what_they_need_least() -> None:
    assert table(WIDE, [LONG], 90).lines[1] == (
        "w-1  skip_batch  batches 305,3…  two batches in quarantine  the loss rose to ten times wh…"
    )
    assert table(WIDE, [LONG], 60).lines == [
        "ID   WHAT                         ANSWER",
        "w-1  skip_batch  batches 305,306  two batches in quarantine",
    ]
    assert table(WIDE, [LONG], 30).lines == ["ID   WHAT", "w-1  skip_batch  batches 305,…"]


@pytest.mark.parametrize("width", range(25, 120))
def test_columns_that_give_way_fit(width: int) -> None:
    assert all(len(line) <= width for line in table(WIDE, [LONG], width).lines)


def test_a_cell_is_coloured_by_what_it_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    columns = (
        Column("STATUS", paint={"lost": "bad"}),
        Column("AGE", right=True),
        Column("SCORE", right=True),
    )
    made = table(columns, [["lost", aged(4), scored(49)], ["active", aged(None), scored(80)]])
    assert made.lines[1:] == [
        "\x1b[31mlost\x1b[0m     \x1b[2m4s\x1b[0m     \x1b[31m49\x1b[0m",
        "active    \x1b[2m-\x1b[0m     \x1b[32m80\x1b[0m",
    ]
    monkeypatch.setenv("NO_COLOR", "1")
    plain = table(columns, [["lost", Toned("\x1b[2J", "warn"), Toned(None, "")]])
    assert plain.lines[1] == "lost    \\x1b[2J      -"


@pytest.mark.parametrize(
    ("score", "meaning"), [(100, "ok"), (80, "ok"), (79.9, "warn"), (50, "warn"), (49.9, "bad")]
)
def test_a_score_is_good_middling_or_bad(score: float, meaning: str) -> None:
    assert meaning_of(score) == meaning


def test_cells_are_made_safe() -> None:
    assert table((Column("A"),), [["\x1b[2J\n"]]).lines == ["A", "\\x1b[2J\\n"]


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert display_width("日本") == 4
    assert display_width("e\u0301") == 1
    assert table((Column("A"), Column("B")), [["日本", 1], ["abcd", 2]]).lines[1:] == ["日本  1", "abcd  2"]


@given(st.text(), st.integers(2, 40))
def test_a_shortened_text_fits(text: str, width: int) -> None:
    short = shortened(text, width)
    assert display_width(short) <= width
    assert short == text or short.endswith("…")


@pytest.mark.parametrize("width", range(20, 90))
def test_no_line_is_wider_than_the_terminal_where_that_can_be_helped(width: int) -> None:
    assert all(display_width(line) <= width for line in table(COLUMNS, [ROW], width).lines)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0.0s"),
        (0.42, "0.4s"),
        (4, "4s"),
        (99, "99s"),
        (100, "2m"),
        (7_200, "2h"),
        (10**6, "12d"),
    ],
)
def test_an_age_is_written_in_one_unit(seconds: float | None, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1_024, "1.0 KiB"),
        (150 * 2**20, "150 MiB"),
        (2**41, "2.0 TiB"),
    ],
)
def test_a_size_is_written_in_binary_units(count: float | None, text: str) -> None:
    assert size(count) == text


def test_a_share_is_written_in_per_cent() -> None:
    assert (percent(None), percent(0.404)) == ("-", "40 %")
