"""How values are worded for people, on every surface: ages, sizes, shares, widths; and text made safe.

Whatever Python calls unprintable is written as an escape: C0, C1 and DEL, bidi and zero-width controls,
tags, lone surrogates, line and paragraph separators, private and unassigned characters.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from coord.events.errors import visible

ELLIPSIS: Final = "…"
NOTHING: Final = "-"
_WIDTHS_KEPT: Final = 4_096
_NARROW: Final = "[ -~\u00a0-\u02ff\u2010-\u2064\u2100-\u218b\u2190-\u2319\u2500-\u25fc\u2714\u2716\u275a\u26a0\u2800-\u28ff]*"
"""What screens are drawn of: latin, arrows, boxes, bars, braille, our glyphs; each takes one column."""


def safe(value: object) -> str:
    """Write any value on one line, with whatever is unprintable escaped."""
    text = value if isinstance(value, str) else str(value)
    return visible(text, len(text))


def age(seconds: float | None) -> str:
    """Write a length of time in its largest unit that says enough: 4s, 12m, 3h, 5d."""
    if seconds is None:
        return NOTHING
    for unit, size, until in (("s", 1, 100), ("m", 60, 6_000), ("h", 3_600, 172_800)):
        if seconds < until:
            return f"{seconds / size:.0f}{unit}" if seconds >= 1 or unit != "s" else f"{seconds:.1f}s"
    return f"{seconds / 86_400:.0f}d"


def full_team(team: Mapping[str, Any]) -> str:
    """Say that as many items are held for a team as may be."""
    return f"the team {team['team']} is full: {team['holds']} of at most {team['wip_limit']} items are held for it"


def size(count: float | None) -> str:
    """Write a number of bytes: 512 B, 1.4 GiB."""
    if count is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1_000 or unit == "TiB":
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("the last unit takes everything")


def percent(ratio: float | None) -> str:
    """Write a share in per cent."""
    return NOTHING if ratio is None else f"{100 * ratio:.0f} %"


def display_width(text: str) -> int:
    """Return how many columns a text takes: two for wide characters, none for combining ones."""
    return len(text) if text.isascii() else _wide_width(text)


@lru_cache(maxsize=_WIDTHS_KEPT)
def _wide_width(text: str) -> int:
    if re.fullmatch(_NARROW, text):
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(mark) else 2 if unicodedata.east_asian_width(mark) in "WF" else 1
        for mark in text
    )


def shortened(text: str, width: int) -> str:
    """Cut a text to a number of columns, with an ellipsis that says so."""
    if display_width(text) <= width:
        return text
    while display_width(text) > width - 1:
        text = text[: max(len(text) - max(1, (display_width(text) - width) // 2), 0)]
    return text + ELLIPSIS
