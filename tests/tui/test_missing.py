"""A row that is not there: no other row is shown under its name, and nothing can be done to it."""

from dataclasses import replace

import pytest
from frames import SECONDS
from nights import night
from scenes import past_scene
from trouble import trouble

from coord.tui.frame import Framed, frame
from coord.tui.ink import plain
from coord.tui.keymap import GENERAL
from coord.tui.scene import Place, Scene
from coord.tui.state import State
from coord.tui.turns import pressed
from coord.tui.views import VIEWS

NOPE = Place(chosen="nope", opened=True)


def framed(view: str, scene: Scene, place: Place = NOPE) -> Framed:
    return frame(State(view=view).at(place), scene, VIEWS, 120, 40, SECONDS)


def text(view: str, scene: Scene, place: Place = NOPE) -> str:
    return "\n".join(plain(line) for line in framed(view, scene, place).lines)


@pytest.mark.parametrize(
    ("view", "words"),
    [("work", "item"), ("agents", "agent"), ("runs", "run"), ("nodes", "machine"), ("alerts", "alert")],
)
def test_it_is_said_and_the_keys_of_rows_are_gone(view: str, words: str) -> None:
    scene = trouble() if view in ("runs", "nodes", "alerts") else night()
    answers = {key: {**answer, "truncated": False} for key, answer in scene.answers.items()}
    shown = text(view, replace(scene, answers=answers))
    assert f"There is no {words} nope." in shown
    last = shown.splitlines()[-1]
    general = {key.key for key in GENERAL}
    own = [key for key in VIEWS[view].keys if key.key not in general]
    assert own
    assert not any(f"{key.shown} {key.words}" in last for key in own)


@pytest.mark.parametrize("key", ["X", "c", "r", "enter", "o", "y", "down"])
def test_nothing_is_done_to_another_row(key: str) -> None:
    state = State(view="work").at(NOPE)
    drawn = framed("work", night()).drawn
    turn = pressed(state, night(), VIEWS, drawn, key, key, SECONDS)
    assert turn.effect is None
    assert turn.state.place == NOPE
    assert turn.state.said is not None
    assert turn.state.said.words == "There is no item nope. esc shows the list."


@pytest.mark.parametrize("key", ["escape", "backspace"])
def test_the_way_back_is_open(key: str) -> None:
    drawn = framed("work", night()).drawn
    turn = pressed(State(view="work").at(NOPE), night(), VIEWS, drawn, key, None, SECONDS)
    assert not turn.state.place.opened


def test_a_filter_or_a_cut_list_may_hide_it() -> None:
    assert "is not among what the filter leaves" in text("work", night(), replace(NOPE, filter="state:open"))
    cut = {**night().answers, "board": {**night().answers["board"], "truncated": True}}
    hidden = replace(night(), answers=cut)
    assert "is not among those that are listed: coord show nope." in text("work", hidden)
    assert VIEWS["work"].follows(hidden, NOPE)[0].fields == {"id": "nope"}
    gone = replace(hidden, faults={"show": "there is no item nope. coord board lists what there is."})
    assert "There is no item nope." in text("work", gone)


def test_until_the_answers_have_come_nothing_is_claimed() -> None:
    answers = {key: answer for key, answer in night().answers.items() if key != "agents"}
    assert "There is no item" not in text("work", replace(night(), answers=answers))
    before = past_scene()
    other = {
        key: {**answer, "as_of": {"past": True, "position": 1}} if key == "board" else answer
        for key, answer in before.answers.items()
    }
    assert "There is no" not in text("work", replace(before, answers=other))
