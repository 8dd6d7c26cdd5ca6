"""The canary: the loss on one fixed batch that is never trained on. It rises when the model is damaged.

A hard batch raises the loss and leaves the canary where it was. Risen means: above the last good one by more
than so many of its own standard deviations (of the steps from one to the next), and by more than a share of
itself. A canary that is not finite is risen.

One that is risen while nothing else is wrong stands aside as an accuser: it is measured behind the update
that did the damage, so it may come before the first bad loss. A second one running is the new normal.
"""

import math
from collections import deque
from typing import Final

from coord.services.detectors.ranked import RankedWindow
from coord.services.detectors.spikes import MAD_TO_SIGMA

KEPT: Final = 64
_SPREAD_OF: Final = 16
_BENDS_MIN: Final = 4
"""Fewer have no spread worth the name."""
_BEND_OF_A_STEP: Final = math.sqrt(3)
"""Noise bends a line by so many times what it adds to a step."""


class Canary:
    """The good canaries of a run, and what a new one means beside them."""

    def __init__(self, sigmas: float, rise: float) -> None:
        self._sigmas = sigmas
        self._rise = rise
        self._good: deque[tuple[int, float]] = deque(maxlen=KEPT)
        self._accuser: float | None = None
        self._accuser_age = 0

    @property
    def known(self) -> bool:
        """Whether this run measures one at all."""
        return bool(self._good)

    @property
    def before(self) -> float | None:
        """The last good one."""
        return self._good[-1][1] if self._good else None

    def bound(self) -> float:
        """Return what the next one must exceed to be risen; infinite before the first."""
        if not self._good:
            return math.inf
        last = self._good[-1][1]
        return last + max(self._sigmas * self._sigma(), self._rise * abs(last))

    def point(self) -> None:
        """Count one point of the run: an accuser grows old."""
        self._accuser_age += 1

    def accuser(self, age_max: int) -> float | None:
        """Return a risen canary of at most so many points ago."""
        return self._accuser if self._accuser_age <= age_max else None

    def take(self, step: int, value: float) -> None:
        """Take a canary in while nothing is wrong."""
        if value <= self.bound() or self._accuser is not None:
            self.good(step, value)
        else:
            self._accuser, self._accuser_age = value, 0

    def good(self, step: int, value: float) -> None:
        """Take in one that is not risen, or is the new normal."""
        self._accuser = None
        if math.isfinite(value):
            self._good.append((step, value))

    def go_back(self, step: int) -> None:
        """Forget what was measured at this step and later: those steps are made again."""
        self._accuser = None
        while self._good and self._good[-1][0] >= step:
            self._good.pop()

    def _sigma(self) -> float:
        """Return the spread of a step from one to the next, taken from the changes of it: no slope counts."""
        recent = [value for _, value in self._good][-_SPREAD_OF:]
        bends = [a - 2 * b + c for a, b, c in zip(recent, recent[1:], recent[2:], strict=False)]
        if len(bends) < _BENDS_MIN:
            return 0.0
        return MAD_TO_SIGMA * RankedWindow(_SPREAD_OF, bends).spread()[1] / _BEND_OF_A_STEP
