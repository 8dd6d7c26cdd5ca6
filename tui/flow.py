"""Pieces behind each other in as many lines as they take, so that nothing is cut."""

from collections.abc import Iterator, Sequence

from coord.services.wording import display_width
from coord.tui.ink import Line, Span, width_of


def flowed(head: Line, pieces: Sequence[Line], width: int, gap: int = 1) -> list[Line]:
    """Write a head with pieces behind it; further lines begin below the first piece.

    A piece is broken only where it is wider than a line by itself. Lines are at most `width` cells.
    """
    indent = width_of(head)
    inner = max(width - indent, 1)
    lines: list[list[Span]] = []
    room = 0
    for piece in (part for whole in pieces for part in _broken(whole, inner)):
        wide = width_of(piece)
        if lines and gap + wide <= room:
            lines[-1] += (Span(" " * gap), *piece)
            room -= gap + wide
        else:
            lines.append([*(head if not lines else (Span(" " * indent),)), *piece])
            room = inner - wide
    return [tuple(one) for one in lines or [list(head)]]


def _broken(piece: Line, width: int) -> Iterator[Line]:
    """Break a piece that is wider than a line, cell by cell."""
    row: list[Span] = []
    room = width
    for span in piece:
        text = span.text
        while text:
            taken = _that_fit(text, room)
            if not taken and row:
                yield tuple(row)
                row, room = [], width
                continue
            taken = taken or 1
            row.append(span._replace(text=text[:taken]))
            room -= display_width(text[:taken])
            text = text[taken:]
    if row:
        yield tuple(row)


def _that_fit(text: str, width: int) -> int:
    """Return how many characters from the beginning of a text so many cells take."""
    count = min(len(text), max(width, 0))
    while display_width(text[:count]) > width:
        count -= 1
    return count
