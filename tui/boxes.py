"""Boxes: a titled frame round lines, boxes side by side and one below the other. All pure."""

from collections.abc import Sequence
from typing import Final

from coord.services.wording import display_width
from coord.tui.ink import Ink, Line, Span, cell, fit, line, width_of

PANE_FROM_LINES: Final = 14
"""A lower body shows its list alone."""
PANE_GROWS_FROM_LINES: Final = 36


def box(
    title: str, body: Sequence[Line], width: int, height: int, hint: str = "", ink: Ink = Ink.DIM
) -> list[Line]:
    """Frame lines: exactly `width` x `height` cells; `hint` stands at the right of the upper border.

    Lines that do not fit are left out, and the lower border says how many.
    """
    if width < 4 or height < 2:
        return [fit((), width) for _ in range(height)]
    inner, rows = width - 2, height - 2
    side = Span("│", ink)
    shown = [(side, *fit(body[place] if place < len(body) else (), inner), side) for place in range(rows)]
    more = len(body) - rows
    below = f" {more} more " if more > 0 else ""
    return [_upper(title, hint, width, ink), *shown, _lower(below, width, ink)]


def marked(lines: Sequence[Line]) -> list[Line]:
    """Draw the frame of a box so that it is seen to have the keys."""
    last = len(lines) - 1
    return [
        tuple(
            span._replace(ink=Ink.ACCENT) if span.ink == Ink.DIM and _is_frame(span.text) else span
            for span in row
        )
        if place in (0, last)
        else (row[0]._replace(ink=Ink.ACCENT), *row[1:-1], row[-1]._replace(ink=Ink.ACCENT))
        for place, row in enumerate(lines)
    ]


def _is_frame(text: str) -> bool:
    return not text.strip("╭─┤├╮╰╯")


def beside(*columns: Sequence[Line]) -> list[Line]:
    """Put blocks side by side; the shorter ones are filled with blanks."""
    height = max(map(len, columns))
    widths = [width_of(column[0]) if column else 0 for column in columns]
    return [
        tuple(
            span
            for column, width in zip(columns, widths, strict=True)
            for span in (column[place] if place < len(column) else fit((), width))
        )
        for place in range(height)
    ]


def filled(lines: Sequence[Line], width: int, height: int) -> list[Line]:
    """Bring lines to exactly `width` x `height` cells."""
    return [fit(lines[place] if place < len(lines) else (), width) for place in range(height)]


def shares(total: int, *weights: int) -> list[int]:
    """Divide cells by weights, so that the sum is right."""
    ends = [total * sum(weights[: place + 1]) // sum(weights) for place in range(len(weights))]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def pane_lines(wanted: int, height: int) -> int:
    """Return how many of so many lines the pane below a list takes: none where it is low, more where it is high."""
    if height < PANE_FROM_LINES:
        return 0
    return min(wanted, height // 2) + max(height - PANE_GROWS_FROM_LINES, 0) // 3


def _upper(title: str, hint: str, width: int, ink: Ink) -> Line:
    head = cell(title, min(display_width(title), width - 6)) if title else ""
    named = line(("╭─┤", ink), (head, Ink.STRONG), ("├", ink)) if head else line(("╭", ink))
    room = width - width_of(named) - 1
    tail = (
        line(("┤", ink), (hint, Ink.ACCENT), ("├─", ink)) if hint and display_width(hint) + 3 < room else ()
    )
    return (*named, Span("─" * (room - width_of(tail)), ink), *tail, Span("╮", ink))


def _lower(words: str, width: int, ink: Ink) -> Line:
    words = words if len(words) + 4 <= width else ""
    return line(("╰" + "─" * (width - 3 - len(words)), ink), (words, Ink.DIM), ("─╯", ink))
