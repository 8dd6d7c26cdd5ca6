"""The configuration of a training: one frozen record, read from words, each fault one sentence.

What shapes the model and the order of its batches stays as it was for the life of a run; the rest may
differ when it goes on.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from coord.events.errors import UsageError, visible
from coord.events.tokens import token
from coord.training_worker.drills import Drill, read_drill
from coord.training_worker.options import OPTIONS

LASTING: Final = ("batch", "context", "heads", "layers", "seed", "width")
"""What a run keeps for life."""
_BOUNDS: Final = {
    "steps": (1, 1_000_000_000),
    "batch": (1, 65_536),
    "micro_batch": (1, 65_536),
    "context": (2, 65_536),
    "layers": (1, 256),
    "heads": (1, 256),
    "width": (1, 65_536),
    "warm_up": (0, 1_000_000_000),
    "seed": (0, 2**63 - 1),
    "threads": (1, 1_024),
    "canary_every": (1, 1_000_000_000),
    "evaluate_every": (1, 1_000_000_000),
    "checkpoint_every": (1, 1_000_000_000),
}
LEARNING_RATE_MAX: Final = 10.0
DRILLS_MAX: Final = 100
PRECISIONS: Final = ("auto", "fp32", "bf16")
_WHOLE: Final = re.compile(r"[0-9]{1,19}")
_NUMBER: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,12})?(?:e-?[0-9]{1,2})?")
_SIZE: Final = re.compile(r"([0-9]{1,6})(MiB|GiB|MB|GB)")
_UNIT_BYTES: Final = {"MiB": 2**20, "GiB": 2**30, "MB": 10**6, "GB": 10**9}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfiguration:
    """Everything a training is told. `coord train --help` says what each is for."""

    text: Path | None = None
    """None: the sources of Python's own library."""
    run: str | None = None
    """None: named after the text and the time."""
    resume: bool | None = None
    """True: go on or refuse; False: begin anew; None: go on when there is something to go on from."""
    steps: int = 3_000
    batch: int = 16
    micro_batch: int | None = None
    """None: all of a rank's share."""
    context: int = 64
    layers: int = 2
    heads: int = 4
    width: int = 96
    learning_rate: float = 0.002
    warm_up: int = 100
    precision: str = "auto"
    seed: int = 1
    threads: int = 1
    canary_every: int = 20
    evaluate_every: int = 500
    checkpoint_every: int = 100
    memory_limit_bytes: int | None = None
    sanitiser: bool = True
    drills: tuple[Drill, ...] = ()

    def lasting(self) -> dict[str, int]:
        """Return what a run keeps for life."""
        return {name: getattr(self, name) for name in LASTING}

    def described(self) -> dict[str, Any]:
        """Return all of it as JSON, for the event of the run's start."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "run"}
        return plain | {
            "text": str(self.text) if self.text else None,
            "drills": [str(drill) for drill in self.drills],
        }


def read_configuration(values: Mapping[str, Any]) -> TrainingConfiguration:
    """Read the words of a command line: by an option's name its text, True, or several texts.

    Raises:
        UsageError: a value is none of those allowed, or two do not fit together.
    """
    named = {option.name: values.get(option.name) for option in OPTIONS}
    given = {name: value for name, value in named.items() if value not in (None, False)}
    read: dict[str, Any] = {name: _whole(str(given[name]), name) for name in _BOUNDS if name in given}
    if "learning_rate" in given:
        read["learning_rate"] = _rate(str(given["learning_rate"]))
    if "precision" in given:
        read["precision"] = _precision(str(given["precision"]))
    if "memory_limit" in given:
        read["memory_limit_bytes"] = _size(str(given["memory_limit"]))
    if "run" in given:
        read["run"] = token(str(given["run"]), "--run")
    if values.get("file") is not None:
        read["text"] = _path(str(values["file"]))
    read["resume"] = _resume(bool(given.get("resume")), bool(given.get("fresh")))
    read["sanitiser"] = not given.get("no_sanitiser")
    read["drills"] = _drills(given.get("drill", ()))
    return fitting(TrainingConfiguration(**read))


def fitting(configuration: TrainingConfiguration) -> TrainingConfiguration:
    """Return a configuration whose values fit together.

    Raises:
        UsageError: two do not.
    """
    if configuration.width % configuration.heads:
        raise UsageError(
            f"--width is {configuration.width}, and --heads {configuration.heads}: the width must be a multiple"
            " of the heads."
        )
    if configuration.micro_batch is not None and configuration.micro_batch > configuration.batch:
        raise UsageError(
            f"--micro-batch is {configuration.micro_batch}, more than --batch, which is {configuration.batch}."
        )
    if configuration.resume and configuration.run is None:
        raise UsageError("--resume needs --run NAME: which run shall go on?")
    return configuration


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _whole(text: str, name: str) -> int:
    low, high = _BOUNDS[name]
    value = int(text) if _WHOLE.fullmatch(text) else -1
    if not low <= value <= high:
        raise _wrong(name, text, f"a whole number from {low} to {high}")
    return value


def _rate(text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    if not 0 < value <= LEARNING_RATE_MAX:
        raise _wrong(
            "learning_rate", text, f"a number above 0 and up to {LEARNING_RATE_MAX:g}, such as 0.002"
        )
    return value


def _precision(text: str) -> str:
    if text not in PRECISIONS:
        raise _wrong("precision", text, f"one of {', '.join(PRECISIONS)}")
    return text


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None or not int(match[1]):
        raise _wrong("memory_limit", text, "a size such as 400MiB or 2GiB")
    return int(match[1]) * _UNIT_BYTES[match[2]]


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise UsageError(f"the text '{visible(text, 64)}' is no path.", "Name a file or a folder.")
    return Path(text).absolute()


def _resume(resume: bool, fresh: bool) -> bool | None:
    if resume and fresh:
        raise UsageError("--resume and --fresh exclude each other.")
    return True if resume else False if fresh else None


def _drills(texts: Any) -> tuple[Drill, ...]:
    drills = tuple(read_drill(str(text)) for text in texts)
    if len(drills) > DRILLS_MAX:
        raise UsageError(f"--drill is given {len(drills)} times; at most {DRILLS_MAX} are allowed.")
    return drills


def _wrong(name: str, text: str, allowed: str) -> UsageError:
    return UsageError(f"{_flag(name)} is '{visible(text, 64)}'; it must be {allowed}.")
