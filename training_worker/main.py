"""A training from its configuration to its end: on one rank, or on each of several under torchrun."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, Final

import torch

from coord.events.errors import CoordError, FolderTaken
from coord.services import clock
from coord.services.folder import Folder
from coord.services.settings import Settings
from coord.training_worker.configuration import TrainingConfiguration
from coord.training_worker.memory import limit_memory
from coord.training_worker.parallel import Ranks
from coord.training_worker.run import Run, need_house
from coord.training_worker.saving import CHECKPOINTS
from coord.training_worker.text import Text, load_text, text_name
from coord.training_worker.trainer import Trainer
from coord.training_worker.voice import Silent

RUNS: Final = "runs"
_NAME_LENGTH_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Ended:
    """How a training ended."""

    run: str
    outcome: str
    reason: str | None
    step: int
    loss: float | None
    canary_loss: float | None
    seconds: float
    left_out: int
    rolled_back: int
    out_of_memory: int
    checkpoint: Path
    by_signal: bool

    @property
    def sentence(self) -> str:
        """Say it for people."""
        why = f" by {self.reason}" if self.reason else ""
        figures = ", ".join(
            f"{what} {value:.3f}"
            for what, value in (("loss", self.loss), ("canary", self.canary_loss))
            if value is not None
        )
        happened = ", ".join(
            words
            for count, words in (
                (self.left_out, f"{self.left_out} update{'s' * (self.left_out != 1)} left out"),
                (self.rolled_back, f"rolled back {_times(self.rolled_back)}"),
                (self.out_of_memory, f"out of memory {_times(self.out_of_memory)}"),
            )
            if count
        )
        parts = (f"{self.step:,} steps", f"{self.seconds:.1f} s", figures, happened)
        return f"{self.run} {self.outcome}{why}: {', '.join(filter(None, parts))}; {self.checkpoint}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def train(configuration: TrainingConfiguration, settings: Settings) -> Ended | None:
    """Train; return how it ended on the rank that speaks for all, None on the others.

    Raises:
        UsageError: the text, the run's name or its checkpoints do not fit; nothing was trained.
        NoServer: no house ever ran on the data folder; nothing was trained.
        FolderTaken: another process trains this run.
        CoordError: it failed; the run has ended as failed, and the last checkpoint holds.
    """
    torch.set_num_threads(configuration.threads)
    need_house(settings, Folder(settings.data))
    text = load_text(configuration.text, configuration.context)
    ranks = Ranks()
    try:
        name = ranks.tell(configuration.run or _name_of(configuration.text))
        configuration = replace(configuration, run=name)
        folder = Folder(settings.data).make(RUNS, name)
        with _signals() as told, _held(folder, ranks):
            return _train(configuration, settings, text, folder, ranks, told)
    finally:
        ranks.end()


def _train(
    configuration: TrainingConfiguration,
    settings: Settings,
    text: Text,
    folder: Path,
    ranks: Ranks,
    told: list[int],
) -> Ended | None:
    began = clock.monotonic()
    trainer = Trainer(configuration, text, folder, Silent(), ranks, _device(), lambda: bool(told))
    checkpoint = trainer.keeper.begin()
    if ranks.first:
        trainer.run = _run(configuration, settings, ranks, None if checkpoint is None else checkpoint.step)
        begins = "begins" if checkpoint is None else f"goes on before step {checkpoint.step:,}"
        size = sum(parameter.numel() for parameter in trainer.model.parameters())
        trainer.progress.say(f"run {configuration.run} {begins}: {size:,} parameters, {_text_words(text)}")
    try:
        if configuration.memory_limit_bytes is not None:
            limit_memory(configuration.memory_limit_bytes)
        trainer.train()
    except CoordError as error:
        trainer.end("failed", str(error))
        raise
    except BaseException as error:
        trainer.end("failed", f"{type(error).__name__}: {error}")
        raise
    finally:
        if isinstance(trainer.run, Run):
            trainer.run.finish(trainer.outcome or "failed", trainer.step, trainer.reason)
    return _ended(trainer, clock.monotonic() - began, told) if ranks.first else None


def _run(
    configuration: TrainingConfiguration, settings: Settings, ranks: Ranks, resumed_from_step: int | None
) -> Run:
    return Run(
        text_name(configuration.text),
        run_id=configuration.run,
        configuration=configuration.described(),
        settings=settings,
        resumed_from_step=resumed_from_step,
        world_size=ranks.world_size,
    )


def _ended(trainer: Trainer, seconds: float, told: list[int]) -> Ended:
    return Ended(
        run=str(trainer.configuration.run),
        outcome=str(trainer.outcome),
        reason=trainer.reason,
        step=trainer.step,
        loss=trainer.loss,
        canary_loss=trainer.canary,
        seconds=seconds,
        left_out=trainer.counts.left_out,
        rolled_back=trainer.counts.rolled_back,
        out_of_memory=trainer.counts.out_of_memory,
        checkpoint=trainer.keeper.folder / CHECKPOINTS / f"step-{trainer.step}",
        by_signal=bool(told),
    )


def _name_of(text: Path | None) -> str:
    name = "".join(mark if mark.isascii() and mark.isalnum() else "-" for mark in text_name(text))
    moment = "".join(mark for mark in clock.rfc3339(clock.now_ns())[:19] if mark.isdigit())
    return f"{name[:_NAME_LENGTH_MAX].strip('-') or 'run'}-{moment}"


def _text_words(text: Text) -> str:
    return f"{len(text.train):,} bytes to train on, {len(text.validation):,} to measure on"


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def _held(folder: Path, ranks: Ranks) -> Iterator[None]:
    """Hold the run's folder, so that no two processes train one run; rank 0 holds it for all.

    Raises:
        FolderTaken: another process does, on every rank.
    """
    refused: str | None = None
    lock = None
    if ranks.first:
        try:
            lock = Folder(folder).lock()
        except FolderTaken as error:
            refused = str(error)
    if ranks.tell(refused) is not None:
        raise FolderTaken(f"another process trains in {folder}.", "Wait for it, or name another with --run.")
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Take SIGINT and SIGTERM as a wish to stop after this step; a second one ends at once."""
    told: list[int] = []

    def take(number: int, _frame: FrameType | None) -> None:
        if told:
            raise KeyboardInterrupt
        told.append(number)

    before: dict[int, Any] = {
        number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield told
    finally:
        for number, disposition in before.items():
            signal.signal(number, disposition)
