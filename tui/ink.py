"""What a line of the screen is: spans of text, each with a meaning. Which colour that is, a palette says.

Everything that is drawn is made of these, by pure functions: a view is text before it is a terminal, and a
test reads it so. Texts from elsewhere pass through `said`, and only there become safe.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from coord.services.wording import ELLIPSIS, display_width, safe, shortened


class Ink(StrEnum):
    """What a text means. Each meaning has a glyph beside its colour, so that nothing is said by colour only."""

    TEXT = "text"
    STRONG = "strong"
    DIM = "dim"
    """Old, or of little importance."""
    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    ACCENT = "accent"
    """What can be chosen or pressed."""
    LIVE = "live"
    """The head of the screen; it tells the mode."""
    PAST = "past"
    LOST = "lost"
    FROZEN = "frozen"


class Span(NamedTuple):
    """A text in one ink; `chosen` lies on the row that the cursor is on."""

    text: str
    ink: Ink = Ink.TEXT
    chosen: bool = False


Line = tuple[Span, ...]
Part = str | Span | tuple[str, Ink]

SEVERITIES: Final = {"critical": ("✖", Ink.BAD), "warning": ("⚠", Ink.WARN), "info": ("·", Ink.DIM)}
"""Glyph and ink of an alert."""

_ASCII: Final = str.maketrans(
    {
        "●": "*", "◐": "o", "○": ".", "✖": "x", "⚠": "!", "▲": "^", "◆": "+", "✔": "v", "▸": ">", "◀": "<",
        "❚": "|", "·": ".", "…": "~", "—": "-", "–": "-", "−": "-", "→": ">", "←": "<", "↓": "v", "↑": "^",
        "↵": ">", "⌫": "B", "°": "o", "∅": "?", "×": "x", "Δ": "d", "²": "2", "█": "#", "▇": "#", "▆": "*",
        "▅": "+", "▄": "=", "▃": "-", "▂": ":", "▁": ".", "▏": "|", "━": "=", "┄": "-", "╌": "-", "┃": "|",
        "╎": "|", "─": "-", "│": "|", "╭": "+", "╮": "+", "╰": "+", "╯": "+", "┤": "|", "├": "|", "└": "+",
        "▪": "#", "▫": "o", "▽": "v", "┘": "+", "┬": "+", "┴": "+", "┼": "+", "▶": ">", "┊": "|", "■": "#", "″": '"',
    }
    | {mark: "%" for mark in range(0x2801, 0x2900)}
    | {0x2800: " "}
)  # fmt: skip


def said(value: object, ink: Ink = Ink.TEXT) -> Span:
    """Make a span of a text from elsewhere: one line, nothing in it can move or hide anything."""
    return Span(safe(value), ink)


def line(*parts: Part) -> Line:
    """Make a line of spans, texts and (text, ink)."""
    return tuple(
        part if isinstance(part, Span) else Span(part) if isinstance(part, str) else Span(*part)
        for part in parts
    )


def width_of(spans: Iterable[Span]) -> int:
    """Return how many cells the spans take."""
    return display_width("".join([span.text for span in spans]))


def fit(spans: Sequence[Span], width: int) -> Line:
    """Cut or fill a line to exactly `width` cells; what is cut ends with an ellipsis."""
    missing = width - width_of(spans)
    if missing >= 0:
        chosen = bool(spans) and spans[-1].chosen
        return (*spans, Span(" " * missing, chosen=chosen)) if missing else tuple(spans)
    kept: list[Span] = []
    room = max(width, 0)
    for span in spans:
        cells = display_width(span.text)
        if cells >= room:
            kept.append(span._replace(text=cell(span.text if cells == room else span.text + ELLIPSIS, room)))
            break
        kept.append(span)
        room -= cells
    if kept and not kept[-1].text.endswith(ELLIPSIS) and kept[-1].text:
        kept[-1] = kept[-1]._replace(text=cell(kept[-1].text + ELLIPSIS * 2, display_width(kept[-1].text)))
    return tuple(kept)


def cell(text: str, width: int, right: bool = False) -> str:
    """Cut or fill a text to exactly `width` cells."""
    if width <= 0:
        return ""
    if text.isascii() and len(text) <= width:
        return text.rjust(width) if right else text.ljust(width)
    text = shortened(text, width)
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def choose(spans: Line) -> Line:
    """Lay the cursor on a line."""
    return tuple(span._replace(chosen=True) for span in spans)


def dimmed(spans: Line) -> Line:
    """Take the colour from a line: what it says is old."""
    return tuple(span._replace(ink=Ink.DIM) for span in spans)


def to_ascii(spans: Line) -> Line:
    """Write a line without glyphs, cell by cell."""
    return tuple(span._replace(text=span.text.translate(_ASCII)) for span in spans)


def plain(spans: Iterable[Span]) -> str:
    """Return what a line says, without trailing blanks."""
    return "".join(span.text for span in spans).rstrip()
