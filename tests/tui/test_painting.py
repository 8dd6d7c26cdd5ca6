"""Colours and cells: four palettes, escape sequences, and only the cells that differ."""

import pytest

from coord.tui import clipboard
from coord.tui.canvas import changed_cells
from coord.tui.ink import Ink, Span, line
from coord.tui.palette import PALETTES, THEMES, painted
from coord.tui.session import is_remote, usual_theme, wants_ascii


@pytest.mark.parametrize("theme", THEMES)
def test_every_ink_has_a_look_in_every_palette(theme: str) -> None:
    """And the chosen row stands out in each."""
    palette = PALETTES[theme]  # type: ignore[index]
    for ink in (Ink.TEXT, Ink.STRONG, Ink.DIM, Ink.OK, Ink.WARN, Ink.BAD, Ink.ACCENT):
        assert palette.look(ink, True) != palette.look(ink, False)


def test_the_terminal_s_own_colours_stay_its_own() -> None:
    """No background, and the sixteen colours by their numbers."""
    assert painted([line("a", ("b", Ink.OK), ("c", Ink.DIM))], "ansi") == [
        "a\x1b[32mb\x1b[0m\x1b[90mc\x1b[0m"
    ]


def test_no_colour_means_none() -> None:
    """Weight and reversal are no colours."""
    (text,) = painted([line(("a", Ink.BAD), ("b", Ink.LOST), Span("c", chosen=True))], "none")
    assert text == "\x1b[1ma\x1b[0m\x1b[1;7mb\x1b[0m\x1b[1;7mc\x1b[0m"


def test_own_colours_are_true_ones() -> None:
    """Text and background."""
    assert painted([line("a")], "light") == ["\x1b[38;2;36;41;47;48;2;255;255;255ma\x1b[0m"]


@pytest.mark.parametrize(
    ("environment", "theme"),
    [
        ({"COLORTERM": "truecolor"}, "dark"),
        ({"COLORTERM": "truecolor", "SSH_TTY": "/dev/pts/1"}, "ansi"),
        ({"TERM": "xterm"}, "ansi"),
        ({"NO_COLOR": "1", "COLORTERM": "truecolor"}, "none"),
    ],
)
def test_colours_are_chosen_by_the_terminal(environment: dict[str, str], theme: str) -> None:
    """Over ssh its own."""
    assert usual_theme(environment) == theme
    assert is_remote(environment) == ("SSH_TTY" in environment)


@pytest.mark.parametrize(
    ("environment", "ascii"),
    [
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "de_DE.utf8", "TERM": "xterm"}, False),
        ({"LANG": "C.UTF-8", "LC_ALL": "C"}, True),
        ({"LANG": "C.UTF-8", "TERM": "linux"}, True),
        ({}, True),
    ],
)
def test_glyphs_are_drawn_where_they_can_be_shown(environment: dict[str, str], ascii: bool) -> None:
    """LC_ALL beats LC_CTYPE beats LANG."""
    assert wants_ascii(environment) == ascii


@pytest.mark.parametrize(
    ("old", "new", "cells"),
    [
        (line("abc 10s z"), line("abc 11s z"), (5, 6)),
        (line("ab", ("cd", Ink.OK), "ef"), line("ab", ("xd", Ink.OK), "ef"), (2, 3)),
        (line("ab", ("cd", Ink.OK), "ef"), line("ab", ("cd", Ink.BAD), "ef"), (2, 4)),
        (line("表a表"), line("表b表"), (0, 5)),
        (line("aaaa"), line("aaa", "a"), (0, 4)),
        (line("aa1aa"), line("aa22a"), (2, 4)),
    ],
)
def test_only_the_cells_that_differ_are_painted(
    old: tuple[Span, ...], new: tuple[Span, ...], cells: tuple[int, int]
) -> None:
    """From the first to the last of them; with wide characters the whole span."""
    assert changed_cells(old, new) == cells


def test_the_clipboard_is_told_by_osc_52() -> None:
    """And not more than terminals take."""
    assert clipboard.sequence("w-1") == "\x1b]52;c;dy0x\x07"
    assert clipboard.fits("x" * clipboard.TEXT_BYTES_MAX)
    assert not clipboard.fits("é" * clipboard.TEXT_BYTES_MAX)
    assert clipboard.is_in_tmux({"TMUX": "/tmp/tmux-0/default,1,0"})
    assert not clipboard.is_in_tmux({})
