"""What the screen is drawn from, and what a view is: pure functions over a scene and a place.

    wishes(place) -> what to ask, and how often
    follows(scene, place) -> what else to ask, given what is seen: the pane of the row under the cursor
    draw(scene, place, width, height) -> lines, and which row each is
    press(key, scene, place, drawn) -> where to be next, or what to do

A past moment is the same scene with older answers, drawn by the same code; a view adds only what is not kept of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from coord.tui.ink import Line

Answer = Mapping[str, Any]
Row = Mapping[str, Any]

PAST_QUESTIONS: Final = frozenset(
    (
        "agents", "alerts", "board", "curve", "events", "health", "history", "latest", "metrics", "mine", "nodes",
        "readings", "runs", "scenarios", "show", "stats", "top", "trend",
    )
)  # fmt: skip
"""Questions that are asked of the past moment that is shown; the time line is always that of the whole log."""
ALWAYS: Final = ("health", "alerts", "timeline")
"""Keys of answers that every view finds in its scene: health with its trend, the open alerts with their
directives, the time line of the whole log."""


class Wish(NamedTuple):
    """A question that a view wants asked, and how often."""

    key: str
    """Under which the answer stands in the scene; another wish of the same key takes its place."""
    question: str
    fields: Mapping[str, Any]
    """In the past, whoever asks adds `at_position`, unless it is there already."""
    every_seconds: float = 0.5


@dataclass(frozen=True, slots=True)
class Link:
    """How the connection to the house is."""

    state: Literal["connecting", "live", "lost"] = "connecting"
    since_ns: int = 0
    """Of the state."""
    reason: str = ""
    """Why it is lost, in one sentence."""
    retry_seconds: float = 0.0
    """Until the next try."""
    tries: int = 0
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """The past moment that is shown."""

    position: int
    at_ns: int
    last_position: int
    """Of the log now."""
    speed: float = 0.0
    """How many seconds of the log pass in one; 0: stands still."""
    compared: int | None = None
    """The position that `m` marked: the view of events compares with it."""


class Last(NamedTuple):
    """The last action, as the screen knows it."""

    cli: str
    how: str
    """`...` while it is on its way; done, or why not."""
    position: int = 0
    """Of the event that it became: an answer that stands before it does not show it yet."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is drawn."""

    now_ns: int
    """The moment that is shown: now, or the past one."""
    clock_ns: int = 0
    """Now, also while a past moment is shown; 0: `now_ns` is."""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    """The last answer by the key of its wish."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """Why the last question of a wish was not answered, in a sentence."""
    asked_seconds: Mapping[str, float] = field(default_factory=dict)
    """How old each answer is."""
    events: Sequence[Row] = ()
    """The newest events of the log (LogEntry as JSON), the newest last; bounded. In the past: up to there."""
    rate: float = 0.0
    """Events a second, over the last ten."""
    position: int = 0
    """The last position that was heard of."""
    link: Link = Link()
    paused: str = ""
    """Why claims are paused; empty: they are not."""
    past: Past | None = None
    frozen: bool = False
    last: Last | None = None
    """What was done last."""

    @property
    def today_ns(self) -> int:
        """Now, whatever moment is shown."""
        return self.clock_ns or self.now_ns

    def rows(self, key: str) -> Sequence[Row]:
        """Return the rows of an answer; none while there is no answer."""
        found: Sequence[Row] = self.answers.get(key, {}).get("rows", ())
        return found

    def seconds_since(self, at_ns: int) -> float:
        """Return an age at the moment that is shown."""
        return max(0.0, (self.now_ns - at_ns) / 1e9)


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is in a view; a view keeps its own, and going back restores it."""

    chosen: str = ""
    """Id of the row with the cursor; empty: the first."""
    filter: str = ""
    sort: str = ""
    """Name of one of the view's orders; empty: worst first."""
    reversed: bool = False
    mode: str = ""
    """Of the view's own: board or list, raw or fields."""
    opened: bool = False
    """Whether the chosen row fills the view."""
    pane: int = 0
    cursor: float | None = None
    """On a curve: the step."""
    metric: str = ""
    pinned: str = ""
    """Another run to compare with."""
    window: int = 0
    """Which of the view's windows of time or steps."""
    log: bool | None = None
    """A logarithmic scale; None: chosen by the values."""


class Drawn(NamedTuple):
    """A body that fills its cells exactly, and what can be chosen in it."""

    lines: list[Line]
    ids: Sequence[str] = ()
    """What can be chosen, in order."""
    at: Mapping[int, str] = {}
    """Which id stands on which line, for the mouse."""
    columns: Sequence[tuple[int, int]] = ()
    """From and to which cell those lines can be clicked; empty: anywhere."""
    told: str = ""
    """About the filter: how many of how many, or what is wrong with it."""
    missing: str = ""
    """That the row which was to be opened is not there; then this alone is drawn."""
    panes: Sequence[str] = ()
    """What `tab` goes through, as names of views; the first is the list. Empty: the list and the chosen row."""


class Key(NamedTuple):
    """A key of a view, for the last line and the help."""

    key: str
    """As Textual names it: `enter`, `c`, `X`, `left`."""
    shown: str
    words: str
    """One or two words for the last line."""
    more: str = ""
    """A sentence for the help."""


class Act(NamedTuple):
    """A command to tell the coordinator."""

    verb: str
    fields: Mapping[str, Any]
    """Without what whoever sends it adds: `request_id`, and `by` where the command has it."""
    cli: str
    """The same as a command line: shown when it is done, and copied by `Y`."""
    asks: str = ""
    """What to ask before; empty: it can be undone, or harms nobody."""
    undo: "Act | None" = None
    wants: str = ""
    """Name of a field that a person must type first, such as `reason`."""
    numeric: bool = False
    """Whether that is a number."""
    then: "Act | None" = None
    """What is told right behind it, once it is done; `cli` of the first stands for all."""

    @property
    def wanted(self) -> str:
        """The command line up to the field that is wanted."""
        return f"{self.cli} --{self.wants.replace('_', '-')}"


class Go(NamedTuple):
    """Somewhere else."""

    view: str
    chosen: str = ""
    position: int | None = None
    """A past moment to go to as well."""
    filter: str = ""


class Say(NamedTuple):
    """A sentence for the last line."""

    words: str


class Copy(NamedTuple):
    """A text for the clipboard."""

    text: str


class Write(NamedTuple):
    """A text for a file in the folder that the dashboard was started in; one that is there is not replaced."""

    path: str
    text: str


Outcome = Place | Act | Go | Say | Copy | Write | None
"""None: the view has no use for this key."""


@dataclass(frozen=True)
class View:
    """One of the eight views."""

    name: str
    title: str
    short: str
    """The title below 100 columns."""
    wishes: Callable[[Place], tuple[Wish, ...]]
    draw: Callable[[Scene, Place, int, int], Drawn]
    """Into exactly width x height cells: at 100 columns or more one layout, below another, down to 40 x 8."""
    press: Callable[[str, Scene, Place, Drawn], Outcome] = lambda *_: None
    keys: tuple[Key, ...] = ()
    orders: tuple[str, ...] = ()
    """Names that `s` goes through; the first is worst first."""
    copies: Callable[[Scene, Place, Drawn], tuple[str, str]] | None = None
    """What `y` (id) and `Y` (command line) copy; None: the chosen id, and `coord VIEW`."""
    follows: Callable[[Scene, Place], tuple[Wish, ...]] = lambda *_: ()
    """Wishes that only a scene can tell, such as the curve of the newest run, or the pane of the first row while
    nothing is chosen; asked beside `wishes`, a new one at once."""
    opens: str = ""
    """What a row is that can be opened, in a word; empty: rows are only gone to."""


def chosen_id(place: Place, drawn_ids: Sequence[str]) -> str:
    """Return which id the cursor is on: the chosen one while it is there, else the first."""
    return place.chosen if place.chosen in drawn_ids else (drawn_ids[0] if drawn_ids else "")


def index_of(place: Place, ids: Sequence[str]) -> int:
    """Return the index of the row the cursor is on; -1 when there is none."""
    return ids.index(place.chosen) if place.chosen in ids else (0 if ids else -1)
