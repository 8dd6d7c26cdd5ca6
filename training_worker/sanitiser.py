"""Level 0 of safety, within the step and without the bus: an update that would do harm is left out.

    judged: loss and gradient norm of the whole batch, the same on every rank, before the update
    left out: one is not finite, or stands more than 8 robust deviations above its own trend

It is silent while a trend is young, and begins anew when the learning rate was changed on purpose; a roll-back
brings back the trend of its checkpoint. A smaller micro-batch changes nothing here: the batch, and so the loss,
stays the same. What goes on for too long is no bad batch: then the updates are made again and the trend begins
anew, so that a run nobody watches is not frozen. One that is not finite is never made.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

from coord.services.detectors.spikes import SpikeDetector, SpikeSettings

Z_MAX: Final = 8.0
RUNNING_MAX: Final = 20
"""So many finite steps running may be left out."""
_SETTINGS: Final = SpikeSettings(k=Z_MAX, k_again=Z_MAX)


class Sanitiser:
    """The trends of loss and gradient norm."""

    def __init__(self) -> None:
        self._loss = SpikeDetector(_SETTINGS)
        self._norm = SpikeDetector(_SETTINGS)
        self._running = 0

    def judge(self, loss: float, gradient_norm: float) -> str | None:
        """Return why this step's update is to be left out; None: it is to be made."""
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if not math.isfinite(gradient_norm):
            return f"the gradient norm is {gradient_norm}"
        of_loss, of_norm = self._loss.update(loss), self._norm.update(gradient_norm)
        if not (of_loss.alarm or of_norm.alarm):
            self._running = 0
            return None
        self._running += 1
        if self._running > RUNNING_MAX:
            self.rearm()
            return None
        if of_loss.alarm:
            return f"the loss {loss:.4g} stands {of_loss.z:.1f} deviations above its trend"
        return f"the gradient norm {gradient_norm:.4g} stands {of_norm.z:.1f} deviations above its trend"

    def rearm(self) -> None:
        """Begin anew: what was normal is so no more."""
        self._loss.rearm()
        self._norm.rearm()
        self._running = 0

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of it."""
        return {"loss": self._loss.state(), "gradient_norm": self._norm.state(), "running": self._running}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._loss.restore(state["loss"])
        self._norm.restore(state["gradient_norm"])
        self._running = int(state["running"])
