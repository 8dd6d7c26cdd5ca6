"""The keys of the view of runs: the cursor, the marks, what is drawn, and where a mark leads."""

from dataclasses import replace
from typing import Final

from coord.tui.phrases import toggled, words_of
from coord.tui.scene import Drawn, Go, Key, Outcome, Place, Row, Say, Scene, index_of
from coord.tui.views import run_curves as curves
from coord.tui.views.run_acts import act
from coord.tui.views.run_marks import Moment, moments_of, stops
from coord.tui.views.run_rows import run_rows

FULL: Final = "full"
"""Word of the place's mode: the curve fills the view. The other is the position of the mark that was gone to."""


def press(key: str, scene: Scene, place: Place, _drawn: Drawn) -> Outcome:
    """Move the cursor and marks, change what is drawn, or ask something of the run."""
    run = chosen_run(scene, place)
    if run is None:
        return None
    place = replace(place, chosen=run["run"])
    if key in ("left", "right", "shift+left", "shift+right", "n", "N"):
        return _moved(key, scene, place)
    if key == "enter":
        return _entered(scene, place)
    if key in ("backspace", "escape"):
        return _out(place)
    if key in _CHANGES:
        return _changed(key, scene, place)
    if key == "w":
        return Go("alerts", filter=run["run"])
    return act(key, scene, run)


def chosen_run(scene: Scene, place: Place) -> Row | None:
    """Return the run that the cursor is on."""
    rows = run_rows(scene, place).rows
    found = index_of(place, [run["run"] for run in rows])
    return None if found < 0 else rows[found]


def mark_at(scene: Scene, place: Place, run: Row) -> Moment | None:
    """Return the mark that was gone to, else the one at the very step of the cursor."""
    found = stops(moments_of(scene, curves.whole_of(scene, run["run"])))
    marked = [one for one in found if str(one.position) in words_of(place.mode)]
    here = [one for one in found if place.cursor is not None and one.step == round(place.cursor)]
    return next(iter(marked or here), None)


def _moved(key: str, scene: Scene, place: Place) -> Outcome:
    if key in ("n", "N"):
        return _to_mark(scene, place, 1 if key == "n" else -1)
    bins = curves.bins_of(curves.curve_of(scene, place, place.chosen), curves.metric_of(place))
    if bins is None or not bins.steps:
        return Say("There is no curve to move on yet.")
    stride = (10 if key.startswith("shift") else 1) * (-1 if key.endswith("left") else 1)
    at = len(bins.steps) - 1 if place.cursor is None else curves.nearest(bins, place.cursor)
    at = min(max(at + stride, 0), len(bins.steps) - 1)
    return replace(place, cursor=bins.steps[at], mode=_marked(place, ""))


def _to_mark(scene: Scene, place: Place, stride: int) -> Outcome:
    found = stops(moments_of(scene, curves.whole_of(scene, place.chosen)))
    if not found:
        return Say("Nothing happened to this run yet that one could go to.")
    marked = next((at for at, one in enumerate(found) if str(one.position) in words_of(place.mode)), None)
    if marked is not None:
        at = marked + stride
    elif place.cursor is None:
        at = 0 if stride > 0 else len(found) - 1
    else:
        before = sum(one.step < place.cursor for one in found)
        upto = sum(one.step <= place.cursor for one in found)
        at = upto if stride > 0 else before - 1
    if not 0 <= at < len(found):
        return Say("There is no further mark this way.")
    return replace(place, cursor=float(found[at].step), mode=_marked(place, str(found[at].position)))


def _marked(place: Place, mark: str) -> str:
    """Return the mode with another mark; whether the curve fills the view stays."""
    return " ".join(word for word in (FULL if FULL in words_of(place.mode) else "", mark) if word)


def _entered(scene: Scene, place: Place) -> Outcome:
    run = chosen_run(scene, place)
    moment = mark_at(scene, place, run) if run else None
    if moment is not None:
        return Go("runs", place.chosen, moment.position)
    return replace(place, opened=not place.opened)


def _out(place: Place) -> Outcome:
    """One step out, as far as the view has its own: of the full curve, of the cursor."""
    if FULL in words_of(place.mode):
        return replace(place, mode=toggled(place.mode, FULL))
    return replace(place, cursor=None, mode="") if place.cursor is not None else None


_FIRST: Final = (curves.LOSS, "canary_loss", *(name for name in curves.SMALL if name != "canary_loss"))
"""What everybody looks at stands before the other metrics."""
_CHANGES: Final = ("f", "L", "g", "p", "plus", "+", "minus", "-")


def _changed(key: str, scene: Scene, place: Place) -> Outcome:
    if key == "f":
        return replace(place, mode=toggled(place.mode, FULL))
    if key == "L":
        return _other_scale(scene, place)
    if key == "p":
        return replace(place, pinned="" if place.pinned == place.chosen else place.chosen)
    if key == "g":
        return _next_metric(scene, place)
    step = 1 if key in ("plus", "+") else -1
    return replace(place, window=min(max(place.window + step, 0), len(curves.WINDOWS) - 1))


def _other_scale(scene: Scene, place: Place) -> Place:
    """Return the place with the other scale; the one that the values need anyway is left to them again."""
    bins = curves.bins_of(curves.curve_of(scene, place, place.chosen), curves.metric_of(place))
    if bins is None or not bins.steps:
        return replace(place, log=not place.log)
    pinned = curves.pinned_of(scene, place)
    log = not curves.is_log(bins, pinned, place)
    return replace(place, log=None if log == curves.usual_log(bins, pinned, place) else log)


def _next_metric(scene: Scene, place: Place) -> Outcome:
    curve = curves.whole_of(scene, place.chosen)
    told = (curve or {}).get("metrics", ())
    names = [*(name for name in _FIRST if name in told), *(name for name in told if name not in _FIRST)]
    if not names:
        return Say("The run has told no metric yet.")
    now = curves.metric_of(place)
    at = names.index(now) + 1 if now in names else 0
    return replace(place, metric=names[at % len(names)])


KEYS: Final = (
    Key("left", "←→", "cursor", "Moves the cursor over the curve; with shift by ten."),
    Key(
        "n",
        "n N",
        "mark",
        "Goes to the next or the one before: a spike ▲, a directive ◆, a failed allocation ✖.",
    ),
    Key(
        "enter",
        "↵",
        "moment",
        "Goes to the moment of the mark at the cursor; without one, into the run.",
    ),
    Key("g", "g", "metric", "Draws the next metric that the run tells."),
    Key(
        "L",
        "L",
        "log",
        "Changes between a linear and a logarithmic scale; a few high values choose the latter.",
    ),
    Key("p", "p", "pin", "Keeps this run's curve beside those of others; again: no more."),
    Key("f", "f", "full", "Lets the curve fill the view."),
    Key("plus", "+ −", "window", "Shows fewer or more steps, round the cursor or up to the newest."),
    Key("z", "z", "pause/resume", "Asks the run to pause, or, when it is paused, to go on."),
    Key("c", "c", "checkpoint", "Asks the run to write a checkpoint now."),
    Key("X", "X", "stop", "Asks the run to end, after a question."),
    Key("W", "W", "withdraw", "Takes back the newest directive that was not answered yet."),
    Key("w", "w", "watchdog", "Goes to what the watchdog saw of the run, and to what it asked."),
)
