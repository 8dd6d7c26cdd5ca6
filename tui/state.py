"""Where somebody is: the view, the place in each, the moment, and what is being typed. One frozen value.

live --t, seek, Go--> past --esc--> live        freezing holds the picture; the collecting goes on
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple

from coord.tui.scene import Act, Past, Place

SPOTS_MAX: Final = 50
"""So many places are gone back through."""
SAID_SECONDS: Final = 8.0
"""How long a sentence stands, and an action can be undone."""
TEXT_MAX: Final = 200
"""Of what is typed."""


class Spot(NamedTuple):
    """A place in the history of places."""

    view: str
    place: Place
    past: Past | None


class Prompt(NamedTuple):
    """What is being typed, in the last line."""

    kind: Literal["filter", "goto", "wants", "confirm"]
    text: str = ""
    before: str = ""
    """The filter that stood there; `esc` brings it back."""
    act: Act | None = None


class Said(NamedTuple):
    """A sentence for the last line, for a while."""

    words: str
    until_seconds: float


class Done(NamedTuple):
    """The last action."""

    cli: str
    how: str
    """`...` while it is on its way; done, or why not."""
    undo: Act | None = None
    until_seconds: float = 0.0
    position: int = 0
    """Of the event that it became; 0: of none, or not known."""


class Help(NamedTuple):
    """The open help: what is searched for, and the first line in sight."""

    text: str = ""
    first: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """All of it."""

    view: str = "overview"
    places: Mapping[str, Place] = field(default_factory=dict)
    behind: tuple[Spot, ...] = ()
    ahead: tuple[Spot, ...] = ()
    prompt: Prompt | None = None
    help: Help | None = None
    bar: bool = False
    """Whether the time bar has the keys."""
    past: Past | None = None
    compared: int | None = None
    """The position that `m` marked; it stays while one goes elsewhere."""
    speed: float = 1.0
    """What playing goes on with: seconds of the log in one."""
    zoom: int = 0
    """Which span the time bar has; 0: chosen by the log's age."""
    frozen_at: float | None = None
    """Seconds on the clock that never jumps."""
    said: Said | None = None
    done: Done | None = None
    theme: str = "ansi"
    ascii: bool = False

    @property
    def place(self) -> Place:
        """Where one is in the view."""
        return self.places.get(self.view, Place())

    def at(self, place: Place) -> "State":
        """Return it with another place in the same view."""
        return replace(self, places={**self.places, self.view: place})

    def saying(self, words: str, seconds: float) -> "State":
        """Return it with a sentence; `seconds` is now."""
        return replace(self, said=Said(words, seconds + SAID_SECONDS))

    def spot(self) -> Spot:
        """Return where one is, to come back to."""
        return Spot(self.view, self.place, self.past)

    def going(self, view: str, place: Place | None = None, past: Past | None = None) -> "State":
        """Return it in another view, with the way back."""
        there = replace(
            self, view=view, past=past, behind=(*self.behind, self.spot())[-SPOTS_MAX:], ahead=(), prompt=None
        )
        return there if place is None else there.at(place)

    def back(self) -> "State":
        """Return it one place back."""
        if not self.behind:
            return self
        *behind, spot = self.behind
        return self._at_spot(spot, tuple(behind), (*self.ahead, self.spot())[-SPOTS_MAX:])

    def forward(self) -> "State":
        """Return it one place forward again."""
        if not self.ahead:
            return self
        *ahead, spot = self.ahead
        return self._at_spot(spot, (*self.behind, self.spot())[-SPOTS_MAX:], tuple(ahead))

    def _at_spot(self, spot: Spot, behind: tuple[Spot, ...], ahead: tuple[Spot, ...]) -> "State":
        there = replace(
            self, view=spot.view, past=spot.past, behind=behind, ahead=ahead, prompt=None, help=None
        )
        return there.at(spot.place)


class Quit(NamedTuple):
    """End."""


class Tell(NamedTuple):
    """Tell the coordinator."""

    act: Act


class Clip(NamedTuple):
    """Put a text on the clipboard."""

    text: str


class Save(NamedTuple):
    """Write a text into a new file."""

    path: str
    text: str


class OpenPalette(NamedTuple):
    """Open the list of commands."""


class Retry(NamedTuple):
    """Try the connection now."""


Effect = Quit | Tell | Clip | Save | OpenPalette | Retry


class Turn(NamedTuple):
    """What a key makes of a state, and what is to be done outside."""

    state: State
    effect: Effect | None = None
