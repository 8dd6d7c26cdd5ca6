"""What a training keeps on disk, and how it goes on from there.

    <run>/checkpoints/step-N/   see checkpoint.py
    <run>/orders.json           what directives changed since, see orders.py
    <run>/samples.jsonl         what the model wrote at evaluations

A checkpoint is good when its canary loss is finite and not much above that of the good one before.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from coord.events.errors import CoordError, UsageError
from coord.services import clock
from coord.services.folder import Folder
from coord.training_worker.checkpoint import Checkpoint, Damaged, Facts, verified, write_checkpoint
from coord.training_worker.orders import read_orders
from coord.training_worker.shelf import Shelf
from coord.training_worker.text import Text

if TYPE_CHECKING:
    from coord.training_worker.trainer import Trainer

CHECKPOINTS: Final = "checkpoints"
ORDERS: Final = "orders.json"
GOOD_RISE: Final = 0.03
"""A canary loss so much above that of the good checkpoint before is not good any more."""


class Keeper:
    """The folder of one run, for one trainer."""

    def __init__(self, trainer: "Trainer", folder: Path, text: Text) -> None:
        self.folder = folder
        self.shelf = Shelf(folder / CHECKPOINTS, trainer.progress.say)
        self._trainer = trainer
        self._lasting = trainer.configuration.lasting() | {"text_sha256": text.sha256}
        self._good_canary: float | None = None

    def begin(self) -> Checkpoint | None:
        """Go on from the newest checkpoint that verifies; None: there is none, or the run begins anew.

        Raises:
            UsageError: it is of another model or text, or it had to be there and is not.
        """
        trainer = self._trainer
        wanted = trainer.configuration.resume
        step = trainer.ranks.tell(self._newest_step(wanted) if trainer.ranks.first else None)
        if step is None:
            if wanted:
                raise UsageError(
                    f"run {trainer.configuration.run} has no checkpoint to go on from.",
                    "Begin it without --resume.",
                )
            return None
        checkpoint = verified(self.shelf.folder / f"step-{step}")
        self._require_same(checkpoint)
        self._restore(checkpoint)
        self._newer_orders()
        return checkpoint

    def write(self) -> str | None:
        """Write a checkpoint of the present step; return why not, when it could not be written."""
        trainer = self._trainer
        if self.shelf.at(trainer.step) is not None:
            return None
        canary = trainer.measure_canary()
        facts = Facts(
            step=trainer.step,
            position=trainer.run.position,
            canary_loss=canary if math.isfinite(canary) else None,
            good=self._is_good(canary),
            lasting=self._lasting,
        )
        if facts.good:
            self._good_canary = canary
        began = clock.monotonic()
        try:
            made = write_checkpoint(
                self.shelf.folder,
                facts,
                trainer.model.state_dict(),
                trainer.optimiser.tensors(),
                self._state(),
            )
            self.shelf.prune(made)
        except CoordError as error:
            trainer.progress.say(str(error))
            return str(error)
        trainer.run.checkpoint_written(
            made.step,
            f"{CHECKPOINTS}/{made.path.name}",
            made.sha256,
            made.size_bytes,
            clock.monotonic() - began,
        )
        return None

    def back_to(self, step_max: int) -> Checkpoint | None:
        """Go back to the newest good checkpoint of this step or before, and leave later ones behind."""
        ranks = self._trainer.ranks
        found = self.shelf.newest_good(step_max) if ranks.first else None
        step = ranks.tell(found.step if found is not None else None)
        if step is None:
            return None
        checkpoint = found or verified(self.shelf.folder / f"step-{step}")
        orders = self._trainer.orders
        self._restore(checkpoint)
        self._trainer.orders = orders
        if ranks.first:
            self.shelf.leave(after_step=step)
        return checkpoint

    def write_orders(self) -> None:
        """Keep the orders of this moment."""
        try:
            Folder(self.folder).write_json(self._trainer.orders.state(), ORDERS)
        except CoordError as error:
            self._trainer.progress.say(str(error))

    def _newest_step(self, wanted: bool | None) -> int | None:
        if wanted is False:
            self.shelf.set_aside()
            Folder(self.folder).path(ORDERS).unlink(missing_ok=True)
        self.shelf.tidy()
        newest = self.shelf.newest()
        return None if newest is None else newest.step

    def _require_same(self, checkpoint: Checkpoint) -> None:
        for name, now in self._lasting.items():
            before = checkpoint.lasting.get(name)
            if before != now:
                what = "another text" if name == "text_sha256" else f"--{name} {before}, not {now}"
                raise UsageError(
                    f"run {self._trainer.configuration.run} was begun with {what}.",
                    "Give it the same, or begin another with --run NAME, or this one anew with --fresh.",
                )

    def _newer_orders(self) -> None:
        """Take the orders that were given after the checkpoint was written."""
        state: Any = Folder(self.folder).read_json(ORDERS)
        try:
            orders = read_orders(state)
        except (KeyError, TypeError, ValueError):
            return
        if orders.revision > self._trainer.orders.revision:
            self._trainer.orders = orders

    def _is_good(self, canary: float) -> bool:
        if not math.isfinite(canary):
            return False
        return self._good_canary is None or canary <= self._good_canary * (1 + GOOD_RISE)

    def _state(self) -> dict[str, Any]:
        trainer = self._trainer
        return {
            "step": trainer.step,
            "cursor": trainer.cursor,
            "orders": trainer.orders.state(),
            "sanitiser": trainer.sanitiser.state(),
            "good_canary": self._good_canary,
            "random": bytes(torch.get_rng_state().tolist()).hex(),
        }

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Be as when the checkpoint was written.

        Raises:
            Damaged: it holds another model, or no state.
        """
        trainer = self._trainer
        try:
            state = checkpoint.state()
            checkpoint.load(trainer.model.state_dict(), trainer.optimiser.tensors())
            trainer.step, trainer.cursor = int(state["step"]), int(state["cursor"])
            trainer.orders = read_orders(state["orders"])
            trainer.sanitiser.restore(state["sanitiser"])
            canary = state["good_canary"]
            self._good_canary = None if canary is None else float(canary)
            torch.set_rng_state(torch.tensor(list(bytes.fromhex(state["random"])), dtype=torch.uint8))
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise Damaged(f"{checkpoint.path} holds no state that can be gone on from.") from error
