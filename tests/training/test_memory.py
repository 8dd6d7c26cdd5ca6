"""Memory that runs out: half the micro-batch, the same batch, the same gradients."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from trainers import DRIVER, Remembering, asked, lines_of, trainer_on

from coord.training_worker import shrinking
from coord.training_worker.memory import OutOfMemory, allocation_failed
from coord.training_worker.trainer import Trainer

WAIT_SECONDS = 110
BIG = ("--batch", "128", "--context", "64", "--width", "32", "--checkpoint-every", "1000")


@pytest.mark.parametrize("micro_batch", [1, 3, 8, 16])
def test_gradients_summed_in_parts_are_those_of_the_whole_batch(micro_batch: int, tmp_path: Path) -> None:
    trainer = trainer_on(tmp_path, batch=16)
    batch = trainer.batches.read(0)
    rows, found = [], []
    for size in (16, micro_batch):
        trainer.gradients.clear()
        found.append(trainer.measure.accumulate(batch, slice(0, 16), size))
        rows.append(trainer.gradients.flat_N.clone())
    assert found[1] == pytest.approx(found[0], rel=1e-6)
    assert float((rows[1] - rows[0]).norm() / rows[0].norm()) < 1e-6


def driven(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Train in a process of its own."""
    command = [sys.executable, DRIVER, str(folder), str(folder / "losses"), "4", *BIG, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)


def test_an_allocation_that_truly_fails_is_met_with_half_the_micro_batch(tmp_path: Path) -> None:
    """RLIMIT_AS makes the allocator of torch fail as on a machine that has no more."""
    limited = driven(tmp_path, "--memory-limit", "32MiB")
    assert limited.returncode == 0, limited.stderr
    told = lines_of(tmp_path / "losses")
    failures = [line for line in told if isinstance(line, dict)]
    assert failures[0]["step"] == 0
    assert failures[0]["micro_batch"] == 128
    assert "can't allocate memory" in failures[0]["reason"]
    (tmp_path / "free").mkdir()
    free = Remembering()
    trainer_on(tmp_path / "free", free, steps=4, batch=128, context=64, width=32).train()
    losses = [float.fromhex(line[1]) for line in told if isinstance(line, list)]
    assert losses == pytest.approx([free.losses[step] for step in range(4)], rel=1e-5)
    assert [line[2] for line in told if isinstance(line, list)] == free.batches()


def test_a_run_that_one_sequence_is_too_much_for_fails_with_a_sentence(tmp_path: Path) -> None:
    done = driven(tmp_path, "--context", "4096", "--memory-limit", "16MiB", "--micro-batch", "1")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("Take a smaller model or context, or give it more memory.\n")


def test_what_was_freed_can_be_allocated_again_in_other_sizes() -> None:
    """Small blocks that stay between the large ones would keep the C library from giving those back."""
    script = """
import torch
from coord.training_worker.memory import limit_memory
MIB = 2**20
limit_memory(40 * MIB)
for size in (MIB, MIB // 2):
    stays, large = [], []
    for _ in range(30 * MIB // size):
        large.append(torch.empty(size, dtype=torch.uint8))
        stays.append(bytearray(4_000))
    del large
print(torch.empty(30 * MIB, dtype=torch.uint8).numel())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == f"{30 * 2**20}\n", done.stderr


def failing(trainer: Trainer, error: Exception, times: int = 1) -> None:
    """Let the trainer's next gradients fail."""
    left, accumulate = [error] * times, trainer.measure.accumulate

    def fail(*words: Any) -> float:
        if left:
            raise left.pop()
        return accumulate(*words)

    trainer.measure.accumulate = fail  # type: ignore[method-assign,assignment]


ERRORS: dict[str, Callable[[], Exception]] = {
    "a GPU's": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "Python's": MemoryError,
    "oneDNN's": lambda: RuntimeError("could not create a memory object"),
}


@pytest.mark.parametrize("whose", ERRORS)
def test_the_error_classes_of_other_allocators_are_known_by_their_words(
    whose: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shrinking, "HALVING_SECONDS", 0.0)
    run = Remembering()
    trainer = trainer_on(tmp_path, run, steps=3)
    failing(trainer, ERRORS[whose]())
    trainer.train()
    assert [(step, micro_batch) for step, micro_batch, _ in run.failures] == [(0, 4)]
    assert trainer.orders.micro_batch == 2
    assert run.batches() == [0, 1, 2]


def test_another_error_is_no_lack_of_memory(tmp_path: Path) -> None:
    trainer = trainer_on(tmp_path, Remembering(), steps=3)
    failing(trainer, RuntimeError("the size of tensor a must match"))
    with pytest.raises(RuntimeError, match="the size of tensor a"):
        trainer.train()
    assert allocation_failed(RuntimeError("the size of tensor a")) is None


def test_the_watchdog_is_waited_for_and_its_directive_is_answered(tmp_path: Path) -> None:
    run = Remembering()
    run.asks_when_waiting.append(asked("w-0", "halve_micro_batch"))
    trainer = trainer_on(tmp_path, run, steps=3)
    failing(trainer, MemoryError())
    trainer.train()
    assert run.answers == [("w-0", 0, "applied: the micro-batch is 2 instead of 4; the batch is still 4")]
    assert 0 < run.waited_seconds[0] <= shrinking.HALVING_SECONDS


def test_a_directive_that_comes_too_late_is_answered_and_halves_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shrinking, "HALVING_SECONDS", 0.0)
    run = Remembering().ask(1, "halve_micro_batch").ask(2, "halve_micro_batch")
    trainer = trainer_on(tmp_path, run, steps=5)
    failing(trainer, MemoryError())
    trainer.train()
    assert [said for *_, said in run.answers] == [
        "applied: halved to 2 already, when memory ran out",
        "applied: the micro-batch is 1 instead of 2; the batch is still 4",
    ]


def test_a_run_goes_on_halving_down_to_one_and_then_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shrinking, "HALVING_SECONDS", 0.0)
    run = Remembering()
    trainer = trainer_on(tmp_path, run, steps=5)
    failing(trainer, MemoryError(), times=3)
    with pytest.raises(OutOfMemory, match="step 0 is out of memory with micro-batch 1: MemoryError"):
        trainer.train()
    assert [micro_batch for _, micro_batch, _ in run.failures] == [4, 2, 1]
    assert trainer.step == 0


def test_a_halved_micro_batch_outlasts_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shrinking, "HALVING_SECONDS", 0.0)
    trainer = trainer_on(tmp_path, Remembering(), steps=30)
    failing(trainer, MemoryError())
    while trainer.step < 5:
        trainer._attempt()
    trainer.keep()
    assert trainer_on(tmp_path).orders.micro_batch == 2
