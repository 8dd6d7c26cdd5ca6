"""What keys do, as pure turns: from a state and a picture to the next state, and what is to be done outside."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from frames import CANCEL, RELEASE, SECONDS
from scenes import lost_scene, past_scene, scene

from coord.tui.frame import frame
from coord.tui.keymap import GENERAL, MORE, beside
from coord.tui.mouse import dragged, pressed_at, scrolled
from coord.tui.prompts import pasted
from coord.tui.scene import Act, Go, Place, Say, Scene
from coord.tui.state import Clip, Done, OpenPalette, Quit, Retry, State, Tell
from coord.tui.turns import came_to, pressed
from coord.tui.views import VIEWS


@dataclass
class Hands:
    """Somebody at the keys."""

    state: State = field(default_factory=lambda: State(view="agents"))
    scene: Scene = field(default_factory=scene)
    effects: list[Any] = field(default_factory=list)

    def press(self, *keys: str) -> State:
        """Press keys by Textual's names; a text that is none is typed."""
        for key in keys:
            drawn = self.framed.drawn
            character = key if len(key) == 1 else {"space": " "}.get(key)
            turn = pressed(self.state, self.scene, VIEWS, drawn, key, character, SECONDS)
            self.state = turn.state
            if turn.effect is not None:
                self.effects.append(turn.effect)
        return self.state

    def type(self, text: str) -> State:
        """Type a text."""
        return self.press(*("space" if mark == " " else mark for mark in text))

    @property
    def framed(self) -> Any:
        """The picture."""
        return frame(self.state, replace(self.scene, past=self.state.past), VIEWS, 120, 40, SECONDS)

    @property
    def said(self) -> str:
        """The sentence of the last line."""
        return self.state.said.words if self.state.said else ""


@pytest.mark.parametrize("number", range(1, 9))
def test_a_digit_leads_to_a_view(number: int) -> None:
    """In the order of the tabs."""
    assert Hands().press(str(number)).view == list(VIEWS)[number - 1]


def test_where_a_number_is_wanted_a_number_is_typed_and_sent() -> None:
    """What is no number is said, and what was typed stays."""
    hands = Hands()
    act = Act("weigh", {"part": "backlog"}, "coord weigh backlog", wants="points", numeric=True)
    hands.state = came_to(hands.state, hands.scene, act, SECONDS).state
    hands.type("much")
    hands.press("enter")
    assert hands.said == "points is a number, such as 20; esc leaves it."
    assert hands.state.prompt is not None
    hands.press("ctrl+u")
    hands.type("12.5")
    hands.press("enter")
    (tell,) = hands.effects
    assert tell.act.fields == {"part": "backlog", "points": 12.5}
    assert tell.act.cli == "coord weigh backlog --points 12.5"


def test_a_digit_without_a_view_says_so() -> None:
    """Nothing else happens."""
    hands = Hands()
    assert hands.press("9").view == "agents"
    assert "no view 9" in hands.said


def test_the_way_back_restores_row_and_filter() -> None:
    """View state is one value; forward goes there again."""
    hands = Hands()
    hands.press("slash")
    hands.type("ada")
    hands.press("enter", "2", "4")
    assert hands.press("alt+left").view == "work"
    there = hands.press("ctrl+o")
    assert (there.view, there.place.filter) == ("agents", "ada")
    assert hands.press("alt+right").view == "work"
    assert hands.press("backspace").view == "agents"


def test_a_filter_is_live_and_sticky_and_escape_clears_it() -> None:
    """Each letter counts at once."""
    hands = Hands()
    hands.press("slash")
    assert hands.type("ad").place.filter == "ad"
    assert list(hands.framed.drawn.ids) == ["ada"]
    hands.press("enter", "2", "3")
    assert hands.state.place.filter == "ad"
    assert hands.press("escape").place.filter == ""
    assert len(hands.framed.drawn.ids) == 4


def test_a_filter_is_corrected_as_a_line_is() -> None:
    """Backspace, ctrl+w, ctrl+u; escape clears; keys mean nothing else meanwhile."""
    hands = Hands()
    hands.press("slash")
    hands.type("team:blue q?4")
    assert hands.press("backspace").place.filter == "team:blue q?"
    assert hands.press("ctrl+w").place.filter == "team:blue"
    assert hands.press("ctrl+u").place.filter == ""
    assert (hands.press("escape").prompt, hands.state.view, hands.effects) == (None, "agents", [])


def test_an_exclamation_mark_begins_a_negation() -> None:
    """What matches goes."""
    hands = Hands()
    hands.press("exclamation_mark")
    hands.type("ada")
    assert hands.state.place.filter == "!ada"
    assert "ada" not in hands.framed.drawn.ids


def test_a_pasted_text_is_one_line() -> None:
    """Nowhere but where something is typed."""
    hands = Hands()
    assert pasted(hands.state, "ada") is hands.state
    hands.press("slash")
    assert pasted(hands.state, "ada\n\x1b[2J bob").place.filter == "ada [2J bob"


def test_the_cursor_stays_within_the_list() -> None:
    """Arrows, j and k, page and ends."""
    hands = Hands()
    first, *_, last = hands.framed.drawn.ids
    assert hands.press("up").place.chosen == first
    assert hands.press("pagedown").place.chosen == last
    assert hands.press("k", "j").place.chosen == last
    assert hands.press("home").place.chosen == first
    assert hands.press("G").place.chosen == last


def test_into_a_row_and_out_again_keeps_it() -> None:
    """The row one came from is never lost."""
    hands = Hands()
    chosen = hands.press("down").place.chosen
    assert hands.press("enter").place == replace(Place(), chosen=chosen, opened=True)
    assert hands.press("backspace").place == replace(Place(), chosen=chosen)


def test_sorting_goes_through_the_orders_of_the_view() -> None:
    """The first is worst first; reversing keeps the order."""
    hands = Hands()
    orders = VIEWS["agents"].orders
    assert hands.press("s").place.sort == orders[1]
    assert hands.press("S").place.reversed
    for _ in orders[1:]:
        hands.press("s")
    assert (hands.state.place.sort, hands.state.place.reversed) == ("", False)


def test_copying_says_what_was_copied() -> None:
    """The id, and the command line."""
    hands = Hands()
    first = hands.framed.drawn.ids[0]
    hands.press("y", "Y")
    name, command = hands.effects
    assert name == Clip(first)
    assert command.text.startswith("coord ")


def test_freezing_holds_the_picture_until_it_thaws() -> None:
    """Space does both; escape thaws."""
    hands = Hands()
    assert hands.press("space").frozen_at == SECONDS
    assert hands.press("space").frozen_at is None
    hands.press("space")
    assert hands.press("escape").frozen_at is None


def test_what_is_done_outside_is_an_effect() -> None:
    """Leaving, the palette, trying again."""
    hands = Hands(scene=lost_scene())
    hands.press("q", "colon", "ctrl+p", "R")
    assert hands.effects == [Quit(), OpenPalette(), OpenPalette(), Retry()]


def test_help_is_searched_by_typing() -> None:
    """Digits and letters are text there; escape closes it."""
    hands = Hands()
    hands.press("question_mark")
    assert hands.type("q4").help is not None
    assert hands.state.help is not None
    assert hands.state.help.text == "q4"
    assert hands.press("backspace", "down").help is not None
    assert (hands.press("escape").help, hands.effects) == (None, [])


def acting(act: Act, of: Scene | None = None) -> Hands:
    """Let a view want an action."""
    hands = Hands(scene=of or scene())
    hands.state = replace(hands.state, past=hands.scene.past)
    turn = came_to(hands.state, hands.scene, act, SECONDS)
    hands.state = turn.state
    hands.effects += [turn.effect] if turn.effect else []
    return hands


def test_an_action_that_harms_nobody_is_told_at_once() -> None:
    """No question."""
    act = Act("claim", {"id": "w-1"}, "coord claim w-1")
    assert acting(act).effects == [Tell(act)]


@pytest.mark.parametrize("key", ["n", "N", "escape", "ctrl+c"])
def test_a_destructive_action_asks_and_no_means_no(key: str) -> None:
    """Without a word more than needed."""
    hands = acting(CANCEL)
    hands.press(key)
    assert (hands.effects, hands.said, hands.state.prompt) == ([], "Nothing was done.", None)


@pytest.mark.parametrize("key", ["x", "enter", "q", "down", "1", "space"])
def test_any_other_key_is_a_no_that_says_so(key: str) -> None:
    """Nor does it do what it does elsewhere."""
    hands = acting(CANCEL)
    view = hands.state.view
    hands.press(key)
    assert (hands.effects, hands.said) == ([], "Nothing was done: only y says yes.")
    assert (hands.state.prompt, hands.state.view) == (None, view)


def test_a_destructive_action_is_done_by_y() -> None:
    """And by nothing else."""
    hands = acting(CANCEL)
    hands.press("y")
    assert (hands.effects, hands.state.prompt) == ([Tell(CANCEL)], None)


def test_a_wanted_text_is_typed_first_and_stands_in_the_command_line() -> None:
    """An empty one is not taken."""
    hands = acting(RELEASE)
    hands.press("enter")
    assert "reason is wanted" in hands.said
    hands.type("too slow")
    hands.press("enter")
    (told,) = hands.effects
    assert told.act.fields == {"id": "w-228", "reason": "too slow"}
    assert told.act.cli == "coord release w-228 --reason 'too slow'"


def test_actions_are_off_in_the_past_and_without_a_house() -> None:
    """And say so."""
    past, lost = acting(CANCEL, past_scene()), acting(CANCEL, lost_scene())
    assert "This is the past" in past.said
    assert "does not answer" in lost.said
    assert past.effects == lost.effects == []


def test_undo_does_the_opposite_for_a_while() -> None:
    """Once, and not for ever."""
    undo = Act("release", {"id": "w-1"}, "coord release w-1")
    hands = Hands(replace(State(view="work"), done=Done("coord claim w-1", "done", undo, SECONDS + 1)))
    hands.press("u", "u")
    assert hands.effects == [Tell(undo)]
    assert "nothing to undo" in hands.said
    late = Hands(replace(State(view="work"), done=Done("coord claim w-1", "done", undo, SECONDS - 1)))
    late.press("u")
    assert late.effects == []


def test_going_elsewhere_keeps_the_way_back() -> None:
    """With a row, a filter, a moment."""
    hands = Hands()
    there = came_to(hands.state, hands.scene, Go("runs", "tiny-gpt", 182_430), SECONDS).state
    assert (there.view, there.place.chosen, there.place.opened) == ("runs", "tiny-gpt", True)
    assert there.past is not None
    assert there.past.position == 182_430
    back = there.back()
    assert (back.view, back.past) == ("agents", None)


def test_the_history_of_a_row_is_the_events_about_it() -> None:
    """Filtered by its id."""
    hands = Hands(State(view="runs"))
    hands.press("h")
    assert hands.state.view == "events"
    assert hands.state.place.filter == "tiny-gpt"


def test_a_view_says_a_sentence() -> None:
    """In the last line."""
    hands = Hands()
    assert came_to(hands.state, hands.scene, Say("No."), SECONDS).state.said is not None


def test_a_click_chooses_a_row_and_opens_a_tab() -> None:
    """Nothing is mouse-only, and nothing needs keys."""
    hands = Hands()
    framed = hands.framed
    row = next(row for row, name in framed.drawn.at.items() if name == "cyd")
    chosen = pressed_at(hands.state, hands.scene, framed, 4, framed.body_row + row)
    assert chosen.place.chosen == "cyd"
    start, _ = framed.tabs["runs"]
    assert pressed_at(hands.state, hands.scene, framed, start, 1).view == "runs"
    assert pressed_at(hands.state, hands.scene, framed, 119, 1).view == "agents"


def test_the_wheel_moves_the_cursor_and_the_help() -> None:
    """One row at a time."""
    hands = Hands()
    assert scrolled(hands.state, hands.framed, 1).place.chosen == hands.framed.drawn.ids[1]
    hands.press("question_mark")
    help = scrolled(hands.state, hands.framed, 1).help
    assert help is not None
    assert help.first == 1


def test_a_drag_on_the_time_bar_seeks() -> None:
    """To its right end: now."""
    hands = Hands()
    framed = hands.framed
    row, (start, end) = framed.bar_rows[0], framed.bar_cells
    there = dragged(hands.state, hands.scene, framed, (start + end) // 2, row)
    assert there.bar
    assert there.past is not None
    assert hands.scene.now_ns - there.past.at_ns == pytest.approx(20 * 60e9, rel=0.05)
    assert dragged(there, hands.scene, framed, end - 1, row).past is None
    assert dragged(hands.state, hands.scene, framed, start, row - 1) is hands.state


@pytest.mark.parametrize("view", VIEWS.values(), ids=list(VIEWS))
def test_the_help_gives_no_key_two_meanings(view: Any) -> None:
    """A letter that a view has for itself stands nowhere else, and what lists have in common names its other key."""
    own = {word for key in view.keys for word in key.shown.split()}
    general = [word for key in beside(view, (*GENERAL, *MORE)) for word in key.shown.split()]
    assert own.isdisjoint(general)
    assert len(general) == len(set(general))
    assert "home" in general


def test_tab_goes_through_the_boxes_of_the_overview_and_enter_opens_their_view() -> None:
    hands = Hands(State(view="overview"))
    panes = hands.framed.drawn.panes
    plain_lines = hands.framed.lines
    for view in panes[1:]:
        hands.press("tab")
        assert hands.framed.lines != plain_lines
        assert Hands(hands.state).press("enter").view == view
    assert hands.press("tab").place.pane == 0
    assert hands.framed.lines == plain_lines
    assert hands.press("shift+tab").place.pane == len(panes) - 1
    assert hands.press("escape").place.pane == 0


@pytest.mark.parametrize("view", [name for name in VIEWS if name != "overview"])
def test_tab_goes_from_a_list_into_its_row_and_back(view: str) -> None:
    hands = Hands(State(view=view))
    before = hands.framed.lines
    hands.press("tab")
    assert hands.framed.lines != before
    assert not hands.press("tab").place.opened
    assert [line for line in hands.framed.lines if "following" in str(line)] == [
        line for line in before if "following" in str(line)
    ]
