"""The steps of a pretended training run: a falling loss, and what may go wrong with it."""

import math

from coord.events.model import Number
from coord.events.run import BATCH, CANARY_LOSS, GRADIENT_NORM, LOSS, SKIPPED, STEP_SECONDS, Point

CANARY = 2.5
CANARY_EVERY = 25
STEPS_TO_WARM = 100
"""So many steps, and a spike is seen as one."""


def loss_at(step: int) -> float:
    """A falling loss with a wobble that repeats: no two machines differ."""
    return 2.0 + 2.0 * math.exp(-step / 300) + 0.02 * math.sin(step * 1.7)


def steps(first: int, count: int, seconds: float = 0.2) -> list[Point]:
    """Return steps in which nothing is wrong."""
    return [_point(step, loss_at(step), {STEP_SECONDS: seconds}) for step in range(first, first + count)]


def bad_step(step: int, canary: float) -> Point:
    """Return a step whose loss jumps, and that was left out."""
    return _point(step, 4 * loss_at(step), {SKIPPED: 1.0, CANARY_LOSS: canary})


def not_finite(first: int, count: int) -> list[Point]:
    """Return steps whose loss is no number."""
    return [_point(step, "nan", {}) for step in range(first, first + count)]


def _point(step: int, loss: Number, more: dict[str, Number]) -> Point:
    values: dict[str, Number] = {LOSS: loss, GRADIENT_NORM: 1.0, BATCH: float(step), STEP_SECONDS: 0.2}
    if step % CANARY_EVERY == 0 and loss != "nan":
        values[CANARY_LOSS] = CANARY
    return Point(step=step, values=values | more)
