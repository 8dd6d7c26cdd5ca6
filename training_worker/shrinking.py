"""Memory ran out in a step: it is told at once, what the step took is freed, and the micro-batch is halved.

The watchdog is waited for, some seconds, because its directive is on the record with its reason; a run that
nobody asks halves by itself. Its directive, when it comes after that, is answered as obeyed and halves nothing
more. The batch, and so its gradients, stay the same; with a micro-batch of one there is nothing to halve.
"""

from typing import TYPE_CHECKING, Final

from coord.services import clock
from coord.training_worker.memory import OutOfMemory, Reserve

if TYPE_CHECKING:
    from coord.training_worker.trainer import Trainer

HALVING_SECONDS: Final = 3.0
"""How long to wait to be told."""
HALVED_SECONDS: Final = 60.0
"""A directive that comes within this time after the run halved by itself is about the same failure."""
LESS: Final = "Take a smaller model or context, or give it more memory."


class Shrinking:
    """How one trainer meets allocations that fail."""

    def __init__(self, trainer: "Trainer") -> None:
        self.reserve = Reserve()
        self._trainer = trainer
        self._halved_at: float | None = None

    def take_halving(self) -> bool:
        """Tell, once, whether the micro-batch was halved a moment ago without being told."""
        at, self._halved_at = self._halved_at, None
        return at is not None and clock.monotonic() - at < HALVED_SECONDS

    def shrink(self, failed: str | None) -> None:
        """Go on with half the micro-batch; `failed` is None where another rank's allocation did.

        Raises:
            OutOfMemory: there is nothing to halve.
        """
        trainer = self._trainer
        before = trainer.orders.micro_batch
        reason = failed or "an allocation failed on another rank"
        trainer.counts.out_of_memory += 1
        trainer.gradients.clear()
        trainer.run.out_of_memory(trainer.step, before, reason)
        trainer.progress.say(f"step {trainer.step} is out of memory with micro-batch {before}: {reason}")
        if before == 1:
            raise OutOfMemory(f"step {trainer.step} is out of memory with micro-batch 1: {reason}.", LESS)
        self._wait(before)
        if trainer.orders.micro_batch == before and trainer.outcome is None:
            self._halve(before)
        self.reserve.hold()

    def _wait(self, before: int) -> None:
        trainer, ranks = self._trainer, self._trainer.ranks
        end = clock.monotonic() + HALVING_SECONDS
        over = False
        while not over and trainer.orders.micro_batch == before and trainer.outcome is None:
            left = max(0.0, end - clock.monotonic())
            trainer.wait_and_obey(left)
            (over,) = map(bool, ranks.agree((ranks.first and clock.monotonic() >= end,)))

    def _halve(self, before: int) -> None:
        trainer = self._trainer
        trainer.orders.micro_batch = before // 2
        trainer.orders.revision += 1
        self._halved_at = clock.monotonic()
        if trainer.ranks.first:
            trainer.keeper.write_orders()
        trainer.progress.say(f"nobody asked, so it halves by itself: the micro-batch is {before // 2}")
