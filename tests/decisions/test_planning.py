"""What is planned of an item: its ends and beginnings, its tries, and that nothing waits in a circle."""

from itertools import pairwise
from typing import Any

import pytest
from decisions.test_work import CLAIMED, FENCE, SUBMITTED, code, given, hold, only
from hypothesis import given as law
from hypothesis import strategies as st

from coord.events import work as facts
from coord.events.commands import (
    Block,
    Depend,
    Fail,
    Refusal,
    Reopen,
    Reprioritise,
    Requeue,
    Submit,
    Unblock,
)
from coord.events.model import Event
from coord.events.planning import Retry
from coord.services.decisions import holding, planning

RETRIED = SUBMITTED.model_copy(update={"retry": Retry(attempts=2, delay_seconds=4.0, jitter=0.0)})
FAILED = facts.WorkFailed(agent="ada", fence=FENCE, reason="gone")
COMPLETED = facts.WorkCompleted(agent="ada", fence=FENCE)
PARKED = FAILED.model_copy(update={"then": "parked"})
BLOCKED = facts.WorkBlocked(reason="the licence")
HISTORIES: dict[str, tuple[Event, ...]] = {
    "open": (SUBMITTED,), "claimed": (SUBMITTED, CLAIMED), "completed": (SUBMITTED, CLAIMED, COMPLETED),
    "failed": (SUBMITTED, CLAIMED, FAILED), "parked": (SUBMITTED, CLAIMED, PARKED), "blocked": (SUBMITTED, BLOCKED),
    "cancelled": (SUBMITTED, facts.WorkCancelled()),
}  # fmt: skip


def named(model: type[Any], **fields: Any) -> Any:
    return model(**{"request_id": "r", "item_id": "w-1", **fields})


def decided(command: Any, status: str) -> Any:
    decide: Any = {
        Block: planning.decide_block, Unblock: planning.decide_unblock, Reopen: planning.decide_reopen,
        Requeue: planning.decide_requeue, Reprioritise: planning.decide_reprioritise,
    }[command.__class__]  # fmt: skip
    item = given(*HISTORIES[status])
    assert item is not None
    assert item.status == status
    return decide(item, command)


@pytest.mark.parametrize(("command", "event", "may", "already"), [
    (named(Block, reason="the licence"), BLOCKED, {"open"}, {"blocked"}),
    (named(Unblock), facts.WorkUnblocked(), {"blocked"}, {"open"}),
    (named(Requeue), facts.WorkRequeued(), {"parked"}, {"open"}),
    (named(Reopen, reason="wrong"), facts.WorkReopened(reason="wrong"), {"completed", "failed", "cancelled"}, {"open"}),
    (named(Reprioritise, priority=9), facts.WorkReprioritised(priority=9), {"open", "claimed", "blocked", "parked"}, set()),
])  # fmt: skip
def test_each_wish_has_its_states(command: Any, event: Event, may: set[str], already: set[str]) -> None:
    for status in HISTORIES:
        told = decided(command, status)
        if status in may:
            assert told == [event], status
        elif status in already:
            assert told == [], status
        else:
            assert code(told) == "illegal_transition", status


def test_a_failure_is_tried_again_until_its_attempts_are_used_and_then_parked() -> None:
    first = only(holding.decide_fail(given(RETRIED, CLAIMED), hold(Fail, reason="gone"), 3))
    assert (first.then, first.retry_seconds) == ("open", 4.0)
    again = CLAIMED.model_copy(update={"attempt": 2})
    twice = given(RETRIED, CLAIMED, first, again)
    assert twice is not None
    assert twice.tries == 1
    last = only(holding.decide_fail(twice, hold(Fail, fence=13, reason="gone"), 3))
    assert (last.then, last.retry_seconds) == ("parked", None)
    parked = given(RETRIED, CLAIMED, first, again, last)
    assert parked is not None
    assert (parked.status, parked.tries) == ("parked", 2)
    fresh = given(RETRIED, CLAIMED, first, again, last, facts.WorkRequeued())
    assert fresh is not None
    assert (fresh.status, fresh.tries) == ("open", 0)


def test_the_same_words_about_a_moment_are_the_same_submission_and_others_are_not() -> None:
    said = named(
        Submit, title="t", not_before_ns=5, not_before_said="+1h", deadline_ns=9, deadline_said="14:02"
    )
    item = given(only(planning.decide_submit(None, said, 30.0)))
    later = said.model_copy(update={"not_before_ns": 7, "deadline_ns": 11})
    assert planning.decide_submit(item, later, 30.0) == []
    for other in (
        {"not_before_said": "+2h"},
        {"deadline_said": None},
        {"deadline_said": "14:03"},
        {"title": "u"},
    ):
        assert code(planning.decide_submit(item, later.model_copy(update=other), 30.0)) == "already_exists"


def test_the_same_failure_again_is_already_so() -> None:
    tried = FAILED.model_copy(update={"then": "open", "retry_seconds": 4.0})
    assert holding.decide_fail(given(RETRIED, CLAIMED, tried), hold(Fail, reason="gone"), 3) == []


@pytest.mark.parametrize(("cause", "then"), [
    ("silence", "parked"), ("agent_lost", "parked"), ("stuck", "parked"), ("evicted", "open"), ("node_lost", "open"),
])  # fmt: skip
def test_a_lost_claim_counts_as_a_try_where_the_item_may_be_to_blame(cause: Any, then: str) -> None:
    once = given(RETRIED.model_copy(update={"retry": Retry(attempts=1)}), CLAIMED)
    assert only(holding.decide_reclaim(once, FENCE, 31.0, cause, None, 10)).then == then
    plain = given(SUBMITTED, CLAIMED)
    assert only(holding.decide_reclaim(plain, FENCE, 31.0, cause, None, 2)).then == "open"
    assert only(holding.decide_reclaim(plain, FENCE, 31.0, cause, None, 1)).then == then


def test_an_item_that_was_lost_as_often_as_may_be_is_parked_and_says_so() -> None:
    lost = only(holding.decide_reclaim(given(SUBMITTED, CLAIMED), FENCE, 31.0, "stuck", "ada idles", 2))
    assert (lost.then, lost.reason) == ("open", "ada idles")
    again = given(SUBMITTED, CLAIMED, lost, CLAIMED.model_copy(update={"attempt": 2}))
    assert again is not None
    assert again.fence is not None
    last = only(holding.decide_stuck(
        given(SUBMITTED.model_copy(update={"on_stuck": "reassign"}), CLAIMED, lost, CLAIMED), again.fence, 60.0, 2
    ))  # fmt: skip
    assert last.then == "parked"
    told = "ada lives and showed no work for 60.0 s; that was try 2 of at most 2"
    assert last.reason == told
    parked = given(SUBMITTED, CLAIMED, lost, CLAIMED, last)
    assert parked is not None
    assert (parked.status, parked.tries, parked.reason) == ("parked", 2, told)


@law(st.integers(1, 100), st.floats(0, 1), st.floats(1, 10), st.floats(0, 1_000), st.text(max_size=9))
def test_a_rest_grows_to_its_limit_and_its_jitter_keeps_within_bounds(
    tries: int, jitter: float, factor: float, delay: float, item_id: str
) -> None:
    retry = Retry(attempts=100, delay_seconds=delay, factor=factor, delay_seconds_max=300.0, jitter=jitter)
    rest = holding.rest_seconds(retry, item_id, tries)
    wanted = min(delay * factor ** (tries - 1), 300.0)
    assert wanted * (1 - jitter) - 0.001 <= rest <= wanted * (1 + jitter) + 0.001
    assert rest == holding.rest_seconds(retry, item_id, tries)


def test_a_holder_that_shows_no_work_is_told_or_loses_the_item() -> None:
    held = given(SUBMITTED, CLAIMED)
    told = only(holding.decide_stuck(held, FENCE, 60.0, 10))
    assert told == facts.WorkStuck(agent="ada", fence=FENCE, idle_seconds=60.0)
    stuck = given(SUBMITTED, CLAIMED, told)
    assert stuck is not None
    assert stuck.stuck
    assert holding.decide_stuck(stuck, FENCE, 90.0, 10) == []
    assert holding.decide_moved_on(stuck, FENCE) == [facts.WorkMovedOn(agent="ada", fence=FENCE)]
    progressed = given(SUBMITTED, CLAIMED, told, facts.WorkProgressed(agent="ada", fence=FENCE))
    assert progressed is not None
    assert not progressed.stuck
    reassigned = given(SUBMITTED.model_copy(update={"on_stuck": "reassign"}), CLAIMED)
    lost = only(holding.decide_stuck(reassigned, FENCE, 60.0, 10))
    assert (lost.cause, lost.then) == ("stuck", "open")


def test_what_an_item_depends_on_must_exist_and_may_be_said_anew() -> None:
    new = Submit(request_id="r", title="x", depends_on=("w-2", "w-2"))
    assert code(planning.decide_submit(None, new, 30.0, ("w-2",))) == "unknown_id"
    assert code(planning.decide_submit(None, new, 30.0, orphaned=True)) == "unknown_id"
    assert only(planning.decide_submit(None, new, 30.0)).depends_on == ("w-2",)
    wish = named(Depend, depends_on=("w-2",))
    assert planning.decide_depend(given(SUBMITTED), wish, (), lambda _: None) == [
        facts.WorkDependenciesSet(depends_on=("w-2",))
    ]
    assert (
        code(planning.decide_depend(given(SUBMITTED), wish, (), {"w-2": ("w-1",)}.get)) == "dependency_cycle"
    )
    assert (
        code(planning.decide_depend(given(SUBMITTED, CLAIMED), wish, (), lambda _: None))
        == "illegal_transition"
    )
    assert code(planning.decide_depend(None, wish, (), lambda _: None)) == "unknown_id"


def reachable(edges: dict[str, tuple[str, ...]], start: str) -> set[str]:
    found: set[str] = set()
    left = list(edges.get(start, ()))
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += edges.get(one, ())
    return found


_NAMES = st.sampled_from("abcdefgh")


@law(
    st.dictionaries(_NAMES, st.lists(_NAMES, max_size=4).map(tuple)),
    st.dictionaries(_NAMES, st.lists(_NAMES, max_size=4).map(tuple)),
)
def test_a_cycle_is_refused_naming_it_and_nothing_else_is(
    wanted: dict[str, tuple[str, ...]], present: dict[str, tuple[str, ...]]
) -> None:
    edges = present | wanted
    told = planning.cycle_fault(wanted, present.get)
    in_circles = {
        one for start in wanted for one in (start, *reachable(edges, start)) if one in reachable(edges, one)
    }
    assert (told is not None) == bool(in_circles)
    if isinstance(told, Refusal):
        path = told.reason.removeprefix("the items would wait for each other: ").rstrip(".").split(" -> ")
        assert path[0] == path[-1]
        assert all(after in edges[before] for before, after in pairwise(path))


def test_a_long_chain_is_looked_through_once() -> None:
    layers = {
        f"{layer}-{one}": tuple(f"{layer + 1}-{other}" for other in range(8))
        for layer in range(60)
        for one in range(8)
    }
    assert planning.cycle_fault({"0-0": layers["0-0"]}, layers.get) is None
