"""The view of runs: what spiked, what was done about it, and whether it helped; and what can be asked of a run."""

from dataclasses import replace

import pytest
from scenes import empty_scene
from trouble import DAMAGE, SPIKE, curve, runs, trouble, trouble_past

from coord.tui.ink import Ink, Line, plain
from coord.tui.scene import Act, Drawn, Go, Last, Outcome, Place, Say, Scene
from coord.tui.views.run_acts import act as act_on
from coord.tui.views.run_rows import state_of
from coord.tui.views.runs import VIEW

R17 = Place(chosen="r-17")


def drawn(scene: Scene, place: Place = R17, width: int = 120, height: int = 36) -> list[str]:
    return [plain(line) for line in VIEW.draw(scene, place, width, height).lines]


def text(scene: Scene, place: Place = R17, width: int = 120, height: int = 36) -> str:
    return "\n".join(drawn(scene, place, width, height))


def press(scene: Scene, place: Place, *keys: str) -> Outcome:
    """Press keys one after the other; return where that leads."""
    for key in keys[:-1]:
        place = moved(scene, place, key)
    return VIEW.press(keys[-1], scene, place, Drawn([]))


def moved(scene: Scene, place: Place, key: str) -> Place:
    """Press a key that leads elsewhere in the view."""
    there = VIEW.press(key, scene, place, Drawn([]))
    assert isinstance(there, Place), (key, there)
    return there


def inks(line: Line, words: str) -> set[Ink]:
    return {span.ink for span in line if words in span.text}


class TestList:
    def test_the_least_healthy_run_that_goes_on_stands_first_and_what_ended_last(self) -> None:
        assert list(VIEW.draw(trouble(), Place(), 120, 36).ids) == ["r-18", "r-17", "r-16", "r-15"]

    def test_a_row_says_state_loss_alerts_and_what_came_of_the_newest_directive(self) -> None:
        row = drawn(trouble())[2]
        for words in ("▸ r-17", "● running", "6,080", "0.896", "101k", "2▲", "◆ lower_learning_rate"):
            assert words in row

    def test_a_run_that_says_nothing_is_silent_and_a_question_that_waits_says_since_when(self) -> None:
        row = drawn(trouble())[1]
        assert "◐ silent" in row
        assert "52s" in row
        assert "pause asked 12s ago" in row

    def test_a_loss_that_is_no_number_is_bad_and_says_so(self) -> None:
        line = VIEW.draw(trouble(), R17, 120, 36).lines[4]
        assert inks(line, "NaN") == {Ink.BAD}

    def test_a_paused_run_is_paused(self) -> None:
        answer = runs()
        answer["rows"][0]["latest"]["paused"] = 1.0
        assert "❚❚ paused" in text(with_runs(answer))

    def test_a_run_that_obeyed_a_pause_last_is_paused_until_it_goes_on(self) -> None:
        asked = {"status": "applied", "answered_seconds": 0.1, "live_seconds": 60.0}
        answer = runs()
        answer["rows"][0] |= {"status": "running", "starts": 1, "directives": [
            asked | {"action": "resume", "age_seconds": 50.0},
            asked | {"action": "pause", "age_seconds": 20.0},
        ]}  # fmt: skip
        assert state_of(answer["rows"][0]) == "paused"
        act = act_on("z", trouble(), answer["rows"][0])
        assert isinstance(act, Act)
        assert act.fields["action"] == "resume"
        row = answer["rows"][0]
        row["directives"][1]["step"] = row["step"] - 1
        assert state_of(row) == "running", "it took a step since"
        row["directives"][1]["step"] = row["step"]
        assert state_of(row) == "paused"
        assert state_of(row | {"starts": 2, "latest": {}}) == "running", "it began again"
        assert state_of(row | {"starts": 2, "latest": {"waiting_seconds": 4.0}}) == "paused"
        answer["rows"][0]["directives"][0]["age_seconds"] = 10.0
        assert state_of(answer["rows"][0]) == "running"

    def test_what_was_asked_already_is_not_asked_again(self) -> None:
        row = runs()["rows"][0] | {"status": "running", "directives": [
            {"action": "pause", "status": "issued", "age_seconds": 2.0, "live_seconds": 60.0}
        ]}  # fmt: skip
        told = act_on("z", trouble(), row)
        assert isinstance(told, Say)
        assert "was asked to pause 2s ago" in told.words
        row["directives"][0]["age_seconds"] = 61.0
        assert isinstance(act_on("z", trouble(), row), Act)

    def test_a_second_press_before_the_answers_show_the_first_asks_nothing(self) -> None:
        scene, row = trouble(), runs()["rows"][0]
        asked = act_on("z", scene, row)
        assert isinstance(asked, Act)
        here = scene.answers["runs"]["as_of"]["position"]
        for last in (Last(asked.cli, "..."), Last(asked.cli, "done", here + 1)):
            told = act_on("z", replace(scene, last=last), row)
            assert isinstance(told, Say)
            assert "r-17 was asked to pause just now" in told.words
        for last in (Last(asked.cli, "done", here), Last(asked.cli, "refused: no."), Last("coord", "...")):
            assert act_on("z", replace(scene, last=last), row) == asked

    def test_the_filter_reads_state_and_numbers(self) -> None:
        found = VIEW.draw(trouble(), Place(filter="state:running step>2000"), 120, 36)
        assert list(found.ids) == ["r-17"]
        assert "1 of 4" in found.told

    def test_a_filter_that_cannot_be_read_leaves_everything_and_says_why(self) -> None:
        found = VIEW.draw(trouble(), Place(filter="step>many"), 120, 36)
        assert len(found.ids) == 4
        assert "a number" in found.told

    @pytest.mark.parametrize(
        ("order", "first"), [("newest", "r-18"), ("step", "r-16"), ("name", "r-15"), ("loss", "r-15")]
    )
    def test_orders(self, order: str, first: str) -> None:
        assert VIEW.draw(trouble(), Place(sort=order), 120, 36).ids[0] == first

    def test_an_empty_house_says_how_to_begin(self) -> None:
        assert "coord train FILE" in text(empty_scene(), Place())


class TestCurve:
    def test_a_person_sees_what_spiked_what_was_done_and_that_it_helped(self) -> None:
        shown = text(trouble())
        for words in ("▲3.1k", "◆skip", "▲4.7k", "◆lr×0.5", "Spikes and directives", "#121,004", "#121,006"):
            assert words in shown
        told = next(line for line in drawn(trouble()) if "▲ loss-spike" in line)
        assert "✔ over after 13s: 32 calm samples" in told

    def test_who_asked_is_named_as_the_log_has_it(self) -> None:
        scene = trouble()
        asked = {"events": [{"position": SPIKE + 2, "actor": "mia"}]}
        scene = replace(scene, answers={**scene.answers, "run_asked": asked})
        place = press(scene, R17, "n", "n")
        assert isinstance(place, Place)
        assert "by mia: batch 3100" in text(scene, place)

    def test_on_a_narrow_screen_the_same_is_one_line(self) -> None:
        for width, height in ((80, 20), (120, 18)):
            told = next(line for line in drawn(trouble(), R17, width, height) if "▲ 3,100" in line)
            assert "◆ skip_batch 3100 applied at step 3,101 after 42 ms → ✔" in told

    def test_axis_marks_that_would_hide_one_another_stand_side_by_side(self) -> None:
        axis = next(line for line in reversed(drawn(trouble())) if "▲◆◆" in line and "─" in line)
        assert "▲◆" in axis.replace("▲◆◆", "")

    def test_values_and_words_of_the_mark_at_the_cursor_stand_beside_the_curve(self) -> None:
        place = press(trouble(), R17, "n")
        assert isinstance(place, Place)
        shown = text(trouble(), place)
        assert "at step 3,100" in shown
        assert "max 2.520" in shown
        assert "✔ over after 13s" in shown
        assert "◆ skip_batch 3100" in shown

    def test_a_window_shows_its_steps_only(self) -> None:
        narrow = replace(R17, window=4)
        axis = next(line for line in drawn(trouble(), narrow) if "5.1k" in line)
        assert "3.1k" not in axis
        assert "last 1,000" in text(trouble(), narrow)

    def test_a_window_follows_the_cursor(self) -> None:
        shown = text(trouble(), replace(R17, window=4, cursor=3_000.0))
        assert "▲3.1k" in shown
        assert "▲4.7k" not in shown

    def test_a_log_scale_of_what_is_never_positive_says_so(self) -> None:
        scene = trouble()
        answer = curve()
        answer["lines"][0] = {
            name: [0.0] * 304 if name != "metric" else "loss" for name in answer["lines"][0]
        }
        answer["lines"][0]["steps"] = list(range(304))
        assert "logarithmic" in text(
            replace(scene, answers={**scene.answers, "curve": answer}), replace(R17, log=True)
        )

    def test_one_outlier_makes_the_scale_logarithmic_by_itself(self) -> None:
        scene = trouble()
        answer = curve()
        line = next(one for one in answer["lines"] if one["metric"] == "loss")
        line["highest"] = [11.0 if place == 50 else value for place, value in enumerate(line["highest"])]
        wild = replace(scene, answers={**scene.answers, "curve": answer})
        assert "scale linear" in text(scene)
        assert "scale log, by itself" in text(wild)
        linear = moved(wild, R17, "L")
        assert (linear.log, "scale linear" in text(wild, linear)) == (False, True)
        assert moved(wild, linear, "L").log is None, "the values choose again"

    def test_a_run_without_the_metric_says_so(self) -> None:
        assert "has told no gradient" in text(trouble(), replace(R17, metric="gradient"))

    def test_a_pinned_run_is_drawn_too(self) -> None:
        other = {**curve("r-16"), "marks": []}
        scene = trouble()
        scene = replace(scene, answers={**scene.answers, "curve_pinned": other})
        assert "pinned r-16" in text(scene, replace(R17, pinned="r-16"))

    def test_while_the_answer_is_that_of_another_run_nothing_of_it_is_shown(self) -> None:
        assert "asking for the curve" in text(trouble(), Place(chosen="r-18"))
        assert "▲3.1k" not in text(trouble(), Place(chosen="r-18"))

    def test_a_question_that_was_refused_is_said_where_the_curve_would_be(self) -> None:
        scene = trouble(("curve",), faults={"curve": "there is no run r-17."})
        assert "✖ there is no run r-17." in text(scene)


class TestKeys:
    def test_n_goes_from_mark_to_mark_and_says_when_there_is_none(self) -> None:
        scene = trouble()
        steps = []
        place = R17
        for _ in range(5):
            place = moved(scene, place, "n")
            steps.append((place.cursor, place.mode))
        assert [step for step, _ in steps] == [3_100, 3_101, 4_700, 4_703, 4_703]
        assert len({mode for _, mode in steps}) == 5
        assert isinstance(VIEW.press("n", scene, place, Drawn([])), Say)
        assert moved(scene, place, "N").cursor == 4_703

    def test_from_a_cursor_between_marks_and_on_one_n_and_N_go_to_the_neighbours(self) -> None:
        on_spike = replace(R17, cursor=3_100.0)
        assert moved(trouble(), on_spike, "n").cursor == 3_101
        assert moved(trouble(), replace(R17, cursor=4_000.0), "n").cursor == 4_700
        assert moved(trouble(), replace(R17, cursor=4_000.0), "N").cursor == 3_101
        assert isinstance(VIEW.press("N", trouble(), on_spike, Drawn([])), Say)

    def test_w_goes_to_what_the_watchdog_saw_of_the_run(self) -> None:
        assert press(trouble(), R17, "w") == Go("alerts", filter="r-17")

    def test_enter_on_a_mark_goes_to_that_moment(self) -> None:
        assert press(trouble(), R17, "n", "enter") == Go("runs", "r-17", SPIKE)
        assert press(trouble(), R17, "n", "n", "n", "enter") == Go("runs", "r-17", DAMAGE)

    def test_enter_without_a_mark_opens_the_run(self) -> None:
        place = press(trouble(), R17, "enter")
        assert isinstance(place, Place)
        assert place.opened

    def test_the_cursor_moves_by_bins_and_esc_takes_it_away(self) -> None:
        place = press(trouble(), R17, "left", "left", "shift+left")
        assert isinstance(place, Place)
        assert place.cursor == 6_080 - 12 * 20
        gone = VIEW.press("escape", trouble(), place, Drawn([]))
        assert isinstance(gone, Place)
        assert gone.cursor is None

    def test_g_goes_round_the_metrics_that_the_run_told_the_usual_first(self) -> None:
        place, seen = R17, []
        for _ in range(4):
            place = moved(trouble(), place, "g")
            seen.append(place.metric)
        assert seen == ["gradient_norm", "learning_rate", "tokens_per_second", "loss"]

    def test_window_scale_pin_and_full(self) -> None:
        place = press(trouble(), R17, "plus", "plus", "minus", "L", "p", "f")
        assert isinstance(place, Place)
        assert (place.window, place.log, place.pinned, place.mode) == (1, True, "r-17", "full")
        closed = VIEW.press("escape", trouble(), place, Drawn([]))
        assert isinstance(closed, Place)
        assert closed.mode == ""

    def test_pausing_is_the_command_that_coord_direct_sends_and_can_be_undone(self) -> None:
        act = press(trouble(), R17, "z")
        assert isinstance(act, Act)
        assert act.verb == "direct"
        assert act.fields["action"] == "pause"
        assert act.fields["entity"] == "r-17"
        assert act.cli == "coord direct r-17 pause --reason 'asked for in the dashboard'"
        assert not act.asks
        assert act.undo is not None
        assert act.undo.fields["action"] == "resume"

    def test_stopping_asks_first(self) -> None:
        act = press(trouble(), R17, "X")
        assert isinstance(act, Act)
        assert "r-17" in act.asks
        assert act.undo is None

    def test_withdrawing_takes_back_what_was_not_answered(self) -> None:
        act = press(trouble(), Place(chosen="r-18"), "W")
        assert isinstance(act, Act)
        assert act.fields["directive_id"] == "d-4"
        assert act.cli.startswith("coord withdraw r-18 d-4")
        assert isinstance(press(trouble(), R17, "W"), Say)

    def test_nothing_is_asked_of_a_run_that_is_over_or_in_the_past(self) -> None:
        assert isinstance(press(trouble(), Place(chosen="r-16"), "z"), Say)
        assert isinstance(press(trouble_past(), R17, "X"), Say)

    def test_an_empty_house_has_no_use_for_keys(self) -> None:
        assert VIEW.press("n", empty_scene(), Place(), Drawn([])) is None


class TestWishes:
    def test_the_curve_of_the_first_run_is_wanted_while_none_is_chosen(self) -> None:
        wanted = {wish.key: wish for wish in VIEW.follows(trouble(), Place())}
        assert wanted["curve"].fields["run"] == "r-18"

    def test_a_window_is_asked_for_finer_and_the_same_while_the_cursor_moves_in_it(self) -> None:
        near = [
            next(
                wish.fields
                for wish in VIEW.follows(trouble(), replace(R17, window=4, cursor=step))
                if wish.key == "curve_near"
            )
            for step in (3_000.0, 3_100.0, 4_900.0)
        ]
        assert near[0] == near[1]
        assert near[0] != near[2]
        assert near[0]["first_step"] <= 2_500

    def test_every_question_is_a_question_that_the_house_answers(self) -> None:
        from coord.events.questions import QUESTIONS

        place = replace(R17, window=3, pinned="r-16", cursor=3_100.0, metric="canary_loss")
        for wish in (*VIEW.wishes(place), *VIEW.follows(trouble(), place)):
            QUESTIONS[wish.question][0].model_validate(wish.fields)


def with_runs(answer: dict[str, object]) -> Scene:
    scene = trouble()
    return replace(scene, answers={**scene.answers, "runs": answer})
