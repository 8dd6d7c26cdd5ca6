"""What the tables say of training runs: where each is, its newest metrics, and whether it lives."""

import math

import pytest
from histories import SECOND_NS, START_NS, History, only

from coord.events import run
from coord.events.examples import EVENTS
from coord.events.model import Event, Number
from coord.projections.folds.run_rows import (
    CHECKPOINTS,
    EVALUATIONS,
    RUN_LATEST,
    RUN_POINTS,
    RUN_STARTS,
    RUNS,
)


def _metrics(sequence: int, step: int, loss: Number, writer: str = "x") -> run.RunMetricsRecorded:
    return run.RunMetricsRecorded(
        writer=writer, writer_sequence=sequence, points=(run.Point(step=step, values={"loss": loss}),)
    )


def test_a_pack_of_metrics_that_is_sent_again_changes_nothing() -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny"))
    for sequence, step in ((0, 1), (2, 3), (0, 1), (1, 2), (2, 3)):
        history.say("r1", _metrics(sequence, step, 2.5))
    tables = history.tables()
    assert [point.step for point in tables.rows(RUN_POINTS)] == [1, 3, 2]
    assert only(tables, RUNS).step == 3


def test_a_loss_that_is_not_a_number_stays_one_and_is_counted() -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny"))
    history.say("r1", _metrics(0, 1, 2.5))
    position = history.say("r1", _metrics(1, 2, "nan"))
    history.say("r1", run.RunEvaluated(step=2, values={"loss": "inf"}))
    tables = history.tables()
    assert math.isnan(tables.rows(RUN_POINTS)[1].value)
    assert math.isinf(only(tables, EVALUATIONS).value)
    assert only(tables, RUNS).not_finite == 2
    assert only(tables, RUNS).not_finite_position == position + 1


def test_a_run_that_is_lost_and_resumed_keeps_its_first_start() -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny", configuration={"layers": 4}))
    history.say("r1", EVENTS["run.checkpoint_written.v1"])
    history.say("r1", run.RunLost(silent_seconds=90.0))
    assert only(history.tables(), RUNS).status == "lost"
    history.say("r1", run.RunStarted(name="tiny", resumed_from_step=1000))
    history.say("r1", _metrics(0, 1001, 2.0))
    tables = history.tables()
    resumed = only(tables, RUNS)
    assert (resumed.status, resumed.starts, resumed.step) == ("running", 2, 1001)
    assert resumed.started_at_ns == START_NS + SECOND_NS
    assert [start.resumed_from_step for start in tables.rows(RUN_STARTS)] == [None, 1000]
    assert only(tables, RUN_POINTS).start == 2
    assert only(tables, CHECKPOINTS).step == 1000
    history.say("r1", run.RunFinished(outcome="completed", step=2000))
    assert (only(history.tables(), RUNS).status, only(history.tables(), RUNS).step) == ("completed", 2000)


@pytest.mark.parametrize(
    "heard",
    [
        _metrics(1, 3, 2.0),
        _metrics(0, 1, 2.5),
        EVENTS["run.evaluated.v1"],
        EVENTS["run.checkpoint_written.v1"],
        EVENTS["run.directive_refused.v1"],
        EVENTS["run.out_of_memory.v1"],
    ],
    ids=["metrics", "metrics sent again", "evaluation", "checkpoint", "answer", "out of memory"],
)
def test_a_lost_run_that_is_heard_again_is_running(heard: Event) -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny"))
    history.say("r1", _metrics(0, 1, 2.5))
    history.say("r1", run.RunLost(silent_seconds=90.0))
    assert only(history.tables(), RUNS).reason == "not heard of for 90 s"
    position = history.say("r1", heard)
    now = only(history.tables(), RUNS)
    assert (now.status, now.reason, now.starts) == ("running", None, 1)
    assert now.changed_at_ns == now.heard_at_ns == START_NS + position * SECOND_NS


def test_a_run_that_has_ended_is_not_running_because_its_last_metrics_come_late() -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny"))
    history.say("r1", run.RunFinished(outcome="stopped", step=9))
    history.say("r1", _metrics(0, 4, 2.5))
    now = only(history.tables(), RUNS)
    assert (now.status, now.step) == ("stopped", 9)


def _latest(history: History) -> dict[str, tuple[int, float]]:
    return {row.metric: (row.step, row.value) for row in history.tables().rows(RUN_LATEST)}


def test_the_newest_value_of_each_metric_is_kept_and_a_late_pack_changes_none() -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny"))
    points = (
        run.Point(step=1, values={"loss": 3.0, "canary_loss": 2.9}),
        run.Point(step=2, values={"loss": 2.8}),
    )
    history.say("r1", run.RunMetricsRecorded(writer="x", writer_sequence=1, points=points))
    assert _latest(history) == {"loss": (2, 2.8), "canary_loss": (1, 2.9)}
    history.say("r1", _metrics(0, 0, 9.0))
    history.say("r1", _metrics(3, 4, 2.6))
    history.say("r1", _metrics(2, 3, 9.0))
    assert _latest(history)["loss"] == (4, 2.6)
    assert only(history.tables(), RUNS).step == 4


def _values(sequence: int, step: int, **values: Number) -> run.RunMetricsRecorded:
    return run.RunMetricsRecorded(
        writer="x", writer_sequence=sequence, points=(run.Point(step=step, values=values),)
    )


def test_what_is_true_of_one_moment_is_gone_with_the_next() -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny"))
    history.say("r1", _values(0, 1, loss=2.5, skipped=1))
    assert _latest(history) == {"loss": (1, 2.5), "skipped": (1, 1.0)}
    history.say("r1", _values(1, 2, loss=2.4))
    assert _latest(history) == {"loss": (2, 2.4)}
    history.say("r1", _values(2, 2, paused=1))
    history.say("r1", _values(3, 2, waiting_seconds=20.0))
    assert _latest(history) == {"loss": (2, 2.4), "paused": (2, 1.0), "waiting_seconds": (2, 20.0)}
    history.say("r1", _values(4, 3, loss=2.3))
    assert _latest(history) == {"loss": (3, 2.3)}
    points = (run.Point(step=4, values={"loss": 9.0, "skipped": 1}), run.Point(step=5, values={"loss": 2.2}))
    history.say("r1", run.RunMetricsRecorded(writer="x", writer_sequence=5, points=points))
    assert _latest(history) == {"loss": (5, 2.2)}


def test_only_rank_0_says_where_a_run_is() -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny", world_size=2))
    history.say("r1", _metrics(0, 5, 2.5))
    other = _metrics(0, 7, 9.0, writer="y").model_copy(update={"rank": 1})
    history.say("r1", other)
    assert _latest(history) == {"loss": (5, 2.5)}
    assert only(history.tables(), RUNS).step == 5
    assert [point.rank for point in history.tables().rows(RUN_POINTS)] == [0, 1]


def test_a_run_that_is_rolled_back_is_where_it_went_back_to() -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny"))
    history.say("r1", _metrics(0, 120, 9.5))
    history.say("r1", _metrics(1, 101, 2.5))
    assert only(history.tables(), RUNS).step == 101
    assert _latest(history) == {"loss": (101, 2.5)}


def test_what_an_earlier_start_had_to_say_comes_late_and_is_history_of_that_start() -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny"))
    history.say("r1", _metrics(0, 1, 3.0, writer="before"))
    history.say("r1", run.RunStarted(name="tiny", resumed_from_step=100))
    history.say("r1", _metrics(0, 101, 2.0, writer="after"))
    history.say("r1", _metrics(1, 150, 9.0, writer="before"))
    tables = history.tables()
    assert _latest(history) == {"loss": (101, 2.0)}
    assert only(tables, RUNS).step == 101
    assert [(point.step, point.start) for point in tables.rows(RUN_POINTS)] == [(1, 1), (101, 2), (150, 1)]


def test_a_run_keeps_count_of_failed_allocations_and_its_newest_checkpoint_when_it_starts_again() -> None:
    history = History()
    history.say("r1", run.RunStarted(name="tiny"))
    history.say("r1", EVENTS["run.checkpoint_written.v1"])
    history.say("r1", EVENTS["run.out_of_memory.v1"])
    history.say("r1", EVENTS["run.out_of_memory.v1"])
    history.say("r1", run.RunStarted(name="tiny", resumed_from_step=1000))
    now = only(history.tables(), RUNS)
    assert (now.out_of_memory, now.checkpoint_step) == (2, 1000)
