"""Drills: faults that are made for real, so that what answers them can be watched.

    corrupt-batch@S[xN]   the bytes of batches S to S+N-1 are others than the text's, each time they are read
    nan-batch@S[xN]       what the last sequence of these batches is embedded as is not a number, each time
    learning-rate@S[xF]   the learning rate of step S is F times its value, once in a process's life

A batch has the number of the step that reads it, as long as none was passed over. The fault of a learning
rate is a glitch: after a roll-back the same step goes well.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coord.events.errors import UsageError, visible

BATCHES_MAX: Final = 1_000
FACTOR_MAX: Final = 1e6
_WRITTEN: Final = re.compile(
    r"(corrupt-batch|nan-batch|learning-rate)@([0-9]{1,9})(?:x([0-9]{1,7}(?:\.[0-9]{1,6})?))?"
)
_DEFAULT: Final = {"corrupt-batch": 1.0, "nan-batch": 1.0, "learning-rate": 200.0}


@dataclass(frozen=True, slots=True)
class Drill:
    """One fault to come."""

    kind: str
    step: int
    factor: float

    def __str__(self) -> str:
        """Write it as it is given."""
        return f"{self.kind}@{self.step}x{self.factor:g}"


def read_drill(text: str) -> Drill:
    """Read `KIND@STEP` or `KIND@STEPxN`.

    Raises:
        UsageError: it is neither; the message says what is allowed.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise UsageError(
            f"--drill is '{visible(text, 64)}'; it must be corrupt-batch@STEP, nan-batch@STEP or"
            " learning-rate@STEP, with xN after it for so many batches or so many times the learning rate."
        )
    kind, factor = match[1], float(match[3]) if match[3] else _DEFAULT[match[1]]
    whole = kind != "learning-rate"
    if whole and not (factor.is_integer() and 1 <= factor <= BATCHES_MAX):
        raise UsageError(
            f"--drill {text}: the number of batches must be a whole one from 1 to {BATCHES_MAX}."
        )
    if not whole and not 0 < factor <= FACTOR_MAX:
        raise UsageError(f"--drill {text}: the factor must be above 0 and up to {FACTOR_MAX:g}.")
    return Drill(kind, int(match[2]), factor)


class Drills:
    """The faults of one process's life."""

    def __init__(self, drills: Sequence[Drill]) -> None:
        self._corrupt = _batches(drills, "corrupt-batch")
        self._poisoned = _batches(drills, "nan-batch")
        self._glitches = {drill.step: drill.factor for drill in drills if drill.kind == "learning-rate"}

    def corrupts(self, number: int) -> bool:
        """Tell whether the bytes of this batch are corrupt."""
        return number in self._corrupt

    def poisons(self, number: int) -> bool:
        """Tell whether the last sequence of this batch is embedded as not a number."""
        return number in self._poisoned

    def take_glitch(self, step: int) -> float:
        """Return what this step's learning rate is multiplied by; a second time it is 1."""
        return self._glitches.pop(step, 1.0)


def _batches(drills: Sequence[Drill], kind: str) -> frozenset[int]:
    return frozenset(
        number
        for drill in drills
        if drill.kind == kind
        for number in range(drill.step, drill.step + int(drill.factor))
    )
