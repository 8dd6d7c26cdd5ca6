"""The one widget: it paints lines, and asks the terminal for the cells that differ from the last picture only."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from rich.color import Color, ColorType
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from coord.services.wording import display_width
from coord.tui.ink import Ink, Line, Span, width_of
from coord.tui.palette import PALETTES

STRIPS_MAX: Final = 1_024


class Canvas(Widget, can_focus=True):
    """Lines, painted in a theme."""

    DEFAULT_CSS = "Canvas { width: 100%; height: 100%; background: transparent; }"

    def __init__(self, theme: str, resized: Callable[[], object]) -> None:
        super().__init__()
        self._lines: Sequence[Line] = ()
        self.theme = theme
        self._resized = resized

    def on_resize(self) -> None:
        """Have the picture drawn for the new size."""
        self._resized()

    def show(self, lines: Sequence[Line]) -> None:
        """Take a picture, and repaint what differs."""
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            self.refresh()
            return
        regions = [
            Region(start, row, end - start, 1)
            for row, (old, new) in enumerate(zip(before, lines, strict=True))
            if old is not new and old != new
            for start, end in (changed_cells(old, new),)
        ]
        if regions:
            self.refresh(*regions)

    def wear(self, theme: str) -> None:
        """Paint all in another theme."""
        self.theme = theme
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return painted lines: nothing stands round them, so what Textual does for borders and tints is left out."""
        filters, behind = self.get_line_filters(), self.background_colors[1]
        strips = [self.render_line(row).adjust_cell_length(self.size.width) for row in crop.line_range]
        for one in filters:
            strips = [strip.apply_filter(one, behind) for strip in strips]
        return [strip.crop(*crop.column_span) for strip in strips]

    def render_line(self, y: int) -> Strip:
        """Return one painted line."""
        if y >= len(self._lines):
            return Strip.blank(self.size.width, Style())
        return _strip(self._lines[y], self.theme)


def changed_cells(old: Line, new: Line) -> tuple[int, int]:
    """Return from and to which cell two lines of one width differ."""
    first = next((place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    start, end = width_of(new[:first]), width_of(new)
    last = 0
    while last < min(len(old), len(new)) - first - 1 and old[-1 - last] == new[-1 - last]:
        end -= display_width(new[-1 - last].text)
        last += 1
    before, after = old[first], new[first]
    if _same_look(before, after):
        start += _alike(before.text, after.text)
    before, after = old[-1 - last], new[-1 - last]
    if _same_look(before, after):
        end -= _alike(before.text[::-1], after.text[::-1])
    return (start, end) if start < end else (0, width_of(new))


def _alike(a: str, b: str) -> int:
    """Return how many characters two texts begin with in common."""
    return next(
        (place for place, (one, other) in enumerate(zip(a, b, strict=False)) if one != other),
        min(len(a), len(b)),
    )


def _same_look(a: Span, b: Span) -> bool:
    """Tell whether two spans differ in plain characters only: each of them one cell."""
    return (
        (a.ink, a.chosen) == (b.ink, b.chosen)
        and display_width(a.text) == len(a.text)
        and display_width(b.text) == len(b.text)
    )


@lru_cache(maxsize=STRIPS_MAX)
def _strip(line: Line, theme: str) -> Strip:
    return Strip([Segment(span.text, _style(span.ink, span.chosen, theme)) for span in line], width_of(line))


@lru_cache(maxsize=len(Ink) * 2 * len(PALETTES))
def _style(ink: Ink, chosen: bool, theme: str) -> Style:
    look = PALETTES[theme].look(ink, chosen)  # type: ignore[index]
    return Style(
        color=_color(look.fore),
        bgcolor=_color(look.back),
        bold=look.bold,
        dim=look.faint,
        reverse=look.reverse,
    )


def _color(text: str) -> Color | None:
    if not text:
        return None
    return Color.parse(text) if text.startswith("#") else Color(text, ColorType.STANDARD, int(text))
