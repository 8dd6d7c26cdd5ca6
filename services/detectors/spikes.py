"""Spikes in a positive series, such as a loss or a gradient norm: how far a value stands above its own trend.

    y = ln(value)         r = y - trend          c, s = median and 1.4826 * MAD of the last `window` r
    z = (r - c) / s       trend += alpha * w      w = r, brought within k * s of c; the window takes w, too

The logarithm makes a rise of 10 % the same thing at every level, the quick average takes the slope out, the
median and the MAD (median absolute deviation) ignore the spikes of before, and w keeps a spike from moving
the trend: a high one, so that the next is still seen, and a low one (one batch of nothing but padding), so
that all that follows is not one. An alarm is one z above `k`, or two running above `k_again`.

A value that is not finite is an alarm (z is infinite) and changes no state. A value that is finite and not
positive has no logarithm: it says nothing (z = 0) and changes no state, so a series that is never positive is
not watched. No clock, no randomness: the same values give the same readings.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from coord.events.errors import SettingsError
from coord.services.detectors.ranked import RankedWindow

MAD_TO_SIGMA: Final = 1.4826
"""A normal distribution's standard deviation is so many times its MAD."""
WINDOW_MAX: Final = 10_000
Z_MAX: Final = 1_000_000
_WINDOW_MIN: Final = 8


@dataclass(frozen=True, slots=True)
class SpikeSettings:
    """What counts as a spike. Each figure is a setting, so that a replay can ask what another would have found."""

    k: float = 8.0
    """One z above it is an alarm."""
    k_again: float = 5.0
    """Two z running above it are an alarm."""
    window: int = 64
    """Residuals that median and MAD are taken of."""
    warm_up: int = 64
    """Residuals seen before the first z."""
    alpha: float = 0.05
    """Share of a residual that the trend follows, 0 to 1."""
    floor: float = 0.004
    """Smallest scale, in logarithms: a series that never moves is not judged by its rounding."""

    def __post_init__(self) -> None:
        """Refuse what no detector can run with."""
        _within("k", self.k, 0, Z_MAX)
        _within("k_again", self.k_again, 0, Z_MAX)
        _within("window", self.window, _WINDOW_MIN, WINDOW_MAX)
        _within("warm_up", self.warm_up, _WINDOW_MIN, WINDOW_MAX)
        _within("alpha", self.alpha, 0, 1)
        _within("floor", self.floor, 0, 1)


def _within(name: str, value: float, least: float, most: float) -> None:
    if not (least <= value <= most and value > 0):
        bounds = f"from {least} to {most}" if least else f"above 0, and at most {most}"
        raise SettingsError(f"{name} is {value}; it must be {bounds}.")


class Reading(NamedTuple):
    """What one value says."""

    z: float
    """Robust standard deviations above the trend; 0 during warm-up, infinite for a value that is not finite."""
    alarm: bool


class SpikeDetector:
    """A fold over one series; some microseconds a value."""

    __slots__ = ("_center", "_last_z", "_residuals", "_seen", "_trend", "settings")

    def __init__(self, settings: SpikeSettings | None = None) -> None:
        self.settings = settings or SpikeSettings()
        self.rearm()

    def rearm(self) -> None:
        """Forget everything: after a roll-back, or a change of learning rate, batch size or mix of texts."""
        self._residuals = RankedWindow(self.settings.window)
        self._seen = 0
        self._trend: float | None = None
        self._center = 0.0
        self._last_z = 0.0

    @property
    def expected(self) -> float | None:
        """The value the trend leads to; None before the first."""
        if self._trend is None:
            return None
        return math.exp(min(self._trend + self._center, 700.0))

    @property
    def warm(self) -> bool:
        """Whether the next value is judged."""
        return self._seen >= self.settings.warm_up

    def copy(self) -> "SpikeDetector":
        """Return another in the same state: what a roll-back goes back to."""
        other = SpikeDetector(self.settings)
        other._residuals = self._residuals.copy()
        other._seen, other._trend = self._seen, self._trend
        other._center, other._last_z = self._center, self._last_z
        return other

    def state(self) -> dict[str, Any]:
        """Return all it has seen as JSON: what a checkpoint keeps of it."""
        return {
            "residuals": self._residuals.values(),
            "seen": self._seen,
            "trend": self._trend,
            "center": self._center,
            "last_z": self._last_z,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; the figures that follow are the same to the last bit."""
        self._residuals = RankedWindow(self.settings.window, map(float, state["residuals"]))
        self._seen = int(state["seen"])
        self._trend = None if state["trend"] is None else float(state["trend"])
        self._center, self._last_z = float(state["center"]), float(state["last_z"])

    def update(self, value: float, learn: bool = True) -> Reading:
        """Take the next value and say how far it stands above the trend.

        One that is not to be learnt, such as the loss of a step whose update was left out, is judged all the
        same, and counts as one of two running.
        """
        if not math.isfinite(value):
            return _NOT_FINITE
        if value <= 0:
            return _NOTHING
        if self._trend is None:
            self._trend = math.log(value) if learn else None
            return _NOTHING
        residual = math.log(value) - self._trend
        if not self.warm:
            if learn:
                self._follow(residual)
            return _NOTHING
        settings = self.settings
        self._center, deviation = self._residuals.spread()
        scale = max(MAD_TO_SIGMA * deviation, settings.floor)
        z = (residual - self._center) / scale
        alarm = z > settings.k or min(z, self._last_z) > settings.k_again
        self._last_z = z
        if learn:
            reach = settings.k * scale
            self._follow(max(self._center - reach, min(residual, self._center + reach)))
        return Reading(z, alarm)

    def _follow(self, residual: float) -> None:
        self._residuals.push(residual)
        self._seen += 1
        self._trend = (self._trend or 0.0) + self.settings.alpha * residual


_NOTHING: Final = Reading(0.0, False)
_NOT_FINITE: Final = Reading(math.inf, True)
