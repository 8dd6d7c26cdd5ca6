"""The published detectors of loss spikes, with the defaults of the projects that ship them.

Written anew from what those projects document or do, so that ours can be set beside them on the same curves.
Each is causal: one loss in, alarm or not.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Final

from coord.services.detectors.ranked import RankedWindow
from coord.services.detectors.scoring import Alarm
from coord.services.detectors.spikes import MAD_TO_SIGMA


class _Moments:
    """Mean and standard deviation of the last `size` values, kept as sums about the first of them."""

    def __init__(self, size: int) -> None:
        self.values: deque[float] = deque(maxlen=size)
        self._about = 0.0
        self._sum = 0.0
        self._squares = 0.0

    @property
    def full(self) -> bool:
        return len(self.values) == self.values.maxlen

    def push(self, value: float) -> None:
        if not self.values:
            self._about = value
        if self.full:
            self._add(self.values[0], -1)
        self.values.append(value)
        self._add(value, 1)

    def _add(self, value: float, sign: int) -> None:
        apart = value - self._about
        self._sum += sign * apart
        self._squares += sign * apart * apart

    def mean(self) -> float:
        return self._about + self._sum / len(self.values)

    def deviation(self) -> float:
        count = len(self.values)
        return math.sqrt(max(self._squares - self._sum**2 / count, 0.0) / (count - 1))


def llm_foundry() -> Alarm:
    """Make KillLossSpike: twice the mean of the last 100, for more than four samples running."""
    recent, running = _Moments(100), 0

    def detect(loss: float) -> bool:
        nonlocal running
        high = recent.full and loss >= 2.0 * recent.mean()
        running = running + 1 if high else 0
        if math.isfinite(loss):
            recent.push(loss)
        return running > 4

    return detect


def lightning() -> Alarm:
    """Make SpikeDetection: above the loss before it, and off the mean of the last ten by twice that mean."""
    recent, last = _Moments(10), 0.0

    def detect(loss: float) -> bool:
        nonlocal last
        if not math.isfinite(loss):
            return True
        if recent.values and loss > last and abs(loss - recent.mean()) >= abs(2.0 * recent.mean()):
            return True
        recent.push(loss)
        last = loss
        return False

    return detect


def megatron() -> Alarm:
    """Make the check for spiky loss: ten times the greatest of the first 100."""
    seen, greatest = 0, 0.0

    def detect(loss: float) -> bool:
        nonlocal seen, greatest
        if not math.isfinite(loss):
            return False
        seen += 1
        if seen <= 100:
            greatest = max(greatest, abs(loss))
            return False
        return loss >= 10.0 * greatest

    return detect


def axolotl() -> Alarm:
    """Make the loss watchdog as it is usually set: above 5.0, three running."""
    running = 0

    def detect(loss: float) -> bool:
        nonlocal running
        running = running + 1 if loss > 5.0 else 0
        return running >= 3

    return detect


def skip_step() -> Alarm:
    """Make SkipStep of OLMo-core and Levanter: six standard deviations above the mean of the last 128."""
    recent = _Moments(128)

    def detect(loss: float) -> bool:
        alarm = len(recent.values) >= 64 and not loss - recent.mean() <= 6.0 * recent.deviation()
        if math.isfinite(loss):
            recent.push(loss)
        return alarm

    return detect


def zclip() -> Alarm:
    """Make the statistic of ZClip on a loss: moving mean and variance (0.97), z above 2.5, 25 to begin with."""
    first = _Moments(25)
    mean = variance = 0.0

    def detect(loss: float) -> bool:
        nonlocal mean, variance
        if not math.isfinite(loss):
            return True
        if not first.full:
            first.push(loss)
            mean, variance = first.mean(), first.deviation() ** 2 * 24 / 25 if first.full else 0.0
            return False
        sigma = math.sqrt(variance)
        z = (loss - mean) / (sigma + 1e-6)
        taken = loss if z <= 2.5 else mean + 2.5 * sigma * 2.5 / z
        mean = 0.97 * mean + 0.03 * taken
        variance = 0.97 * variance + 0.03 * (taken - mean) ** 2
        return z > 2.5

    return detect


def rolling_mad() -> Alarm:
    """Make the textbook's: eight robust standard deviations above the median of the last 128."""
    recent = RankedWindow(128)

    def detect(loss: float) -> bool:
        if not math.isfinite(loss):
            return True
        alarm = False
        if len(recent) >= 64:
            center, deviation = recent.spread()
            alarm = loss - center > 8.0 * max(MAD_TO_SIGMA * deviation, 1e-9)
        recent.push(loss)
        return alarm

    return detect


PEERS: Final[dict[str, Callable[[], Alarm]]] = {
    "llm-foundry KillLossSpike": llm_foundry,
    "Lightning SpikeDetection": lightning,
    "Megatron spiky loss": megatron,
    "axolotl loss watchdog": axolotl,
    "OLMo-core, Levanter SkipStep": skip_step,
    "ZClip statistic": zclip,
    "rolling median + 8 MAD": rolling_mad,
}
"""Every peer by name: a maker of detectors that have seen nothing yet."""
