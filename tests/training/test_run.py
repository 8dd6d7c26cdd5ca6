"""Run: three lines for anyone's loop, and what happens to it whatever ends the loop."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Server
from projectors import until
from run_logs import RunLog

from coord.events.errors import NoServer, UsageError
from coord.events.run import (
    RunCheckpointWritten,
    RunEvaluated,
    RunFinished,
    RunMetricsRecorded,
    RunOutOfMemory,
    RunStarted,
)
from coord.services.settings import Settings
from coord.training_worker import Run, run


def test_three_lines_serve_anyones_loop(told: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COORD_DATA", str(told.server.folder.root))
    with Run("my first run!") as run:
        for step in range(10):
            run.log(step, loss=1.0 / (step + 1))
    assert run.run_id.startswith("my-first-run-")
    told = RunLog(told.server, run.run_id)
    (started,), (finished,) = told.of(RunStarted), told.of(RunFinished)
    assert (started.name, started.node) == ("my first run!", told.server.settings.node)
    assert (finished.outcome, finished.step, finished.reason) == ("completed", 9, None)
    assert [step for step, _ in told.points()] == list(range(10))


def test_two_runs_of_one_name_are_two_runs(told: RunLog) -> None:
    with Run("a", settings=told.server.settings) as one, Run("a", settings=told.server.settings) as other:
        assert one.run_id != other.run_id


@pytest.mark.parametrize("step", [-1, 2**63])
def test_a_step_that_is_none_is_refused_at_once_and_the_run_ends_at_its_last_one(
    told: RunLog, step: int
) -> None:
    with told.begin() as run:
        run.log(3, loss=1.0)
        with pytest.raises(UsageError, match=rf"^the step is {step}; it must be from 0 to"):
            run.log(step, loss=1.0)
    (finished,) = told.of(RunFinished)
    assert (finished.outcome, finished.step) == ("completed", 3)


@pytest.mark.parametrize(
    ("ending", "outcome", "reason"),
    [
        (ValueError("bad\nbatch"), "failed", r"ValueError: bad\nbatch"),
        (KeyboardInterrupt(), "stopped", "it was interrupted"),
        (SystemExit(0), "completed", None),
        (SystemExit(3), "failed", "SystemExit: 3"),
    ],
)
def test_a_run_ends_as_its_block_ends(
    told: RunLog, ending: BaseException, outcome: str, reason: str | None
) -> None:
    def train() -> None:
        with told.begin() as run:
            run.log(3, loss=1.0)
            raise ending

    with pytest.raises(type(ending)):
        train()
    (finished,) = told.of(RunFinished)
    assert (finished.outcome, finished.step, finished.reason) == (outcome, 3, reason)


def test_a_run_tells_evaluations_checkpoints_and_failed_allocations(told: RunLog) -> None:
    with told.begin(configuration={"seed": 1}, resumed_from_step=10, world_size=2, work_item="w-1") as run:
        run.evaluated(11, loss=float("inf"), accuracy=0.5)
        run.checkpoint_written(12, "checkpoints/step-12", "a" * 64, 99, 0.25)
        run.out_of_memory(13, 8, "tried to\nallocate")
    started, evaluated, checkpoint, failed, _ = (one.event for one in told.events())
    assert started == RunStarted(
        name="a run", node=told.server.settings.node, work_item="w-1", world_size=2,
        configuration={"seed": 1}, resumed_from_step=10,
    )  # fmt: skip
    assert evaluated == RunEvaluated(step=11, values={"loss": "inf", "accuracy": 0.5})
    assert checkpoint == RunCheckpointWritten(
        step=12, path="checkpoints/step-12", sha256="a" * 64, size_bytes=99, write_seconds=0.25
    )
    assert failed == RunOutOfMemory(step=13, micro_batch=8, reason=r"tried to\nallocate")


def test_an_event_that_was_told_is_on_disk(told: RunLog) -> None:
    told.server.kill()
    run = told.begin()
    run.checkpoint_written(12, "checkpoints/step-12", "a" * 64, 99, 0.25)
    raw = b"".join(path.read_bytes() for path in (told.folder() / "spool").glob("*.log"))
    assert b"checkpoints/step-12" in raw
    told.server.restart()
    assert run.finish("stopped", 12) == 0
    assert told.types() == ["started", "checkpoint_written", "finished"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"run_id": "a.b"}, r"the run 'a\.b' is not a name"),
        ({"world_size": 0}, "RunStarted: world_size is 0"),
        ({"configuration": {"rate": float("nan")}}, "RunStarted: configuration"),
        ({"work_item": "no token"}, "RunStarted: work_item is 'no token'"),
        ({"resumed_from_step": -1}, "RunStarted: resumed_from_step is -1"),
    ],
)
def test_a_run_that_cannot_be_told_is_refused_in_a_sentence(
    told: RunLog, fields: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        Run("a run", settings=told.server.settings, **fields)
    with pytest.raises(UsageError, match="the name of the run is ''; it must be a text"):
        Run("", settings=told.server.settings)


def test_what_is_no_event_is_refused_and_the_run_goes_on(told: RunLog) -> None:
    with told.begin() as run:
        with pytest.raises(UsageError, match=r"RunCheckpointWritten: path is '\.\./elsewhere'"):
            run.checkpoint_written(1, "../elsewhere", "a" * 64, 1, 0.1)
        with pytest.raises(UsageError, match="the metric loss is 'low'; it must be one number"):
            run.evaluated(1, loss="low")
        run.evaluated(1, loss=1.0)
    assert told.types() == ["started", "evaluated", "finished"]
    with pytest.raises(UsageError, match="this Run is finished; nothing more can be said of it"):
        run.log(1, loss=1.0)
    with pytest.raises(UsageError, match="this Run is finished"):
        run.evaluated(1, loss=1.0)
    assert run.finish("failed", 1) == 0
    assert told.of(RunFinished)[0].outcome == "completed"


def test_where_no_coord_ever_ran_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoServer, match=f"no coord ever ran on the data folder {tmp_path}.*coord up"):
        Run("a run", settings=Settings(data=tmp_path))
    assert not (tmp_path / "runs").exists()


def test_two_processes_do_not_speak_for_one_run(told: RunLog) -> None:
    with told.begin(), pytest.raises(UsageError, match=f"process {os.getpid()} speaks for the run r-1"):
        told.begin()
    assert told.types() == ["started", "finished"]


def test_without_a_server_the_run_goes_on_and_says_what_stays_for_its_next_life(
    server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "CLOSE_SECONDS", 0.2)
    server.embedded.stop()
    told = RunLog(server)
    with told.begin() as first:
        first.log(1, loss=1.0)
        first.evaluated(1, loss=2.0)
    assert any("4 records of the run r-1 stay in" in one for one in caplog.messages)
    assert first.position == 0
    monkeypatch.undo()
    server.address = server.embedded.start()
    told.declare()
    with told.begin() as second:
        until(lambda: second.position)
        second.log(2, loss=1.0)
    life = ["started", "metrics_recorded", "evaluated", "finished"]
    assert told.types() == [*life, "started", "metrics_recorded", "finished"]


KILLED = """
import sys, time
from pathlib import Path
from coord.services.settings import Settings
from coord.training_worker import Run

run = Run("a run", run_id="r-1", settings=Settings(data=Path(sys.argv[1])))
run.log(1, loss=1.0)
run.checkpoint_written(1, "checkpoints/step-1", "a" * 64, 1, 0.1)
for step in range(2, 10**9):
    run.log(step, loss=1.0)
    run.log_now(step, loss=1.0) if step % 20 == 0 else None
    time.sleep(0.001)
    if step == 100:
        print("a hundred", flush=True)
"""


@pytest.mark.parametrize("server_is", ["there", "away"])
def test_a_killed_run_is_told_whole_by_its_next_life(told: RunLog, server_is: str) -> None:
    if server_is == "away":
        told.server.kill()
    command = [sys.executable, "-c", KILLED, str(told.server.folder.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "a hundred\n"
        until(lambda: spooled(told, b'"step":100') if server_is == "away" else len(told.points()) > 100)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    if server_is == "away":
        told.server.restart()
    with told.begin(resumed_from_step=1) as run:
        until(lambda: run.position)
    types = told.types()
    assert [one for one in types if one != "metrics_recorded"] == [
        "started", "checkpoint_written", "started", "finished",
    ]  # fmt: skip
    packs = told.of(RunMetricsRecorded)
    sequences = [(one.writer, one.writer_sequence) for one in packs]
    assert sequences == [(packs[0].writer, number) for number in range(1, len(packs) + 1)]
    steps = [step for step, _ in told.points()]
    assert sorted(set(steps)) == list(range(1, steps[-1] + 1))
    assert steps[-1] >= 100


def spooled(told: RunLog, what: bytes) -> bool:
    return any(what in path.read_bytes() for path in (told.folder() / "spool").glob("*.log"))


def test_another_rank_tells_its_metrics_and_nothing_else(told: RunLog) -> None:
    with told.begin(world_size=2) as first, told.begin(rank=1, world_size=2) as second:
        until(lambda: first.position)
        second.log(1, loss=1.0)
        second.finish("completed", 1)
    assert [pack.rank for pack in told.of(RunMetricsRecorded)] == [1]
    assert told.types() == ["started", "metrics_recorded", "finished"]


UNFINISHED = """
import sys
from pathlib import Path
from coord.services.settings import Settings
from coord.training_worker import Run

run = Run("a run", run_id="r-1", settings=Settings(data=Path(sys.argv[1])))
run.log(1, loss=1.0)
print(sorted({"torch", "numpy", "duckdb"} & set(sys.modules)))
"""


def test_a_program_that_forgets_to_finish_still_tells_what_it_said_and_loads_nothing_heavy(
    told: RunLog,
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", UNFINISHED, str(told.server.folder.root)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert (ran.stdout, ran.stderr) == ("[]\n", "")
    assert told.types() == ["started", "metrics_recorded"]
