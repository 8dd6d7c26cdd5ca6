"""Losses and points for the tests of the detectors: the same for the same seed."""

import math
import random
from collections.abc import Iterable, Iterator, Mapping

from coord.services.detectors.finding import Finding
from coord.services.detectors.loss import LossSettings, LossWatch

Step = tuple[int, Mapping[str, float]]


def level(step: int) -> float:
    """Return what the loss of a young run is at a step, without its noise."""
    return 2.3 + 3 * math.exp(-step / 100)


def noisy(count: int, seed: int = 3, sigma: float = 0.01, start: int = 0) -> list[float]:
    """Return losses that fall and settle."""
    rolled = random.Random(seed)
    return [level(step) * math.exp(rolled.gauss(0, sigma)) for step in range(start, start + count)]


def points(
    first: int,
    last: int,
    times: Mapping[int, float] | None = None,
    canary: float | None = 20,
    canary_times: Mapping[int, float] | None = None,
    skipped: Iterable[int] = (),
    seed: int = 3,
    shift: int = 0,
) -> list[Step]:
    """Return points of the steps `first` to `last`.

    `times` multiplies losses, `canary` is measured every so many steps and at each step of `canary_times`,
    which multiplies it; the batch is the step and `shift`.
    """
    wild, moved, left_out = times or {}, canary_times or {}, set(skipped)
    made: list[Step] = []
    for step, loss in zip(range(first, last + 1), noisy(last - first + 1, seed, start=first), strict=True):
        values = {"loss": loss * wild.get(step, 1.0), "batch": float(step + shift)}
        if step in moved or (canary is not None and step % canary == 0):
            values["canary_loss"] = (level(step) + 0.2) * moved.get(step, 1.0)
        if step in left_out:
            values["skipped"] = 1.0
        made.append((step, values))
    return made


def found(steps: Iterable[Step], settings: LossSettings | None = None) -> list[Finding]:
    """Return what a watch finds in points, each in a message of its own, from position 11 on."""
    watch = LossWatch("r1", settings)
    return [
        finding
        for position, (step, values) in enumerate(steps, 11)
        for finding in watch.observe(step, values, position)
    ]


def told(findings: Iterable[Finding]) -> list[tuple[int, str, str]]:
    """Return step, rule and change of each finding."""
    return [(int(one.figures["step"]), one.rule, one.change) for one in findings]


def flat(count: int, value: float = 2.0) -> Iterator[float]:
    """Yield the same value over and over."""
    return (value for _ in range(count))
