"""The mailbox: what is asked of this run is heard, judged and answered once."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from projectors import until
from run_logs import RunLog, answers

from coord.events.errors import UsageError
from coord.events.run import RunDirectiveApplied, RunDirectiveRefused, RunStarted
from coord.services import clock
from coord.training_worker import Asked, Run, mailbox

EVER = 10**9
"""An epoch that no start of a run overtakes."""


def heard(run: Run, count: int = 1, step: int = 1) -> list[Asked]:
    """Wait until so many directives are open."""

    def enough() -> list[Asked] | None:
        found = run.directives(step)
        return found if len(found) >= count else None

    return list(until(enough, "the directives"))


def began(told: RunLog, starts: int = 1) -> int:
    """Wait until the log holds so many starts of the run, and return where the last one is."""
    told.wait_for(RunStarted, starts)
    return [one.position for one in told.events() if isinstance(one.event, RunStarted)][-1]


def test_what_is_asked_is_heard_in_order_and_answered_with_the_step(told: RunLog) -> None:
    with told.begin() as run:
        epoch = began(told)
        first = told.ask("skip_batch", epoch, parameters={"batches": [3, 4]})
        told.ask("checkpoint_now", epoch)
        skip, checkpoint = heard(run, 2)
        assert (skip.action, skip.parameters, skip.position) == ("skip_batch", {"batches": [3, 4]}, first)
        assert skip.reason == "a test asks"
        run.applied(skip, 12, "two batches")
        run.refused(checkpoint, 13, "the disk is full")
        assert run.directives(14) == []
    (applied,), (refused,) = told.of(RunDirectiveApplied), told.of(RunDirectiveRefused)
    assert (applied.directive_id, applied.directive_position, applied.step) == (skip.directive_id, first, 12)
    assert applied.note == "two batches"
    assert (refused.directive_id, refused.step, refused.reason) == (
        checkpoint.directive_id, 13, "the disk is full",
    )  # fmt: skip


def test_a_directive_has_one_answer(told: RunLog) -> None:
    with told.begin() as run:
        told.ask("pause", began(told))
        (pause,) = heard(run)
        run.applied(pause, 1)
        with pytest.raises(UsageError, match=f"the directive {pause.directive_id} is answered already"):
            run.refused(pause, 2, "no")
    assert told.types().count("directive_applied") == 1
    assert told.of(RunDirectiveRefused) == []


def test_what_was_asked_before_the_run_began_again_is_stale(told: RunLog) -> None:
    told.begin().finish("stopped", 0)
    epoch = told.events()[-1].position
    told.ask("roll_back", epoch, parameters={"before_step": 5})
    with told.begin() as run:
        start = began(told, 2)
        told.ask("pause", start)
        (pause,) = heard(run, step=7)
        assert pause.action == "pause"
        run.applied(pause, 8)
    (stale,) = told.of(RunDirectiveRefused)
    assert (stale.directive_id, stale.step) == ("d-roll_back", 7)
    assert stale.reason == (
        f"it is stale: it was decided on what was known up to position {epoch}, "
        f"and the run began anew at {start}"
    )


def test_after_a_roll_back_what_was_decided_before_it_is_stale(told: RunLog) -> None:
    with told.begin() as run:
        epoch = began(told)
        told.ask("roll_back", epoch, parameters={"before_step": 5})
        told.ask("lower_learning_rate", epoch, parameters={"factor": 0.5})
        roll_back, _ = heard(run, 2)
        run.applied(roll_back, 9)
        (stale,) = told_when(run, told)
        assert stale.directive_id == "d-lower_learning_rate"
        rolled_back_at = [one.position for one in told.events() if "applied" in one.envelope.type][-1]
        told.ask("pause", rolled_back_at)
        (pause,) = heard(run)
        run.applied(pause, 10)
    assert answers(told.of(RunDirectiveApplied)) == [("d-roll_back", 9), ("d-pause", 10)]


def told_when(run: Run, told: RunLog) -> list[Any]:
    """Let the run look until it has refused something."""

    def refusals() -> list[Any]:
        run.directives(10)
        return told.of(RunDirectiveRefused)

    return list(until(refusals, "a refusal"))


def test_directives_are_held_back_until_the_log_has_the_runs_start(told: RunLog) -> None:
    told.ask("pause", EVER)
    run = told.begin()
    heard(run)
    run._mailbox._epoch = None
    assert run.directives(1) == []
    run._mailbox.begin(run.position)
    assert len(run.directives(1)) == 1
    run.finish("stopped", 1)


def test_a_directive_that_outlived_its_life_before_it_was_heard_is_dead(told: RunLog) -> None:
    """Its age is told by the broker's clock."""
    told.ask("pause", EVER, live_seconds=0.5)
    told.ask("stop", EVER)
    over = clock.monotonic() + 0.5
    until(lambda: clock.monotonic() > over)
    with told.begin() as run:
        (stop,) = heard(run)
        run.applied(stop, 1)
    (dead,) = told.of(RunDirectiveRefused)
    assert dead.directive_id == "d-pause"
    assert dead.reason == "its life of 0.5 s was over before the run could obey"


def test_a_directive_dies_while_the_run_does_not_look(told: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    with told.begin() as run:
        told.ask("pause", began(told), live_seconds=60.0)
        (pause,) = heard(run)
        late = SimpleNamespace(monotonic=lambda: pause.ends_at, derived_id=clock.derived_id)
        monkeypatch.setattr(mailbox, "clock", late)
        assert run.directives(30) == []
        monkeypatch.undo()
    assert answers(told.of(RunDirectiveRefused)) == [("d-pause", 30)]


def test_what_was_withdrawn_or_is_for_others_is_not_heard(told: RunLog) -> None:
    with told.begin() as run:
        epoch = began(told)
        told.ask("pause", epoch)
        told.withdraw("d-pause")
        told.ask("stop", epoch, entity_kind="agent")
        told.ask("drain", epoch, entity_kind="node")
        told.ask("checkpoint_now", epoch)
        until(lambda: {one.action for one in run.directives(1)} == {"checkpoint_now"})
        (checkpoint,) = run.directives(1)
        run.applied(checkpoint, 1)
    assert answers(told.of(RunDirectiveApplied)) == [("d-checkpoint_now", 1)]
    assert told.of(RunDirectiveRefused) == []


def test_what_is_asked_of_another_run_is_not_heard(told: RunLog) -> None:
    other = RunLog(told.server, "r-2")
    with told.begin() as run:
        other.ask("stop", EVER)
        told.ask("pause", EVER)
        assert [one.action for one in heard(run)] == ["pause"]


def test_a_message_that_is_no_event_stops_nothing(told: RunLog) -> None:
    with told.begin() as run:
        told.on(lambda log: log.request("ev.local.directive.r-1", b"no event"))
        told.ask("pause", EVER)
        assert [one.action for one in heard(run)] == ["pause"]


def test_the_next_life_does_not_hear_what_was_answered(told: RunLog) -> None:
    with told.begin() as run:
        told.ask("pause", EVER)
        told.ask("checkpoint_now", EVER)
        _, checkpoint = heard(run, 2)
        run.applied(checkpoint, 3)
    kept = json.loads((told.folder() / "answered.json").read_text())
    assert list(kept["answered"]) == ["d-checkpoint_now"]
    with told.begin() as run:
        (pause,) = heard(run)
        assert pause.action == "pause"
        run.applied(pause, 4)
    assert answers(told.of(RunDirectiveApplied)) == [("d-checkpoint_now", 3), ("d-pause", 4)]
    with told.begin() as run:
        told.ask("resume", EVER)
        assert [one.action for one in heard(run)] == ["resume"]


def test_an_answer_left_in_the_spool_is_the_answer(told: RunLog, tmp_path: Path) -> None:
    """As when a life is killed after its answer was spooled, and before that was written down."""
    run = told.begin()
    began(told)
    told.ask("pause", EVER)
    (pause,) = heard(run)
    told.server.kill()
    run.applied(pause, 5)
    kept = shutil.copytree(told.folder() / "spool", tmp_path / "kept")
    told.server.restart()
    run.finish("stopped", 5)
    (told.folder() / "answered.json").unlink()
    shutil.rmtree(told.folder() / "spool")
    shutil.copytree(kept, told.folder() / "spool")
    with told.begin() as run:
        told.ask("resume", EVER)
        assert [one.action for one in heard(run)] == ["resume"]
    assert answers(told.of(RunDirectiveApplied)) == [("d-pause", 5)]
    assert told.of(RunDirectiveRefused) == []


def test_a_paused_run_waits_for_what_is_asked_and_no_longer(told: RunLog) -> None:
    with told.begin() as run:
        assert run.wait_for_directive(1, 0.01) == []
        told.ask("resume", began(told))
        assert [one.action for one in run.wait_for_directive(1, 30)] == ["resume"]


def test_directives_are_heard_again_after_the_server_was_away(told: RunLog) -> None:
    with told.begin() as run:
        epoch = began(told)
        told.server.kill()
        told.server.restart()
        told.ask("pause", epoch)
        assert [one.action for one in run.wait_for_directive(1, 30)] == ["pause"]
