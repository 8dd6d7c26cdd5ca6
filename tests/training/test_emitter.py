"""The emitter: takes in without waiting, packs in order, and brings everything to the log once."""

import logging
import math
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from projectors import until
from run_logs import RunLog

from coord.events.catalog import decode_event, encode_event
from coord.events.errors import OutcomeUnknown, UsageError
from coord.events.run import (
    METRICS_MAX,
    POINTS_MAX,
    WAITING_SECONDS,
    RunCheckpointWritten,
    RunEvaluated,
    RunFinished,
    RunMetricsRecorded,
    RunStarted,
)
from coord.events.streams import BODY_BYTES_MAX
from coord.projections.folds.run_rows import CHECKPOINTS, EVALUATIONS, RUN_POINTS, RUN_WRITERS, RUNS
from coord.services.log import Log
from coord.training_worker import emitter, sender
from coord.training_worker.outbox import POINTS_WAITING_MAX, Logged, Outbox, Told
from coord.training_worker.packing import Packer
from coord.training_worker.record import Record, record_of
from coord.training_worker.spool import Spool

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
POINTS = st.builds(
    lambda step, values: Logged(0, step, tuple(values), tuple(values.values())),
    st.integers(0, 1_000),
    st.dictionaries(NAMES, st.floats(), min_size=1, max_size=5),
)
EVALUATED = record_of(RunEvaluated(step=1, values={"loss": 1.0}))


def opened(record: Record) -> RunMetricsRecorded:
    """Read a pack as any reader of the log does."""
    event = decode_event(record.type, record.body, "run")
    assert isinstance(event, RunMetricsRecorded)
    return event


@given(st.lists(POINTS, max_size=12), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_pack_is_byte_for_byte_the_event_it_says_it_is(points: list[Logged], dropped: int) -> None:
    packs = Packer("w-1", 3).pack(points, dropped)
    events = [opened(pack) for pack in packs]
    assert [encode_event(event) for event in events] == [pack.body for pack in packs]
    assert [event.writer_sequence for event in events] == list(range(1, len(packs) + 1))
    assert [pack.points for pack in packs] == [len(event.points) for event in events]
    assert all(event.rank == 3 and event.dropped_points == dropped for event in events)
    found = [(point.step, *point.values.items()) for event in events for point in event.points]
    told = [(p.step, *zip(p.names, map(worded, p.values), strict=True)) for p in points]
    assert found == told


def worded(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def test_steps_that_go_back_begin_a_new_pack() -> None:
    points = [Logged(0, step, ("loss",), (1.0,)) for step in (5, 6, 6, 3, 4, 1)]
    packs = [opened(pack) for pack in Packer("w", 0).pack(points, 0)]
    assert [[point.step for point in pack.points] for pack in packs] == [[5, 6, 6], [3, 4], [1]]


def test_a_pack_holds_no_more_than_the_log_takes() -> None:
    many = [Logged(0, step, ("loss",), (1.0,)) for step in range(3 * POINTS_MAX)]
    assert [pack.points for pack in Packer("w", 0).pack(many, 0)] == [POINTS_MAX] * 3
    names = tuple(f"{n:064d}" for n in range(METRICS_MAX))
    wide = [Logged(0, step, names, (-1.2345678901234567e-300,) * METRICS_MAX) for step in range(60)]
    packs = Packer("w", 0).pack(wide, 0)
    assert sum(pack.points for pack in packs) == 60
    assert BODY_BYTES_MAX // 2 < max(len(pack.body) for pack in packs) <= BODY_BYTES_MAX


def test_a_full_row_drops_its_oldest_points_counts_them_and_keeps_every_event() -> None:
    outbox = Outbox()
    outbox.tell(EVALUATED)
    for step in range(POINTS_WAITING_MAX + 7):
        outbox.add(step, {"loss": 1.0})
    outbox.tell(EVALUATED)
    taken = outbox.take()
    assert outbox.dropped_points == 7
    assert [type(one) for one in (taken[0], taken[-1])] == [Told, Told]
    steps = [one.step for one in taken if isinstance(one, Logged)]
    assert steps == list(range(7, POINTS_WAITING_MAX + 7))
    outbox.add(1, {"loss": 1.0})
    assert len(outbox.take()) == 1
    assert outbox.dropped_points == 7


@given(st.lists(st.booleans(), max_size=60), st.sets(st.integers(0, 60)))
def test_metrics_and_events_leave_in_the_order_they_came(said: list[bool], takes: set[int]) -> None:
    outbox, out = Outbox(), []
    for number, is_event in enumerate(said):
        if is_event:
            outbox.tell(EVALUATED)
        else:
            outbox.add(number, {"loss": 1.0})
        if number in takes:
            out += outbox.take()
    out += outbox.take()
    assert [isinstance(one, Told) for one in out] == said
    assert outbox.dropped_points == 0


@pytest.mark.parametrize(
    ("values", "at_once"),
    [
        ({"loss": 1.0, "batch": 3, "skipped": True}, False),
        ({"loss": 1.0, "norm": math.nan}, True),
        ({"loss": math.inf}, True),
        ({"loss": math.inf, "norm": -math.inf}, True),
    ],
)
def test_what_is_not_finite_is_to_go_at_once(values: dict[str, Any], at_once: bool) -> None:
    assert Outbox().add(1, values) is at_once


@pytest.mark.parametrize(
    ("step", "values", "sentence"),
    [
        (1, {"train/loss": 1.0}, r"the metric 'train/loss' is no name\. Use 1 to 64 letters"),
        (1, {"loss": "high"}, "the metric loss is 'high'; it must be one number"),
        (1, {"loss": None}, "the metric loss is None; it must be one number"),
        (1, {"loss": [1.0, 2.0]}, r"the metric loss is \[1.0, 2.0\]; it must be one number"),
        (1, {}, "a step has 0 metrics; it must have 1 to 200"),
        (1, {f"m{n}": 1.0 for n in range(201)}, "a step has 201 metrics"),
        (-1, {"loss": 1.0}, "the step is -1; it must be from 0 to"),
        (1.5, {"loss": 1.0}, "the step is 1.5; it must be a whole number"),
    ],
)
def test_what_is_no_metric_is_refused_in_a_sentence(step: Any, values: dict[str, Any], sentence: str) -> None:
    outbox = Outbox()
    with pytest.raises(UsageError, match=sentence):
        outbox.add(step, values)
    assert outbox.take() == []


def test_everything_reaches_the_log_once_and_in_order(told: RunLog) -> None:
    run = told.begin(configuration={"seed": 1})
    for step in range(1_200):
        run.log(step, loss=1.0 / (step + 1), batch=step)
    run.evaluated(1_199, loss=0.5)
    run.log(1_200, loss=0.25)
    assert run.finish("completed", 1_200) == 0
    types = told.types()
    assert types[0] == "started"
    assert types[-3:] == ["evaluated", "metrics_recorded", "finished"]
    assert [step for step, _ in told.points()] == list(range(1_201))
    assert run.position == told.events()[-1].position
    assert list((told.folder() / "spool").glob("*.log")) == []


def test_what_is_not_finite_or_called_for_does_not_wait_for_its_second(
    told: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emitter, "PACK_SECONDS", 3_600.0)
    with told.begin() as run:
        until(lambda: run.position)
        run.log(1, loss=1.0)
        run.log(2, loss=math.nan)
        told.wait_for(RunMetricsRecorded, 1)
        run.log_now(3, loss=1.0, canary_loss=2.0)
        told.wait_for(RunMetricsRecorded, 2)
    assert told.points() == [(1, {"loss": 1.0}), (2, {"loss": "nan"}), (3, {"loss": 1.0, "canary_loss": 2.0})]


def test_a_server_that_goes_away_costs_nothing_and_gets_everything_when_it_is_back(
    told: RunLog, caplog: pytest.LogCaptureFixture
) -> None:
    with told.begin() as run:
        run.log_now(1, loss=1.0)
        told.wait_for(RunMetricsRecorded)
        told.server.kill()
        for step in range(2, 50):
            run.log(step, loss=1.0)
            if step % 10 == 0:
                run.checkpoint_written(step, f"checkpoints/step-{step}", "0" * 64, 10, 0.1)
        until(lambda: any("waits on disk" in one for one in caplog.messages))
        told.server.restart()
        told.wait_for(RunCheckpointWritten, 4)
    assert [step for step, _ in told.points()] == list(range(1, 50))
    assert [one.step for one in told.of(RunCheckpointWritten)] == [10, 20, 30, 40]
    positions = [one.position for one in told.events() if isinstance(one.event, RunCheckpointWritten)]
    packs = [one for one in told.events() if isinstance(one.event, RunMetricsRecorded)]
    for pack in packs:
        assert isinstance(pack.event, RunMetricsRecorded)
        steps = [point.step for point in pack.event.points]
        before = sum(position < pack.position for position in positions)
        assert all((step - 1) // 10 == before for step in steps)


def test_a_server_that_comes_back_at_another_place_is_found(
    told: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "CONNECT_AGAIN_SECONDS", 0.1)
    server = told.server
    with told.begin() as run:
        until(lambda: run.position)
        before = server.address.url
        server.embedded.stop()
        server.folder.path("nats", "port.json").unlink()
        with socket.create_server(("127.0.0.1", int(before.rpartition(":")[2]))):
            run.evaluated(1, loss=1.0)
            server.address = server.embedded.start()
            assert server.address.url != before
            told.wait_for(RunEvaluated)
    assert told.types() == ["started", "evaluated", "finished"]


def test_drops_are_told_in_the_next_pack_and_in_a_sentence(
    told: RunLog, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coord.training_worker.outbox.POINTS_CALLED_FOR", 10**9)
    outbox_full = POINTS_WAITING_MAX + 5
    run = told.begin()
    until(lambda: run.position)
    monkeypatch.setattr(run._emitter, "_pack", lambda: None)
    for step in range(outbox_full):
        run.log(step, loss=1.0)
    monkeypatch.undo()
    run.finish("completed", outbox_full)
    assert told.of(RunMetricsRecorded)[-1].dropped_points == 5
    assert [step for step, _ in told.points()] == list(range(5, outbox_full))
    assert any("5 points of metrics were dropped" in one for one in caplog.messages)
    (row,) = told.tables().rows(RUNS)
    assert row.dropped_points == 5


def restored(told: RunLog, kept: Path) -> None:
    shutil.rmtree(told.folder() / "spool")
    shutil.copytree(kept, told.folder() / "spool")


def test_a_spool_sent_again_after_the_server_forgot_its_ids_changes_nothing(
    told: RunLog, tmp_path: Path
) -> None:
    """As when a life is killed before it noted what was acknowledged, and the next begins much later."""
    kept = tmp_path / "kept"
    spool = Spool(told.folder() / "spool")
    for record in (
        record_of(RunStarted(name="an earlier life")),
        record_of(RunEvaluated(step=0, values={"loss": 3.0})),
        *Packer("w-1", 0).pack([Logged(0, step, ("loss",), (1.0,)) for step in range(1_000)], 0),
        record_of(RunCheckpointWritten(
            step=999, path="a/b", sha256="0" * 64, size_bytes=1, write_seconds=0.1
        )),
        record_of(RunFinished(outcome="completed", step=999)),
    ):  # fmt: skip
        spool.append(record)
    spool.close()
    shutil.copytree(told.folder() / "spool", kept)
    told.forget_ids_after(0.1)
    told.begin().finish("stopped", 999)
    once = told.types()
    assert once.count("finished") == 2
    probe = told.events()[-1].envelope
    tables = told.tables()

    restored(told, kept)
    until(lambda: is_forgotten(told, probe.id), "the server to forget")
    told.begin().finish("stopped", 999)
    twice = told.types()
    assert twice.count("metrics_recorded") == 2 * once.count("metrics_recorded")
    assert twice.count("evaluated") == twice.count("checkpoint_written") == 1
    assert twice.count("started") == 1 + 2
    assert len(tables.rows(RUN_POINTS)) == 1_000
    again = told.tables()
    assert again.rows(EVALUATIONS) == tables.rows(EVALUATIONS)
    assert again.rows(CHECKPOINTS) == tables.rows(CHECKPOINTS)
    assert again.rows(RUN_POINTS) == tables.rows(RUN_POINTS)
    assert [row.seen for row in again.rows(RUN_WRITERS)] == [row.seen for row in tables.rows(RUN_WRITERS)]


def is_forgotten(told: RunLog, event_id: str) -> bool:
    """Tell whether the server takes a message for a new one although it has had its id."""

    async def body(log: Any) -> bool:
        reply = await log.request("ev.local.oddity.probe", b"{}", headers={"Nats-Msg-Id": event_id})
        return b'"duplicate"' not in reply

    return told.on(body)


def test_an_event_whose_fate_is_unknown_for_long_is_looked_for_before_it_is_sent_again(
    told: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.forget_ids_after(0.1)
    run = told.begin()
    until(lambda: run.position)
    monkeypatch.setattr(run._sender, "_sure_seconds", 0.0)
    publish = Log.publish
    lost: list[int] = []

    async def publish_and_lose_the_answer(self: Log, *given: Any) -> int:
        position = await publish(self, *given)
        if len(lost) < 2:
            lost.append(position)
            raise OutcomeUnknown("the answer is lost.")
        return position

    monkeypatch.setattr(Log, "publish", publish_and_lose_the_answer)
    run.evaluated(5, loss=1.0)
    until(lambda: run.position == lost[0] if lost else False)
    run.finish("completed", 5)
    assert told.types() == ["started", "evaluated", "finished"]


def test_a_silent_run_gives_signs_of_life(told: RunLog) -> None:
    told.server.settings = told.server.settings.changed(run_silence_seconds=2)
    with told.begin(resumed_from_step=40) as run:
        told.wait_for(RunMetricsRecorded, 2)
        run.log(41, loss=1.0)
    *signs, last = told.points()
    assert last == (41, {"loss": 1.0})
    assert {(step, *values) for step, values in signs} == {(40, WAITING_SECONDS)}


def test_a_fault_in_the_emitter_becomes_a_sentence_and_nothing_is_lost(
    told: RunLog, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.ERROR)
    with told.begin() as run:
        until(lambda: run.position)
        first = Spool.first

        def break_once(self: Spool) -> Any:
            monkeypatch.setattr(Spool, "first", first)
            raise RuntimeError("a fault")

        monkeypatch.setattr(Spool, "first", break_once)
        run.log_now(1, loss=1.0)
        until(lambda: any("it begins anew" in one for one in caplog.messages))
    assert told.points() == [(1, {"loss": 1.0})]


FORKING = """
import os, sys
from pathlib import Path
from coord.events.errors import OutcomeUnknown, UsageError
from coord.services.settings import Settings
from coord.training_worker import Run

run = Run("a run", run_id="r-1", settings=Settings(data=Path(sys.argv[1])))
child = os.fork()
if not child:
    for say in (lambda: run.log(1, loss=1.0), lambda: run.evaluated(1, loss=1.0)):
        try:
            say()
        except UsageError as refusal:
            print(refusal, flush=True)
    print(run.finish("completed", 1), flush=True)
    os._exit(0)
os.waitpid(child, 0)
run.log(2, loss=2.0)
run.finish("completed", 2)
"""


def test_a_forked_copy_refuses_and_the_one_that_forked_goes_on(told: RunLog) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKING, str(told.server.folder.root)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    first, second, left = ran.stdout.splitlines()
    assert first == second
    assert "this Run belongs to process" in first
    assert left == "0"
    assert told.points() == [(2, {"loss": 2.0})]
    assert told.types().count("finished") == 1
