"""Lists that were cut: what a filter did not reach is told, and the board is asked for what a filter names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from coord.tui.filtering import told
from coord.tui.ink import Ink, Line, line
from coord.tui.scene import Answer
from coord.tui.views.items import HELD_BACK, STATES, WITHIN

ASKED: Final = (*STATES, *HELD_BACK, *WITHIN.values())
"""What the board may be asked for."""
_STATE_NAMES: Final = ("state", "status")
_HOLDER_NAMES: Final = ("agent", "holder")


def narrowed(filter: str, agents: Iterable[str], teams: Iterable[str]) -> dict[str, str]:
    """Return what the question `board` can be asked for, so that it holds all that the filter leaves.

    A state may be shortened; agents and teams are taken by their whole names (`agent=ada`), whatever their case.
    """
    asked: dict[str, str] = {}
    for word in filter.lower().split():
        name, sign, value = _parted(word)
        if not value or "," in value:
            continue
        if name in _STATE_NAMES:
            _only(asked, "status", [one for one in ASKED if (value in one if sign == ":" else value == one)])
        elif sign == "=" and name in _HOLDER_NAMES:
            _only(asked, "agent", [one for one in agents if one.lower() == value])
        elif sign == "=" and name == "team":
            _only(asked, "team", [one for one in teams if one.lower() == value])
    return asked


def _parted(word: str) -> tuple[str, str, str]:
    for sign in (":", "="):
        name, found, value = word.partition(sign)
        if found and name.isalpha():
            return name, sign, value
    return "", "", ""


def _only(asked: dict[str, str], field: str, found: Sequence[str]) -> None:
    if len(set(found)) == 1:
        asked[field] = found[0]


def unreached(answer: Answer, counted: Mapping[str, int] | None = None) -> str:
    """Say how many rows an answer left out, for whoever filters; empty when it was not cut.

    Args:
        answer: the list.
        counted: how many there are of what was asked for, by kind; None: nobody knows.
    """
    if not answer.get("truncated"):
        return ""
    more = sum((counted or {}).values()) - len(answer.get("rows", ()))
    return f"{more:,} more were not searched" if more > 0 else "more were not searched"


def told_of_cut(filter: str, shown: int, total: int, fault: str, cut: str) -> str:
    """Say what a filter leaves, and what it did not reach."""
    words = told(filter, shown, total, fault)
    return f"{words}   {cut}" if cut and filter and not fault else words


def none_left(who: str, cut: str) -> Line:
    """Say that a filter leaves nothing: of everything, or of what was searched."""
    if cut:
        return line((f"  {who} that was searched matches the filter; {cut}; esc takes it away", Ink.WARN))
    return line((f"  {who} matches the filter; esc takes it away", Ink.DIM))
