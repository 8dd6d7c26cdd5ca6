"""The help: the keys of this view first, then those that hold everywhere; what is typed searches it."""

from collections.abc import Sequence

from coord.services.wording import display_width
from coord.tui.boxes import box
from coord.tui.flow import flowed
from coord.tui.ink import Ink, Line, Span, cell, fit, width_of
from coord.tui.keymap import GENERAL, MORE, TIME, beside
from coord.tui.scene import Key, View
from coord.tui.state import Help

_KEY_CELLS = 12
_WORDS_CELLS = 17
_MORE_CELLS_MIN = 24
"""With less room beside a key what it does stands below."""


def help_box(view: View, help: Help, width: int, height: int) -> list[Line]:
    """Draw it into exactly width x height cells."""
    rows = [
        *_part(f"{view.title}", view.keys, help.text, width),
        *_part("Everywhere", beside(view, (*GENERAL, *MORE)), help.text, width),
        *_part("The time bar, behind t", TIME, help.text, width),
    ]
    room = max(height - 4, 1)
    first = min(help.first, max(len(rows) - room, 0))
    search = (
        Span(" search ▸ ", Ink.ACCENT), Span(help.text, Ink.STRONG), Span(" ", Ink.STRONG, chosen=True),
    )  # fmt: skip
    none: list[Line] = [] if rows else [(Span(f" No key says '{help.text}'.", Ink.DIM),)]
    return box(f"Keys of {view.title}", [search, (), *rows[first:], *none], width, height, "esc closes")


def _part(title: str, keys: Sequence[Key], text: str, width: int) -> list[Line]:
    found = [key for key in keys if text.lower() in f"{key.shown} {key.words} {key.more}".lower()]
    if not found:
        return []
    return [(Span(f" {title}", Ink.STRONG),), *(line for key in found for line in _lines(key, width)), ()]


def _lines(key: Key, width: int) -> list[Line]:
    """Say what a key does, in as many lines as that takes."""
    wide = max(_KEY_CELLS, display_width(key.shown) + 1)
    head = (
        Span("   "),
        Span(cell(key.shown, wide), Ink.ACCENT),
        Span(cell(key.words, _WORDS_CELLS), Ink.TEXT),
    )
    words = [(Span(word, Ink.DIM),) for word in key.more.split()]
    if width - width_of(head) < _MORE_CELLS_MIN:
        return [fit(head, width - 2), *flowed((Span("     "),), words, width - 3)]
    return flowed(head, words, width - 3)
