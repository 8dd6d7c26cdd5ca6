"""The question behind meters: counts of all there was, distributions, and the newest readings, in pages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from histories import CREATED, SECOND_NS, START_NS, History, hardware

from coord.events import agent, alert, directive, node, run, work
from coord.events.examples import INVENTORY
from coord.events.meters import Meters, MetersAnswer
from coord.events.model import Number
from coord.projections.answers import Followed, Moment
from coord.projections.answers.meters import BOUNDS, NODES_PAGE, RUN_METRICS_MAX, RUNS_PAGE, answer_meters
from coord.projections.intake import take_in
from coord.projections.store import Store, open_store

NOW_NS = START_NS + 100 * SECOND_NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "coord.duckdb", 256).store
    yield opened
    opened.close()


def tell(store: Store, history: History) -> None:
    for messages in (history.messages, history.samples):
        if messages:
            store.apply(take_in(CREATED, messages))


def ask(store: Store, part: str = "whole", after: str | None = None, now_ns: int = NOW_NS) -> MetersAnswer:
    with store.reader() as reader:
        answer = answer_meters(reader, Meters(part=part, after=after), Moment(now_ns))  # type: ignore[arg-type]
    return MetersAnswer.model_validate_json(answer.model_dump_json())


def values(answer: MetersAnswer, name: str) -> dict[Any, float]:
    found = {tuple(one.labels.values()): one.value for one in answer.figures if one.name == name}
    return {key[0] if len(key) == 1 else key: value for key, value in found.items()}


def test_an_empty_store_has_figures_and_none_of_them_is_wrong(store: Store) -> None:
    answer = ask(store)
    assert {one.name: one.value for one in answer.figures} == {
        "dead_letters": 0, "gaps": 0, "oddities": 0, "file_bytes": answer.figures[3].value, "log_silent_seconds": 0,
    }  # fmt: skip
    assert answer.distributions == ()
    assert ask(store, "runs").figures == ask(store, "nodes").figures == ()


def test_how_folding_stands_to_each_stream_is_a_figure(store: Store) -> None:
    moment = Moment(NOW_NS, followed=(Followed("EVENTS", 0, 3.0), Followed("SAMPLES", 30, 12.5)))
    with store.reader() as reader:
        answer = answer_meters(reader, Meters(), moment)
    assert values(answer, "stream_behind") == {"EVENTS": 0, "SAMPLES": 30}
    assert values(answer, "stream_rate") == {"EVENTS": 3.0, "SAMPLES": 12.5}


def test_work_is_counted_by_team_and_timed(store: Store) -> None:
    history = History()
    ada = history.agent("ada", team="blue")
    history.agent("bob")
    for item in ("w-1", "w-2", "w-3", "w-4"):
        history.submit(item, team="blue")
    history.submit("w-5")
    fence = history.claim("w-1", "ada", ada)
    history.say("w-1", work.WorkCompleted(agent="ada", fence=fence))
    fence = history.claim("w-2", "ada", ada)
    lost = work.WorkLeaseExpired(
        agent="ada", incarnation=ada, fence=fence, lease_seconds=30, silent_seconds=31
    )
    history.say("w-2", lost)
    history.claim("w-3", "ada", ada)
    tell(store, history)
    answer = ask(store)
    assert values(answer, "items") == {("blue", "open"): 2, ("blue", "claimed"): 1, "open": 1}
    assert values(answer, "items_ended") == {("blue", "completed"): 1}
    assert values(answer, "agents") == {"busy": 1, "available": 1}
    assert values(answer, "oldest_open_seconds")["blue"] == 96.0
    (took,) = (one for one in answer.distributions if one.name == "item_seconds")
    attempts = {one.labels["outcome"]: one for one in answer.distributions if one.name == "attempt_seconds"}
    assert (took.count, took.total, took.labels) == (1, 6.0, {"team": "blue", "status": "completed"})
    assert took.bounds == BOUNDS
    assert took.counts == (0, 0, 1, *([0] * (len(BOUNDS) - 2)))
    assert attempts.keys() == {"expired", "completed"}
    assert attempts["expired"].counts[0] == 1


def test_an_end_that_is_undone_stays_counted_and_what_waits_is_not_the_oldest(store: Store) -> None:
    history = History()
    history.submit("w-1", not_before_ns=NOW_NS + SECOND_NS)
    history.submit("w-2", team="blue")
    history.complete("w-2", "ada", history.claim("w-2", "ada"))
    tell(store, history)
    before = ask(store)
    history.say("w-2", work.WorkReopened(reason="wrong"))
    tell(store, history)
    after = ask(store)
    assert values(after, "items") == {"open": 1, ("blue", "open"): 1}
    assert values(after, "items_ended") == values(before, "items_ended") == {("blue", "completed"): 1}
    assert after.distributions == before.distributions
    assert (values(before, "oldest_open_seconds"), values(after, "oldest_open_seconds")) == (
        {},
        {"blue": 98.0},
    )


def test_a_draining_agent_is_busy_with_what_it_holds_and_then_offline(store: Store) -> None:
    history = History()
    for name in ("ada", "bob", "eve"):
        incarnation = history.agent(name)
        if name != "eve":
            history.say(name, agent.AgentDrained(incarnation=incarnation))
    history.submit("w-1")
    history.claim("w-1", "ada")
    tell(store, history)
    assert values(ask(store), "agents") == {"busy": 1, "offline": 1, "available": 1}


def test_what_took_longer_than_all_bounds_stands_above_them(store: Store) -> None:
    history = History()
    history.submit("w-1")
    history.say("w-1", work.WorkCancelled(), START_NS + 700_000 * SECOND_NS)
    tell(store, history)
    (took,) = ask(store).distributions
    assert took.counts == (*([0] * len(BOUNDS)), 1)
    assert sum(took.counts) == took.count


def test_alerts_directives_and_runs_are_counted_by_what_they_are(store: Store) -> None:
    history = History()
    evidence = (alert.Evidence(stream="EVENTS", position=1),)
    for name in ("a-1", "a-2"):
        history.say(name, alert.AlertRaised(rule="loss-spike", entity_kind="run", entity="r1", severity="warning",
                                            summary="z 9", evidence=evidence))  # fmt: skip
    history.say("a-1", alert.AlertResolved(reason="calm"))
    history.say("r1", run.RunStarted(name="tiny"))
    issued = directive.DirectiveIssued(
        directive_id="d-1", entity_kind="run", action="pause", epoch=1, live_seconds=60, reason="x"
    )
    history.say("r1", issued)
    tell(store, history)
    answer = ask(store)
    assert values(answer, "alerts_raised") == {("loss-spike", "warning"): 2}
    assert values(answer, "alerts_open") == {("loss-spike", "warning", "active"): 1}
    assert values(answer, "directives") == {("pause", "issued"): 1}
    assert values(answer, "runs") == {"running": 1}


def test_runs_that_run_or_ended_lately_come_in_pages(store: Store) -> None:
    history = History()
    for number in range(RUNS_PAGE + 1):
        history.say(f"r{number:03}", run.RunStarted(name="tiny"), START_NS)
    configured = run.RunStarted(name="tiny", configuration={"batch": 8, "context": 32}, resumed_from_step=3)
    history.say("r000", configured, START_NS)
    measured: dict[str, Number] = {"loss": 2.5, "gradient_norm": "nan"}
    measured |= {f"x{number:02}": 1.0 for number in range(40)}
    pack = run.RunMetricsRecorded(
        writer="w", writer_sequence=1, points=(run.Point(step=10, values=measured),)
    )
    history.say("r000", pack, START_NS)
    history.say("r001", run.RunFinished(outcome="completed", step=5), START_NS)
    tell(store, history)
    first = ask(store, "runs")
    assert first.next == f"r{RUNS_PAGE - 1:03}"
    last = ask(store, "runs", first.next)
    assert (set(values(last, "step")), last.next) == ({f"r{RUNS_PAGE:03}"}, None)
    assert values(first, "tokens") == {"r000": 10 * 8 * 32}
    assert values(first, "anomalies")["r000", "restart"] == 1
    assert values(first, "anomalies")["r000", "not_finite"] == 1
    metrics = {key[1]: value for key, value in values(first, "metric").items()}
    assert metrics["loss"] == 2.5
    assert "gradient_norm" not in metrics
    assert len(metrics) == RUN_METRICS_MAX
    assert "r001" not in values(first, "silent_seconds")
    assert "r001" not in values(ask(store, "runs", now_ns=NOW_NS + 4_000 * SECOND_NS), "step")


def test_nodes_come_in_pages_with_their_newest_readings_and_boards(store: Store) -> None:
    history = History()
    gpu = node.Gpu(index=0, uuid="GPU-7", model="H200", memory_bytes=140)
    inventory = INVENTORY.model_copy(update={"gpus": (gpu,), "gpu_driver": "570"})
    for number in range(NODES_PAGE + 1):
        history.node(f"n{number:02}", inventory=inventory, at_ns=START_NS)
    history.sample("n00", "hardware", hardware(1, [(0, 0.25), (500, 0.5)], metric="cpu_utilization_ratio"))
    tell(store, history)
    first = ask(store, "nodes")
    assert (first.next, len(values(first, "node"))) == (f"n{NODES_PAGE - 1:02}", NODES_PAGE)
    assert ask(store, "nodes", first.next).next is None
    assert values(first, "cpu_utilization_ratio") == {"n00": 0.5}
    assert ("n00", "gpu0", "GPU-7", "H200", "570") in values(first, "gpu")
    later = ask(store, "nodes", now_ns=NOW_NS + 200 * SECOND_NS)
    assert values(later, "cpu_utilization_ratio") == {}
    assert values(ask(store, now_ns=NOW_NS), "nodes") == {"stale": NODES_PAGE + 1}
