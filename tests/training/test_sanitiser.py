"""Level 0: an update that would do harm is left out, and said at once."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from trainers import Remembering, trainer_on

from coord.training_worker.checkpoint import verified
from coord.training_worker.drills import read_drill
from coord.training_worker.sanitiser import RUNNING_MAX, Sanitiser


def calm(sanitiser: Sanitiser, steps: int = 100) -> list[str | None]:
    """Show it steps as they are when all is well."""
    return [sanitiser.judge(2 + 0.02 * math.sin(step), 0.5 + 0.01 * math.cos(step)) for step in range(steps)]


def test_a_calm_run_is_left_alone() -> None:
    assert calm(Sanitiser()) == [None] * 100


@pytest.mark.parametrize(
    ("loss", "norm", "reason"),
    [
        (4.0, 0.5, "the loss 4 stands"),
        (2.0, 5.0, "the gradient norm 5 stands"),
        (math.nan, 0.5, "the loss is nan"),
        (math.inf, 0.5, "the loss is inf"),
        (2.0, math.nan, "the gradient norm is nan"),
    ],
)
def test_a_bad_step_is_named_and_the_next_good_one_is_made(loss: float, norm: float, reason: str) -> None:
    sanitiser = Sanitiser()
    calm(sanitiser)
    assert (sanitiser.judge(loss, norm) or "").startswith(reason)
    assert calm(sanitiser, 30) == [None] * 30


def test_it_is_silent_while_a_trend_is_young_but_never_about_what_is_no_number() -> None:
    sanitiser = Sanitiser()
    assert calm(sanitiser, 20) == [None] * 20
    assert sanitiser.judge(9.0, 9.0) is None
    assert sanitiser.judge(math.nan, 0.5) is not None
    calm(sanitiser)
    sanitiser.rearm()
    assert sanitiser.judge(9.0, 9.0) is None


def test_what_goes_on_is_no_bad_batch() -> None:
    sanitiser = Sanitiser()
    calm(sanitiser)
    judged = [sanitiser.judge(9.0 * 1.5**step, 0.5) for step in range(RUNNING_MAX + 5)]
    assert [reason is not None for reason in judged] == [True] * RUNNING_MAX + [False] * 5


def test_what_is_no_number_is_left_out_however_long_it_goes_on() -> None:
    sanitiser = Sanitiser()
    assert all(sanitiser.judge(math.nan, 1.0) for _ in range(3 * RUNNING_MAX))


def test_it_goes_on_from_its_state_to_the_last_bit() -> None:
    one, other = Sanitiser(), Sanitiser()
    calm(one, 70)
    other.restore(one.state())
    for step in range(200):
        loss = 2 + 0.3 * (step % 17 == 0) + 0.01 * math.sin(step)
        assert one.judge(loss, loss) == other.judge(loss, loss)
    assert one.state() == other.state()


def trained(folder: Path, *drills: str, **changed: Any) -> Remembering:
    """Train with faults that happen for real."""
    run = Remembering()
    made = trainer_on(folder, run, steps=110, drills=tuple(map(read_drill, drills)), **changed)
    made.train()
    return run


def good_checkpoints(folder: Path) -> dict[int, bool]:
    """Return of each checkpoint whether it is good."""
    found = map(verified, (folder / "checkpoints").glob("step-*"))
    return {one.step: one.good for one in found}


def test_a_corrupt_batch_is_left_out_and_told_at_once_with_the_canary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = trained(tmp_path, "corrupt-batch@90")
    assert run.skipped == run.urgent == [90]
    values = dict(run.points)[90]
    assert values["batch"] == 90
    assert values["loss"] > run.losses[89] + 1
    before = dict(run.points)[79]["canary_loss"]
    assert values["canary_loss"] == pytest.approx(before, rel=0.1)
    assert "step 90, batch 90: the loss" in capsys.readouterr().err


def test_a_run_that_goes_on_knows_what_was_normal(tmp_path: Path) -> None:
    first = trainer_on(tmp_path, Remembering(), steps=110)
    while first.step < 85:
        first._attempt()
    assert trained(tmp_path, "corrupt-batch@90").skipped == [90]


def test_a_batch_that_is_no_number_changes_nothing_of_the_model(tmp_path: Path) -> None:
    run = Remembering()
    trainer = trainer_on(tmp_path, run, drills=(read_drill("nan-batch@5x2"),))
    while trainer.step < 5:
        trainer._attempt()
    before = [parameter.detach().clone() for parameter in trainer.model.parameters()]
    moments = [tensor.clone() for tensor in trainer.optimiser.tensors().values()]
    for _ in range(2):
        trainer._attempt()
    assert run.skipped == [5, 6]
    assert all(map(torch.equal, before, trainer.model.parameters()))
    assert all(map(torch.equal, moments, trainer.optimiser.tensors().values()))
    trainer.train()
    assert math.isfinite(run.losses[59])


def test_without_the_sanitiser_every_update_is_made(tmp_path: Path) -> None:
    run = trained(tmp_path, "nan-batch@90", sanitiser=False)
    assert run.skipped == []
    assert math.isnan(run.losses[91])
    assert good_checkpoints(tmp_path) == {0: True, 80: True, 100: False, 110: False}


def test_a_glitch_of_the_learning_rate_damages_the_model_and_the_canary_tells(tmp_path: Path) -> None:
    run = trained(tmp_path, "learning-rate@90x300")
    assert run.skipped[0] == 91
    before, after = dict(run.points)[79]["canary_loss"], dict(run.points)[91]["canary_loss"]
    assert after > before * 1.1
    assert dict(run.points)[90]["learning_rate"] > 100 * dict(run.points)[89]["learning_rate"]


def test_a_checkpoint_of_a_damaged_model_is_not_good(tmp_path: Path) -> None:
    trained(tmp_path, "learning-rate@99x300")
    assert good_checkpoints(tmp_path)[80]
    assert not good_checkpoints(tmp_path)[100]
