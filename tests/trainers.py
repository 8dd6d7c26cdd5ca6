"""Trainers for tests: tiny models on a small text, and a run that remembers what it was told and asks what a test wants.

Run as a script it trains in a process of its own, without a house, and writes each loss to a file at once:

    python tests/trainers.py FOLDER LOSSES STEPS [--drill KIND@STEP] [--ask "STEP ACTION JSON"] [OPTION VALUE ...]
"""

import json
import os
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch

from coord.events.errors import CoordError
from coord.services import clock
from coord.training_worker.configuration import TrainingConfiguration, read_configuration
from coord.training_worker.mailbox import Asked
from coord.training_worker.memory import limit_memory
from coord.training_worker.parallel import Ranks
from coord.training_worker.text import Text, load_text
from coord.training_worker.trainer import Trainer
from coord.training_worker.voice import Silent

TINY: Final[dict[str, Any]] = {
    "run": "r-1",
    "batch": 4,
    "context": 16,
    "layers": 1,
    "heads": 2,
    "width": 16,
    "steps": 60,
    "learning_rate": 0.01,
    "warm_up": 10,
    "checkpoint_every": 20,
    "evaluate_every": 1_000,
}
TEXT_BYTES: Final = 60_000
DRIVER: Final = str(Path(__file__).resolve())


def text_file(folder: Path) -> Path:
    """Write a text that is the same everywhere, and that a tiny model learns something from."""
    path = folder / "text.txt"
    if not path.exists():
        words = ("event", "stream", "position", "claim", "lease", "fence", "agent", "node", "run", "step")
        numbers = (number * number // 7 for number in range(TEXT_BYTES))
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(" ".join(words[number % 10] for number in numbers)[:TEXT_BYTES])
        part.rename(path)
    return path


@dataclass
class Remembering(Silent):
    """A run whose words are kept, and that asks what it was given, each at its step."""

    points: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    urgent: list[int] = field(default_factory=list)
    checkpoints: list[tuple[int, str, str, int, float]] = field(default_factory=list)
    evaluations: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    waited_seconds: list[float] = field(default_factory=list)
    failures: list[tuple[int, int, str]] = field(default_factory=list)
    answers: list[tuple[str, int, str]] = field(default_factory=list)
    """The directive, the step, and `applied` or `refused` with what was said."""
    asks: list[tuple[int, Asked]] = field(default_factory=list)
    asks_when_waiting: list[Asked] = field(default_factory=list)

    @property
    def losses(self) -> dict[int, float]:
        """The last loss of each step."""
        return {step: values["loss"] for step, values in self.points if "loss" in values}

    @property
    def skipped(self) -> list[int]:
        """The steps whose update was left out."""
        return [step for step, values in self.points if values.get("skipped")]

    def batches(self) -> list[int]:
        """Return the batches that were read, in their order."""
        return [int(values["batch"]) for _, values in self.points if "batch" in values]

    def ask(self, step: int, action: str, **parameters: Any) -> "Remembering":
        """Ask something before the step after this one."""
        self.asks.append((step, asked(f"d-{len(self.asks)}", action, **parameters)))
        return self

    def log(self, step: int, **values: float) -> None:
        """Keep the metrics."""
        self.points.append((step, values))

    def log_now(self, step: int, **values: float) -> None:
        """Keep the metrics, and that they were urgent."""
        self.points.append((step, values))
        self.urgent.append(step)

    def evaluated(self, step: int, **values: float) -> None:
        """Keep what was measured."""
        self.evaluations.append((step, values))

    def checkpoint_written(
        self, step: int, path: str, sha256: str, size_bytes: int, write_seconds: float
    ) -> None:
        """Keep all of it."""
        self.checkpoints.append((step, path, sha256, size_bytes, write_seconds))

    def out_of_memory(self, step: int, micro_batch: int, reason: str) -> None:
        """Keep what was said."""
        self.failures.append((step, micro_batch, reason))

    def directives(self, step: int) -> Sequence[Asked]:
        """Return what is due and not answered."""
        return [one for due, one in self.asks if due <= step and not self._answered(one)]

    def wait_for_directive(self, step: int, seconds: float) -> Sequence[Asked]:
        """Return what is asked while the trainer waits, one at a time."""
        self.waited_seconds.append(seconds)
        waiting = [one for one in self.asks_when_waiting if not self._answered(one)]
        return waiting[:1] or self.directives(step)

    def applied(self, asked: Asked, step: int, note: str | None = None) -> None:
        """Keep the answer."""
        self.answers.append((asked.directive_id, step, f"applied: {note}"))

    def refused(self, asked: Asked, step: int, reason: str) -> None:
        """Keep the answer."""
        self.answers.append((asked.directive_id, step, f"refused: {reason}"))

    def _answered(self, one: Asked) -> bool:
        return any(name == one.directive_id for name, _, _ in self.answers)


def asked(name: str, action: str, **parameters: Any) -> Asked:
    """Return a directive as a run hears it."""
    return Asked(name, 1, action, parameters, "a test wants it", 0, clock.monotonic() + 600, 600.0)


def configured(folder: Path, **changed: Any) -> TrainingConfiguration:
    """Return the configuration of a tiny training on the text of a folder."""
    return TrainingConfiguration(text=text_file(folder), **{**TINY, **changed})


def trainer_on(
    folder: Path, run: Silent | None = None, last_word_seconds: float = 0.0, **changed: Any
) -> Trainer:
    """Return a trainer that has begun, or gone on, in a folder."""
    configuration = configured(folder, **changed)
    torch.set_num_threads(1)
    made = Trainer(
        configuration,
        text_of(configuration),
        folder,
        run or Silent(),
        Ranks(),
        torch.device("cpu"),
        last_word_seconds=last_word_seconds,
    )
    made.keeper.begin()
    return made


def text_of(configuration: TrainingConfiguration) -> Text:
    """Return the text of a configuration."""
    return load_text(configuration.text, configuration.context)


def lines_of(path: Path) -> list[Any]:
    """Read what a trainer in a process of its own wrote; a line that was cut short is none."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def in_a_child(act: Callable[[], None]) -> int:
    """Fork, act there, and return the child's process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            act()
        os._exit(0)
    return pid


class Writing(Remembering):
    """A run that writes each loss down at once, to the last bit."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.hold_step: int | None = None
        """At this step it waits until it is killed."""
        self._file = path.open("a", encoding="utf-8")

    def log(self, step: int, **values: float) -> None:
        """Write the step and its loss."""
        if step == self.hold_step:
            threading.Event().wait()
        self._write([step, values["loss"].hex(), int(values["batch"])])

    log_now = log

    def applied(self, asked: Asked, step: int, note: str | None = None) -> None:
        """Keep the answer."""
        super().applied(asked, step, note)
        self._write({"applied": asked.action, "step": step})

    def _write(self, value: Any) -> None:
        self._file.write(json.dumps(value) + "\n")
        self._file.flush()

    def wait_for_directive(self, step: int, seconds: float) -> Sequence[Asked]:
        """Wait in vain."""
        threading.Event().wait(min(seconds, 0.05))
        return self.directives(step)

    def out_of_memory(self, step: int, micro_batch: int, reason: str) -> None:
        """Write what failed."""
        self._write({"step": step, "micro_batch": micro_batch, "reason": reason})


def group_threads() -> list[str]:
    """Return the threads of this process that torch began for the group of its ranks."""
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    return [name for name in names if "gloo" in name]


def main(words: Sequence[str]) -> int:
    """Train in a folder until the steps are done."""
    folder, losses, steps, *options = words
    values: dict[str, Any] = {"drill": []}
    for flag, value in zip(options[::2], options[1::2], strict=True):
        name = flag[2:].replace("-", "_")
        values[name] = [*values["drill"], value] if name == "drill" else value
    read = read_configuration(
        {**{name: str(value) for name, value in TINY.items()}, **values, "steps": steps}
    )
    torch.set_num_threads(read.threads)
    ranks = Ranks()
    run = Writing(Path(losses)) if ranks.first else Silent()
    if isinstance(run, Writing) and "ask" in values:
        step, action, parameters = values["ask"].split(" ", 2)
        run.ask(int(step), action, **json.loads(parameters))
    read = replace(read, text=text_file(Path(folder)))
    made = Trainer(read, text_of(read), Path(folder), run, ranks, torch.device("cpu"), last_word_seconds=0.0)
    made.keeper.begin()
    try:
        if read.memory_limit_bytes is not None:
            limit_memory(read.memory_limit_bytes)
        made.train()
    except CoordError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    finally:
        ranks.end()
        if ranks.world_size > 1:
            sys.stderr.write(f"threads of the group that are left: {group_threads()}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
