"""What the board, an item and the agents tell of work in depth: what waits and why, what is held back, who has left."""

from typing import Any

import pytest
from asked import NOW_NS, ask, tell
from histories import SECOND_NS, START_NS, History

from coord.events import agent, team, work
from coord.events.health import HealthWeighed
from coord.events.planning import Concurrency, Retry, Scores
from coord.projections.store import Store

SCORES = Scores(priority=0.5, age=0.1, deadline=0, match=1, fairness=1, total=0.5)


def planned() -> History:
    """Write a history in which every item is held back by something else, or by nothing."""
    history = History()
    history.agent("ada", team="blue")
    history.submit("free")
    history.submit("failed")
    history.fail("failed", "ada", history.claim("failed", "ada"))
    history.submit("done")
    history.complete("done", "ada", history.claim("done", "ada"))
    history.submit("after", depends_on=("done", "free", "failed"))
    history.submit("ready", depends_on=("done",))
    history.submit("later", not_before_ns=NOW_NS + SECOND_NS)
    history.submit("soon", not_before_ns=NOW_NS)
    history.submit("rests", retry=Retry(attempts=2))
    history.fail("rests", "ada", history.claim("rests", "ada"), then="open", retry_seconds=3_600.0)
    for name in ("held", "second"):
        history.submit(name, concurrency=Concurrency(key="disk"))
    history.submit("third", concurrency=Concurrency(key="disk", limit=2))
    history.claim("held", "ada", scores=SCORES)
    history.submit("blocked", deadline_ns=NOW_NS)
    history.say("blocked", work.WorkBlocked(reason="the licence"))
    history.submit("parked", parent="after")
    history.expire("parked", "ada", history.claim("parked", "ada"), then="parked")
    return history


def test_the_board_says_of_each_open_item_what_it_waits_for(store: Store) -> None:
    tell(store, planned())
    board = ask(store, "board")
    waits = {row.id: row.waits.model_dump(exclude_defaults=True) for row in board.rows if row.waits}
    rested = next(row for row in board.rows if row.id == "rests")
    assert waits == {
        "after": {"items": ("failed", "free"), "in_vain": ("failed",)},
        "later": {"until_ns": NOW_NS + SECOND_NS},
        "rests": {"until_ns": rested.waits.until_ns},
        "second": {"key": "disk"},
    }
    assert rested.waits.until_ns == NOW_NS + round((3_600 - rested.state_seconds) * SECOND_NS)
    assert board.waiting == len(waits)
    assert board.counts == {
        "open": 8,
        "claimed": 1,
        "blocked": 1,
        "parked": 1,
        "completed": 1,
        "failed": 1,
        "cancelled": 0,
    }


def test_what_waits_for_its_time_is_free_when_it_has_come(store: Store) -> None:
    tell(store, planned())
    board = ask(store, "board", now_ns=NOW_NS + 3_600 * SECOND_NS, status="waiting")
    assert [row.id for row in board.rows] == ["after", "second"]
    assert board.waiting == 2


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ({"status": "waiting"}, ["after", "later", "rests", "second"]),
        ({"status": "waiting", "limit": 2}, ["after", "later"]),
        ({"status": "parked"}, ["parked"]),
        ({"status": "blocked"}, ["blocked"]),
        ({"status": "stuck"}, []),
        ({"agent": "ada", "status": "parked"}, []),
        ({"agent": "ada"}, ["held"]),
    ],
)
def test_the_board_is_asked_for_what_is_held_back(
    store: Store, asked: dict[str, Any], ids: list[str]
) -> None:
    tell(store, planned())
    board = ask(store, "board", NOW_NS, **asked)
    assert [row.id for row in board.rows] == ids
    assert board.truncated == ("limit" in asked)


def test_the_board_of_linked_items_says_what_each_depends_on_and_counts_no_others(store: Store) -> None:
    tell(store, planned())
    board = ask(store, "board", linked=True)
    assert {row.id: row.depends_on for row in board.rows} == {
        "free": None,
        "after": ("done", "free", "failed"),
        "ready": ("done",),
        "done": None,
        "failed": None,
    }
    assert {name: count for name, count in board.counts.items() if count} == {
        "open": 3,
        "completed": 1,
        "failed": 1,
    }
    assert board.waiting == 1
    assert [row.id for row in ask(store, "board", linked=True, status="waiting").rows] == ["after"]
    assert all(row.depends_on is None for row in ask(store, "board").rows), "nobody asked"
    assert ask(store, "board", linked=True, limit=4).truncated


def test_what_is_held_back_says_why_and_has_no_holder(store: Store) -> None:
    tell(store, planned())
    rows = {row.id: row for row in ask(store, "board").rows}
    assert (rows["parked"].note, rows["parked"].agent, rows["parked"].fence) == (
        "its lease ran out",
        None,
        None,
    )
    assert (rows["blocked"].note, rows["blocked"].deadline_ns) == ("the licence", NOW_NS)
    assert (rows["rests"].note, rows["rests"].tries, rows["rests"].agent) == (None, 1, None)


def test_a_stuck_claim_is_counted_and_listed_until_it_shows_work(store: Store) -> None:
    history = planned()
    fence = next(row.fence for row in _rows(store, history) if row.id == "held")
    history.say("held", work.WorkStuck(agent="ada", fence=fence, idle_seconds=300.0))
    (row,) = _rows(store, history, status="stuck")
    assert (row.id, row.stuck, ask(store, "board").stuck) == ("held", True, 1)
    assert ask(store, "show", id="held").item.stuck
    history.say("held", work.WorkMovedOn(agent="ada", fence=fence))
    assert _rows(store, history, status="stuck") == ()


def _rows(store: Store, history: History, **asked: Any) -> Any:
    tell(store, history)
    return ask(store, "board", NOW_NS, **asked).rows


def test_an_item_is_shown_with_its_plan_its_kin_and_what_it_waits_for(store: Store) -> None:
    tell(store, planned())
    after = ask(store, "show", id="after")
    assert after.item.depends_on == ("done", "free", "failed")
    assert (after.waits.items, after.waits.in_vain) == (("failed", "free"), ("failed",))
    assert (after.children, after.dependents, after.truncated) == (("parked",), (), False)
    assert ask(store, "show", id="done").dependents == ("after", "ready")
    parked = ask(store, "show", id="parked")
    assert (parked.item.parent, parked.item.status, parked.item.tries, parked.waits) == (
        "after",
        "parked",
        1,
        None,
    )
    assert (parked.item.agent, parked.item.fence, parked.item.scores) == (None, None, None)
    held = ask(store, "show", id="held").item
    assert (held.concurrency, held.scores) == (Concurrency(key="disk"), SCORES)
    rests = ask(store, "show", id="rests")
    assert (rests.item.retry, rests.item.tries, rests.item.reason) == (Retry(attempts=2), 1, "no file")
    assert rests.waits.until_ns > NOW_NS
    assert ask(store, "show", id="later").item.not_before_ns == NOW_NS + SECOND_NS


def test_more_kin_than_are_listed_are_told_of(store: Store) -> None:
    history = History()
    history.submit("root")
    for number in range(101):
        history.submit(f"w-{number:03}", parent="root", depends_on=("root",))
    tell(store, history)
    root = ask(store, "show", id="root")
    assert len(root.children) == len(root.dependents) == 100
    assert (root.children[:2], root.dependents[-1], root.truncated) == (("w-000", "w-001"), "w-099", True)
    (waiting,) = {len(row.waits.items) for row in ask(store, "board", status="waiting").rows}
    assert waiting == 1


def test_a_dependency_that_is_reopened_is_waited_for_again(store: Store) -> None:
    history = planned()
    history.say("done", work.WorkReopened(reason="wrong"))
    assert [row.id for row in _rows(store, history, status="waiting")] == [
        "after",
        "ready",
        "later",
        "rests",
        "second",
    ]


def test_agents_are_told_with_whom_they_serve_and_why_they_leave(store: Store) -> None:
    history = History()
    ada = history.agent("ada", team="blue", serves=("red",))
    bob = history.agent("bob", team="blue")
    history.say("ada", agent.AgentDrained(incarnation=ada, reason="the machine is needed"))
    history.say("bob", agent.AgentEvicted(incarnation=bob, reason="it loops"))
    tell(store, history)
    rows = {row.agent: row for row in ask(store, "agents").rows}
    assert (rows["ada"].status, rows["ada"].serves, rows["ada"].reason) == (
        "draining",
        ("red",),
        "the machine is needed",
    )
    assert rows["ada"].silent_seconds is not None
    assert rows["ada"].score is not None
    assert (rows["bob"].status, rows["bob"].reason) == ("evicted", "it loops")
    assert (rows["bob"].silent_seconds, rows["bob"].score) == (None, None)


def test_teams_that_were_configured_are_told_with_what_is_held_for_them(store: Store) -> None:
    history = History()
    history.agent("ada", team="blue")
    history.say("red", team.TeamConfigured(wip_limit=3))
    history.say("blue", team.TeamConfigured(share=2.0))
    for name, of in (("w-1", "red"), ("w-2", None), ("w-3", None)):
        history.submit(name, team=of)
        history.claim(name, "ada")
    tell(store, history)
    answered = ask(store, "agents")
    assert [(one.team, one.wip_limit, one.share, one.holds) for one in answered.teams] == [
        ("blue", None, 2.0, 2),
        ("red", 3, 1.0, 1),
    ]
    assert not answered.truncated
    assert ask(store, "agents", limit=1).truncated
    assert [one.team for one in ask(store, "agents", team="red").teams] == ["red"]


def test_the_board_counts_what_was_asked_for_and_names_the_teams_that_are_full(store: Store) -> None:
    history = History()
    history.agent("ada", team="blue")
    history.say("red", team.TeamConfigured(wip_limit=1))
    history.say("blue", team.TeamConfigured(wip_limit=2))
    for name, of in (("w-1", "red"), ("w-2", None), ("w-3", "red"), ("w-4", None)):
        history.submit(name, team=of)
    history.complete("w-4", "ada", history.claim("w-4", "ada"))
    for name in ("w-1", "w-2"):
        history.claim(name, "ada")
    tell(store, history)
    board = ask(store, "board", team="red")
    assert [(one.team, one.holds) for one in board.full] == [("red", 1)]
    assert {status: count for status, count in board.counts.items() if count} == {"open": 1, "claimed": 1}
    held = ask(store, "board", agent="ada")
    assert {row.id for row in held.rows} == {"w-1", "w-2"}
    assert (held.counts["completed"], held.counts["open"]) == (1, 0)
    assert [row.id for row in ask(store, "board", agent="ada", status="completed").rows] == ["w-4"]


def test_health_tells_what_is_parked_and_stuck_and_not_what_waits(store: Store) -> None:
    history = planned()
    fence = next(row.fence for row in _rows(store, history) if row.id == "held")
    stuck = history.say("held", work.WorkStuck(agent="ada", fence=fence, idle_seconds=300.0))
    tell(store, history)
    found = {one.name: one for one in ask(store, "health").deductions}
    assert [one.position for one in found["stuck"].evidence] == [stuck]
    assert found["parked"].reason.startswith("1 item parked after the last attempt")
    assert found["backlog"].reason.startswith("5 items unfinished (4 open, 1 claimed) for 1 active agent;")
    ada = {one.name for one in ask(store, "health", entity="agent:ada").deductions}
    assert "stuck" in ada


def test_health_tells_what_each_part_may_cost_as_it_was_weighed_last(store: Store) -> None:
    history = planned()
    usual = tell_health(store, history)
    history.say("parked", HealthWeighed(points=5.0))
    history.say("parked", HealthWeighed(points=2.0))
    light = tell_health(store, history)
    assert (usual.weights["parked"], light.weights["parked"], light.weights["backlog"]) == (10.0, 2.0, 40.0)
    lost = [
        next(one.points for one in answer.deductions if one.name == "parked") for answer in (usual, light)
    ]
    assert lost[1] == pytest.approx(lost[0] / 5)


def tell_health(store: Store, history: History) -> Any:
    tell(store, history)
    return ask(store, "health")


def test_who_was_put_out_is_neither_lost_nor_scored(store: Store) -> None:
    history = History()
    bob = history.agent("bob")
    history.submit("w-1")
    fence = history.claim("w-1", "bob", bob)
    history.say("bob", agent.AgentEvicted(incarnation=bob, reason="it loops"))
    history.expire("w-1", "bob", fence, incarnation=bob, cause="evicted")
    history.agent("ada")
    tell(store, history)
    answered = ask(store, "health", now_ns=START_NS + 10 * SECOND_NS)
    assert (answered.score, answered.deductions) == (100.0, ())
    assert [part.entity for part in answered.parts] == ["agent:ada"]
