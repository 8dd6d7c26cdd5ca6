"""What stands round every view: the head that tells the mode, the tabs, what is typed, the keys, what was done.

The head of an inner row at 120 columns, and below 100 in a form of its own:

     coord ● LIVE  health 87 ▆▇▇▆▅▆▇▇   #182,470  lag 0  412 ev/s                    ✖1 ⚠2  07:40:55Z
     coord ◀ REPLAY Fri 14:02:11Z  −17h38m  #121,004/182,470  ▶×8                          esc ▸ LIVE
     coord ✖ LOST 14s  last event 07:40:41Z  retry in 3s                                        stale
     coord ✖ CLAIMS PAUSED  the log has confirmed nothing for 12s                   ✖1 ⚠2  07:40:55Z
     coord ❚❚ FROZEN 12s   #182,470  31 since                                            space ▸ LIVE
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from coord.services import wording
from coord.services.wording import display_width
from coord.tui.ink import SEVERITIES, Ink, Line, Span, fit, said, width_of
from coord.tui.keymap import GENERAL, TIME, beside
from coord.tui.plot import bars
from coord.tui.scene import Key, Scene, View
from coord.tui.state import Done, Prompt, State

WIDE: Final = 100
"""From so many columns on, the layout for wide screens."""
_TREND_CELLS: Final = 8
_RIGHT_FROM: Final = 50
"""From so many columns on, the first row has a right end."""


class Tabs(NamedTuple):
    """The row of tabs, and from and to which cell each can be clicked."""

    line: Line
    cells: Mapping[str, tuple[int, int]]


def head(scene: Scene, width: int, since: int = 0) -> Line:
    """Draw the first row; `since` is what happened since the picture was frozen."""
    ink, left, right = _mode(scene, width >= WIDE, since)
    right = right if width >= _RIGHT_FROM else ""
    room = width - display_width(right) - 1
    row = (*fit((Span(f" coord {left}", ink),), room), Span(right + " ", ink))
    return tuple(span._replace(ink=ink) for span in row)


def tabs(state: State, views: Sequence[View], width: int) -> Tabs:
    """Draw the row of views; the open row is named behind its view, and where all names have no room only one's own is."""
    names = [view.title if width >= WIDE else view.short for view in views]
    fits = sum(len(name) + 5 for name in names) <= width
    spans: list[Span] = [Span(" ")]
    cells: dict[str, tuple[int, int]] = {}
    at = 1
    for number, (view, name) in enumerate(zip(views, names, strict=True), 1):
        here = view.name == state.view
        title = f"{number} {name}" if here or fits else f"{number}"
        words = f"[{title}]" if here else f" {title} "
        cells[view.name] = (at, at + len(words))
        at += len(words) + 1
        spans += (Span(words, Ink.STRONG if here else Ink.TEXT), Span(" "))
    if state.place.opened and state.place.chosen:
        spans += (Span("▸ ", Ink.ACCENT), said(state.place.chosen, Ink.STRONG))
    return Tabs(fit(spans, width), cells)


def keys(state: State, view: View, width: int) -> Line:
    """Draw the last row: what is typed, or the keys of what has them, then those that hold everywhere."""
    if state.prompt is not None:
        return prompt(state.prompt, width)
    general = beside(view, GENERAL)
    own = TIME if state.bar else view.keys
    if state.help is not None:
        own = (Key("escape", "esc", "close"), Key("down", "↑↓", "scroll"), Key("any", "type", "to search"))
        general = []
    return _keys([*own, *general], width)


def prompt(asked: Prompt, width: int) -> Line:
    """Draw what is being typed, with a cursor."""
    if asked.kind == "confirm" and asked.act is not None:
        return fit(
            (Span(" "), said(asked.act.asks, Ink.WARN), Span("  y yes   any other key no ", Ink.ACCENT)),
            width,
        )
    name = _prompted(asked, width // 2)
    hint = {"goto": "-2h  14:02  #121004  tiny-gpt spike", "filter": "text  !text  field:text  age>1h"}
    tail = f"  {hint.get(asked.kind, '')}   ↵ ok  esc no " if width >= WIDE else ""
    text = asked.text
    while display_width(text) > max(width - display_width(tail) - display_width(name) - 5, 8):
        text = text[1:]
    typed = (said(f" {name} ▸ ", Ink.ACCENT), said(text, Ink.STRONG), Span(" ", Ink.STRONG, chosen=True))
    return (*fit(typed, width - display_width(tail)), Span(tail, Ink.DIM))


def _prompted(asked: Prompt, room: int) -> str:
    """Say what is typed for: of an action the command line as far as it stands."""
    if asked.act is None:
        return {"goto": "go to", "filter": "filter"}[asked.kind]
    return asked.act.wanted if display_width(asked.act.wanted) <= room else asked.act.wants


def filter_line(state: State, view: View, told: str, width: int) -> Line:
    """Draw the line under the heads: the filter with what it leaves, and the order."""
    place = state.place
    words = told or (f"filter ▸ {place.filter}" if place.filter else "")
    order = place.sort or (view.orders[0] if view.orders else "")
    parts = [said(f" {words}", Ink.ACCENT)] if words else []
    if order and (place.sort or place.reversed or words):
        parts.append(Span(f"   sort {order}{'↑' if place.reversed else '↓'}", Ink.DIM))
    return fit(parts, width)


def has_filter_line(state: State) -> bool:
    """Tell whether that line is there."""
    place = state.place
    return bool(
        place.filter or place.sort or place.reversed or (state.prompt and state.prompt.kind == "filter")
    )


def message(state: State, seconds: float, width: int) -> Line:
    """Draw what is to be said: a sentence for a while, else what was done last."""
    if state.said is not None and seconds < state.said.until_seconds:
        return fit((Span(" "), said(state.said.words, Ink.STRONG)), width)
    return fit(_done(state.done, seconds), width) if state.done else fit((), width)


def has_message(state: State, seconds: float) -> bool:
    """Tell whether something is to be said for a while: on low screens it takes the row of the keys."""
    fresh = state.done is not None and (state.done.how == "..." or seconds < state.done.until_seconds)
    return fresh or (state.said is not None and seconds < state.said.until_seconds)


def day_and_time(at_ns: int, now_ns: int) -> str:
    """Write a past moment: its time, and before it the day where that is not today's."""
    moment = datetime.fromtimestamp(at_ns / 1e9, UTC)
    today = datetime.fromtimestamp(now_ns / 1e9, UTC)
    if moment.date() == today.date():
        return f"{moment:%H:%M:%S}Z"
    near = abs((today.date() - moment.date()).days) < 7
    return f"{moment:%a %H:%M:%S}Z" if near else f"{moment:%Y-%m-%d %H:%M:%S}Z"


def clock_time(at_ns: int) -> str:
    """Write a moment as its time of day."""
    return f"{datetime.fromtimestamp(at_ns / 1e9, UTC):%H:%M:%S}Z"


def distance(seconds: float) -> str:
    """Write how far back something is, in its two largest units: 17h38m."""
    whole = round(max(seconds, 0))
    for unit, size, below, small in (("d", 86_400, "h", 3_600), ("h", 3_600, "m", 60), ("m", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size}{unit}{whole % size // small:02d}{below}"
    return f"{whole}s"


def _mode(scene: Scene, wide: bool, since: int) -> tuple[Ink, str, str]:
    if scene.link.state == "lost":
        return Ink.LOST, _lost(scene), "stale" if scene.answers else ""
    if scene.past is not None:
        return Ink.PAST, _past(scene), "esc ▸ LIVE"
    counts = alert_counts(scene)
    right = f"{counts}  {clock_time(scene.now_ns)}".strip()
    if scene.frozen:
        return Ink.FROZEN, f"❚❚ FROZEN  {_figures(scene, wide)}  +{since:,} since", "space ▸ LIVE"
    if scene.link.state == "connecting":
        return Ink.FROZEN, f"◐ CONNECTING  {wording.safe(scene.link.folder)}", right
    if scene.paused:
        return Ink.LOST, f"✖ CLAIMS PAUSED  {scene.paused}", right
    return Ink.LIVE, f"● LIVE  {_figures(scene, wide)}", right


def _lost(scene: Scene) -> str:
    link = scene.link
    last = f"  last event {clock_time(scene.events[-1]['recorded_at_ns'])}" if scene.events else ""
    retry = f"  retry in {link.retry_seconds:.0f}s" if link.retry_seconds >= 0.5 else "  trying"
    return f"✖ LOST {wording.age(max(0.0, (scene.today_ns - link.since_ns) / 1e9))}{last}{retry}"


def _past(scene: Scene) -> str:
    past = scene.past
    assert past is not None
    back = (scene.today_ns - past.at_ns) / 1e9
    speed = f"  ▶×{past.speed:g}" if past.speed else ""
    return (
        f"◀ REPLAY {day_and_time(past.at_ns, scene.today_ns)}  −{distance(back)}"
        f"  #{past.position:,}/{past.last_position:,}{speed}"
    )


def _figures(scene: Scene, wide: bool) -> str:
    health = scene.answers.get("health", {})
    parts = []
    if "score" in health:
        trend = [one["score"] for one in health.get("trend", ())]
        shown = bars(trend, min(_TREND_CELLS, len(trend)), 0, 100)
        parts.append(f"health {health['score']:.0f} {shown}".strip())
    parts.append(f"{' ' if wide else ''}#{scene.position:,}")
    if wide:
        lag = max((answer.get("as_of", {}).get("lag", 0) for answer in scene.answers.values()), default=0)
        parts += [f"lag {lag:,}", f"{rate(scene.rate)} ev/s"]
    return "  ".join(parts)


def rate(value: float) -> str:
    """Write events a second: no fraction from ten on."""
    return f"{value:.0f}" if value >= 10 or value == 0 else f"{value:.1f}"


def alert_counts(scene: Scene) -> str:
    """Write how many alerts are open, by severity: ✖1 ⚠2."""
    rows = [row for row in scene.rows("alerts") if row.get("status") != "resolved"]
    counted = (
        (glyph, sum(row["severity"] == name for row in rows)) for name, (glyph, _) in SEVERITIES.items()
    )
    return " ".join(f"{glyph}{count}" for glyph, count in counted if count)


def _keys(shown: Sequence[Key], width: int) -> Line:
    """Lay out keys until the row is full; the last of them always has its place: help."""
    gap = "  " if width >= WIDE else " "
    spans: list[Span] = [Span(" ")]
    last = [key for key in shown if key.key == "question_mark"]
    end = [span for key in last for span in _key(key, "")]
    for key in shown:
        more = _key(key, gap)
        if key in last:
            continue
        if width_of((*spans, *more, *end)) > width:
            break
        spans += more
    return fit((*spans, *end), width)


def _key(key: Key, gap: str) -> tuple[Span, Span]:
    return Span(key.shown, Ink.ACCENT), Span(f" {key.words}{gap}", Ink.DIM)


def _done(done: Done, seconds: float) -> Line:
    ink = Ink.DIM if done.how in ("...", "done") else Ink.WARN
    undo = (
        f"   u undo {done.until_seconds - seconds:.0f}s" if done.undo and seconds < done.until_seconds else ""
    )
    return (
        Span(" last action  ", Ink.DIM), said(done.cli), said(f"   {done.how}", ink), Span(undo, Ink.ACCENT)
    )  # fmt: skip
