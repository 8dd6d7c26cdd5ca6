"""The view of agents: work in danger first, why each is as it is, and what happens by itself, and when."""

import shlex
from dataclasses import replace
from typing import Any

import nights
import pytest
from nights import night, night_with
from scenes import NOW_NS, POSITION, as_of, scene, told

from coord.events.commands import COMMANDS
from coord.services.cli.parse import parse
from coord.tui.ink import plain
from coord.tui.scene import Act, Go, Past, Place, Say, Scene
from coord.tui.views.agents import VIEW

HERE = Place()


def text(scene: Scene, place: Place = HERE, width: int = 120, height: int = 36) -> str:
    return "\n".join(plain(line) for line in VIEW.draw(scene, place, width, height).lines)


def row_of(name: str, scene: Scene, width: int = 236) -> str:
    return next(
        line for line in text(scene, width=width, height=56).splitlines() if line[2:].startswith(name)
    )


def changed(name: str, **fields: Any) -> Scene:
    rows = [row | fields if row["agent"] == name else row for row in nights.agents()["rows"]]
    return night_with({**night().answers, "agents": {**nights.agents(), "rows": rows}})


def test_work_in_danger_comes_first_and_old_losses_last() -> None:
    assert list(VIEW.draw(night(), HERE, 120, 36).ids) == ["a7", "a1", "a2", "a9", "a4", "a0"]
    lost = changed("a2", status="lost")
    assert list(VIEW.draw(lost, HERE, 120, 36).ids)[:2] == ["a2", "a7"]
    fresh = changed("a4", silent_seconds=100.0)
    assert list(VIEW.draw(fresh, HERE, 120, 36).ids)[:2] == ["a7", "a4"]


def test_the_counts_are_by_mood_and_the_limit_of_silence_is_told() -> None:
    head = text(night()).splitlines()[0]
    assert head.startswith(" ✖ 1 lost ◐ 1 silent ● 2 busy ○ 1 idle · 1 retired")
    assert "lost after 60s of silence" in head


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a7", "counts as lost in 29s"),
        ("a2", "30 % · step 6,080 of 20,000"),
        ("a9", "1 open item it may take: it has not asked"),
        ("a4", "holds nothing; active again once it speaks"),
        ("a0", "it left on purpose"),
    ],
)
def test_each_row_says_why_it_is_so(name: str, words: str) -> None:
    assert words in row_of(name, night())


def test_an_idle_agent_that_no_item_fits_is_told_so() -> None:
    assert "no open item fits it (40 open)" in row_of("a9", changed("a9", capabilities=["swim"]))
    none = night_with({**night().answers, "board": {"rows": [], "counts": {}, "as_of": {}}})
    assert "no open work" in row_of("a9", none)


def test_an_agent_counts_as_silent_before_the_lease_it_holds_ends() -> None:
    rows = [
        row | {"lease_seconds": 30.0} if row["id"] == "WI-00230" else row for row in nights.board()["rows"]
    ]
    short = {**nights.board(), "rows": rows}
    soon = changed("a1", silent_seconds=21.0)
    assert "● busy" in row_of("a1", soon)
    both = replace(soon, answers={**soon.answers, "board": short})
    assert "◐ silent" in row_of("a1", both)
    assert "its lease ends in 9s" in row_of("a1", both)


def test_a_silent_agent_tells_what_comes_first_and_when() -> None:
    shown = text(night(), Place(chosen="a7"), 236, 56)
    assert "why silent?" in shown
    lost, again = shown.index("in 29s it counts as lost"), shown.index("in 42s WI-00231 is open again")
    assert lost < again
    assert "what comes under fence 182104 is refused" in shown
    assert "3 others are heard: the house and its network are well." in shown


def test_when_nobody_is_heard_the_machine_is_suspected() -> None:
    rows = [row | {"silent_seconds": 40.0} for row in nights.agents()["rows"]]
    quiet = night_with({**night().answers, "agents": {**nights.agents(), "rows": rows}})
    assert "look at the machine, or the network, first" in text(quiet, Place(chosen="a7"), 236, 56)


def test_a_lost_agent_tells_how_it_comes_back() -> None:
    shown = text(changed("a7", status="lost"), Place(chosen="a7"))
    assert "why lost?" in shown
    assert "coord heartbeat a7" in shown


def test_what_an_agent_did_and_what_was_written_about_it_stand_in_one_list_each_once() -> None:
    about, did = nights.agent_events()
    twice = night_with(
        {**night().answers, "agent_doings": {**did, "events": [*about["events"], *did["events"]]}}
    )
    shown = text(twice, Place(chosen="a7"))
    assert shown.count("agent.registered") == 1
    assert (
        shown.index("agent.registered")
        < shown.index("work.claimed WI-00188")
        < shown.index("work.failed WI-00188")
    )


def test_the_doings_of_another_agent_are_not_shown_for_this_one() -> None:
    shown = text(night(), Place(chosen="a1"))
    assert "agent.registered" not in shown
    assert "asking for what it did" in shown
    asked = VIEW.follows(night(), Place(chosen="a1"))
    assert [wish.fields.get("id") or wish.fields.get("text") for wish in asked] == ["a1", '"agent":"a1"']


@pytest.mark.parametrize(
    ("filter", "names"),
    [("state:silent", ["a7"]), ("offers:docs", ["a1", "a9"]), ("silent>10s state:silent", ["a7"]), ("!state:retired team=blue", ["a2"])],
)  # fmt: skip
def test_a_filter_keeps_what_matches(filter: str, names: list[str]) -> None:
    drawn = VIEW.draw(night(), Place(filter=filter), 120, 36)
    assert list(drawn.ids) == names
    assert drawn.told == f"filter ▸ {filter}   {len(names)} of 6"


@pytest.mark.parametrize("sort", VIEW.orders)
def test_every_order_shows_everybody(sort: str) -> None:
    assert sorted(VIEW.draw(night(), Place(sort=sort), 120, 36).ids) == ["a0", "a1", "a2", "a4", "a7", "a9"]


@pytest.mark.parametrize(
    ("key", "verb", "asks"),
    [
        ("D", "drain", "It ends what it holds, and is given nothing new."),
        ("K", "evict", "It holds 1 item: they are open again at once."),
        ("X", "retire", "It holds 1 item: they stay its own until their leases run out."),
    ],
)
def test_a_verb_asks_and_is_a_line_that_coord_reads(key: str, verb: str, asks: str) -> None:
    place = Place(chosen="a7")
    act = VIEW.press(key, night(), place, VIEW.draw(night(), place, 120, 36))
    assert isinstance(act, Act)
    assert (act.verb, act.fields.get("incarnation", 120)) == (verb, 120)
    assert asks in act.asks
    typed = {act.wants: "x"} if act.wants else {}
    COMMANDS[verb].model_validate({**act.fields, **typed, "request_id": "r-1"})
    read = parse(shlex.split(act.cli + "".join(f" --{name} x" for name in typed))[1:])
    assert read is not None
    assert (read.verb.name, read.values["name"]) == (verb, "a7")
    gone = VIEW.press(key, night(), Place(chosen="a0"), VIEW.draw(night(), HERE, 120, 36))
    assert gone == Say("a0 is retired already.")


def test_a_holder_that_shows_no_work_is_said_to_show_none() -> None:
    board = night().answers["board"]
    rows = [{**row, "stuck": row.get("agent") == "a1"} for row in board["rows"]]
    at = night_with({**night().answers, "board": {**board, "rows": rows}})
    shown = text(at, Place(chosen="a1"), width=200)
    assert "lives and shows no work on WI-0" in shown
    assert " stuck  held" in shown


def test_who_is_drained_or_was_put_out_is_no_idle_one_and_no_retired_one() -> None:
    """It says why, and the pane how it comes back."""
    row = {"incarnation": 5, "holds": 0, "completed": 0, "failed": 0, "expired": 0, "silent_seconds": 1.0}
    rows = [
        row | {"agent": "dora", "status": "draining", "holds": 1, "reason": "maintenance"},
        row | {"agent": "eve", "status": "evicted", "silent_seconds": None, "reason": "misbehaved"},
        row | {"agent": "fay", "status": "retired", "silent_seconds": None},
    ]
    agents = {"as_of": night().answers["agents"]["as_of"], "rows": rows, "silence_seconds": 60.0}
    at = night_with({**night().answers, "agents": agents})
    shown = text(at, Place(chosen="eve"))
    assert "▽ 1 draining × 1 evicted · 1 retired" in shown
    assert "▽ draining" in shown
    assert "ends what it holds, is given nothing new (maintenance)" in text(at, width=200)
    assert "It was put out: misbehaved. Registered again" in shown
    assert "It ends what it holds, is given nothing new" in text(at, Place(chosen="dora"))
    assert "It left on purpose." in text(at, Place(chosen="fay"))
    again = VIEW.press("D", at, Place(chosen="dora"), VIEW.draw(at, HERE, 120, 36))
    assert again == Say("dora is drained already; coord register dora makes it active again.")


def test_o_goes_to_its_work_and_h_to_its_events() -> None:
    drawn = VIEW.draw(night(), HERE, 120, 36)
    assert VIEW.press("o", night(), Place(chosen="a7"), drawn) == Go(
        "work", "WI-00231", filter="agent=a7 state:claimed"
    )
    assert VIEW.press("o", night(), Place(chosen="a9"), drawn) == Say("a9 holds nothing.")
    assert VIEW.press("h", night(), Place(chosen="a9"), drawn) == Go("events", filter="a9")


def test_enter_opens_one_agent_alone_and_esc_goes_back() -> None:
    drawn = VIEW.draw(night(), HERE, 120, 36)
    opened = VIEW.press("enter", night(), HERE, drawn)
    assert opened == Place(chosen="a7", opened=True)
    assert isinstance(opened, Place)
    assert "a9" not in text(night(), opened)
    assert VIEW.press("escape", night(), opened, drawn) == Place(chosen="a7")


def test_in_the_past_silence_is_as_it_was_and_nothing_is_done() -> None:
    moment = told(as_of()) | {"past": True}
    answers = {**night().answers, "agents": {**nights.agents(), "as_of": moment}}
    past = night_with(answers, past=Past(POSITION - 1, NOW_NS, POSITION), now_ns=NOW_NS)
    shown = text(past)
    assert "of silence" in shown
    assert ("◐" in shown) == ("◐" in text(night()))
    assert "D retire" not in shown


def test_a_house_without_agents_says_how_to_make_one() -> None:
    assert "coord register ada" in text(scene({"agents": {"rows": [], "as_of": {}}}))
    assert "asking for the agents" in text(night(("agents",)))
    assert "✖ nobody answers." in text(night(("agents",), faults={"agents": "nobody answers."}))
