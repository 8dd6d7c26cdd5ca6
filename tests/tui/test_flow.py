"""Pieces that flow: whole where they can be, broken by cells where not, and never wider than a line."""

import pytest

from coord.tui.flow import flowed
from coord.tui.ink import line, plain, width_of


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ((), ["run "]),
        (("ab", "cd"), ["run ab  cd"]),
        (("abcde", "fg"), ["run abcde", "    fg"]),
        (("abcdefgh", "i"), ["run abcdef", "    gh  i"]),
        (("日本語日", "x"), ["run 日本語", "    日  x"]),
        (("", "a"), ["run a"]),
    ],
)
def test_pieces_flow_below_the_first(pieces: tuple[str, ...], lines: list[str]) -> None:
    found = flowed(line("run "), [line(one) for one in pieces], 10, 2)
    assert [plain(one) for one in found] == [one.rstrip() for one in lines]
    assert all(width_of(one) <= 10 for one in found)
