"""A screen of a terminal as a PNG, cell by cell: what `tmux capture-pane -e` gives, drawn as a terminal draws it.

Letters come from DejaVu Sans Mono. Braille, blocks and lines are drawn by hand, as terminals do, so that
they meet from cell to cell. Where a glyph is wider than its cell it is drawn smaller, never moved.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

FONT_SIZE = 16
SCALE_LINE = 1.22
"""Height of a line, in font sizes."""
FOREGROUND, BACKGROUND = (204, 208, 214), (18, 20, 24)
_SYSTEM = (
    (0x1D, 0x1F, 0x21), (0xCC, 0x66, 0x66), (0xB5, 0xBD, 0x68), (0xF0, 0xC6, 0x74),
    (0x81, 0xA2, 0xBE), (0xB2, 0x94, 0xBB), (0x8A, 0xBE, 0xB7), (0xC5, 0xC8, 0xC6),
    (0x70, 0x74, 0x7C), (0xE0, 0x7A, 0x7A), (0xCB, 0xD4, 0x77), (0xF7, 0xD5, 0x88),
    (0x9A, 0xBB, 0xD8), (0xCA, 0xAE, 0xD4), (0xA3, 0xD5, 0xCE), (0xFF, 0xFF, 0xFF),
)  # fmt: skip
"""The sixteen colours that a terminal chooses itself."""
_FONTS = ("DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf", "DejaVuSans.ttf")
_ESCAPE = re.compile(r"\x1b\[([0-9;:]*)m|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.|[\x0e\x0f]")
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Of a braille cell: column and row of each bit."""

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Pen:
    """How a cell is drawn."""

    foreground: Colour | None = None
    background: Colour | None = None
    bold: bool = False
    dim: bool = False
    reverse: bool = False
    underline: bool = False
    struck: bool = False

    def colours(self) -> tuple[Colour, Colour]:
        """Return what the glyph and what stands behind it are painted with."""
        front, back = self.foreground or FOREGROUND, self.background or BACKGROUND
        if self.reverse:
            front, back = back, front
        return (_mixed(front, back, 0.6) if self.dim else front), back


@dataclass(frozen=True)
class Cell:
    """One glyph and its pen; `width` is 2 for a wide one, whose right half has no cell."""

    glyph: str
    pen: Pen
    width: int = 1


def screen(lines: Sequence[str]) -> list[list[Cell]]:
    """Read the rows of a screen as cells; a row goes on with the pen that the one above it ended with."""
    rows: list[list[Cell]] = []
    pen = Pen()
    for line in lines:
        cells, pen = _cells_of(line, pen)
        rows.append(cells)
    return rows


def _cells_of(line: str, pen: Pen) -> tuple[list[Cell], Pen]:
    cells: list[Cell] = []
    at = 0
    for escape in _ESCAPE.finditer(line):
        cells += _plain(line[at : escape.start()], pen)
        if escape[1] is not None:
            pen = _changed(pen, escape[1])
        at = escape.end()
    return [*cells, *_plain(line[at:], pen)], pen


def draw(lines: Sequence[str], width: int, path: Path, *, window: str = "") -> tuple[int, int]:
    """Draw a screen of `width` columns into a PNG; `window` is its title bar. Returns its size in pixels."""
    need_pillow()
    from PIL import Image, ImageDraw

    cell_width, cell_height = _cell()
    margin, bar = cell_width, (cell_height + 8 if window else 0)
    size = (width * cell_width + 2 * margin, len(lines) * cell_height + 2 * margin + bar)
    picture = Image.new("RGB", size, BACKGROUND)
    brush = ImageDraw.Draw(picture)
    if window:
        _bar(brush, size[0], bar, window)
    for row, cells in enumerate(screen(lines)):
        x, y = margin, margin + bar + row * cell_height
        for cell in cells:
            _draw_cell(brush, cell, x, y)
            x += cell.width * cell_width
    picture.quantize(256, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
    return size


def need_pillow() -> None:
    """Skip the test where there is no Pillow or no font."""
    if find_spec("PIL") is None:
        pytest.skip("Pillow is not installed: pip install pillow")
    _font_file(_FONTS[0])


def _plain(text: str, pen: Pen) -> Iterator[Cell]:
    for glyph in text:
        if unicodedata.combining(glyph) or not glyph.isprintable():
            continue
        yield Cell(glyph, pen, 2 if unicodedata.east_asian_width(glyph) in "WF" else 1)


def _changed(pen: Pen, codes: str) -> Pen:
    """Apply the numbers of one SGR escape."""
    left = [int(one or 0) for one in re.split("[;:]", codes)] if codes else [0]
    while left:
        code = left.pop(0)
        if code in (38, 48):
            colour = _extended(left)
            pen = replace(pen, foreground=colour) if code == 38 else replace(pen, background=colour)
        elif code == 0:
            pen = Pen()
        elif code in _SWITCHES:
            pen = replace(pen, **_SWITCHES[code])
        elif 30 <= code <= 37 or 90 <= code <= 97:
            pen = replace(pen, foreground=_SYSTEM[code - 30 if code < 90 else code - 82])
        elif 40 <= code <= 47 or 100 <= code <= 107:
            pen = replace(pen, background=_SYSTEM[code - 40 if code < 100 else code - 92])
    return pen


_SWITCHES: dict[int, dict[str, Any]] = {
    1: {"bold": True}, 2: {"dim": True}, 4: {"underline": True}, 7: {"reverse": True}, 9: {"struck": True},
    22: {"bold": False, "dim": False}, 24: {"underline": False}, 27: {"reverse": False}, 29: {"struck": False},
    39: {"foreground": None}, 49: {"background": None},
}  # fmt: skip


def _extended(left: list[int]) -> Colour:
    """Take a colour of 256 or of 16 million off the front."""
    if left.pop(0) == 5:
        return _of_256(left.pop(0))
    red, green, blue = left[:3]
    del left[:3]
    return red, green, blue


def _of_256(number: int) -> Colour:
    if number < 16:
        return _SYSTEM[number]
    if number >= 232:
        grey = 8 + 10 * (number - 232)
        return grey, grey, grey
    steps = (0, 95, 135, 175, 215, 255)
    cube = number - 16
    return steps[cube // 36], steps[cube // 6 % 6], steps[cube % 6]


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(share * a + (1 - share) * b) for a, b in zip(one, other, strict=True))
    return red, green, blue


@cache
def _font_file(name: str) -> Path:
    places = [Path("/usr/share/fonts/truetype/dejavu"), Path("/usr/share/fonts/TTF")]
    plots = find_spec("matplotlib")
    if plots is not None and plots.origin:
        places.append(Path(plots.origin).parent / "mpl-data/fonts/ttf")
    found = next((place / name for place in places if (place / name).exists()), None)
    if found is None:
        pytest.skip(f"the font {name} is missing: apt-get install fonts-dejavu-core")
    return found


@cache
def _font(name: str, size: int):  # type: ignore[no-untyped-def]
    from PIL import ImageFont

    return ImageFont.truetype(str(_font_file(name)), size)


@cache
def _cell() -> tuple[int, int]:
    return round(_font(_FONTS[0], FONT_SIZE).getlength("M")), round(FONT_SIZE * SCALE_LINE)


@cache
def _chosen(glyph: str, bold: bool, room: int):  # type: ignore[no-untyped-def]
    """Return the first font that has a glyph, small enough for `room` pixels; and how far right it starts."""
    missing = bytes(_font(_FONTS[0], FONT_SIZE).getmask("\uffff"))
    names = (_FONTS[1], _FONTS[0], _FONTS[2]) if bold else (_FONTS[0], _FONTS[2])
    name = next((one for one in names if bytes(_font(one, FONT_SIZE).getmask(glyph)) != missing), _FONTS[0])
    size = FONT_SIZE
    while size > 8 and _font(name, size).getlength(glyph) > room + 0.7:
        size -= 1
    font = _font(name, size)
    return font, max(0.0, (room - font.getlength(glyph)) / 2)


def _draw_cell(brush, cell: Cell, x: int, y: int) -> None:  # type: ignore[no-untyped-def]
    front, back = cell.pen.colours()
    width, height = cell.width * _cell()[0], _cell()[1]
    if back != BACKGROUND:
        brush.rectangle((x, y, x + width - 1, y + height - 1), back)
    if cell.pen.underline:
        brush.line((x, y + height - 2, x + width - 1, y + height - 2), front)
    if cell.glyph == " ":
        return
    code = ord(cell.glyph)
    if 0x2800 <= code <= 0x28FF:
        _braille(brush, code - 0x2800, x, y, front)
    elif 0x2580 <= code <= 0x259F:
        _block(brush, code, (x, y, width, height), front, back)
    elif code in _LINES:
        _line(brush, _LINES[code], (x, y, width, height), front)
    else:
        font, right = _chosen(cell.glyph, cell.pen.bold, width)
        base = y + round(height * 0.78)
        brush.text((x + right, base), cell.glyph, front, font=font, anchor="ls")
    if cell.pen.struck:
        brush.line((x, y + height // 2, x + width - 1, y + height // 2), front)


def _braille(brush, bits: int, x: int, y: int, colour: Colour) -> None:  # type: ignore[no-untyped-def]
    width, height = _cell()
    for bit, (column, row) in enumerate(_DOTS):
        if bits >> bit & 1:
            left = x + round((column + 0.5) * width / 2) - 1
            top = y + round((row + 0.5) * height / 4) - 1
            brush.ellipse((left - 0.5, top - 0.5, left + 1.5, top + 1.5), colour)


def _block(brush, code: int, box: tuple[int, int, int, int], front: Colour, back: Colour) -> None:  # type: ignore[no-untyped-def]
    x, y, width, height = box
    right, bottom = x + width - 1, y + height - 1
    if code == 0x2580:
        brush.rectangle((x, y, right, y + height // 2 - 1), front)
    elif code <= 0x2588:
        brush.rectangle((x, bottom - round(height * (code - 0x2580) / 8) + 1, right, bottom), front)
    elif code <= 0x258F:
        brush.rectangle((x, y, x + round(width * (0x2590 - code) / 8) - 1, bottom), front)
    elif code == 0x2590:
        brush.rectangle((x + width // 2, y, right, bottom), front)
    elif code <= 0x2593:
        brush.rectangle((x, y, right, bottom), _mixed(front, back, (code - 0x2590) / 4))
    elif code == 0x2594:
        brush.rectangle((x, y, right, y + height // 8), front)
    elif code == 0x2595:
        brush.rectangle((right - width // 8, y, right, bottom), front)
    else:
        _quadrants(brush, _QUADRANTS[code - 0x2596], box, front)


_QUADRANTS = (0b0010, 0b0001, 0b1000, 0b1011, 0b1001, 0b1110, 0b1101, 0b0100, 0b0110, 0b0111)
"""From U+2596 on: upper left, upper right, lower left, lower right."""


def _quadrants(brush, bits: int, box: tuple[int, int, int, int], colour: Colour) -> None:  # type: ignore[no-untyped-def]
    x, y, width, height = box
    for place in range(4):
        if bits >> (3 - place) & 1:
            left, top = x + place % 2 * (width // 2), y + place // 2 * (height // 2)
            right = x + width - 1 if place % 2 else x + width // 2 - 1
            bottom = y + height - 1 if place // 2 else y + height // 2 - 1
            brush.rectangle((left, top, right, bottom), colour)


_UP, _DOWN, _LEFT, _RIGHT, _THICK, _ROUND, _DASHED = 1, 2, 4, 8, 16, 32, 64
_LINES = {
    ord(glyph): arms
    for glyph, arms in {
        "─": _LEFT | _RIGHT, "━": _LEFT | _RIGHT | _THICK, "│": _UP | _DOWN, "┃": _UP | _DOWN | _THICK,
        "┌": _DOWN | _RIGHT, "┐": _DOWN | _LEFT, "└": _UP | _RIGHT, "┘": _UP | _LEFT,
        "┏": _DOWN | _RIGHT | _THICK, "┓": _DOWN | _LEFT | _THICK,
        "┗": _UP | _RIGHT | _THICK, "┛": _UP | _LEFT | _THICK,
        "├": _UP | _DOWN | _RIGHT, "┤": _UP | _DOWN | _LEFT, "┬": _LEFT | _RIGHT | _DOWN,
        "┴": _LEFT | _RIGHT | _UP, "┼": _UP | _DOWN | _LEFT | _RIGHT,
        "╭": _DOWN | _RIGHT | _ROUND, "╮": _DOWN | _LEFT | _ROUND,
        "╰": _UP | _RIGHT | _ROUND, "╯": _UP | _LEFT | _ROUND,
        "╴": _LEFT, "╵": _UP, "╶": _RIGHT, "╷": _DOWN, "╸": _LEFT | _THICK, "╺": _RIGHT | _THICK,
        "╌": _LEFT | _RIGHT | _DASHED, "┄": _LEFT | _RIGHT | _DASHED, "┈": _LEFT | _RIGHT | _DASHED,
        "╎": _UP | _DOWN | _DASHED, "┆": _UP | _DOWN | _DASHED, "┊": _UP | _DOWN | _DASHED,
    }.items()
}  # fmt: skip


def _line(brush, arms: int, box: tuple[int, int, int, int], colour: Colour) -> None:  # type: ignore[no-untyped-def]
    x, y, width, height = box
    middle, centre, thick = x + width // 2, y + height // 2, 2 if arms & _THICK else 1
    ends = {
        _UP: (middle, y, middle, centre), _DOWN: (middle, centre, middle, y + height - 1),
        _LEFT: (x, centre, middle, centre), _RIGHT: (middle, centre, x + width - 1, centre),
    }  # fmt: skip
    for arm, (left, top, right, bottom) in ends.items():
        if arms & arm and arms & _DASHED:
            _dashes(brush, (left, top, right, bottom), colour)
        elif arms & arm:
            down, across = (0, thick - 1) if arm in (_LEFT, _RIGHT) else (thick - 1, 0)
            brush.rectangle((left, top, right + down, bottom + across), colour)
    if arms & _ROUND:
        brush.point((middle, centre), BACKGROUND)


def _dashes(brush, box: tuple[int, int, int, int], colour: Colour) -> None:  # type: ignore[no-untyped-def]
    left, top, right, bottom = box
    for at in range(max(right - left, bottom - top) + 1):
        if at % 3 < 2:
            place = (left + at, top) if right > left else (left, top + at)
            brush.point(place, colour)


def _bar(brush, width: int, height: int, title: str) -> None:  # type: ignore[no-untyped-def]
    brush.rectangle((0, 0, width, height), (38, 41, 48))
    for number, colour in enumerate(((224, 108, 117), (229, 192, 123), (152, 195, 121))):
        brush.ellipse((12 + 20 * number, height // 2 - 5, 22 + 20 * number, height // 2 + 5), colour)
    brush.text(
        (width // 2, height // 2), title, (170, 176, 186), font=_font(_FONTS[0], FONT_SIZE - 2), anchor="mm"
    )
