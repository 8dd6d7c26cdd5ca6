"""The view of work: every item says why it does not move; its verbs send what the coordinator wants."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import nights
import pytest
from nights import HOUR, night, night_with
from scenes import NOW_NS, POSITION, as_of, entry, scene, told
from work_shown import HERE, ids, item, text

from coord.tui.ink import plain, width_of
from coord.tui.scene import Go, Past, Place, Scene
from coord.tui.views import board
from coord.tui.views.crew import Crew, crew_of
from coord.tui.views.items import in_order, standing, why
from coord.tui.views.lives import life_line, stages_of
from coord.tui.views.work import VIEW


def crew(*agents: dict[str, Any], items: Sequence[dict[str, Any]] = ()) -> Crew:
    return crew_of({"rows": list(agents), "silence_seconds": 60.0}, {"rows": list(items)})


def agent(name: str, **fields: Any) -> dict[str, Any]:
    return {"agent": name, "status": "active", "holds": 0, "silent_seconds": 1.0, "incarnation": 5} | fields


@pytest.mark.parametrize(
    ("given", "agents", "words"),
    [
        ({}, (), "no agent is active"),
        ({}, (agent("a", status="retired"),), "no agent is active"),
        ({"capabilities": ["gpu"]}, (agent("a"),), "no active agent offers gpu"),
        (
            {"capabilities": ["gpu"]},
            (agent("a"), agent("b", status="lost", capabilities=["gpu"])),
            "no active agent offers gpu (b could: lost)",
        ),
        (
            {"capabilities": ["gpu", "eval"]},
            (agent("a", capabilities=["gpu"]), agent("b", capabilities=["eval"])),
            "no active agent offers all of gpu, eval",
        ),
        ({"team": "red"}, (agent("a", team="blue"),), "team red has no active agent"),
        (
            {"team": "red", "capabilities": ["gpu"]},
            (agent("a", team="red"), agent("b", capabilities=["gpu"])),
            "no active agent of team red offers gpu",
        ),
        ({}, (agent("a"),), "a may take it: idle, not asking for it"),
        ({}, (agent("a", holds=1), agent("b", holds=2)), "waits for a, b: busy"),
        ({}, (agent("a", holds=2, wip_limit=2),), "all who may take it hold as many as they may: a"),
        ({"attempt": 2}, (agent("a", holds=1),), "waits for a: busy; 2 attempts ended"),
    ],
)
def test_an_open_item_says_who_is_missing_or_awaited(given: dict[str, Any], agents: Any, words: str) -> None:
    assert why(item(**given), crew(*agents)).words == words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"waits": {"items": ["w-2", "w-3"]}}, "waits for w-2, w-3"),
        ({"waits": {"items": ["w-2"], "in_vain": ["w-2"]}}, "waits for w-2 in vain"),
        ({"waits": {"key": "disk"}}, "waits for its turn at disk"),
        ({"waits": {"until_ns": 90 * 10**9}, "tries": 2}, "waits for its time, in 90s; 2 tries failed"),
        ({"team": "red"}, "the team red is full: 2 of at most 2 items are held for it"),
        ({"status": "blocked", "note": "the licence"}, "blocked: the licence"),
        ({"status": "parked", "note": "no file"}, "parked: no file"),
        ({"status": "claimed", "agent": "a", "stuck": True}, "a lives and shows no work on it"),
    ],
)
def test_an_item_that_nobody_can_take_says_what_keeps_it(given: dict[str, Any], words: str) -> None:
    full = [{"team": "red", "wip_limit": 2, "holds": 2}]
    there = crew_of({"rows": [agent("a", team="red")], "silence_seconds": 60.0}, {"rows": [], "full": full})
    assert why(item(**given), there).words == words


@pytest.mark.parametrize("mode", ["", "board"])
@pytest.mark.parametrize("width", [80, 120])
def test_what_is_blocked_or_parked_stands_with_what_is_open(mode: str, width: int) -> None:
    rows = [item("w-1"), item("w-2", status="blocked", note="no"), item("w-3", status="parked", note="no")]
    counts = {"open": 1, "blocked": 1, "parked": 1}
    answer = {"as_of": told(as_of()), "counts": counts, "rows": rows}
    at = scene({**night().answers, "board": answer})
    place = Place(mode=mode, chosen="w-2", sort="state")
    shown = text(at, place, width)
    assert all(row["id"] in shown for row in rows)
    assert mode == "" or "┤open 3├" in shown
    assert ("○ 1 open ▪ 1 blocked ▫ 1 parked ● 0" if width > 100 else "○ 1 ▪ 1 ▫ 1 ● 0") in shown
    assert VIEW.press("right", at, place, VIEW.draw(at, place, width, 36)) is None or mode == ""


@pytest.mark.parametrize(
    ("length", "width", "cells"), [(8, 120, 8), (24, 120, 24), (60, 120, 27), (60, 236, 60)]
)
def test_a_title_has_the_room_that_it_needs_and_why_the_rest(length: int, width: int, cells: int) -> None:
    row = item("w-1", title="t" * length, status="blocked", note="the licence has run out " * 9)
    board = {"as_of": told(as_of()), "counts": {"blocked": 1}, "rows": [row]}
    head, shown = text(scene({**night().answers, "board": board}), HERE, width).splitlines()[1:3]
    assert head.index("WHY") - head.index("TITLE") == cells + 1
    assert ("t" * length in shown) == (cells == length)
    assert len(shown) > width - 3


def test_while_nobody_has_told_of_the_agents_nothing_is_said_of_them() -> None:
    assert why(item(), crew_of({}, {"rows": []})).words == "who may take it is not known yet"


@pytest.mark.parametrize(
    ("given", "holder", "words", "rank"),
    [
        ({}, {}, "in work; nothing told yet", 3),
        ({"progress": 0.4, "note": "page 4"}, {}, "40 % · page 4", 3),
        ({"verify": "docs-clean"}, {}, "ends only when docs-clean has passed", 3),
        ({}, {"silent_seconds": 35.0}, "a silent 35s; open again in 25s, attempt 2", 0),
        ({}, {"silent_seconds": 61.0}, "a silent 61s; open again at any moment, attempt 2", 0),
        ({}, {"status": "lost", "silent_seconds": 50.0}, "a is lost; open again in 10s, attempt 2", 0),
        ({"state_seconds": 12.0}, {"silent_seconds": 35.0}, "a silent 35s; open again in 48s, attempt 2", 0),
    ],
)
def test_a_claimed_item_says_how_it_goes_and_what_happens_by_itself(
    given: dict[str, Any], holder: dict[str, Any], words: str, rank: int
) -> None:
    held = item(status="claimed", agent="a", attempt=1, fence=9) | {"state_seconds": 300.0} | given
    there = crew(agent("a", holds=1, **holder), items=[held])
    reason = why(held, there)
    assert (reason.words, reason.rank) == (words, rank)
    well = item("w-2", status="claimed", agent="b", priority=9 if rank else 0, attempt=1, fence=10)
    assert (in_order([held, well], "worst", there)[0] is well) is (rank == 3), "its words' rank orders it"


def test_an_ended_item_says_how_it_ended() -> None:
    nobody = crew()
    assert why(item(status="failed", note="disk full"), nobody).words == "disk full"
    assert why(item(status="cancelled", note="not needed"), nobody).words == "not needed"
    assert why(item(status="completed", agent="ada"), nobody).words == "by ada"


def test_the_worst_comes_first_then_what_waits_and_last_what_ended() -> None:
    shown = list(ids(night()))
    assert shown[0] == "WI-00231", "its holder is silent"
    assert shown[1] == "WI-00244", "nobody can take it; the longest of its kind"
    assert (
        shown.index("WI-00207") < shown.index("WI-00188") < shown.index("WI-00228") < shown.index("WI-00240")
    )
    assert shown[-2:] == ["WI-00192", "WI-00150"]


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("priority", "WI-00231"),
        ("age", "WI-00231"),
        ("state", "WI-00244"),
        ("agent", "WI-00230"),
        ("id", "WI-00150"),
    ],
)
def test_each_order_has_its_own_first(sort: str, first: str) -> None:
    assert sort in VIEW.orders
    assert ids(night(), Place(sort=sort))[0] == first
    assert ids(night(), Place(sort=sort, reversed=True))[-1] == first


@pytest.mark.parametrize(
    ("filter", "count"),
    [("state:claimed", 3), ("needs:eval", 38), ("!state:open age>1h", 2), ("agent=a7", 2), ("why:silent", 1), ("lease<50", 1)],
)  # fmt: skip
def test_a_filter_keeps_what_matches_and_says_how_many(filter: str, count: int) -> None:
    drawn = VIEW.draw(night(), Place(filter=filter), 120, 36)
    assert len(drawn.ids) == count
    assert drawn.told == f"filter ▸ {filter}   {count} of 46"


def test_a_filter_that_cannot_be_read_says_so_and_hides_nothing() -> None:
    drawn = VIEW.draw(night(), Place(filter="age>soon"), 120, 36)
    assert len(drawn.ids) == 46
    assert "age is compared with 'soon'" in drawn.told
    assert "nothing matches the filter" in text(night(), Place(filter="nobody-has-this"))


def test_counts_are_of_all_items_and_a_cut_list_says_so() -> None:
    assert "40 open" in text(night())
    cut = night_with({**night().answers, "board": {**nights.board(), "truncated": True}})
    assert "the 46 most urgent" in text(cut)


def test_the_pane_tells_the_life_of_the_item_with_its_waits() -> None:
    shown = text(night(), width=236, height=56)
    assert (
        "Sat 22:10 submitted ╌ waits 72s ╌ 22:12 claimed a4 ─ 60m ─ 23:12 ✖ lease ran out ╌ waits 8h ╌ Sun 07:31 claimed a7"
        in shown
    )
    assert "a7 silent 31s; open again in 42s, attempt 3" in shown
    assert '{"model": "xl", "steps": 20000, "data": "corpus-4"}' in shown


def test_a_life_that_is_too_long_keeps_its_ends() -> None:
    lives = [entry(90, "work.submitted", "w-1", "mia", title="x")]
    for attempt in range(1, 9):
        lives.append(
            entry(90 - 8 * attempt, "work.claimed", "w-1", "a", agent=f"a{attempt}", attempt=attempt)
        )
        lives.append(entry(88 - 8 * attempt, "work.lease_expired", "w-1", "coordinator", agent=f"a{attempt}"))
    line = life_line(stages_of(lives), NOW_NS, False, 100)
    assert width_of(line) == 100
    assert plain(line).startswith("07:40:32 submitted ╌ 14 more ╌ ")
    assert plain(line).endswith("now")


def test_what_is_asked_follows_the_cursor_and_an_older_answer_is_not_shown_for_another_item() -> None:
    assert [wish.fields["id"] for wish in VIEW.follows(night(), HERE)] == ["WI-00231"] * 2
    assert [wish.fields["id"] for wish in VIEW.follows(night(), Place(chosen="WI-00230"))] == ["WI-00230"] * 2
    assert "asking for its history" in text(night(), Place(chosen="WI-00230"))
    assert "corpus-4" not in text(night(), Place(chosen="WI-00230"))


def test_a_question_that_failed_is_told_where_its_answer_would_be() -> None:
    failed = night(("history",), faults={"history": "the log is away."})
    assert "✖ the log is away." in text(failed)


def test_enter_opens_the_item_with_its_whole_history_and_esc_goes_back() -> None:
    drawn = VIEW.draw(night(), HERE, 120, 36)
    opened = VIEW.press("enter", night(), HERE, drawn)
    assert opened == Place(chosen="WI-00231", opened=True)
    assert isinstance(opened, Place)
    assert text(night(), opened).count("work.") == 5
    assert VIEW.press("escape", night(), opened, drawn) == replace(opened, opened=False)
    assert VIEW.press("v", night(), opened, drawn) == replace(opened, opened=False, mode="board")


def test_the_board_has_a_lane_for_each_state_and_arrows_go_between_them() -> None:
    place = Place(mode="board", chosen="WI-00231")
    shown = text(night(), place)
    for title in ("open 40", "claimed 3", "completed 1/418", "failed 1", "cancelled 1"):
        assert f"┤{title}├" in shown
    assert "▸WI-00231" in shown
    drawn = VIEW.draw(night(), place, 120, 36)
    left = VIEW.press("left", night(), place, drawn)
    assert left == replace(place, chosen="WI-00244")
    right = VIEW.press("right", night(), place, drawn)
    assert right == replace(place, chosen="WI-00192")
    assert VIEW.press("left", night(), replace(place, chosen="WI-00244"), drawn) is None
    assert VIEW.press("v", night(), place, drawn) == replace(place, mode="graph")


def test_the_mouse_finds_the_cards_in_the_lane_of_the_cursor() -> None:
    drawn = VIEW.draw(night(), Place(mode="board", chosen="WI-00231"), 120, 36)
    ((start, end),) = drawn.columns
    assert set(drawn.at.values()) == {"WI-00231", "WI-00228", "WI-00230"}
    for row, name in drawn.at.items():
        if name in (said := plain(drawn.lines[row])):
            assert start <= said.index(name) < end
    assert sum(name in plain(drawn.lines[row]) for row, name in drawn.at.items()) == 3


def test_a_narrow_board_has_one_lane_for_everything_that_ended() -> None:
    assert "┤ended 3/420├" in text(night(), Place(mode="board"), 80, 20)


def test_a_lane_whose_items_are_all_beyond_the_list_says_so() -> None:
    rows, none = [item()], crew()
    lines, *_ = board.draw(rows, {"open": 1, "completed": 104_000}, none, 0, 0.0, 120, 12)
    shown = "\n".join(map(plain, lines))
    assert "┤completed 104,000├" in shown
    assert "none of them listed" in shown
    assert "of them listed" not in "\n".join(
        map(plain, board.draw(rows, {"open": 1}, none, 0, 0.0, 120, 12)[0])
    )


def test_o_goes_to_the_run_that_works_for_the_item_and_h_to_its_events() -> None:
    place = Place(chosen="WI-00228")
    drawn = VIEW.draw(night(), place, 120, 36)
    assert VIEW.press("o", night(), place, drawn) == Go("runs", "r-17")
    assert VIEW.press("h", night(), place, drawn) == Go("events", filter="WI-00228")


def test_in_the_past_no_verb_is_offered_and_silence_is_that_of_then() -> None:
    moment = told(as_of()) | {"past": True}
    answers = {
        **night().answers,
        "agents": {**nights.agents(), "as_of": moment},
        "board": {**nights.board(), "as_of": moment},
    }
    past = night_with(answers, past=Past(POSITION - 1, NOW_NS, POSITION), now_ns=NOW_NS)
    shown = text(past, Place(chosen="WI-00231"))
    assert "r release" not in shown
    assert "h history" in shown
    assert "a7 silent 31s" in shown


def test_a_long_body_is_cut_and_says_how_long_it_is() -> None:
    long = nights.shown()
    long["item"]["body"] = {"words": "x" * 9_000}
    shown = text(night_with({**night().answers, "show": long}), Place(opened=True), 236, 56)
    assert "8.8 KiB" in shown


def test_an_empty_board_says_how_to_fill_it() -> None:
    empty = scene({"board": {"rows": [], "counts": {}, "as_of": {}}})
    assert 'coord submit "my first item"' in text(empty)
    assert HOUR


def crowded(found: dict[str, Any] | None = None, **counts: int) -> Scene:
    """Return a night whose board was cut."""
    held = {"open": 3_013, "completed": 5, **counts}
    answers = {**night().answers, "board": {**night().answers["board"], "truncated": True, "counts": held}}
    return replace(night(), answers={**answers, "board_found": found} if found else answers)


class TestCut:
    """A board that holds more items than one answer."""

    def test_the_filter_says_what_is_asked(self) -> None:
        wish = next(one for one in VIEW.follows(crowded(), Place(filter="state:comp age>1")))
        assert (wish.key, wish.fields["status"]) == ("board_found", "completed")
        assert wish.fields.get("agent") is None

    def test_so_do_whole_names_whatever_their_case(self) -> None:
        wish = next(one for one in VIEW.follows(crowded(), Place(filter="holder=A7 team=BLUE !eval")))
        assert (wish.fields["agent"], wish.fields["team"]) == ("a7", "blue")

    @pytest.mark.parametrize(
        "filter", ["", "state:c", "team:blu", "!state:open", "state:open,failed", "agent=no"]
    )
    def test_what_leaves_out_nothing_for_sure_is_not_narrowed(self, filter: str) -> None:
        assert [one.key for one in VIEW.follows(crowded(), Place(filter=filter))][:1] != ["board_found"]

    def test_a_whole_board_is_asked_once(self) -> None:
        assert all(one.key != "board_found" for one in VIEW.follows(night(), Place(filter="state:open")))

    def test_what_was_found_is_listed(self) -> None:
        found = {"rows": [item("w-far", status="completed")], "truncated": False, "counts": {}}
        seen = VIEW.draw(crowded(found), Place(filter="state:completed"), 120, 36)
        assert list(seen.ids) == ["w-far"]
        assert seen.told.endswith("1 of 3,018")

    def test_what_was_not_searched_is_said(self) -> None:
        seen = text(crowded(), Place(filter="zzz"))
        assert "nothing that was searched matches the filter; 2,9" in seen
        assert "more were not searched" in VIEW.draw(crowded(), Place(filter="a7"), 120, 36).told
        found = {"rows": [item("w-1")], "truncated": True, "counts": {}}
        place = Place(filter="state:open")
        assert "3,012 more were not searched" in VIEW.draw(crowded(found), place, 120, 36).told


def test_a_late_item_says_so_and_stands_before_those_in_time() -> None:
    held: dict[str, Any] = {
        "status": "claimed",
        "agent": "a",
        "priority": 1,
        "lease_seconds": 60.0,
        "since_ns": NOW_NS,
    }
    late = item(id="late", deadline_ns=NOW_NS - 90 * 10**9, **held)
    in_time = item(id="in-time", deadline_ns=NOW_NS + 10**9, **held | {"priority": 9})
    done = item(id="done", status="completed", deadline_ns=NOW_NS - 1)
    people = replace(crew(agent("a", holds=2), items=(late, in_time, done)), now_ns=NOW_NS)
    assert standing(late, people).words == f"late 90s; {why(late, people).words}"
    assert standing(in_time, people) == why(in_time, people)
    assert standing(done, people) == why(done, people)
    assert in_order([done, in_time, late], "worst", people)[0]["id"] == "late"
