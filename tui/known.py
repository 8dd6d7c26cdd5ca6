"""What is known of the house at one moment: answers, the newest events, how the connection is. Never changed, only
replaced; a scene is made of it for every picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from coord.tui import moments
from coord.tui.scene import ALWAYS, PAST_QUESTIONS, Answer, Last, Link, Past, Row, Scene, View, Wish
from coord.tui.state import State

EVENTS_MAX: Final = 2_000
"""So many events are kept to look at."""
PAST_EVENTS: Final = "events before here"
"""Key of the events up to a past moment."""
_PAST_EVENTS_ROWS: Final = 300
_BINS: Final = 200
_HOUR_SECONDS: Final = 3_600.0


class Told(NamedTuple):
    """An answer, and when it came on the clock that never jumps."""

    answer: Answer
    at_seconds: float


@dataclass(frozen=True, slots=True)
class Known:
    """A snapshot."""

    told: Mapping[str, Told] = field(default_factory=dict)
    """By the key of the wish."""
    faults: Mapping[str, str] = field(default_factory=dict)
    events: Sequence[Row] = ()
    position: int = 0
    rate: float = 0.0
    link: Link = field(default_factory=Link)
    retry_at: float = 0.0
    """Of a lost connection."""
    paused: str = ""
    """Why claims are paused; empty: they are not."""
    began_ns: int = 0
    """When the log began, as far as known."""


def scene_of(known: Known, state: State, now_ns: int, seconds: float) -> Scene:
    """Make the scene of a picture.

    Args:
        known: what is known.
        state: where somebody is: live or in the past.
        now_ns: the wall clock.
        seconds: now, on the clock that never jumps.
    """
    answers = {key: told.answer for key, told in known.told.items()}
    past = state.past and replace(
        moments.settled(state.past, answers), last_position=max(state.past.last_position, known.position)
    )
    events = answers.get(PAST_EVENTS, {}).get("events", ()) if past else known.events
    link = replace(known.link, retry_seconds=max(known.retry_at - seconds, 0.0))
    return Scene(
        now_ns=past.at_ns if past else now_ns,
        clock_ns=now_ns,
        answers=answers,
        faults=known.faults,
        asked_seconds={key: max(seconds - told.at_seconds, 0.0) for key, told in known.told.items()},
        events=events,
        rate=known.rate,
        position=past.position if past else known.position,
        link=link,
        paused="" if past else known.paused,
        past=past,
        frozen=state.frozen_at is not None,
        last=state.done and Last(state.done.cli, state.done.how, state.done.position),
    )


def wishes_of(state: State, scene: Scene, view: View, began_ns: int = 0) -> list[Wish]:
    """List what is to be asked for this picture: of the view, and what every view finds in its scene."""
    wanted = {wish.key: wish for wish in standing(state, scene, began_ns)}
    for wish in (*view.wishes(state.place), *view.follows(scene, state.place)):
        wanted[wish.key] = wish
    if state.past is None:
        return list(wanted.values())
    wanted[PAST_EVENTS] = Wish(PAST_EVENTS, "events", {"limit": _PAST_EVENTS_ROWS}, 60.0)
    return [wish for wish in wanted.values() if wish.question in PAST_QUESTIONS or wish.key == "timeline"]


def standing(state: State, scene: Scene, began_ns: int) -> tuple[Wish, ...]:
    """List what every view finds in its scene."""
    return (
        Wish(ALWAYS[0], "health", {"trend": True}, 2.0),
        Wish(ALWAYS[1], "alerts", {"status": "open", "limit": 200}, 1.0),
        Wish(ALWAYS[2], "timeline", _span(state, scene, began_ns), 2.0),
    )


def _span(state: State, scene: Scene, began_ns: int) -> dict[str, Any]:
    """Choose what the time bar spans: as `z` says, else the last hour of an older log; and the past moment always."""
    fields: dict[str, Any] = {"bins": _BINS}
    seconds = moments.SPANS_SECONDS[state.zoom - 1] if state.zoom else _usual(scene.today_ns, began_ns)
    if not seconds:
        return fields
    width_ns = round(seconds * 1e9 / _BINS)
    since_ns = scene.today_ns // width_ns * width_ns - width_ns * (_BINS - 1)
    if since_ns <= began_ns or (state.past is not None and state.past.at_ns < since_ns):
        return fields
    return {**fields, "since_ns": since_ns}


def _usual(now_ns: int, began_ns: int) -> float:
    return _HOUR_SECONDS if began_ns and (now_ns - began_ns) / 1e9 > 2 * _HOUR_SECONDS else 0.0


def asked_of(past: Past | None, wish: Wish) -> dict[str, Any]:
    """Return the fields that a wish is asked with, at the moment that is shown unless it names one itself."""
    if past is None or wish.question not in PAST_QUESTIONS:
        return dict(wish.fields)
    return {"at_position": past.position, **wish.fields}
