"""The overview: what needs attention comes first, each thing once, in a sentence, with the place to go to."""

from dataclasses import replace
from typing import Any

import nights
import pytest
from nights import night, night_with
from scenes import NOW_NS, empty_scene

from coord.tui.ink import plain
from coord.tui.scene import Copy, Go, Past, Place, Scene
from coord.tui.views.attention import troubles
from coord.tui.views.overview import VIEW
from coord.tui.views.troubles import BAD, NOTE, WARN, Trouble
from coord.tui.views.waiting import STARTS

HERE = Place()


def text(scene: Scene, width: int = 120, height: int = 36, place: Place = HERE) -> str:
    return "\n".join(plain(line) for line in VIEW.draw(scene, place, width, height).lines)


def told(scene: Scene) -> list[str]:
    return [f"{trouble.subject}: {trouble.words}" for trouble in troubles(scene)]


def named(scene: Scene, subject: str) -> Trouble:
    found = [trouble for trouble in troubles(scene) if trouble.subject == subject]
    assert len(found) == 1, (subject, told(scene))
    return found[0]


def with_rows(key: str, change: Any, **answers: Any) -> Scene:
    """Return the night with the rows of one answer changed."""
    answer = getattr(nights, key)()
    rows = [change(dict(row)) for row in answer["rows"]]
    return night_with({**night().answers, key: {**answer, "rows": rows}, **answers})


def test_the_worst_comes_first_and_what_somebody_took_notice_of_comes_last() -> None:
    found = troubles(night())
    assert found[0].subject == "node n3"
    assert [trouble.rank for trouble in found if not trouble.quiet] == sorted(
        trouble.rank for trouble in found if not trouble.quiet
    )
    assert found[-1].subject == "node n1"
    assert found[-1].quiet
    assert "noticed by mia" in found[-1].words


def test_each_thing_is_told_once_though_health_deducts_for_it_too() -> None:
    assert [line for line in told(night()) if "n3" in line] == [
        "node n3: GPU 1 at 89 degrees C, throttled; it slows down from 87"
    ]
    assert not [line for line in told(night()) if line.startswith("agent a7")], "its lease tells of it"


def test_what_was_done_about_an_alert_is_told_with_it_however_narrow() -> None:
    spike = named(night(), "run r-17")
    assert spike.done == "◆ skip_batch 4700 applied at step 4,702 after 300 ms"
    assert "◆ skip_batch 4700 applied" in text(night(), 80, 20)
    assert "◆ skip_batch 4700 applied at step 4,702 after 300 ms" in text(night(), 236, 56)


def test_a_lease_that_ends_because_its_holder_is_silent_says_when_and_what_then() -> None:
    assert named(night(), "WI-00231").words == "lease ends in 42s: a7 is silent 31s; then open again"
    assert named(night(), "WI-00231").go == Go("work", "WI-00231")


def test_items_that_nobody_can_take_are_one_line_for_each_reason() -> None:
    waiting = named(night(), "38 items")
    assert waiting.words == "wait: no active agent offers eval"
    assert waiting.rank == WARN
    assert named(night(), "WI-00207").words == "waits: team red has no active agent"


def test_an_item_that_failed_within_the_hour_tells_why() -> None:
    assert named(night(), "WI-00188").words == "failed: shard 12 is corrupt: its checksum differs"
    later = with_rows("board", lambda row: row | {"state_seconds": 4_000.0})
    assert not [trouble for trouble in troubles(later) if trouble.subject == "WI-00188"]


def test_what_is_parked_stuck_or_late_waits_for_a_person() -> None:
    """Each is a line, many are one; what health deducts for it is not told again."""
    made = {
        "title": "t",
        "priority": 5,
        "attempt": 1,
        "age_seconds": 9.0,
        "state_seconds": 9.0,
        "lease_seconds": 60.0,
    }
    rows = [
        made | {"id": "w-1", "status": "parked", "note": "no disk"},
        made | {"id": "w-2", "status": "claimed", "agent": "a1", "fence": 4, "stuck": True},
        made | {"id": "w-3", "status": "blocked", "deadline_ns": NOW_NS - 1},
        made | {"id": "w-4", "status": "blocked", "deadline_ns": NOW_NS + 10**9},
    ]
    cut = {"name": "parked", "points": 5.0, "reason": "1 item parked.", "evidence": []}
    answers = {"board": {"as_of": {"time_ns": NOW_NS}, "rows": rows}, "health": {"deductions": [cut]}}
    assert set(told(night_with(answers))) == {
        "w-1: parked: no attempt is left; no disk",
        "w-2: shows no work, though its holder lives: a1",
        "w-3: is late: its deadline has passed",
    }
    lost = {"agents": {"rows": [{"agent": "a1", "status": "lost", "holds": 1, "silent_seconds": 70.0}]}}
    assert not [line for line in told(night_with(answers | lost)) if "shows no work" in line]
    many = [made | {"id": f"w-{number}", "status": "parked"} for number in range(4)]
    line = named(night_with({"board": {"rows": many}}), "4 items")
    assert (line.words, line.go.filter) == ("parked: w-0, w-1, w-2 and 1 more", "state:parked")


def test_a_lost_agent_with_work_in_hand_names_it() -> None:
    lost = with_rows("agents", lambda row: row | {"status": "lost"} if row["agent"] == "a7" else row)
    assert named(lost, "agent a7").words == "lost, holding WI-00231"
    assert named(lost, "agent a7").go == Go("agents", "a7")
    assert named(lost, "WI-00231").words == "lease ends in 42s: a7 is lost; then open again"


def test_an_agent_that_was_lost_long_ago_and_holds_nothing_is_no_matter_for_the_night() -> None:
    assert not [line for line in told(night()) if line.startswith("agent a4")]


def test_a_silent_agent_that_holds_nothing_is_told_before_it_is_lost() -> None:
    soon = with_rows("agents", lambda row: row | {"silent_seconds": 43.0} if row["agent"] == "a9" else row)
    assert (named(soon, "agent a9").words, named(soon, "agent a9").rank) == (
        "silent: counts as lost in 17s",
        NOTE,
    )


def test_many_lost_agents_are_one_line() -> None:
    gone = with_rows("agents", lambda row: row | {"status": "lost", "silent_seconds": 90.0, "holds": 0})
    assert named(gone, "6 agents").words == "lost: a1, a2, a7, a4, a9 …"


def test_many_alerts_of_one_rule_are_one_line_with_the_newest_age() -> None:
    rows = [
        nights.alerts()["rows"][0]
        | {"id": f"a-{place}", "rule": "agent-lost", "entity_kind": "agent", "entity": f"b{place}", "age_seconds": 60.0 + place}
        for place in range(5)
    ]  # fmt: skip
    many = night_with({**night().answers, "alerts": {**nights.alerts(), "rows": rows}})
    found = named(many, "5 agents")
    assert found.words.startswith("agent-lost: b0, b1, b2 and 2 more — ")
    assert found.age_seconds == 60.0
    assert found.rank == BAD


def test_when_nobody_at_all_is_heard_the_house_is_suspected_first() -> None:
    quiet = with_rows("agents", lambda row: row | {"silent_seconds": 40.0})
    found = named(quiet, "all 4 agents")
    assert found.rank == BAD
    assert "network" in found.words


@pytest.mark.parametrize(
    ("changed", "words", "rank"),
    [
        ({"status": "lost", "silent_seconds": 90.0}, "lost at step 6,080: nothing was heard of it", BAD),
        ({"status": "failed", "reason": "out of disk"}, "failed at step 6,080: out of disk", BAD),
        ({"latest": {"paused": 1.0}}, "paused at step 6,080: it waits for a person", WARN),
    ],
)
def test_a_run_that_does_not_go_on_is_told(changed: dict[str, Any], words: str, rank: int) -> None:
    calm = {**night().answers, "alerts": {**nights.alerts(), "rows": []}}
    stopped = with_rows("runs", lambda row: row | changed, alerts=calm["alerts"])
    found = named(stopped, "run r-17")
    assert (found.words, found.rank, found.go) == (words, rank, Go("runs", "r-17"))


@pytest.mark.parametrize(
    ("key", "name", "subject"), [("runs", "r-17", "run r-17"), ("nodes", "n3", "node n3")]
)
def test_what_an_alert_tells_is_not_told_again_when_its_subject_is_lost(
    key: str, name: str, subject: str
) -> None:
    lost = with_rows(
        key, lambda row: row | {"status": "lost", "silent_seconds": 90.0} if name in row.values() else row
    )
    assert named(lost, subject).id.startswith("alert:")


def test_a_machine_without_readings_is_told_unless_it_is_gone_for_a_day() -> None:
    away = with_rows(
        "nodes", lambda row: row | {"status": "lost", "silent_seconds": 90.0} if row["node"] == "n4" else row
    )
    assert named(away, "node n4").words == "lost: no readings come from it"
    gone = with_rows(
        "nodes",
        lambda row: row | {"status": "lost", "silent_seconds": 90_000.0} if row["node"] == "n4" else row,
    )
    assert not [trouble for trouble in troubles(gone) if trouble.subject == "node n4"]


def test_what_health_alone_knows_is_told_last_with_its_points() -> None:
    dead = [trouble for trouble in troubles(night()) if "no events of ours" in trouble.words]
    assert [(trouble.rank, trouble.go) for trouble in dead] == [(NOTE, Go("health", "system"))]
    assert dead[0].words.endswith("(health −1)")


def test_enter_goes_to_the_view_and_the_row_that_the_line_speaks_of() -> None:
    drawn = VIEW.draw(night(), HERE, 120, 36)
    assert VIEW.press("enter", night(), HERE, drawn) == Go("alerts", "a-3")
    place = Place(chosen="work:WI-00231")
    assert VIEW.press("enter", night(), place, drawn) == Go("work", "WI-00231")
    assert VIEW.press("a", night(), HERE, drawn) == Go("alerts")
    assert VIEW.press("x", night(), HERE, drawn) is None


def test_the_mouse_finds_the_line_it_points_at() -> None:
    drawn = VIEW.draw(night(), HERE, 120, 36)
    for row, name in drawn.at.items():
        subject = next(trouble.subject for trouble in troubles(night()) if trouble.id == name)
        assert subject in plain(drawn.lines[row])


def test_y_copies_the_name_and_the_command_that_shows_it() -> None:
    assert VIEW.copies is not None
    drawn = VIEW.draw(night(), HERE, 120, 36)
    assert VIEW.copies(night(), Place(chosen="work:WI-00231"), drawn) == ("WI-00231", "coord show WI-00231")


def test_the_newest_run_is_drawn_with_its_spikes_and_what_was_asked() -> None:
    shown = text(night())
    assert "Run r-17 · loss" in shown
    assert shown.count("▲3.1k") == 1
    assert "▲◆" in shown
    wishes = VIEW.follows(night(), HERE)
    assert [(wish.question, wish.fields["run"]) for wish in wishes] == [("curve", "r-17")]
    assert VIEW.follows(night(("runs",)), HERE) == ()


def test_the_curve_of_another_run_is_not_drawn_in_its_place() -> None:
    other = {**nights.curve(), "run": "r-16"}
    assert "asking for its curve" in text(night_with({**night().answers, "curve": other}))


def test_gpus_are_on_a_fixed_scale_and_a_hot_one_is_marked() -> None:
    lines = text(night()).splitlines()
    hot = next(line for line in lines if " n3 " in line and "W" in line)
    assert "64 %" in hot
    assert "▅▅▅▅" in hot, "64, 69, 59 and 66 % of one scale from 0 to 100 %"
    assert "89°!" in hot
    assert next(line for line in lines if " n4 " in line and "W" in line).count("▁") == 4
    assert "free" in next(line for line in lines if " n4 " in line and "W" in line)


def test_a_machine_alone_without_a_gpu_says_so() -> None:
    alone = {**nights.nodes(), "rows": nights.nodes()["rows"][-1:]}
    shown = text(night_with({**night().answers, "nodes": alone}))
    assert "no GPU on this node" in shown
    assert "41 %" in shown
    assert "22 %" in shown


def test_agents_are_told_with_what_they_do_and_busy_ones_first() -> None:
    lines = text(night()).splitlines()
    places = [
        next(place for place, line in enumerate(lines) if f" {name}  " in line and "│" in line)
        for name in ("a1", "a4")
    ]
    assert places == sorted(places)
    assert any(
        "a9" in line and "1 open item it may take" in line for line in text(night(), 236, 56).splitlines()
    )


def test_without_a_run_what_is_in_work_takes_its_place() -> None:
    assert "In work 3" in text(night(("runs", "curve")))


def test_an_empty_house_says_how_to_begin_and_y_copies_it() -> None:
    shown = text(empty_scene(), 80, 20)
    for start in STARTS:
        assert start.command in shown
    drawn = VIEW.draw(empty_scene(), HERE, 80, 20)
    assert VIEW.copies is not None
    assert VIEW.copies(empty_scene(), Place(chosen="coord demo"), drawn) == ("coord demo", "coord demo")


def test_a_calm_house_says_that_nothing_needs_you() -> None:
    calm = with_rows("agents", lambda row: row | {"status": "active", "silent_seconds": 1.0, "score": 100.0})
    nothing = {"rows": [], "counts": {"completed": 3}, "as_of": {}}
    well = {"score": 100.0, "entity": "system", "deductions": [], "parts": [], "as_of": {}}
    calm = night_with({**calm.answers, "alerts": nothing, "board": nothing, "health": well})
    assert "✔ nothing needs you now  health 100" in text(calm)


def test_before_the_first_answer_it_says_what_is_being_asked() -> None:
    early = replace(night(), answers={})
    shown = text(early)
    for words in ("asking for the alerts …", "asking for the board …", "asking for the agents …"):
        assert words in shown
    failed = replace(early, faults={"board": "the projector took longer than 2 s."})
    assert "✖ the projector took longer" in text(failed)


def test_in_the_past_machines_are_as_they_were_and_what_is_kept_no_longer_is_said() -> None:
    past = night(now_ns=NOW_NS, past=Past(121_004, NOW_NS, 182_470))
    assert "GPUs" in text(past, 236, 56)
    gone = night(("nodes", "health", "overview_trend"), now_ns=NOW_NS, past=past.past)
    assert "no readings are kept" in text(
        replace(gone, faults={"nodes": "no readings are kept of then."}), 236, 56
    )


def test_nothing_here_is_a_copy_of_its_own() -> None:
    assert not isinstance(VIEW.press("y", night(), HERE, VIEW.draw(night(), HERE, 120, 36)), Copy)
