"""The view of alerts: the worst first, what was done about each, and what can be done."""

from dataclasses import replace

import pytest
from scenes import NOW_NS, empty_scene
from trouble import SPIKE, alerts, marks, trouble, trouble_past

from coord.tui.ink import plain
from coord.tui.rules import RULES
from coord.tui.scene import Act, Drawn, Go, Outcome, Place, Say, Scene
from coord.tui.views.alerts import VIEW


def text(scene: Scene, place: Place = Place(), width: int = 120, height: int = 36) -> str:  # noqa: B008
    return "\n".join(plain(line) for line in VIEW.draw(scene, place, width, height).lines)


def press(key: str, chosen: str = "", scene: Scene | None = None) -> Outcome:
    return VIEW.press(key, scene or trouble(), Place(chosen=chosen), Drawn([]))


class TestList:
    def test_open_ones_stand_first_by_severity_then_the_silenced_then_what_is_over(self) -> None:
        ids = list(VIEW.draw(trouble(), Place(), 120, 36).ids)
        assert ids == ["a-hot", "a-silent", "a-disk", "a-damage", "a-spike"]

    def test_what_is_open_and_unanswered_says_that_nothing_was_done(self) -> None:
        rows = text(trouble()).splitlines()
        assert "nothing yet" in rows[2]
        assert "mia" in rows[3]
        assert "silent 52m" in rows[4]
        assert "nothing yet" not in rows[4]

    def test_a_narrow_list_says_what_came_of_it_too(self) -> None:
        assert "◆ skip_batch applied" in text(trouble(), Place(), 80, 20)

    def test_g_puts_alerts_about_one_subject_together(self) -> None:
        place = press("g")
        assert isinstance(place, Place)
        shown = text(trouble(), place)
        assert "by subject" in shown
        assert "″" in shown

    def test_v_leaves_out_what_is_over(self) -> None:
        place = press("v")
        assert isinstance(place, Place)
        assert list(VIEW.draw(trouble(), place, 120, 36).ids) == ["a-hot", "a-silent", "a-disk"]

    def test_the_filter_reads_subject_and_state(self) -> None:
        found = VIEW.draw(trouble(), Place(filter="state:resolved subject:r-17 age<5h"), 120, 36)
        assert found.told.endswith("0 of 5")
        found = VIEW.draw(trouble(), Place(filter="state:resolved subject:r-17 age<6h"), 120, 36)
        assert list(found.ids) == ["a-damage"]

    def test_before_all_alerts_have_come_the_open_ones_are_shown(self) -> None:
        assert list(VIEW.draw(trouble(("alerts_all",)), Place(), 120, 36).ids) == [
            "a-hot",
            "a-silent",
            "a-disk",
        ]

    def test_a_house_without_alerts_says_so(self) -> None:
        assert "No alert was raised" in text(empty_scene())

    def test_a_question_that_was_refused_is_said_in_one_sentence(self) -> None:
        scene = trouble(("alerts_all", "alerts"), faults={"alerts_all": "the projector is away."})
        assert "✖ the projector is away." in text(scene)


class TestPane:
    def test_what_was_done_by_whom_how_long_it_took_and_whether_it_helped(self) -> None:
        shown = text(trouble(), Place(chosen="a-spike"))
        assert "◆ skip_batch 3100 applied at step 3,101 after 42 ms  by watchdog  #121,006" in shown
        assert "batch 3100 in quarantine" in shown
        assert "✔ over since 17h, after 13s: 32 calm samples running" in shown

    def test_thresholds_of_the_rule_and_how_often_it_fired(self) -> None:
        shown = text(trouble(), Place(chosen="a-spike"))
        assert "k_again" in shown
        assert RULES["loss-spike"].what in shown
        assert "1 in 24 h" in shown

    def test_where_there_is_room_each_threshold_has_its_meaning(self) -> None:
        assert "One z above it is an alarm." in text(trouble(), Place(chosen="a-spike"))
        assert "One z above it is an alarm." not in text(trouble(), Place(chosen="a-spike"), 120, 24)

    def test_evidence_is_named_by_stream_and_position(self) -> None:
        assert "samples #90,112" in text(trouble(), Place(chosen="a-hot"))

    def test_who_took_notice_and_why(self) -> None:
        shown = text(trouble(), Place(chosen="a-silent"))
        assert "noticed by mia 12s ago: the machine is being looked at" in shown

    def test_a_rule_that_is_not_ours_has_no_thresholds_and_is_shown(self) -> None:
        answer = alerts()
        answer["rows"][0]["rule"] = "queue-starved"
        scene = trouble()
        assert "queue-starved" in text(replace(scene, answers={**scene.answers, "alerts_all": answer}))


class TestKeys:
    def test_taking_notice_is_what_coord_ack_sends(self) -> None:
        assert press("A", "a-hot") == Act("acknowledge", {"alert_id": "a-hot"}, "coord ack a-hot")

    def test_silencing_is_for_an_hour_from_now(self) -> None:
        act = press("S", "a-hot")
        assert isinstance(act, Act)
        assert act.fields == {"alert_id": "a-hot", "until_ns": NOW_NS + 3_600 * 10**9}
        assert act.cli == "coord silence a-hot --for 1h"

    def test_nothing_is_done_about_what_is_over_or_past(self) -> None:
        assert isinstance(press("A", "a-spike"), Say)
        assert isinstance(press("S", "a-hot", trouble_past()), Say)

    @pytest.mark.parametrize(
        ("chosen", "there"),
        [("a-hot", Go("nodes", "n3")), ("a-spike", Go("runs", "r-17")), ("a-silent", Go("runs", "r-18"))],
    )
    def test_o_goes_to_the_subject(self, chosen: str, there: Go) -> None:
        assert press("o", chosen) == there

    def test_enter_goes_to_the_moment_it_was_raised_as_the_time_line_knows_it(self) -> None:
        line = {"marks": [one.model_dump(mode="json") for one in marks()]}
        scene = trouble()
        scene = replace(scene, answers={**scene.answers, "timeline": line})
        assert press("enter", "a-spike", scene) == Go("runs", "r-17", SPIKE)

    def test_else_to_its_newest_evidence_in_the_log(self) -> None:
        assert press("enter", "a-silent") == Go("runs", "r-18", 182_170)

    def test_what_rests_on_readings_alone_has_no_moment(self) -> None:
        assert isinstance(press("enter", "a-hot"), Say)

    def test_the_command_that_is_copied_takes_notice(self) -> None:
        assert VIEW.copies is not None
        found = VIEW.copies(trouble(), Place(chosen="a-hot"), Drawn([], ["a-hot"]))
        assert found == ("a-hot", "coord ack a-hot")
