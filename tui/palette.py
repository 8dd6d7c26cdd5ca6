"""Which colour an ink has: four palettes, and lines painted with escape sequences.

    dark, light   colours of their own, on a background of their own
    ansi          the terminal's own sixteen colours and its own background; the default over ssh
    none          no colours at all (NO_COLOR): weight and reversal only

Nothing is said by colour only, so every palette says the same.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from coord.tui.ink import Ink, Line

Theme = Literal["dark", "light", "ansi", "none"]
THEMES: Final[tuple[Theme, ...]] = ("dark", "light", "ansi", "none")


class Look(NamedTuple):
    """How a text looks. A colour is `#rrggbb`, the number of one of the terminal's sixteen, or empty: its own."""

    fore: str = ""
    back: str = ""
    bold: bool = False
    faint: bool = False
    reverse: bool = False


class Palette(NamedTuple):
    """A look for every ink, and what the chosen row changes."""

    looks: Mapping[Ink, Look]
    back: str
    """Of the whole screen; empty: the terminal's own."""
    chosen_back: str
    """Behind the chosen row; empty: it is reversed."""

    def look(self, ink: Ink, chosen: bool) -> Look:
        """Return how a text looks."""
        look = self.looks[ink]
        if not chosen:
            return look if look.back else look._replace(back=self.back)
        if self.chosen_back:
            return look._replace(back=self.chosen_back, bold=True, faint=False)
        return Look(bold=True, reverse=True)


def _palette(back: str, chosen: str, **looks: Look) -> Palette:
    return Palette({ink: looks[ink.value] for ink in Ink}, back, chosen)


PALETTES: Final[Mapping[Theme, Palette]] = {
    "dark": _palette(
        "#0e1116", "#24405c",
        text=Look("#c9d1d9"), strong=Look("#f0f3f6", bold=True), dim=Look("#768390"), ok=Look("#57ab5a"),
        warn=Look("#daaa3f"), bad=Look("#f47067", bold=True), accent=Look("#6cb6ff"),
        live=Look("#dff5e4", "#1d4428"), past=Look("#fff1cf", "#6a4a0a"), lost=Look("#ffe6e3", "#7d1f1a"),
        frozen=Look("#dbecff", "#1f4272"),
    ),
    "light": _palette(
        "#ffffff", "#cfe3fa",
        text=Look("#24292f"), strong=Look("#000000", bold=True), dim=Look("#6e7781"), ok=Look("#1a7f37"),
        warn=Look("#8a5a00"), bad=Look("#b3261e", bold=True), accent=Look("#0550ae"),
        live=Look("#0b3d1a", "#c3ecce"), past=Look("#4a3200", "#ffe2a0"), lost=Look("#5c0c07", "#ffcfca"),
        frozen=Look("#062f66", "#c8defa"),
    ),
    "ansi": _palette(
        "", "",
        text=Look(), strong=Look(bold=True), dim=Look("8"), ok=Look("2"), warn=Look("3"), bad=Look("1", bold=True),
        accent=Look("6"), live=Look("0", "2"), past=Look("0", "3"), lost=Look("15", "1", bold=True),
        frozen=Look("15", "4"),
    ),
    "none": _palette(
        "", "",
        text=Look(), strong=Look(bold=True), dim=Look(faint=True), ok=Look(), warn=Look(bold=True),
        bad=Look(bold=True), accent=Look(), live=Look(reverse=True), past=Look(reverse=True),
        lost=Look(reverse=True, bold=True), frozen=Look(reverse=True),
    ),
}  # fmt: skip


def painted(lines: Iterable[Line], theme: Theme) -> list[str]:
    """Write lines for a terminal, each with its escape sequences."""
    palette = PALETTES[theme]
    return ["".join(_span(span.text, palette.look(span.ink, span.chosen)) for span in line) for line in lines]


def _span(text: str, look: Look) -> str:
    codes = [
        *(["1"] if look.bold else []),
        *(["2"] if look.faint else []),
        *(["7"] if look.reverse else []),
        *_colour(look.fore, 30),
        *_colour(look.back, 40),
    ]
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes else text


def _colour(colour: str, first: int) -> list[str]:
    if not colour:
        return []
    if colour.startswith("#"):
        red, green, blue = (str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))
        return [str(first + 8), "2", red, green, blue]
    number = int(colour)
    return [str(first + number if number < 8 else first + 60 + number - 8)]
