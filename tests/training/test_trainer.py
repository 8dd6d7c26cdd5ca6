"""The loop: what a training tells and keeps, and that it goes on as if it had never been interrupted."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from trainers import Remembering, Writing, configured, in_a_child, lines_of, text_file, trainer_on

from coord.events.errors import UsageError
from coord.services import clock
from coord.training_worker.checkpoint import verified
from coord.training_worker.optimisation import learning_rate_at
from coord.training_worker.trainer import Trainer

ROOT = Path(__file__).resolve().parent.parent.parent
WAIT_SECONDS = 100


def trained(folder: Path, run: Remembering | None = None, **changed: Any) -> tuple[Trainer, Remembering]:
    """Train to the end in a folder."""
    run = run or Remembering()
    trainer = trainer_on(folder, run, **changed)
    trainer.train()
    return trainer, run


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trainer, Remembering]:
    """A training that nothing happened to."""
    return trained(tmp_path_factory.mktemp("unbroken"))


def test_a_training_tells_each_step_and_learns(unbroken: tuple[Trainer, Remembering]) -> None:
    trainer, run = unbroken
    assert [step for step, _ in run.points] == list(range(60))
    assert run.batches() == list(range(60))
    assert run.losses[0] > 5
    assert run.losses[59] < 3.5
    assert trainer.outcome == "completed"
    assert set(run.points[1][1]) == {
        "loss", "gradient_norm", "learning_rate", "batch", "step_seconds", "tokens_per_second",
    }  # fmt: skip
    assert [step for step, values in run.points if "canary_loss" in values] == [19, 39, 59]
    assert run.urgent == []


def test_a_training_keeps_checkpoints_from_its_first_step_on(unbroken: tuple[Trainer, Remembering]) -> None:
    trainer, run = unbroken
    assert [step for step, *_ in run.checkpoints] == [0, 20, 40, 60]
    step, path, sha256, size_bytes, seconds = run.checkpoints[-1]
    found = verified(trainer.keeper.folder / path)
    assert (found.step, found.sha256, found.size_bytes, found.good) == (step, sha256, size_bytes, True)
    assert seconds > 0


def test_a_training_ends_with_an_evaluation_and_a_sample(unbroken: tuple[Trainer, Remembering]) -> None:
    trainer, run = unbroken
    ((step, values),) = run.evaluations
    assert step == 60
    assert set(values) == {"evaluation_loss", "bits_per_byte", "canary_loss"}
    (line,) = (trainer.keeper.folder / "samples.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 60
    assert len(json.loads(line)["text"]) > 10


def test_the_learning_rate_warms_up_and_falls_to_a_tenth(tmp_path: Path) -> None:
    rates = [learning_rate_at(step, configured(tmp_path)) for step in range(61)]
    assert rates[0] == pytest.approx(0.001)
    assert max(rates) == rates[9] == pytest.approx(0.01)
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[60] == pytest.approx(0.001)


def test_the_same_seed_gives_the_same_losses_and_another_gives_others(
    tmp_path: Path, unbroken: tuple[Trainer, Remembering]
) -> None:
    for seed, same in ((1, True), (2, False)):
        (tmp_path / str(seed)).mkdir()
        _, run = trained(tmp_path / str(seed), seed=seed)
        assert (run.losses == unbroken[1].losses) is same


def test_a_training_that_goes_on_gives_the_losses_of_the_unbroken_one(
    tmp_path: Path, unbroken: tuple[Trainer, Remembering]
) -> None:
    first = trainer_on(tmp_path, Remembering())
    while first.step < 33:
        first._attempt()
    second, run = trained(tmp_path)
    assert min(run.losses) == 20
    assert run.losses == {step: loss for step, loss in unbroken[1].losses.items() if step >= 20}
    for one, other in zip(second.model.parameters(), unbroken[0].model.parameters(), strict=True):
        assert torch.equal(one, other)


def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = clock.monotonic() + WAIT_SECONDS
    while not condition():
        assert clock.monotonic() < end, "it did not come about in time"
        time.sleep(0.005)


def test_a_trainer_that_is_killed_goes_on_and_gives_the_losses_of_the_unbroken_one(tmp_path: Path) -> None:
    losses, steps = tmp_path / "losses", 250

    def child() -> None:
        run = Writing(losses)
        run.hold_step = steps - 1
        trained(tmp_path, run, steps=steps)

    pid = in_a_child(child)
    until(lambda: len(lines_of(losses)) >= 90)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    broken = lines_of(losses)
    _, again = trained(tmp_path, steps=steps)
    (tmp_path / "unbroken").mkdir()
    _, whole = trained(tmp_path / "unbroken", steps=steps)
    assert {step: float.fromhex(loss) for step, loss, _ in broken} == {
        step: whole.losses[step] for step in range(len(broken))
    }
    assert again.losses == {step: loss for step, loss in whole.losses.items() if step in again.losses}
    assert 0 < min(again.losses) <= len(broken)
    assert max(again.losses) == steps - 1


def test_a_run_keeps_its_model_and_its_text_for_life(tmp_path: Path) -> None:
    trained(tmp_path, steps=2)
    with pytest.raises(UsageError, match="begun with --width 16, not 32"):
        trainer_on(tmp_path, width=32)
    with pytest.raises(UsageError, match="begun with --seed 1, not 2"):
        trainer_on(tmp_path, seed=2)
    with text_file(tmp_path).open("a") as file:
        file.write("more")
    with pytest.raises(UsageError, match="begun with another text"):
        trainer_on(tmp_path)


def test_a_run_that_shall_go_on_must_have_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run r-1 has no checkpoint to go on from"):
        trainer_on(tmp_path, resume=True)
    trained(tmp_path, steps=2)
    assert trainer_on(tmp_path, resume=True).step == 2


def test_a_run_that_begins_anew_leaves_what_was_before_aside(tmp_path: Path) -> None:
    trained(tmp_path, steps=2)
    trainer = trainer_on(tmp_path, resume=False)
    assert trainer.step == 0
    assert len(list(tmp_path.glob("before-*/step-2"))) == 1


def test_a_damaged_checkpoint_is_passed_over_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tmp_path)
    path = tmp_path / "checkpoints" / "step-60" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    capsys.readouterr()
    assert trainer_on(tmp_path).step == 40
    assert "train: passed over: " in capsys.readouterr().err


def test_a_disk_that_is_full_costs_a_checkpoint_and_not_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("coord.training_worker.checkpoint.save_file", full)
    trainer, run = trained(tmp_path)
    assert (trainer.outcome, run.checkpoints) == ("completed", [])
    assert "cannot be written: No space left on device" in capsys.readouterr().err


def test_nothing_is_pickled_and_nothing_unpickled() -> None:
    pickles = re.compile(
        r"torch\.(?:load|save)\b|import pickle|object_list|gather_object|allow_pickle|\bexec\("
    )
    for path in (ROOT / "training_worker").glob("*.py"):
        assert pickles.search(path.read_text()) is None, path
    assert pickles.search("found = torch.load(path)") is not None


def test_a_wish_to_stop_is_fulfilled_after_the_step(tmp_path: Path) -> None:
    run = Remembering()
    trainer = trainer_on(tmp_path, run)
    trainer._stop_asked = lambda: trainer.step == 7
    trainer.train()
    assert (trainer.outcome, trainer.reason) == ("stopped", "a signal")
    assert [step for step, *_ in run.checkpoints] == [0, 7]
    _, again = trained(tmp_path)
    assert sorted({**run.losses, **again.losses}) == list(range(60))
