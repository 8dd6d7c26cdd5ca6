"""What an agent holds, and how work flows: counted by hand on a small history, and bounded on any."""

import pytest
from asked import NOW_NS, ask, tell
from histories import CREATED, SECOND_NS, START_NS, History, event_histories
from hypothesis import given, settings

from coord.events import agent, samples, work
from coord.events.questions import Mine, Stats, StatsAnswer
from coord.events.wire import Stored
from coord.projections.answers import ANSWERS, Moment
from coord.projections.intake import take_in
from coord.projections.store import Store, open_store


def at(seconds: float) -> int:
    return START_NS + round(seconds * SECOND_NS)


def present(silent_seconds: float = 0.0, incarnation: int = 1) -> samples.PresenceSample:
    """Tell when ada was heard."""
    heard = samples.Presence(agent="ada", incarnation=incarnation, silent_seconds=silent_seconds)
    return samples.PresenceSample(writer="c-1", writer_sequence=0, started_at_ns=START_NS, agents=(heard,))


def holding() -> History:
    """Write a history in which ada holds three items."""
    history = History()
    ada = history.agent("ada", team="blue", wip_limit=5)
    for number in (1, 2, 3):
        history.submit(f"w-{number}")
    history.claim("w-1", "ada", ada, lease_seconds=60.0)
    fence = history.claim("w-2", "ada", ada)
    history.claim("w-3", "ada", ada)
    history.say("w-2", work.WorkProgressed(agent="ada", fence=fence, fraction=0.5, note="n" * 300))
    return history


def test_an_agent_is_told_what_it_holds_and_until_when(store: Store) -> None:
    tell(store, holding())
    mine = ask(store, "mine", now_ns=at(20), agent="ada")
    assert [(row.id, row.fence, row.left_seconds) for row in mine.rows] == [
        ("w-3", 7, 17.0),
        ("w-2", 6, 18.0),
        ("w-1", 5, 45.0),
    ]
    second = mine.rows[1]
    assert (second.held_seconds, second.renewed_seconds, second.until_ns) == (14.0, 12.0, at(38))
    assert (second.progress, second.note) == (0.5, "n" * 200)
    assert (mine.status, mine.incarnation, mine.team, mine.wip_limit) == ("active", 1, "blue", 5)
    assert (mine.holds, mine.stuck, mine.truncated) == (3, 0, False)


def test_the_presence_of_an_agent_is_a_sign_of_life_and_its_absence_is_told(store: Store) -> None:
    history = holding()
    history.sample("main", "presence", present(), at_ns=at(50))
    tell(store, history)
    mine = ask(store, "mine", now_ns=at(52), agent="ada")
    assert [row.left_seconds for row in mine.rows] == [28.0, 28.0, 58.0]
    assert mine.silent_seconds == 2.0
    later = ask(store, "mine", now_ns=at(90), agent="ada")
    assert [row.left_seconds for row in later.rows] == [-10.0, -10.0, 20.0]


def test_what_is_stuck_is_said_and_a_long_list_is_cut(store: Store) -> None:
    history = holding()
    history.say("w-1", work.WorkStuck(agent="ada", fence=5, idle_seconds=300.0))
    tell(store, history)
    mine = ask(store, "mine", agent="ada", limit=2)
    assert (len(mine.rows), mine.truncated, mine.holds, mine.stuck) == (2, True, 3, 1)
    assert [row.stuck for row in ask(store, "mine", agent="ada").rows] == [False, False, True]


def test_who_holds_nothing_is_told_so_and_who_never_was_is_refused(store: Store) -> None:
    history = holding()
    history.agent("bob")
    history.submit("w-4")
    history.claim("w-4", "eve")
    tell(store, history)
    bob = ask(store, "mine", agent="bob")
    assert (bob.status, bob.holds, bob.rows) == ("active", 0, ())
    eve = ask(store, "mine", agent="eve")
    assert (eve.status, eve.holds) == (None, 1)
    assert ask(store, "mine", agent="zoe").code == "unknown_agent"


def flowing() -> History:
    """Write a history whose durations can be counted by hand; it begins at second 1."""
    history = History()
    ada = history.agent("ada", team="blue")
    bob = history.agent("bob")
    history.submit("w-1", team="blue")
    fence = history.say("w-1", _claim("ada", ada), at(10))
    history.say(
        "w-1", work.WorkFailed(agent="ada", fence=fence, reason="x", then="open", retry_seconds=10.0), at(20)
    )
    fence = history.say("w-1", _claim("bob", bob), at(35))
    history.say("w-1", work.WorkCompleted(agent="bob", fence=fence), at(55))
    history.say("w-2", work.WorkSubmitted(title="t", depends_on=("w-1",)), at(56))
    history.say("w-3", work.WorkSubmitted(title="t"), at(57))
    fence = history.say("w-3", _claim("ada", ada), at(60))
    history.say("w-2", _claim("ada", ada), at(70))
    lost = work.WorkLeaseExpired(
        agent="ada", incarnation=ada, fence=fence, lease_seconds=30, silent_seconds=30, cause="agent_lost"
    )
    history.say("w-3", lost, at(80))
    history.say("w-3", work.WorkCancelled(), at(81))
    return history


def _claim(name: str, incarnation: int) -> work.WorkClaimed:
    return work.WorkClaimed(agent=name, incarnation=incarnation, lease_seconds=30.0, attempt=1)


def counts(stats: StatsAnswer) -> dict[str, int]:
    return {what: rate.count for what, rate in stats.throughput.items() if rate.count}


def test_the_flow_of_a_small_history(store: Store) -> None:
    tell(store, flowing())
    stats = ask(store, "stats", bins=10)
    assert (stats.since_ns, stats.until_ns) == (at(1), NOW_NS)
    assert counts(stats) == {
        "submitted": 3,
        "claimed": 4,
        "completed": 1,
        "failed": 1,
        "expired": 1,
        "cancelled": 1,
    }
    assert stats.throughput["claimed"].per_minute == pytest.approx(4 / 99 * 60)
    assert stats.throughput["claimed"].bins == (1, 0, 0, 1, 0, 1, 1, 0, 0, 0)
    wait = stats.wait
    assert (wait.count, wait.mean, wait.p50, wait.max) == (4, 7.25, 6.0, 14.0)
    cycle = stats.cycle
    assert (cycle.count, cycle.mean, cycle.p50, cycle.max) == (3, pytest.approx(50 / 3), 20.0, 20.0)
    assert (stats.lead.count, stats.lead.mean, stats.lead.p99) == (1, 52.0, 52.0)
    assert stats.causes == {"silence": 0, "agent_lost": 1, "node_lost": 0, "evicted": 0, "stuck": 0}
    assert {name: count for name, count in stats.items.items() if count} == {
        "claimed": 1,
        "completed": 1,
        "cancelled": 1,
    }


def test_an_item_that_waited_for_another_waits_for_a_claim_only_from_then_on(store: Store) -> None:
    history = History()
    ada = history.agent("ada")
    history.submit("w-1")
    history.submit("w-2", depends_on=("w-1",))
    history.submit("w-3", not_before_ns=at(50))
    history.say("w-1", _claim("ada", ada), at(5))
    history.say("w-1", work.WorkCompleted(agent="ada", fence=5), at(40))
    history.say("w-2", _claim("ada", ada), at(42))
    history.say("w-3", _claim("ada", ada), at(53))
    tell(store, history)
    wait = ask(store, "stats").wait
    assert (wait.count, wait.max) == (3, 3.0)
    assert wait.mean == pytest.approx((3 + 2 + 3) / 3)


def test_utilisation_is_of_the_time_an_agent_was_there_and_overlapping_claims_count_once(
    store: Store,
) -> None:
    tell(store, flowing())
    stats = ask(store, "stats")
    ada, bob = stats.agents
    assert (ada.agent, ada.team, ada.present_seconds) == ("ada", "blue", 99.0)
    assert (ada.busy_seconds, ada.held_seconds) == (10 + 40, 10 + 20 + 30)
    assert ada.utilisation == pytest.approx(50 / 99)
    assert (bob.busy_seconds, bob.present_seconds) == (20.0, 98.0)
    assert stats.utilisation == pytest.approx(70 / 197)
    cut = ask(store, "stats", limit=1)
    assert ([one.agent for one in cut.agents], cut.truncated) == (["ada"], True)
    assert cut.utilisation == stats.utilisation


def test_who_has_left_was_there_until_then_and_who_came_back_since_then(store: Store) -> None:
    history = flowing()
    history.say("bob", agent.AgentRetired(incarnation=2), at(82))
    history.say("ada", agent.AgentEvicted(incarnation=1, reason="it loops"), at(85))
    history.say("ada", agent.AgentRegistered(), at(90))
    tell(store, history)
    seconds = {one.agent: (one.present_seconds, one.busy_seconds) for one in ask(store, "stats").agents}
    assert seconds == {"ada": (10.0, 10.0), "bob": (80.0, 20.0)}
    assert [one.agent for one in ask(store, "stats", last_seconds=15.0).agents] == ["ada"]


def test_a_window_holds_what_happened_in_it(store: Store) -> None:
    tell(store, flowing())
    stats = ask(store, "stats", last_seconds=41.0)
    assert counts(stats) == {"claimed": 2, "expired": 1, "cancelled": 1}
    assert (stats.since_ns, stats.lead.count, stats.lead.mean) == (at(59), 0, None)
    assert ask(store, "stats", since_ns=at(59)) == stats
    whole = ask(store, "stats", since_ns=0)
    assert (whole.since_ns, counts(whole)) == (at(1), counts(ask(store, "stats")))
    future = ask(store, "stats", since_ns=NOW_NS + SECOND_NS)
    assert (future.since_ns, counts(future), future.agents) == (NOW_NS, {}, ())
    assert future.throughput["claimed"].per_minute == 0.0


def test_the_flow_of_one_agent_or_team(store: Store) -> None:
    tell(store, flowing())
    bob = ask(store, "stats", agent="bob")
    assert "submitted" not in bob.throughput
    assert counts(bob) == {"claimed": 1, "completed": 1}
    assert (bob.cycle.mean, bob.wait.mean, bob.lead.mean) == (20.0, 5.0, 52.0)
    assert [one.agent for one in bob.agents] == ["bob"]
    assert bob.items["completed"] == 1
    blue = ask(store, "stats", team="blue")
    assert counts(blue) == {"submitted": 1, "claimed": 2, "completed": 1, "failed": 1}
    assert [one.agent for one in blue.agents] == ["ada"]


def test_an_item_that_is_done_again_counts_twice(store: Store) -> None:
    history = flowing()
    history.say("w-1", work.WorkReopened(reason="wrong"), at(82))
    fence = history.say("w-1", _claim("bob", 2), at(83))
    history.say("w-1", work.WorkCompleted(agent="bob", fence=fence), at(84))
    tell(store, history)
    stats = ask(store, "stats")
    assert (stats.throughput["completed"].count, stats.items["completed"]) == (2, 1)
    assert (stats.lead.count, stats.lead.max, stats.throughput["submitted"].count) == (2, 81.0, 3)


def test_a_clock_of_the_broker_that_went_back_makes_nothing_take_less_than_no_time(store: Store) -> None:
    history = History()
    ada = history.agent("ada")
    history.submit("w-1")
    fence = history.say("w-1", _claim("ada", ada), at(50))
    history.say("w-1", work.WorkCompleted(agent="ada", fence=fence), at(20))
    tell(store, history)
    stats = ask(store, "stats")
    assert (stats.cycle.count, stats.cycle.max, stats.lead.max) == (1, 0.0, 18.0)
    assert [(one.busy_seconds, one.held_seconds) for one in stats.agents] == [(0.0, 0.0)]


def test_a_window_has_one_beginning() -> None:
    with pytest.raises(ValueError, match="two windows"):
        Stats(since_ns=1, last_seconds=1.0)


@given(messages=event_histories())
@settings(max_examples=30, deadline=None)
def test_the_flow_of_any_history_is_within_bounds(
    messages: list[Stored], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = open_store(tmp_path_factory.mktemp("flow") / "c.duckdb", 256).store
    try:
        store.apply(take_in(CREATED, messages))
        with store.reader() as reader:
            stats = ANSWERS["stats"](reader, Stats(bins=7), Moment(NOW_NS))
            mine = ANSWERS["mine"](reader, Mine(agent="a1"), Moment(NOW_NS))
        assert isinstance(stats, StatsAnswer)
        assert mine
        for rate in stats.throughput.values():
            assert sum(rate.bins) == rate.count
        for one in stats.agents:
            assert one.busy_seconds <= min(one.held_seconds, one.present_seconds) + 1e-6
        ends = ("completed", "failed", "released", "expired")
        assert sum(stats.throughput[name].count for name in ends) <= stats.cycle.count <= stats.wait.count
        assert sum(stats.causes.values()) == stats.throughput["expired"].count
    finally:
        store.close()
