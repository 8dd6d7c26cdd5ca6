"""The questions of the closed loop: alerts with what was directed, runs, and what is verified."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from histories import CREATED, SECOND_NS, START_NS, History

from coord.events import alert, directive, run, verification
from coord.events.commands import Refusal
from coord.events.examples import EVENTS
from coord.events.questions import QUESTIONS
from coord.projections.answers import ANSWERS, Answered, Moment
from coord.projections.answers.runs import DIRECTIVES_LISTED
from coord.projections.intake import take_in
from coord.projections.store import Store, open_store

NOW_NS = START_NS + 100 * SECOND_NS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "coord.duckdb", 256).store
    yield opened
    opened.close()


def ask(store: Store, name: str, now_ns: int = NOW_NS, **fields: Any) -> Any:
    question, answer = QUESTIONS[name]
    with store.reader() as reader:
        answered: Answered = ANSWERS[name](reader, question(**fields), Moment(now_ns))
    assert isinstance(answered, answer | Refusal)
    return type(answered).model_validate_json(answered.model_dump_json())


def tell(store: Store, history: History) -> None:
    store.apply(take_in(CREATED, history.messages))


def raised(history: History, name: str, severity: Any = "warning", entity: str = "r1") -> int:
    event = alert.AlertRaised(
        rule="loss-spike",
        entity_kind="run",
        entity=entity,
        severity=severity,
        summary=f"{name}: the loss rose",
        evidence=(alert.Evidence(stream="EVENTS", position=1),),
    )
    return history.say(name, event)


def issued(history: History, name: str, run_id: str = "r1", **fields: Any) -> int:
    told = {"action": "roll_back", "parameters": {"before_step": 90}, "reason": "damaged", **fields}
    event = directive.DirectiveIssued(
        directive_id=name, entity_kind="run", epoch=1, live_seconds=60.0, **told
    )
    return history.say(run_id, event)


def applied(history: History, name: str, step: int = 7, **fields: Any) -> int:
    return history.say(
        fields.pop("run_id", "r1"),
        run.RunDirectiveApplied(directive_id=name, directive_position=1, step=step, **fields),
    )


def metrics(history: History, run_id: str, sequence: int, step: int, **values: Any) -> int:
    points = (run.Point(step=step, values=values),)
    return history.say(run_id, run.RunMetricsRecorded(writer="w", writer_sequence=sequence, points=points))


def alerts_of_every_kind() -> History:
    history = History()
    raised(history, "old-warning")
    raised(history, "critical", "critical")
    raised(history, "info", "info")
    raised(history, "new-warning", entity="r2")
    raised(history, "noticed", "critical")
    for name in ("gone-first", "gone-last"):
        raised(history, name, "critical")
        history.say(name, alert.AlertResolved(reason="back to normal"))
    history.say("noticed", alert.AlertAcknowledged(by="grace"))
    return history


def test_alerts_are_listed_worst_and_newest_first_and_then_what_was_resolved_last(store: Store) -> None:
    tell(store, alerts_of_every_kind())
    answered = ask(store, "alerts")
    assert [row.id for row in answered.rows] == [
        "noticed", "critical", "new-warning", "old-warning", "info", "gone-last", "gone-first",
    ]  # fmt: skip
    assert answered.counts == {"active": 4, "acknowledged": 1, "resolved": 2}
    assert not answered.truncated


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"status": "open"}, ["noticed", "critical", "new-warning", "old-warning", "info"]),
        ({"status": "active"}, ["critical", "new-warning", "old-warning", "info"]),
        ({"status": "acknowledged"}, ["noticed"]),
        ({"status": "resolved"}, ["gone-last", "gone-first"]),
        ({"entity": "r2"}, ["new-warning"]),
        ({"entity": "nobody"}, []),
        ({"limit": 6}, ["noticed", "critical", "new-warning", "old-warning", "info", "gone-last"]),
    ],
)
def test_alerts_are_asked_for_a_part(store: Store, asked: dict[str, Any], names: list[str]) -> None:
    tell(store, alerts_of_every_kind())
    answered = ask(store, "alerts", NOW_NS, **asked)
    assert [row.id for row in answered.rows] == names
    assert answered.truncated == ("limit" in asked)
    assert sum(answered.counts.values()) == 7


def test_an_alert_says_what_it_rests_on_who_took_notice_and_for_how_long_it_is_silent(store: Store) -> None:
    history = History()
    raised(history, "a-1", "critical")
    history.say("a-1", alert.AlertSilenced(by="grace", until_ns=NOW_NS + 90 * SECOND_NS))
    tell(store, history)
    (row,) = ask(store, "alerts").rows
    assert (row.status, row.by, row.silenced_seconds) == ("active", "grace", 90.0)
    assert (row.age_seconds, row.state_seconds) == (99.0, 98.0)
    assert row.evidence == (alert.Evidence(stream="EVENTS", position=1),)
    assert (row.rule, row.entity_kind, row.entity, row.summary) == (
        "loss-spike", "run", "r1", "a-1: the loss rose",
    )  # fmt: skip
    (later,) = ask(store, "alerts", NOW_NS + 90 * SECOND_NS).rows
    assert later.silenced_seconds is None


def test_an_alert_carries_the_directives_it_led_to_with_what_became_of_them(store: Store) -> None:
    history = History()
    raised(history, "a-1")
    issued(history, "d-unasked")
    first = issued(history, "d-1", alert="a-1", action="skip_batch", parameters={"batches": [7]})
    applied(history, "d-1", note="batch 7 is skipped")
    issued(history, "d-2", alert="a-1")
    history.say("r1", run.RunDirectiveRefused(directive_id="d-2", directive_position=5, step=8, reason="no"))
    issued(history, "d-3", alert="a-1")
    history.say("r1", directive.DirectiveWithdrawn(directive_id="d-3", reason="a mistake"))
    issued(history, "d-4", alert="a-1")
    tell(store, history)
    (row,) = ask(store, "alerts").rows
    told = [(one.id, one.status, one.answer, one.step, one.answered_seconds) for one in row.directives]
    assert told == [
        ("d-4", "issued", None, None, None),
        ("d-3", "withdrawn", "a mistake", None, None),
        ("d-2", "refused", "no", 8, 1.0),
        ("d-1", "applied", "batch 7 is skipped", 7, 1.0),
    ]
    last = row.directives[-1]
    assert (last.action, last.parameters, last.position, last.live_seconds, last.age_seconds) == (
        "skip_batch", {"batches": [7]}, first, 60.0, 97.0,
    )  # fmt: skip
    assert (last.entity_kind, last.entity, last.reason, last.alert) == ("run", "r1", "damaged", "a-1")


def three_runs() -> History:
    history = History()
    history.say("r1", run.RunStarted(name="tiny", node="forge", agent="ada", world_size=2))
    history.say("r2", run.RunStarted(name="small"))
    history.say("r3", run.RunStarted(name="large"))
    metrics(history, "r1", 0, 40, loss=2.5, canary_loss=2.6)
    metrics(history, "r1", 1, 41, loss="nan", learning_rate=3e-4)
    history.say("r1", EVENTS["run.checkpoint_written.v1"])
    history.say("r1", EVENTS["run.out_of_memory.v1"])
    history.say("r2", run.RunFinished(outcome="failed", step=9, reason="no file"))
    return history


def test_runs_that_run_come_first_and_say_where_they_are(store: Store) -> None:
    tell(store, three_runs())
    answered = ask(store, "runs")
    assert [(row.run, row.status) for row in answered.rows] == [
        ("r3", "running"),
        ("r1", "running"),
        ("r2", "failed"),
    ]
    first, second, last = answered.rows
    assert second.latest == {"loss": "nan", "canary_loss": 2.6, "learning_rate": 3e-4}
    assert (second.name, second.node, second.agent, second.world_size) == ("tiny", "forge", "ada", 2)
    assert (second.step, second.checkpoint_step, second.out_of_memory, second.not_finite) == (41, 1000, 1, 1)
    assert (second.age_seconds, second.silent_seconds, second.starts) == (99.0, 93.0, 1)
    assert (last.reason, last.step, last.latest) == ("no file", 9, {})
    assert second.score < first.score
    assert last.score == 40.0
    assert all(row.checkpoints == () for row in answered.rows)


def test_a_run_whose_loop_hangs_loses_health_though_its_emitter_speaks(store: Store) -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny"))

    def waits(sequence: int, told: Any) -> None:
        points = (run.Point(step=7, values={"waiting_seconds": told}),)
        pack = run.RunMetricsRecorded(writer="w", writer_sequence=sequence, points=points)
        history.say("r1", pack, at_ns=NOW_NS - 10 * SECOND_NS)
        tell(store, history)

    waits(0, 290.0)
    (row,) = ask(store, "runs").rows
    assert (row.silent_seconds, row.latest) == (10.0, {"waiting_seconds": 290.0})
    assert row.score < 100
    (silent,) = ask(store, "health", entity="run:r1").deductions
    assert silent.reason == "its loop has said nothing for 5 min."
    waits(1, "nan")
    assert [one.name for one in ask(store, "health", entity="run:r1").deductions] == ["not_finite"]


def test_runs_are_cut_and_say_so(store: Store) -> None:
    tell(store, three_runs())
    answered = ask(store, "runs", limit=2)
    assert (len(answered.rows), answered.truncated) == (2, True)
    assert not ask(store, "runs", limit=3).truncated


def test_a_run_that_ended_long_ago_has_no_score(store: Store) -> None:
    tell(store, three_runs())
    scores = {row.run: row.score for row in ask(store, "runs", NOW_NS + 7_200 * SECOND_NS).rows}
    assert scores["r2"] is None
    assert scores["r1"] is not None


def test_one_run_is_shown_with_its_checkpoints_and_directives(store: Store) -> None:
    history = three_runs()
    again = EVENTS["run.checkpoint_written.v1"].model_copy(update={"step": 2_000})
    position = history.say("r1", again)
    for number in range(DIRECTIVES_LISTED + 2):
        issued(history, f"d-{number}")
    issued(history, "d-other", run_id="r2")
    event = EVENTS["directive.issued.v1"].model_copy(update={"entity_kind": "node", "directive_id": "d-node"})
    history.say("r1", event)
    tell(store, history)
    (row,) = ask(store, "runs", run="r1").rows
    assert [(one.step, one.position) for one in row.checkpoints] == [(2_000, position), (1_000, 6)]
    assert [one.id for one in row.directives] == [
        f"d-{number}" for number in reversed(range(DIRECTIVES_LISTED + 2))
    ]
    listed = {row.run: row.directives for row in ask(store, "runs").rows}
    assert len(listed["r1"]) == DIRECTIVES_LISTED
    assert [one.id for one in listed["r2"]] == ["d-other"]


def test_one_run_says_how_many_updates_it_left_out_and_where_the_last_one_was(store: Store) -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny"))
    for sequence, steps in enumerate(((3, 4), (4, 5), (9,))):
        points = tuple(run.Point(step=step, values={"skipped": 1.0, "loss": 2.0}) for step in steps)
        plain = (run.Point(step=20, values={"loss": 2.0}),)
        pack = run.RunMetricsRecorded(writer="w", writer_sequence=sequence, points=points + plain)
        history.say("r1", pack, at_ns=NOW_NS)
    history.say("r2", run.RunStarted(name="tiny"))
    tell(store, history)
    (row,) = ask(store, "runs", run="r1").rows
    assert (row.left_out, row.left_out_step) == (4, 9)
    (row,) = ask(store, "runs", run="r2").rows
    assert (row.left_out, row.left_out_step) == (0, None)


def test_a_run_that_nobody_knows_is_refused(store: Store) -> None:
    refused = ask(store, "runs", run="r9")
    assert (refused.code, refused.exit_code) == ("unknown_id", 4)
    assert "r9" in refused.reason


def ran(history: History, name: str, feature: str, outcome: Any = "passed", **fields: Any) -> int:
    event = verification.VerificationRecorded(
        feature=feature, scenario=name, outcome=outcome, commit="c-1", run_seconds=1.5, **fields
    )
    return history.say(verification.scenario_id(name), event)


def test_scenarios_are_listed_by_feature_with_their_last_outcome(store: Store) -> None:
    history = History()
    ran(history, "Two winners", "Claims", "failed", reason="there were two")
    ran(history, "A kill", "Watchdogs")
    ran(history, "One winner", "Claims")
    evidence = (alert.Evidence(stream="EVENTS", position=3),)
    position = ran(
        history, "Two winners", "Claims", evidence=evidence, transcript="t.txt", transcript_sha256="a" * 64
    )
    tell(store, history)
    answered = ask(store, "scenarios")
    assert [(row.feature, row.scenario, row.outcome) for row in answered.rows] == [
        ("Claims", "One winner", "passed"),
        ("Claims", "Two winners", "passed"),
        ("Watchdogs", "A kill", "passed"),
    ]
    last = answered.rows[1]
    assert (last.passed, last.failed, last.skipped, last.reason) == (1, 1, 0, None)
    assert (last.id, last.position, last.age_seconds, last.commit) == ("two-winners", position, 96.0, "c-1")
    assert (last.evidence, last.transcript, last.transcript_sha256) == (evidence, "t.txt", "a" * 64)
    assert [row.id for row in ask(store, "scenarios", scenario="one-winner").rows] == ["one-winner"]
    assert ask(store, "scenarios", limit=2).truncated


def test_a_scenario_that_was_never_run_is_refused(store: Store) -> None:
    refused = ask(store, "scenarios", scenario="one-winner")
    assert (refused.code, refused.exit_code) == ("unknown_id", 4)
