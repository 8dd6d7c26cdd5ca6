"""The keys of the time bar: each leads to another moment, or back to now."""

from dataclasses import replace
from typing import Final

from coord.events.errors import UsageError
from coord.tui import moments
from coord.tui.chrome import day_and_time
from coord.tui.scene import Past, Place, Scene
from coord.tui.state import Prompt, State, Turn

_STEPS: Final = {
    "left": -1, "right": 1, "shift+left": -10, "shift+right": 10,
}  # fmt: skip
WHOLE: Final = 1
"""The zoom of the bar that shows the whole log."""
_NO_LINE: Final = "The time line has not come yet."


def pressed_in_bar(state: State, scene: Scene, key: str, seconds: float) -> Turn | None:
    """Do what a key means while the time bar has the keys; None: it has no use for it."""
    if key in _STEPS:
        return _moved(state, scene, moments.by_bins(scene, _STEPS[key]), seconds)
    match key:
        case "left_square_bracket" | "right_square_bracket":
            count = 1 if key.startswith("right") else -1
            return _moved(state, scene, moments.by_events(scene, count), seconds)
        case "left_curly_bracket" | "right_curly_bracket":
            return _at_mark(state, scene, key.startswith("right"), seconds)
        case "g":
            return Turn(replace(state, prompt=Prompt("goto")))
        case "space":
            return _played(state, seconds)
        case "plus" | "equals_sign":
            return Turn(_faster(state, 2.0))
        case "minus":
            return Turn(_faster(state, 0.5))
        case "z":
            return Turn(replace(state, zoom=(state.zoom + 1) % (len(moments.SPANS_SECONDS) + 1)))
        case "m" | "d":
            return _compared(state, key, seconds)
        case "escape":
            return Turn(live(replace(state, bar=False)))
        case "t" | "enter":
            return Turn(replace(state, bar=False))
    return None


def live(state: State) -> State:
    """Return the state now; the place in each view stays."""
    return replace(state, past=None, frozen_at=None)


def seek(state: State, past: Past | None) -> State:
    """Return the state at a past moment; None: now."""
    return replace(state, past=past and replace(past, compared=state.compared), frozen_at=None)


def gone_to(state: State, scene: Scene, text: str, now_ns: int, seconds: float) -> State:
    """Return the state at the moment that words mean, or with what is wrong with them."""
    if not scene.answers.get("timeline") and not text.startswith("#"):
        return state.saying(_NO_LINE, seconds)
    try:
        there = seek(state, moments.by_words(scene, text, now_ns))
        return _clamped(state, there, scene, text, now_ns, seconds)
    except UsageError as error:
        return state.saying(str(error), seconds)
    except LookupError as error:
        return state.saying(f"{error.args[0]}", seconds)


def _clamped(state: State, there: State, scene: Scene, text: str, now_ns: int, seconds: float) -> State:
    """Say when a moment lies beyond the log; when it lies before what the bar shows of it, show all first."""
    beyond = moments.beyond(scene, text, now_ns)
    if beyond == "end":
        return there.saying(f"The log ends at #{moments.newest(scene):,}: this is now.", seconds)
    if beyond == "bar" and state.zoom != WHOLE:
        wider = replace(state, zoom=WHOLE, prompt=Prompt("goto", text))
        return wider.saying(
            "That is before what the bar showed. It shows the whole log now: ↵ goes there.", seconds
        )
    if beyond:
        begins = day_and_time(moments.begins_ns(scene.answers["timeline"]), now_ns)
        return there.saying(
            f"The log begins about {begins}, later than that: this is its first event.", seconds
        )
    return there


def _moved(state: State, scene: Scene, past: Past | None, seconds: float) -> Turn:
    if not scene.answers.get("timeline"):
        return Turn(state.saying(_NO_LINE, seconds))
    return Turn(seek(state, past and replace(past, speed=0.0)))


def _at_mark(state: State, scene: Scene, forward: bool, seconds: float) -> Turn:
    past = moments.by_mark(scene, forward)
    if past == scene.past:
        words = f"There is no mark {'after' if forward else 'before'} this moment."
        return Turn(state.saying(words, seconds))
    mark = next((one for one in moments.marks_of(scene) if past and one["position"] == past.position), None)
    there = seek(state, past)
    return Turn(there.saying(mark["words"], seconds) if mark else there)


def _played(state: State, seconds: float) -> Turn:
    past = state.past
    if past is None:
        return Turn(state.saying("Now passes by itself; go back first, with ← or {.", seconds))
    return Turn(replace(state, past=replace(past, speed=0.0 if past.speed else state.speed)))


def _faster(state: State, factor: float) -> State:
    speed = min(max(state.speed * factor, 1.0), moments.SPEED_MAX)
    past = state.past and (replace(state.past, speed=speed) if state.past.speed else state.past)
    return replace(state, speed=speed, past=past)


def _compared(state: State, key: str, seconds: float) -> Turn:
    past = state.past
    if past is None:
        return Turn(
            state.saying("Marks and differences are of past moments; go back first, with ←.", seconds)
        )
    if key == "m":
        marked = seek(replace(state, compared=past.position), past)
        return Turn(marked.saying(f"#{past.position:,} is marked; go elsewhere and press d.", seconds))
    if state.compared is None:
        return Turn(state.saying("No moment is marked; m marks one.", seconds))
    place = state.places.get("events", Place())
    return Turn(replace(state.going("events", place, past), bar=state.bar))
