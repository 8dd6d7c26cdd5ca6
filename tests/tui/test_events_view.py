"""The view of events: the newest last, what a filter is searched for, causes, and what changed between two moments."""

import json
from dataclasses import replace
from typing import Any

import pytest
from scenes import empty_scene, entry
from trouble import LAST, events, trouble, trouble_past

from coord.events.questions import QUESTIONS
from coord.tui.ink import Ink, plain
from coord.tui.scene import Go, Link, Outcome, Place, Row, Say, Scene, Write
from coord.tui.views import event_rows
from coord.tui.views.event_rows import search_fields
from coord.tui.views.events import VIEW

APPLIED = Place(chosen=str(LAST - 45))


def text(scene: Scene, place: Place = APPLIED, width: int = 120, height: int = 36) -> str:
    return "\n".join(plain(line) for line in VIEW.draw(scene, place, width, height).lines)


def press(key: str, place: Place = APPLIED, scene: Scene | None = None) -> Outcome:
    scene = scene or trouble()
    return VIEW.press(key, scene, place, VIEW.draw(scene, place, 120, 36))


class TestList:
    def test_the_newest_stands_last_and_has_the_cursor_while_it_follows(self) -> None:
        found = VIEW.draw(trouble(), Place(), 120, 36)
        assert list(found.ids)[-1] == str(LAST - 1)
        cursor = next(plain(line) for line in found.lines if plain(line).startswith("▸"))
        assert f"{LAST - 1:,}" in cursor
        assert "● following" in text(trouble(), Place())

    def test_a_row_says_when_what_about_whom_and_by_whom(self) -> None:
        row = next(line for line in text(trouble()).splitlines() if f"{LAST - 47:,}" in line)
        for words in ("07:40:43.250", "+750ms", "▲ alert.raised", "r-18", "critical loss-spike", "watchdog"):
            assert words in row

    def test_moving_ends_following_and_the_end_begins_it_again(self) -> None:
        place = press("up", Place())
        assert isinstance(place, Place)
        assert place.chosen == str(LAST - 5)
        again = press("down", place)
        assert isinstance(again, Place)
        assert again.chosen == ""

    def test_that_there_are_none_is_said_only_where_the_log_is_known_to_be_empty(self) -> None:
        empty = empty_scene()
        assert "There is none yet" in text(empty)
        for unknown in (replace(empty, link=Link()), replace(empty, position=7)):
            assert "There is none yet" not in text(unknown)
            assert "asking for the newest events" in text(unknown)

    def test_f_holds_and_follows(self) -> None:
        held = press("f", Place())
        assert isinstance(held, Place)
        assert held.chosen == str(LAST - 1)
        following = press("f", held)
        assert isinstance(following, Place)
        assert following.chosen == ""

    def test_new_events_come_below_and_a_held_cursor_stays(self) -> None:
        scene = trouble()
        more = replace(
            scene,
            events=[
                *scene.events,
                entry(0, "work.claimed", "w-1", "a9", agent="a9", attempt=1, lease_seconds=3.0),
            ],
        )
        assert VIEW.draw(more, Place(), 120, 36).ids[-1] == str(LAST)
        assert f"▸   {LAST - 45:,}" in text(more)

    def test_what_is_no_event_of_ours_is_told_as_such(self) -> None:
        broken = {**entry(0, "work.claimed", "w-1"), "fault": "unknown type", "fields": None}
        assert "no event of ours: unknown type" in text(trouble(events=[broken]), Place())

    def test_only_rows_in_sight_are_put_into_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        worded: list[int] = []
        words_of = event_rows._worded

        def counted(entry: Row) -> Row:
            worded.append(entry["position"])
            return words_of(entry)

        monkeypatch.setattr(event_rows, "_worded", counted)
        many = [
            entry(0, "work.cancelled", f"w-{number}") | {"position": number} for number in range(1, 2_001)
        ]
        assert "2,000" in text(trouble(events=many), Place())
        assert set(worded) == set(range(min(worded), 2_001))
        assert len(worded) < 36

    def test_an_empty_log_says_how_it_begins(self) -> None:
        assert "coord submit" in text(empty_scene(), Place())


class TestFilter:
    def test_it_holds_here_at_once_by_field_and_by_any_word_of_the_body(self) -> None:
        assert list(VIEW.draw(trouble(), Place(filter="entity:r-18 type:directive"), 120, 36).ids) == [
            str(LAST - 46),
            str(LAST - 45),
        ]
        assert list(VIEW.draw(trouble(), Place(filter="step-6000"), 120, 36).ids) == [str(LAST - 30)]
        assert VIEW.draw(trouble(), Place(filter="!r-17 by:watchdog"), 120, 36).ids[0] == str(LAST - 47)

    def test_an_alert_is_about_its_subject_not_about_its_own_id(self) -> None:
        found = VIEW.draw(trouble(), Place(filter="entity=r-18 type=alert.raised"), 120, 36)
        assert list(found.ids) == [str(LAST - 47)]

    def test_the_log_is_searched_for_it_and_what_is_found_stands_among_the_newest(self) -> None:
        place = Place(filter="by:mia")
        (wish,) = VIEW.wishes(place)
        assert wish.question == "events"
        assert wish.fields["actor"] == "mia"
        old = entry(9_000, "work.submitted", "w-7", "mia", title="an old one", priority=5)
        found = {"events": [old], "searched_from": 1, "truncated": True, "as_of": {}}
        scene = trouble()
        scene = replace(scene, answers={**scene.answers, "events_found": found})
        drawn = VIEW.draw(scene, place, 120, 36)
        assert list(drawn.ids) == [str(LAST - 9_000), str(LAST - 58)]
        assert "searched from #1: 1 (older ones may match, too)" in text(scene, place)

    def test_without_a_filter_nothing_is_searched_for(self) -> None:
        assert VIEW.wishes(Place()) == ()

    @pytest.mark.parametrize(
        ("filter", "fields"),
        [
            ("spike", {"text": "spike"}),
            ("type:work.claimed", {"type": "work.claimed"}),
            ("type:work.", {"type": "work."}),
            ("type:claimed", {}),
            ("entity=r-17 loss", {"entity": "r-17", "text": "loss"}),
            ("entity:r-17 loss", {"text": "r-17"}),
            ("aggregate=run by:ada", {"aggregate": "run", "actor": "ada"}),
            ("!spike -", {"text": "-"}),
            ("entity:a,b", {}),
        ],
    )
    def test_the_search_never_leaves_out_what_the_filter_keeps(
        self, filter: str, fields: dict[str, Any]
    ) -> None:
        found = search_fields(filter)
        assert {name: value for name, value in found.items() if name != "limit"} == fields
        QUESTIONS["events"][0].model_validate(found)


class TestPane:
    def test_fields_in_words_and_what_led_to_it(self) -> None:
        shown = text(trouble())
        assert f"c caused by the directive #{LAST - 46:,}" in shown
        assert "directive_position" in shown

    def test_x_shows_it_as_it_stands_in_the_log(self) -> None:
        place = press("x")
        assert isinstance(place, Place)
        assert f'"position": {LAST - 45},' in text(trouble(), place)

    def test_causes_are_evidence_alerts_directives_and_claims(self) -> None:
        assert f"evidence #{LAST - 50:,}" in text(trouble(), Place(chosen=str(LAST - 47)))
        assert f"the alert #{LAST - 47:,}" in text(trouble(), Place(chosen=str(LAST - 46)))
        assert f"the claim #{LAST - 55:,}" in text(trouble(), Place(chosen=str(LAST - 20)))

    def test_c_goes_to_the_cause_and_the_other_way_round(self) -> None:
        cause = press("c")
        assert isinstance(cause, Place)
        assert cause.chosen == str(LAST - 46)
        effect = press("C", Place(chosen=str(LAST - 46)))
        assert isinstance(effect, Place)
        assert effect.chosen == str(LAST - 45)

    def test_a_cause_that_is_not_here_is_gone_to_in_the_past(self) -> None:
        assert press("c", Place(chosen=str(LAST - 40))) == Go("events", str(LAST - 900), LAST - 900)
        assert isinstance(press("c", Place(chosen=str(LAST - 58))), Say)


class TestKeys:
    def test_enter_goes_to_that_moment_and_o_to_what_it_is_about(self) -> None:
        assert press("enter") == Go("events", str(LAST - 45), LAST - 45)
        assert press("o") == Go("runs", "r-18")
        assert press("o", Place(chosen=str(LAST - 58))) == Go("work", "w-231")

    def test_w_writes_what_the_filter_leaves_one_json_a_line(self) -> None:
        out = press("w", Place(filter="type:directive"))
        assert isinstance(out, Write)
        assert out.path == f"events-{LAST - 46}-{LAST - 45}.jsonl"
        assert [json.loads(line)["position"] for line in out.text.splitlines()] == [LAST - 46, LAST - 45]
        assert json.loads(out.text.splitlines()[0]) == events()[6]

    @pytest.mark.parametrize(
        ("place", "command"),
        [
            (APPLIED, f"coord events --at '#{LAST - 45}' --limit 1 --json"),
            (
                Place(filter="type:directive. by:mia it's"),
                "coord events --limit 500 --type directive. --actor mia --text 'it'\"'\"'s'",
            ),
        ],
    )
    def test_what_is_copied_is_a_command_that_shows_the_same(self, place: Place, command: str) -> None:
        assert VIEW.copies is not None
        drawn = VIEW.draw(trouble(), place, 120, 36)
        assert VIEW.copies(trouble(), place, drawn)[1] == command


class TestPast:
    def test_a_line_says_where_one_is_and_what_had_not_happened_is_dim(self) -> None:
        lines = VIEW.draw(trouble_past(), APPLIED, 120, 36).lines
        at = next(place for place, line in enumerate(lines) if "you are here" in plain(line))
        assert f"{LAST - 45:,}" in plain(lines[at - 1])
        assert f"{LAST - 40:,}" in plain(lines[at + 1])
        assert {span.ink for span in lines[at + 1]} == {Ink.DIM}

    def test_what_changed_since_the_marked_moment(self) -> None:
        shown = text(trouble_past())
        for words in (
            "open 98→97",
            "claimed 23→24",
            "step 1,000→1,204",
            "1.520→2.310 ▲",
            "▲ new device-memory",
            "✔ over model-damaged",
        ):
            assert words in shown

    def test_both_moments_are_asked_for_what_stood_there(self) -> None:
        wanted = {wish.key: wish.fields["at_position"] for wish in VIEW.follows(trouble_past(), APPLIED)}
        assert wanted["old_runs"] == LAST - 1_000
        assert wanted["here_alerts"] == LAST - 44
        for wish in VIEW.follows(trouble_past(), APPLIED):
            QUESTIONS[wish.question][0].model_validate(wish.fields)

    def test_d_hides_it_and_says_how_to_begin_when_nothing_is_marked(self) -> None:
        place = press("d", APPLIED, trouble_past())
        assert isinstance(place, Place)
        assert "What changed" not in text(trouble_past(), place)
        assert VIEW.follows(trouble_past(), place) == ()
        assert isinstance(press("d"), Say)

    @pytest.mark.parametrize("width", [120, 80])
    def test_a_change_is_said_whole_however_long_its_names_are(self, width: int) -> None:
        run, scene = "r-" + "20261129-gpt-nano-" * 3 + "x", trouble_past()
        old, new = ({**scene.answers[f"{when}_runs"]} for when in ("old", "here"))
        row = {"run": run, "name": "x", "latest": {"loss": 1.52}, "status": "running", "step": 1_000}
        old["rows"], new["rows"] = (
            [row],
            [row | {"status": "completed", "step": 20_000, "latest": {"loss": 2.25}}],
        )
        there = replace(scene, answers={**scene.answers, "old_runs": old, "here_runs": new})
        rows = text(there, APPLIED, width).splitlines()
        pane = rows[next(at for at, row in enumerate(rows) if "What changed" in row) + 1 :]
        shown = "".join(row.split("│")[-2].strip() for row in pane if row.count("│") > 1)
        for words in (run, "running→completed", "step 1,000→20,000", "loss 1.520→2.250 ▲"):
            assert words in shown

    def test_while_the_answers_have_not_come_it_says_so(self) -> None:
        scene = trouble_past()
        answers = {name: answer for name, answer in scene.answers.items() if name != "old_runs"}
        assert "asking both moments" in text(replace(scene, answers=answers))
        faulty = replace(scene, answers=answers, faults={"old_runs": "the log has no such position."})
        assert "✖ the log has no such position." in text(faulty)
