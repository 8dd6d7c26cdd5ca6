"""Directives: each is obeyed between two steps and answered with the step, or refused with the reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from trainers import Remembering, asked, trainer_on

from coord.training_worker.checkpoint import verified
from coord.training_worker.drills import read_drill
from coord.training_worker.optimisation import learning_rate_at
from coord.training_worker.trainer import Trainer


def trained(folder: Path, run: Remembering, **changed: Any) -> Trainer:
    """Train to the end."""
    trainer = trainer_on(folder, run, **changed)
    trainer.train()
    return trainer


def scheduled(trainer: Trainer, run: Remembering) -> dict[int, float]:
    """Return what each step's learning rate was of its schedule."""
    rates = {step: values["learning_rate"] for step, values in run.points if "learning_rate" in values}
    return {
        step: round(rate / learning_rate_at(step, trainer.configuration), 6) for step, rate in rates.items()
    }


def test_a_batch_that_is_to_come_is_passed_over_and_the_next_takes_its_place(tmp_path: Path) -> None:
    run = Remembering().ask(5, "skip_batch", batches=[9, 10, 3])
    trained(tmp_path, run, steps=12)
    assert run.batches() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13]
    assert run.answers == [
        ("d-0", 6, "applied: batches 9, 10, 3 in quarantine, of which 1 had been read already")
    ]


def test_what_is_in_quarantine_outlasts_the_process_and_its_checkpoints(tmp_path: Path) -> None:
    run = Remembering().ask(25, "skip_batch", batches=[28, 34])
    first = trainer_on(tmp_path, run)
    while first.step < 30:
        first._obey(first._attempt())
    again = Remembering()
    trained(tmp_path, again, steps=40)
    assert again.batches()[:10] == [20, 21, 22, 23, 24, 25, 26, 27, 29, 30]
    assert 34 not in again.batches()


def test_the_learning_rate_is_lowered_for_so_many_steps(tmp_path: Path) -> None:
    run = Remembering().ask(5, "lower_learning_rate", factor=0.5, steps=4)
    shares = scheduled(trained(tmp_path, run, steps=14), run)
    assert [step for step, share in shares.items() if share == 0.5] == [6, 7, 8, 9]
    assert run.answers == [("d-0", 6, "applied: the learning rate is 0.5 of its schedule, for 4 steps")]


def test_the_learning_rate_is_lowered_again_and_restored(tmp_path: Path) -> None:
    run = Remembering().ask(3, "lower_learning_rate", factor=0.5).ask(5, "lower_learning_rate", factor=0.5)
    run.ask(7, "restore_learning_rate").ask(9, "restore_learning_rate")
    shares = scheduled(trained(tmp_path, run, steps=11), run)
    assert list(shares.values()) == [1] * 4 + [0.5] * 2 + [0.25] * 2 + [1] * 3
    assert [said for *_, said in run.answers] == [
        "applied: the learning rate is 0.5 of its schedule, until it is restored",
        "applied: the learning rate is 0.25 of its schedule, until it is restored",
        "applied: the learning rate follows its schedule again",
        "applied: the learning rate follows its schedule already",
    ]


def test_a_halved_micro_batch_leaves_losses_and_batch_as_they_are(tmp_path: Path) -> None:
    losses = []
    for name, run in (("whole", Remembering()), ("half", Remembering().ask(5, "halve_micro_batch"))):
        (tmp_path / name).mkdir()
        trainer = trained(tmp_path / name, run, steps=20)
        losses.append(run.losses)
    assert trainer.orders.micro_batch == 2
    assert run.answers == [("d-0", 6, "applied: the micro-batch is 2 instead of 4; the batch is still 4")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert run.batches() == list(range(20))


def test_a_roll_back_goes_to_the_newest_good_checkpoint_and_passes_the_batches_over(tmp_path: Path) -> None:
    run = Remembering().ask(45, "roll_back", before_step=41, skip_batches=[41, 42])
    trainer = trained(tmp_path, run)
    assert run.answers == [
        (
            "d-0",
            46,
            "applied: rolled back from step 46 to the checkpoint of step 40; batches 41, 42 in quarantine",
        )
    ]
    steps = [step for step, _ in run.points]
    assert steps == [*range(46), *range(40, 60)]
    assert run.batches()[46:] == [40, *range(43, 62)]
    assert trainer.counts.rolled_back == 1


def test_a_roll_back_without_batches_gives_the_losses_of_before_again(tmp_path: Path) -> None:
    run = Remembering().ask(35, "roll_back", before_step=35)
    trained(tmp_path, run)
    losses = [(step, values["loss"]) for step, values in run.points]
    assert losses[20:36] == losses[36:52]


def test_a_roll_back_leaves_later_checkpoints_behind_and_keeps_the_orders(tmp_path: Path) -> None:
    run = Remembering().ask(20, "lower_learning_rate", factor=0.5).ask(21, "skip_batch", batches=[30])
    run.ask(45, "roll_back", before_step=25)
    trainer = trainer_on(tmp_path, run)
    while trainer.counts.rolled_back == 0 and trainer.step < 60:
        trainer._obey(trainer._attempt())
        if trainer.step == 45:
            trainer.keep()
    assert trainer.step == 20
    assert (trainer.orders.factor, trainer.orders.quarantine) == (0.5, {30})
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-20"]


def test_a_roll_back_passes_over_a_checkpoint_of_a_damaged_model(tmp_path: Path) -> None:
    run = Remembering().ask(101, "roll_back", before_step=100)
    trained(tmp_path, run, steps=110, drills=(read_drill("learning-rate@99x300"),))
    assert run.answers == [("d-0", 102, "applied: rolled back from step 102 to the checkpoint of step 80")]
    assert run.losses[109] == pytest.approx(run.losses[98], rel=0.3)


def test_a_glitch_does_not_come_again_behind_a_roll_back(tmp_path: Path) -> None:
    runs = [Remembering(), Remembering().ask(91, "roll_back", before_step=90)]
    for place, run in enumerate(runs):
        (tmp_path / str(place)).mkdir()
        drills = (read_drill("learning-rate@90x300"),) if place else ()
        trained(tmp_path / str(place), run, steps=110, drills=drills)
    assert runs[0].losses == runs[1].losses


def test_a_checkpoint_is_written_when_it_is_wanted(tmp_path: Path) -> None:
    run = Remembering().ask(6, "checkpoint_now").ask(6, "checkpoint_now")
    trained(tmp_path, run, steps=9)
    assert [step for step, *_ in run.checkpoints] == [0, 7, 9]
    assert verified(tmp_path / "checkpoints" / "step-7").good
    assert [said for *_, said in run.answers] == ["applied: the checkpoint of step 7 is written"] * 2


def test_a_paused_run_obeys_until_it_may_go_on(tmp_path: Path) -> None:
    run = Remembering().ask(5, "pause").ask(5, "resume")
    run.asks_when_waiting += [
        asked("w-0", "pause"),
        asked("w-1", "checkpoint_now"),
        asked("w-2", "lower_learning_rate", factor=0.5),
        asked("w-3", "resume"),
        asked("w-4", "resume"),
    ]
    run.asks.pop()
    run.ask(8, "resume")
    trained(tmp_path, run, steps=10)
    assert run.answers[:5] == [
        ("d-0", 6, "applied: paused before step 6"),
        ("w-0", 6, "applied: paused already"),
        ("w-1", 6, "applied: the checkpoint of step 6 is written"),
        ("w-2", 6, "applied: the learning rate is 0.5 of its schedule, until it is restored"),
        ("w-3", 6, "applied: goes on with step 6"),
    ]
    assert run.answers[5] == ("d-1", 9, "applied: it is not paused")
    assert run.batches() == list(range(10))


def test_a_run_that_is_told_to_stop_keeps_a_checkpoint_and_ends_as_stopped(tmp_path: Path) -> None:
    run = Remembering().ask(5, "stop")
    trainer = trained(tmp_path, run)
    assert (trainer.outcome, trainer.reason, trainer.step) == ("stopped", "a directive", 6)
    assert run.answers == [("d-0", 6, "applied: stops before step 6")]
    assert [step for step, *_ in run.checkpoints] == [0, 6]


def test_a_paused_run_can_be_stopped(tmp_path: Path) -> None:
    run = Remembering().ask(5, "pause")
    run.asks_when_waiting.append(asked("w-0", "stop"))
    assert trained(tmp_path, run).outcome == "stopped"


def test_a_run_whose_last_steps_went_wrong_hears_what_it_is_asked_before_it_ends(tmp_path: Path) -> None:
    run = Remembering()
    run.asks_when_waiting.append(asked("w-0", "roll_back", before_step=58, skip_batches=[58]))
    trainer = trained(tmp_path, run, last_word_seconds=60.0, steps=60, drills=(read_drill("nan-batch@58"),))
    assert run.answers == [
        ("w-0", 60, "applied: rolled back from step 60 to the checkpoint of step 40; batch 58 in quarantine")
    ]
    assert (trainer.outcome, trainer.step, run.batches()[-1]) == ("completed", 60, 60)
    assert len(run.waited_seconds) == 1


def test_what_nobody_answers_ends_in_its_time(tmp_path: Path) -> None:
    run = Remembering()
    trainer = trained(tmp_path, run, last_word_seconds=0.01, steps=60, drills=(read_drill("nan-batch@58"),))
    assert (trainer.outcome, trainer.step, run.answers) == ("completed", 60, [])
    assert run.waited_seconds


def test_a_run_that_was_answered_or_has_nothing_to_ask_waits_for_nobody(tmp_path: Path) -> None:
    answered = Remembering().ask(58, "skip_batch", batches=[58])
    for place, run in enumerate((answered, Remembering())):
        folder = tmp_path / str(place)
        folder.mkdir()
        drills = () if place else (read_drill("nan-batch@58"),)
        assert trained(folder, run, last_word_seconds=60.0, steps=60, drills=drills).outcome == "completed"
        assert run.waited_seconds == []


@pytest.mark.parametrize(
    ("action", "parameters", "reason"),
    [
        ("drain", {}, "a training run does not drain."),
        ("explode\n", {}, "a training run does not explode\\n."),
        ("stop", {"now": True}, "stop takes no now."),
        ("skip_batch", {}, "skip_batch names no batches."),
        ("skip_batch", {"batches": "7"}, "batches must be a list of batch numbers."),
        ("skip_batch", {"batches": [1, -1]}, "batches must be a list of batch numbers."),
        ("skip_batch", {"batches": [True]}, "batches must be a list of batch numbers."),
        (
            "skip_batch",
            {"batches": list(range(100_001))},
            "no more than 100000 batches can be in quarantine.",
        ),
        ("lower_learning_rate", {}, "lower_learning_rate needs a factor above 0 and up to 1."),
        ("lower_learning_rate", {"factor": 2}, "lower_learning_rate needs a factor above 0 and up to 1."),
        (
            "lower_learning_rate",
            {"factor": 1e-9},
            "the learning rate would be less than 1e-06 of its schedule.",
        ),
        (
            "lower_learning_rate",
            {"factor": 0.5, "steps": 1.5},
            "lower_learning_rate needs steps as a whole number, 0 for until it is restored.",
        ),
        ("roll_back", {}, "roll_back needs before_step, a whole number from 0."),
        ("roll_back", {"before_step": 3, "skip_batches": 7}, "skip_batches must be a list of batch numbers."),
    ],
)
def test_what_is_not_obeyed_is_refused_and_changes_nothing(
    action: str, parameters: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    run = Remembering().ask(2, action, **parameters)
    trainer = trained(tmp_path, run, steps=5)
    assert run.answers == [("d-0", 3, f"refused: {reason}")]
    assert trainer.orders.revision == 0
    assert run.batches() == list(range(5))


def test_a_micro_batch_of_one_is_not_halved(tmp_path: Path) -> None:
    run = Remembering().ask(2, "halve_micro_batch")
    trained(tmp_path, run, steps=5, micro_batch=1)
    assert run.answers == [("d-0", 3, "refused: the micro-batch is 1: there is nothing to halve.")]


def test_without_a_good_checkpoint_there_is_no_roll_back(tmp_path: Path) -> None:
    run = Remembering().ask(25, "roll_back", before_step=19, skip_batches=[24])
    trainer = trainer_on(tmp_path, run, steps=30)
    trainer.keep()
    manifest = tmp_path / "checkpoints" / "step-0" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"good": False}))
    trainer.train()
    assert run.answers == [("d-0", 26, "refused: there is no good checkpoint of step 19 or before.")]
    assert trainer.orders.quarantine == set()
    assert trainer.counts.rolled_back == 0


def test_a_checkpoint_that_cannot_be_written_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("coord.training_worker.checkpoint.save_file", full)
    run = Remembering().ask(2, "checkpoint_now")
    trained(tmp_path, run, steps=5)
    ((_, step, said),) = run.answers
    assert step == 3
    assert said.startswith("refused: the checkpoint ")
    assert said.endswith("step-3 cannot be written: No space left on device.")
