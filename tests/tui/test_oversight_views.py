"""What holds for the views of runs, machines, alerts, events and health alike: cells, hostile texts, any size."""

from dataclasses import replace
from typing import Any

import pytest
from hostile_texts import TEXTS, TRICKS, poisoned
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import empty_scene
from trouble import trouble, trouble_past

from coord.events.questions import QUESTIONS
from coord.tui.ink import plain, to_ascii, width_of
from coord.tui.scene import Drawn, Place, Scene, View
from coord.tui.views import alerts, events, health, nodes, runs

VIEWS = (runs.VIEW, nodes.VIEW, alerts.VIEW, events.VIEW, health.VIEW)
SCENES = {"trouble": trouble(), "past": trouble_past(), "empty": empty_scene(), "nothing": Scene(now_ns=1)}
FILTERS = ("", "r-1", "state:running age>1h", "!!", "a>b", "type:work.", "nothing-has-this")
MODES = ("", "full", "raw", "nodiff", "grouped open", "121004 full", "memory")
each_view = pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)


def check(drawn: Drawn, width: int, height: int) -> None:
    assert [width_of(line) for line in drawn.lines] == [width] * height
    text = "".join(span.text for line in drawn.lines for span in line)
    assert not [trick for trick in TRICKS if trick in text]
    assert all(0 <= row < height and name in drawn.ids for row, name in drawn.at.items())


@each_view
@given(
    size=st.tuples(st.integers(1, 250), st.integers(1, 70)),
    scene=st.sampled_from(sorted(SCENES)),
    place=st.builds(
        Place,
        chosen=st.sampled_from(("", "r-17", "n3", "a-damage", "182425", "system/runs", "gone")),
        filter=st.sampled_from(FILTERS),
        mode=st.sampled_from(MODES),
        opened=st.booleans(),
        cursor=st.sampled_from((None, 0.0, 3_100.0, 9e9)),
        metric=st.sampled_from(("", "gradient_norm", "temp", "none-such")),
        pinned=st.sampled_from(("", "r-16")),
        window=st.integers(-2, 9),
        log=st.booleans(),
        sort=st.sampled_from(("", "name", "newest", "no-such-order")),
        reversed=st.booleans(),
    ),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_size_and_place_fills_its_cells_exactly(
    view: View, size: tuple[int, int], scene: str, place: Place
) -> None:
    check(view.draw(SCENES[scene], place, *size), *size)


@each_view
@pytest.mark.parametrize("turn", range(len(TEXTS)))
def test_hostile_texts_move_and_hide_nothing(view: View, turn: int) -> None:
    usual = trouble()
    scene = replace(
        usual,
        answers={key: poisoned(answer, turn) for key, answer in usual.answers.items()},
        events=poisoned(usual.events, turn),
        faults={"curve": TEXTS[turn]},
    )
    for place in (Place(), Place(opened=True, mode="raw"), Place(cursor=3_100.0, mode="121004 grouped")):
        for size in ((120, 36), (80, 20), (40, 8)):
            check(view.draw(scene, place, *size), *size)


@each_view
def test_the_cursor_lies_on_the_chosen_row_and_a_click_finds_it(view: View) -> None:
    first = view.draw(trouble(), Place(), 120, 36)
    wanted = first.ids[-1]
    drawn = view.draw(trouble(), Place(chosen=wanted), 120, 36)
    row = next(row for row, name in drawn.at.items() if name == wanted)
    assert plain(drawn.lines[row]).startswith("▸")
    assert any(span.chosen for span in drawn.lines[row])


@each_view
@pytest.mark.parametrize("scene", sorted(SCENES))
def test_without_glyphs_it_is_plain_ascii_of_the_same_cells(view: View, scene: str) -> None:
    for place in (Place(), Place(chosen="r-17", cursor=3_100.0, mode="121004"), Place(mode="grouped")):
        for line in view.draw(SCENES[scene], place, 120, 36).lines:
            bare = "".join(span.text for span in to_ascii(line))
            assert bare.isascii(), bare
            assert len(bare) == 120


@each_view
def test_questions_are_those_of_the_house(view: View) -> None:
    for place in (
        Place(),
        Place(filter="type:work.claimed r-17"),
        Place(metric="temp", window=1, pinned="r-16"),
    ):
        for wish in (*view.wishes(place), *view.follows(trouble(), place)):
            QUESTIONS[wish.question][0].model_validate(wish.fields)


@each_view
def test_an_answer_that_has_not_come_is_awaited_in_words(view: View) -> None:
    shown = "\n".join(plain(line) for line in view.draw(Scene(now_ns=1), Place(), 120, 36).lines)
    assert "asking" in shown or "There is none yet" in shown


@each_view
def test_keys_of_a_view_do_something_and_are_told_in_the_help(view: View) -> None:
    scene: Any = trouble_past() if view.name == "events" else trouble()
    place = Place(chosen={"runs": "r-17", "events": "182425", "health": "system/nodes"}.get(view.name, ""))
    drawn = view.draw(scene, place, 120, 36)
    for key in view.keys:
        assert key.more.endswith("."), key
        handled = view.press(key.key, scene, place, drawn)
        assert handled is not None or key.key == "enter", key
