"""What the tables say of work in depth: plans, tries, rests, parking, stuck claims, ends undone; agents and teams."""

import json

import pytest
from histories import SECOND_NS, START_NS, History, folded, only, stored_old

from coord.events import agent, team, work
from coord.events.planning import Concurrency, Retry, Scores
from coord.projections.folds.agents import AGENTS
from coord.projections.folds.oddities import ODDITIES
from coord.projections.folds.teams import TEAMS
from coord.projections.folds.work_rows import (
    ATTEMPTS,
    WORK,
    WORK_DEPENDENCIES,
    WORK_ENDED,
    WORK_PLANS,
    WORK_REOPENED,
)


def at(position: int) -> int:
    return START_NS + position * SECOND_NS


def test_a_try_that_failed_opens_the_item_after_its_rest() -> None:
    history = History()
    history.submit("w-1")
    fence = history.claim("w-1", "ada")
    end = history.fail("w-1", "ada", fence, reason="x" * 300, then="open", retry_seconds=4.5)
    tables = history.tables()
    item = only(tables, WORK)
    assert (item.status, item.tries, item.reason) == ("open", 1, "x" * 300)
    assert (item.changed_at_ns, item.opened_at_ns) == (at(end), at(end) + 4_500_000_000)
    attempt = only(tables, ATTEMPTS)
    assert (attempt.outcome, attempt.cause, attempt.reason) == ("failed", None, "x" * 200)
    assert (attempt.submitted_at_ns, attempt.opened_at_ns) == (at(1), at(1))
    assert (attempt.claimed_at_ns, attempt.ended_at_ns) == (at(fence), at(end))


def test_the_last_try_parks_the_item_until_it_is_requeued_with_all_its_tries() -> None:
    history = History()
    history.submit("w-1")
    history.fail("w-1", "ada", history.claim("w-1", "ada"), then="open")
    history.expire("w-1", "ada", history.claim("w-1", "ada", attempt=2), then="parked")
    parked = only(history.tables(), WORK)
    assert (parked.status, parked.tries, parked.expired, parked.attempt) == ("parked", 2, 1, 2)
    assert parked.reason == "its lease ran out"
    again = history.say("w-1", work.WorkRequeued())
    tables = history.tables()
    item = only(tables, WORK)
    assert (item.status, item.tries, item.reason, item.opened_at_ns) == ("open", 0, None, at(again))
    assert item.attempt == 2
    assert not tables.rows(ODDITIES)


@pytest.mark.parametrize(
    ("cause", "tries", "words"),
    [
        ("silence", 1, "its lease ran out"),
        ("agent_lost", 1, "its holder was lost"),
        ("stuck", 1, "its holder showed no work"),
        ("node_lost", 0, "its holder's machine was lost"),
        ("evicted", 0, "its holder was put out"),
    ],
)
def test_the_end_of_a_claim_keeps_its_cause_and_counts_as_a_try_unless_it_is_blameless(
    cause: str, tries: int, words: str
) -> None:
    history = History()
    history.submit("w-1")
    history.expire("w-1", "ada", history.claim("w-1", "ada"), cause=cause)
    tables = history.tables()
    item, attempt = only(tables, WORK), only(tables, ATTEMPTS)
    assert (item.status, item.tries, item.expired, item.reason) == ("open", tries, 1, words)
    assert (attempt.outcome, attempt.cause, attempt.reason) == ("expired", cause, None)


def test_what_ended_a_claim_is_told_in_its_own_words_where_there_are_some() -> None:
    history = History()
    history.submit("w-1")
    history.expire("w-1", "ada", history.claim("w-1", "ada"), cause="evicted", reason="it looped")
    history.say("w-1", work.WorkReleased(agent="ada", fence=history.claim("w-1", "ada"), reason="not mine"))
    assert only(history.tables(), WORK).reason == "not mine"
    assert [one.reason for one in history.tables().rows(ATTEMPTS)] == ["it looped", "not mine"]


def test_what_is_given_back_again_rests_and_is_parked_at_last() -> None:
    history = History()
    history.submit("w-1")
    fence = history.claim("w-1", "ada")
    back = history.say("w-1", work.WorkReleased(agent="ada", fence=fence, in_a_row=2, retry_seconds=4.0))
    rests = only(history.tables(), WORK)
    assert (rests.status, rests.opened_at_ns) == ("open", at(back) + 4_000_000_000)
    fence = history.claim("w-1", "ada", attempt=2)
    history.say(
        "w-1", work.WorkReleased(agent="ada", fence=fence, in_a_row=3, then="parked", reason="no room")
    )
    parked = only(history.tables(), WORK)
    assert (parked.status, parked.reason, parked.tries) == ("parked", "no room", 0)


def test_only_an_open_item_is_blocked_and_it_can_be_claimed_from_its_unblocking_on() -> None:
    history = History()
    history.submit("w-1")
    history.say("w-1", work.WorkBlocked(reason="the licence"))
    blocked = only(history.tables(), WORK)
    assert (blocked.status, blocked.reason) == ("blocked", "the licence")
    free = history.say("w-1", work.WorkUnblocked())
    item = only(history.tables(), WORK)
    assert (item.status, item.reason, item.opened_at_ns) == ("open", None, at(free))
    history.claim("w-1", "ada")
    history.say("w-1", work.WorkBlocked(reason="too late"))
    history.say("w-1", work.WorkRequeued())
    tables = history.tables()
    assert only(tables, WORK).status == "claimed"
    assert [one.reason for one in tables.rows(ODDITIES)] == [
        "the item is claimed, not open",
        "the item is claimed, not parked",
    ]


def test_an_end_that_is_undone_leaves_the_ended_and_stays_counted() -> None:
    history = History()
    history.submit("w-1", team="blue")
    fence = history.claim("w-1", "ada")
    done = history.say("w-1", work.WorkCompleted(agent="ada", fence=fence, result={"lines": 7}))
    again = history.say("w-1", work.WorkReopened(reason="it was wrong"))
    tables = history.tables()
    assert tables.rows(WORK_ENDED) == []
    item = only(tables, WORK)
    assert (item.status, item.tries, item.result, item.result_bytes, item.progress) == (
        "open",
        0,
        None,
        0,
        None,
    )
    assert (item.submitted_at_ns, item.opened_at_ns, item.attempt) == (at(1), at(again), 1)
    undone = only(tables, WORK_REOPENED)
    assert (undone.item, undone.status, undone.team) == ("w-1", "completed", "blue")
    assert (undone.ended_at_ns, undone.reopened_at_ns, undone.position) == (at(done), at(again), again)
    history.complete("w-1", "bob", history.claim("w-1", "bob", attempt=2))
    tables = history.tables()
    assert tables.rows(WORK) == []
    assert only(tables, WORK_ENDED).agent == "bob"
    assert [one.outcome for one in tables.rows(ATTEMPTS)] == ["completed", "completed"]
    assert not tables.rows(ODDITIES)


def test_what_has_not_ended_cannot_be_reopened() -> None:
    history = History()
    history.submit("w-1")
    history.say("w-1", work.WorkReopened(reason="why not"))
    history.say("w-9", work.WorkReopened(reason="why not"))
    assert [one.reason for one in history.tables().rows(ODDITIES)] == [
        "the item has not ended",
        "no such item was submitted",
    ]


def test_what_an_item_depends_on_is_replaced_as_a_whole() -> None:
    history = History()
    history.submit("w-1", depends_on=("w-2", "w-3"))
    assert only(history.tables(), WORK_DEPENDENCIES).depends_on == ("w-2", "w-3")
    history.say("w-1", work.WorkDependenciesSet(depends_on=("w-4",)))
    assert only(history.tables(), WORK_DEPENDENCIES).depends_on == ("w-4",)
    history.say("w-1", work.WorkDependenciesSet(depends_on=()))
    assert history.tables().rows(WORK_DEPENDENCIES) == []


def test_only_an_item_that_is_planned_has_a_plan() -> None:
    history = History()
    history.submit("w-plain", priority=7, depends_on=("w-2",))
    history.submit(
        "w-1",
        parent="w-plain",
        not_before_ns=at(90),
        deadline_ns=at(99),
        retry=Retry(attempts=3),
        concurrency=Concurrency(key="disk", limit=2),
        stuck_seconds=300.0,
    )
    tables = history.tables()
    plan = only(tables, WORK_PLANS)
    assert (plan.id, plan.parent, plan.not_before_ns, plan.deadline_ns) == ("w-1", "w-plain", at(90), at(99))
    assert (plan.concurrency_key, plan.concurrency_limit, plan.on_stuck) == ("disk", 2, "tell")
    assert json.loads(plan.retry)["attempts"] == 3
    assert {item.id: item.opened_at_ns for item in tables.rows(WORK)} == {"w-plain": at(1), "w-1": at(90)}


def test_a_stuck_claim_is_marked_until_it_shows_work_or_is_over() -> None:
    history = History()
    history.submit("w-1")
    fence = history.claim("w-1", "ada")
    stuck = work.WorkStuck(agent="ada", fence=fence, idle_seconds=300.0)
    history.say("w-1", stuck)
    item = only(history.tables(), WORK)
    assert (item.status, item.stuck, item.touched_at_ns, item.changed_at_ns) == (
        "claimed",
        True,
        at(fence),
        at(fence),
    )
    moved = history.say("w-1", work.WorkMovedOn(agent="ada", fence=fence))
    item = only(history.tables(), WORK)
    assert (item.stuck, item.touched_at_ns) == (False, at(moved))
    history.say("w-1", stuck)
    history.say("w-1", work.WorkProgressed(agent="ada", fence=fence, fraction=0.5))
    assert not only(history.tables(), WORK).stuck
    history.say("w-1", stuck)
    history.expire("w-1", "ada", fence, cause="stuck")
    assert not only(history.tables(), WORK).stuck


def test_another_priority_is_no_change_of_state_and_no_sign_of_work() -> None:
    history = History()
    history.submit("w-1")
    fence = history.claim(
        "w-1", "ada", scores=Scores(priority=0.5, age=0, deadline=0, match=1, fairness=1, total=0.4)
    )
    last = history.say("w-1", work.WorkReprioritised(priority=9))
    item = only(history.tables(), WORK)
    assert (item.priority, item.changed_at_ns, item.touched_at_ns) == (9, at(fence), at(fence))
    assert item.position == last
    assert json.loads(item.scores)["total"] == 0.4


def test_a_rest_that_no_policy_can_ask_for_is_cut() -> None:
    history = History()
    history.submit("w-1")
    end = history.fail("w-1", "ada", history.claim("w-1", "ada"), then="open", retry_seconds=1e300)
    assert only(history.tables(), WORK).opened_at_ns == at(end) + 2 * 86_400 * SECOND_NS


def test_an_agent_that_is_drained_stays_so_through_a_loss_and_until_it_registers_again() -> None:
    history = History()
    first = history.agent("ada", serves=("red",))
    history.say("ada", agent.AgentDrained(incarnation=first, reason="the machine is needed"))
    now = only(history.tables(), AGENTS)
    assert (now.status, now.reason, now.serves) == ("draining", "the machine is needed", ("red",))
    history.say("ada", agent.AgentLost(incarnation=first, silent_seconds=31.0))
    assert only(history.tables(), AGENTS).status == "lost"
    history.say("ada", agent.AgentReturned(incarnation=first, lost_seconds=3.0))
    assert only(history.tables(), AGENTS).status == "draining"
    history.agent("ada")
    now = only(history.tables(), AGENTS)
    assert (now.status, now.reason, now.serves) == ("active", None, ())


def test_registering_again_keeps_an_agents_counters_even_after_it_was_put_out() -> None:
    history = History()
    first = history.agent("ada")
    for number, end in enumerate((history.complete, history.fail, history.expire)):
        history.submit(f"w-{number}")
        end(f"w-{number}", "ada", history.claim(f"w-{number}", "ada", first))
    history.submit("w-9")
    history.say("w-9", work.WorkReleased(agent="ada", fence=history.claim("w-9", "ada", first)))
    history.say("ada", agent.AgentEvicted(incarnation=first, reason="it loops"))
    now = only(history.tables(), AGENTS)
    assert (now.status, now.reason, now.present_since_ns) == ("evicted", "it loops", at(first))
    back = history.agent("ada")
    now = only(history.tables(), AGENTS)
    assert (now.claimed, now.completed, now.failed, now.expired, now.released) == (4, 1, 1, 1, 1)
    assert (now.status, now.incarnation, now.present_since_ns) == ("active", back, at(back))
    history.agent("ada")
    assert only(history.tables(), AGENTS).present_since_ns == at(back)


def test_a_team_is_as_it_was_configured_last() -> None:
    history = History()
    history.say("blue", team.TeamConfigured(wip_limit=12, share=2.0))
    last = history.say("blue", team.TeamConfigured(share=3.0))
    now = only(history.tables(), TEAMS)
    assert (now.team, now.wip_limit, now.share, now.position) == ("blue", None, 3.0, last)


@pytest.mark.parametrize("submitted", ["work.submitted.v1", "work.submitted.v2", "work.submitted.v3"])
def test_old_versions_fold_as_before(submitted: str) -> None:
    tables = folded(
        [
            stored_old(1, "ada", "agent.registered.v1"),
            stored_old(2, "w-1", submitted),
            stored_old(3, "w-1", "work.claimed.v1", incarnation=1),
            stored_old(4, "w-1", "work.lease_expired.v1", fence=3),
            stored_old(5, "w-1", "work.claimed.v1", attempt=2),
            stored_old(6, "w-1", "work.failed.v1", fence=5),
        ]
    )
    ended = only(tables, WORK_ENDED)
    assert (ended.status, ended.attempt, ended.expired, ended.tries) == ("failed", 2, 1, 2)
    assert (ended.scores, ended.stuck, ended.opened_at_ns) == (None, False, at(4))
    assert [(one.outcome, one.cause) for one in tables.rows(ATTEMPTS)] == [
        ("expired", "silence"),
        ("failed", None),
    ]
    assert not tables.rows(WORK) + tables.rows(WORK_PLANS) + tables.rows(WORK_DEPENDENCIES)
    now = only(tables, AGENTS)
    assert (now.status, now.serves, now.claimed, now.expired, now.failed) == ("active", (), 2, 1, 1)
    assert not tables.rows(ODDITIES)
