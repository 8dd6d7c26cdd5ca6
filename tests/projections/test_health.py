"""Health stays within 0 and 100, never rises as trouble grows, and says why."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coord.events.questions import HealthScore
from coord.projections.health import Facts, score_parts, score_system
from coord.projections.health.facts import (
    DAY_SECONDS,
    AgentFacts,
    AlertFacts,
    NodeFacts,
    RunFacts,
    Value,
    WorkFacts,
)
from coord.projections.health.parts import score_agent, score_node, score_run

_COUNT = st.integers(0, 10**9)
_SMALL = st.integers(0, 50)
_AGE = st.floats(0, 1e9)
_AT = st.lists(st.integers(1, 2**62), max_size=20).map(tuple)


def _records(kind: type, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **fields)


_WORK = _records(
    WorkFacts,
    team=st.sampled_from(["blue", "red"]),
    open=_COUNT,
    claimed=_COUNT,
    stalled=_COUNT,
    stuck=_COUNT,
    parked=_COUNT,
    completed_recent=_COUNT,
    failed_recent=_COUNT,
    expired_recent=_COUNT,
    oldest_seconds=_AGE,
    waiting=_AT,
    stalled_at=_AT,
)
_AGENT = _records(
    AgentFacts,
    agent=st.sampled_from(["ada", "bob", "cy"]),
    status=st.sampled_from(["active", "draining", "lost", "evicted", "retired"]),
    team=st.sampled_from(["blue", "red", None]),
    changed_seconds=_AGE,
    silent_seconds=st.one_of(st.none(), _AGE),
    holds=_COUNT,
    stalled=_COUNT,
    stuck=_COUNT,
    completed_recent=_COUNT,
    failed_recent=_COUNT,
    expired_recent=_COUNT,
)
_READINGS = st.dictionaries(
    st.sampled_from(
        ["memory_available_bytes", "memory_total_bytes", "gpu_temperature_celsius", "disk_available_bytes",
         "gpu_temperature_slowdown_celsius", "disk_total_bytes", "memory_pressure_full_ratio", "gpu_lost_ratio"]
    ),
    st.dictionaries(
        st.sampled_from(["", "gpu0", "/"]),
        st.builds(Value, st.floats(-1e12, 1e12), st.integers(1, 10**6), st.floats(0, 200)),
    ),
)  # fmt: skip
_FACTS = st.builds(
    Facts,
    all_work=_WORK.map(lambda work: replace(work, team=None)),
    work=st.lists(_WORK, max_size=2, unique_by=lambda work: work.team).map(tuple),
    agents=st.lists(_AGENT, max_size=3, unique_by=lambda agent: agent.agent).map(tuple),
    nodes=st.lists(
        _records(
            NodeFacts,
            node=st.sampled_from(["n1", "n2"]),
            status=st.sampled_from(["active", "lost"]),
            silent_seconds=_AGE,
            readings=_READINGS,
            dropped_readings=_COUNT,
        ),
        max_size=2,
        unique_by=lambda node: node.node,
    ).map(tuple),
    runs=st.lists(
        _records(
            RunFacts,
            run=st.just("r1"),
            status=st.sampled_from(["running", "lost", "failed", "completed", "stopped"]),
            silent_seconds=_AGE,
            not_finite=_COUNT,
            dropped_points=_COUNT,
        ),
        max_size=1,
    ).map(tuple),
    alerts=st.lists(
        _records(
            AlertFacts,
            alert=st.just("al"),
            entity_kind=st.sampled_from(["agent", "node", "run", "team", "system"]),
            entity=st.sampled_from(["ada", "n1", "r1", "blue"]),
            severity=st.sampled_from(["info", "warning", "critical"]),
            summary=st.text(min_size=1, max_size=200),
            position=st.integers(1, 10**9),
            acknowledged=st.booleans(),
            silenced=st.booleans(),
        ),
        max_size=5,
    ).map(tuple),
    dead_recent=_COUNT,
    oddities_recent=_COUNT,
    missing_events=_COUNT,
    lag=_COUNT,
    log_silent_seconds=_AGE,
)


def _all(facts: Facts) -> list[HealthScore]:
    return [score_system(facts), *score_parts(facts)]


@given(_FACTS)
def test_no_score_ever_leaves_0_to_100_and_each_is_what_its_deductions_leave(facts: Facts) -> None:
    for score in _all(facts):
        assert 0 <= score.score <= 100
        assert score.score == pytest.approx(max(0.0, 100 - sum(one.points for one in score.deductions)))
        assert all(one.reason and len(one.evidence) <= 10 for one in score.deductions)
        assert len({one.name for one in score.deductions}) == len(score.deductions)


@given(_FACTS, _SMALL, _SMALL)
def test_a_larger_backlog_never_makes_anything_healthier(facts: Facts, opened: int, claimed: int) -> None:
    def grown(work: WorkFacts) -> WorkFacts:
        return replace(work, open=work.open + opened, claimed=work.claimed + claimed)

    more = replace(facts, all_work=grown(facts.all_work), work=tuple(map(grown, facts.work)))
    assert score_system(more).score <= score_system(facts).score
    before = {score.entity: score.score for score in score_parts(facts)}
    assert all(score.score <= before[score.entity] for score in score_parts(more))


@given(_FACTS, st.sampled_from(["stuck", "parked"]), _SMALL)
def test_more_that_is_stuck_or_parked_never_makes_anything_healthier(
    facts: Facts, name: str, more: int
) -> None:
    def grown(work: WorkFacts) -> WorkFacts:
        return replace(work, **{name: getattr(work, name) + more})

    worse = replace(facts, all_work=grown(facts.all_work), work=tuple(map(grown, facts.work)))
    assert score_system(worse).score <= score_system(facts).score
    before = {score.entity: score.score for score in score_parts(facts)}
    assert all(score.score <= before[score.entity] for score in score_parts(worse))


@given(_FACTS, st.sampled_from(["lag", "dead_recent", "oddities_recent", "missing_events"]), _SMALL)
def test_more_of_a_trouble_with_the_log_never_makes_it_healthier(facts: Facts, name: str, more: int) -> None:
    assert (
        score_system(replace(facts, **{name: getattr(facts, name) + more})).score <= score_system(facts).score
    )


def test_a_fresh_empty_system_has_100_and_nothing_to_say() -> None:
    assert score_system(Facts()) == HealthScore(entity="system", score=100.0)
    assert score_parts(Facts()) == ()


def _old_system(claimed: int) -> Facts:
    """The old system's day: items claimed, none completed, five agents; it had published 105.8 of 100."""
    held = [claimed // 5 + (number < claimed % 5) for number in range(5)]
    agents = tuple(
        AgentFacts(f"a{number}", "active", holds=holds, silent_seconds=1.0, held_at=(7 + number,))
        for number, holds in enumerate(held)
    )
    return Facts(all_work=WorkFacts(claimed=claimed, waiting=(41, 42, 43)), agents=agents)


def test_the_old_systems_data_is_within_bounds_and_says_why() -> None:
    score = score_system(_old_system(37))
    assert 50 < score.score < 90
    (backlog,) = score.deductions
    assert backlog.name == "backlog"
    assert backlog.reason == (
        "37 items unfinished (0 open, 37 claimed) for 5 active agents; 0 completed in the last 10 min."
    )
    assert [one.position for one in backlog.evidence] == [41, 42, 43]
    assert all(part.deductions[0].name == "holds_many" for part in score_parts(_old_system(37)))


def test_the_old_systems_score_falls_with_every_item_more() -> None:
    scores = [score_system(_old_system(claimed)).score for claimed in (5, 6, 10, 37, 38, 100, 1000, 100_000)]
    assert scores[0] == 100
    assert all(after < before for before, after in pairwise(scores))
    assert scores[-1] > 0


def test_a_system_that_completes_much_may_have_more_waiting() -> None:
    slow = score_system(_old_system(37))
    quick = replace(_old_system(37), all_work=WorkFacts(claimed=37, completed_recent=200))
    assert score_system(quick).score > slow.score + 15


def test_open_work_and_nobody_to_do_it_is_worse_than_a_backlog() -> None:
    work = WorkFacts(open=3, oldest_seconds=90.0)
    alone = score_system(Facts(all_work=work))
    assert {one.name for one in alone.deductions} == {"backlog", "nobody_works"}
    assert alone.score < score_system(Facts(all_work=work, agents=(AgentFacts("ada", "active"),))).score


def test_a_lost_agent_with_work_in_hand_is_told_with_its_items() -> None:
    lost = AgentFacts("ada", "lost", position=9, changed_seconds=30.0, holds=2, held_at=(5, 6))
    facts = Facts(all_work=WorkFacts(claimed=2), agents=(lost, AgentFacts("bob", "active")))
    told = next(one for one in score_system(facts).deductions if one.name == "agents_lost")
    assert "ada" in told.reason
    assert [one.position for one in told.evidence] == [5, 6, 9]
    agent = score_agent(lost, facts)
    assert agent.score < 40
    assert agent.deductions[0].reason == "it is lost since 30 s and holds 2 items."


def test_who_has_left_or_was_put_out_is_neither_lost_nor_scored() -> None:
    gone = tuple(AgentFacts(status, status, silent_seconds=1e6) for status in ("evicted", "retired"))
    facts = Facts(agents=(*gone, AgentFacts("ada", "active", silent_seconds=1.0)))
    assert score_system(facts).score == 100
    assert [part.entity for part in score_parts(facts)] == ["agent:ada"]


def test_a_draining_agent_counts_for_what_it_holds_and_takes_nothing_new() -> None:
    ada = AgentFacts("ada", "draining", holds=1, silent_seconds=1.0)
    assert score_system(Facts(all_work=WorkFacts(claimed=1), agents=(ada,))).score == 100
    waits = score_system(Facts(all_work=WorkFacts(open=1, claimed=1), agents=(ada,)))
    assert {one.name for one in waits.deductions} == {"backlog", "nobody_works"}
    assert "for 0 active agents and 1 draining;" in next(
        one.reason for one in waits.deductions if one.name == "backlog"
    )
    silent = score_agent(replace(ada, silent_seconds=90.0), Facts())
    assert [one.name for one in silent.deductions] == ["silent"]


def test_what_is_stuck_or_parked_is_told_by_name_with_its_positions() -> None:
    work = WorkFacts(claimed=1, stuck=1, stuck_at=(7,), parked=2, parked_at=(8, 9))
    ada = AgentFacts("ada", "active", silent_seconds=1.0, holds=1, stuck=1, stuck_at=(7,))
    found = {one.name: one for one in score_system(Facts(all_work=work, agents=(ada,))).deductions}
    assert found.keys() == {"stuck", "parked"}
    assert [one.position for one in found["parked"].evidence] == [8, 9]
    assert 90 < score_system(Facts(all_work=work, agents=(ada,))).score < 98
    (stuck,) = score_agent(ada, Facts()).deductions
    assert (stuck.name, [one.position for one in stuck.evidence]) == ("stuck", [7])


def test_an_agent_that_lets_leases_run_out_scores_below_one_that_completes() -> None:
    good = score_agent(AgentFacts("ada", "active", completed_recent=10), Facts())
    bad = score_agent(AgentFacts("bob", "active", expired_recent=3, expired_at=(4, 5, 6)), Facts())
    assert good.score == 100
    assert bad.deductions[0].name == "leases_expired"
    assert bad.score < 85


def _node(**readings: dict[str, float]) -> NodeFacts:
    return NodeFacts(
        "forge",
        "active",
        readings={
            metric: {device: Value(value, 77) for device, value in devices.items()}
            for metric, devices in readings.items()
        },
    )


@pytest.mark.parametrize(
    ("node", "name", "words"),
    [
        (
            _node(memory_available_bytes={"": 2.0}, memory_total_bytes={"": 100.0}),
            "memory",
            "2% of the memory is available.",
        ),
        (
            _node(
                disk_available_bytes={"/": 90.0, "/scratch": 1.0},
                disk_total_bytes={"/": 100.0, "/scratch": 100.0},
            ),
            "disk_full",
            "1.0% of /scratch is free.",
        ),
        (
            _node(
                gpu_temperature_celsius={"gpu0": 40.0, "gpu1": 86.0},
                gpu_temperature_slowdown_celsius={"gpu0": 87.0, "gpu1": 87.0},
            ),
            "gpu_hot",
            "gpu1 is 1 C under its slowdown temperature.",
        ),
        (
            _node(gpu_temperature_celsius={"gpu0": 91.0}, gpu_temperature_slowdown_celsius={"gpu0": 87.0}),
            "gpu_hot",
            "gpu0 is 4 C over its slowdown temperature.",
        ),
        (
            _node(memory_pressure_full_ratio={"": 0.4}),
            "memory_pressure",
            "no task could run for want of memory in 40% of the time.",
        ),
        (_node(gpu_lost_ratio={"gpu0": 1.0}), "gpu_lost", "gpu0 is lost to its driver."),
    ],
)
def test_a_node_under_pressure_says_what_and_from_which_reading(
    node: NodeFacts, name: str, words: str
) -> None:
    score = score_node(node, Facts())
    (deduction,) = score.deductions
    assert (deduction.name, deduction.reason) == (name, words)
    assert [(one.stream, one.position) for one in deduction.evidence] == [("SAMPLES", 77)]
    told = score_system(Facts(nodes=(node,))).deductions[0]
    assert told.name == "nodes"
    assert words in told.reason


def test_a_node_at_ease_has_100() -> None:
    node = _node(
        memory_available_bytes={"": 60.0},
        memory_total_bytes={"": 100.0},
        gpu_temperature_celsius={"gpu0": 60.0},
        cpu_pressure_some_ratio={"": 0.2},
    )
    assert score_node(node, Facts()).score == 100


def test_an_old_reading_says_nothing_about_now() -> None:
    node = NodeFacts("n1", "active", readings={"gpu_lost_ratio": {"gpu0": Value(1.0, 7, age_seconds=500.0)}})
    assert score_node(node, Facts()).score == 100


def test_a_silent_node_is_told_and_forgotten_after_a_day() -> None:
    silent = NodeFacts("n1", "active", silent_seconds=30.0)
    assert score_node(silent, Facts()).deductions[0].name == "silent"
    assert score_system(Facts(nodes=(silent,))).score < 100
    gone = NodeFacts("n1", "lost", silent_seconds=DAY_SECONDS + 1)
    assert score_system(Facts(nodes=(gone,))).score == 100
    patient = NodeFacts("n1", "active", silent_seconds=30.0, silence_seconds_max=60.0)
    assert score_node(patient, Facts()).score == 100


def test_a_run_that_is_lost_silent_or_not_finite_says_so() -> None:
    assert score_run(RunFacts("r1", "running", silent_seconds=5.0), Facts()).score == 100
    silent = score_run(RunFacts("r1", "running", silent_seconds=700.0), Facts())
    assert [one.name for one in silent.deductions] == ["silent"]
    lost = score_run(RunFacts("r1", "lost", reason="not heard of for 90 s"), Facts())
    assert lost.deductions[0].reason == "it is lost: not heard of for 90 s."
    worse = score_run(RunFacts("r1", "running", not_finite=2, not_finite_position=9), Facts())
    assert [one.position for one in worse.deductions[0].evidence] == [9]
    assert worse.deductions[0].reason == "2 values of its metrics were not finite, the last 0 s ago."


def test_how_long_a_run_may_be_silent_is_a_setting() -> None:
    run = RunFacts("r1", "running", silent_seconds=300.0)
    assert score_run(run, Facts(run_silence_seconds=300.0)).score == 100
    assert score_run(run, Facts(run_silence_seconds=60.0)).score < 100


def test_a_run_that_goes_on_after_values_that_were_not_finite_recovers_with_time() -> None:
    scores = [
        score_run(
            RunFacts("r1", "running", not_finite=3, not_finite_position=9, not_finite_seconds=ago), Facts()
        ).score
        for ago in (0.0, 600.0, 1_800.0, 3_600.0)
    ]
    assert scores[0] == scores[1] < scores[2] < scores[3] == 100


def test_an_alert_counts_less_when_somebody_took_notice_and_nothing_while_silenced() -> None:
    alert = AlertFacts("al", "node", "n1", "critical", "too hot", 7)
    node = NodeFacts("n1", "active")
    scores = [
        score_node(node, Facts(alerts=(one,))).score
        for one in (alert, replace(alert, acknowledged=True), replace(alert, silenced=True))
    ]
    assert scores[0] < scores[1] < scores[2] == 100


def test_a_team_is_scored_by_its_own_items_and_agents() -> None:
    facts = Facts(
        work=(WorkFacts("blue", open=9), WorkFacts("red", open=0)),
        agents=(AgentFacts("ada", "active", team="red"),),
    )
    scores = {part.entity: part for part in score_parts(facts)}
    assert {one.name for one in scores["team:blue"].deductions} == {"backlog", "nobody_works"}
    assert scores["team:red"].score == 100


def test_a_log_that_is_away_or_has_holes_is_said_by_who_reads_it() -> None:
    facts = Facts(log_silent_seconds=60.0, missing_events=2, missing_at=(7,), lag=5_000)
    assert {one.name for one in score_system(facts).deductions} == {"log_away", "events_missing", "behind"}
