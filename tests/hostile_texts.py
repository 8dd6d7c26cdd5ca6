"""Texts that a terminal would obey, or that take more or fewer cells than they have letters."""

from collections.abc import Mapping
from typing import Any, Final

TEXTS: Final = (
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]52;c;bm8=\x07",
    "two\nlines\tand a tab\r",
    "\u202eback to front\u202c",
    "表格" * 40,
    "e\u0301\u0302\u0303" * 30,
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") * 20,
    "\u200b\u200d\ufeff",
    "x" * 500,
    "[bold red]markup[/]",
    "",
)
KEPT: Final = frozenset((
    "type", "stream", "kind", "severity", "status", "entity_kind", "metric", "subject", "id", "device", "rule", "action",
))  # fmt: skip
"""Fields that are no free text: what a view decides by."""
TRICKS: Final = ("\x1b", "\n", "\r", "\t", "\x07", "\u202e", "\u200b", "\ufeff")
"""What must never reach a terminal."""


def poisoned(value: Any, turn: int = 0, name: str = "") -> Any:
    """Put a hostile text in the place of every free text of an answer; `turn` chooses which."""
    if isinstance(value, Mapping):
        return {
            key: poisoned(inner, turn + place, str(key)) for place, (key, inner) in enumerate(value.items())
        }
    if isinstance(value, list | tuple):
        return [poisoned(inner, turn + place, name) for place, inner in enumerate(value)]
    return TEXTS[turn % len(TEXTS)] if isinstance(value, str) and name not in KEPT else value
