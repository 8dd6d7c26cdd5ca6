"""What directives changed for good: it outlasts a roll-back and the process.

A checkpoint carries the orders of its moment. Those given later stand in `orders.json` beside the checkpoints,
written before the directive is answered; of the two, the ones of the higher revision hold.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

QUARANTINE_MAX: Final = 100_000
"""Batches; at eight bytes each they still fit a state file that is read at once."""
FACTOR_MIN: Final = 1e-6


@dataclass(slots=True)
class Orders:
    """How to go on."""

    micro_batch: int
    quarantine: set[int] = field(default_factory=set)
    """Batches that are passed over."""
    factor: float = 1.0
    """What the learning rate is multiplied by."""
    factor_steps: int | None = None
    """For so many steps more; None: until it is restored."""
    revision: int = 0
    """Counts the directives that changed something."""

    def lower(self, factor: float, steps: int) -> None:
        """Lower the learning rate below what it is now, for so many steps; 0: until it is restored."""
        self.factor *= factor
        self.factor_steps = steps or None

    def restore(self) -> None:
        """Let the learning rate follow its schedule."""
        self.factor, self.factor_steps = 1.0, None

    def step_done(self) -> bool:
        """Count a step; True when the learning rate is as scheduled again from the next one on."""
        if self.factor_steps is None:
            return False
        self.factor_steps -= 1
        if self.factor_steps > 0:
            return False
        self.restore()
        return True

    def skip(self, batches: Iterable[int]) -> None:
        """Put batches in quarantine."""
        self.quarantine.update(batches)

    def state(self) -> dict[str, Any]:
        """Return them as JSON."""
        return {
            "micro_batch": self.micro_batch,
            "quarantine": sorted(self.quarantine),
            "factor": self.factor,
            "factor_steps": self.factor_steps,
            "revision": self.revision,
        }


def read_orders(state: Mapping[str, Any]) -> Orders:
    """Read what `state` returned.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    steps = state["factor_steps"]
    return Orders(
        micro_batch=int(state["micro_batch"]),
        quarantine={int(number) for number in state["quarantine"]},
        factor=float(state["factor"]),
        factor_steps=None if steps is None else int(steps),
        revision=int(state["revision"]),
    )
