"""The loop: one step after the other, and between two steps everything else.

    step:     read the batch that comes next, gradients in parts, agree, judge, update or leave out, tell
    between:  obey what is asked; evaluate and keep a checkpoint when it is time
    paused:   only obey
    the end:  of a run that left an update out and was asked nothing since: wait for what it may be asked

Step s makes the model of step s+1; a checkpoint of step N holds the model before step N, so one of a step up
to the first bad one holds nothing of it. Step and batch number differ by the batches that were passed over.

A step during which an allocation failed was not taken: its update is not made, memory is freed, and the same
step comes again with half the micro-batch, which leaves the batch and its gradients as they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from coord.events import run as words
from coord.services import clock
from coord.training_worker.batches import CANARY_ROWS, Batches
from coord.training_worker.checkpoint import Checkpoint
from coord.training_worker.configuration import TrainingConfiguration
from coord.training_worker.control import Declined, obey
from coord.training_worker.drills import Drills
from coord.training_worker.evaluating import evaluate
from coord.training_worker.memory import OutOfMemory, allocation_failed
from coord.training_worker.model import make_model
from coord.training_worker.optimisation import Gradients, Optimiser, learning_rate_at
from coord.training_worker.order import following
from coord.training_worker.orders import Orders
from coord.training_worker.parallel import Ranks
from coord.training_worker.progress import Progress
from coord.training_worker.sanitiser import Sanitiser
from coord.training_worker.saving import Keeper
from coord.training_worker.shrinking import LESS, Shrinking
from coord.training_worker.stepping import Measure
from coord.training_worker.text import Text
from coord.training_worker.voice import Outcome, Voice

if TYPE_CHECKING:
    from coord.training_worker.mailbox import Asked

PAUSED_POLL_SECONDS: Final = 1.0
"""How often a paused run looks whether it is told to stop by a signal; that it lives, its emitter says."""
LAST_WORD_SECONDS: Final = 15.0
"""How long a run waits at its end for what it may be asked: the log and the watchdog may be behind its last steps."""


@dataclass(slots=True)
class Counts:
    """What happened in one process's life."""

    left_out: int = 0
    rolled_back: int = 0
    out_of_memory: int = 0


class Trainer:
    """One training on one rank."""

    def __init__(
        self,
        configuration: TrainingConfiguration,
        text: Text,
        folder: Path,
        run: Voice,
        ranks: Ranks,
        device: torch.device,
        stop_asked: Callable[[], bool] = lambda: False,
        last_word_seconds: float = LAST_WORD_SECONDS,
    ) -> None:
        self.configuration, self.run, self.ranks = configuration, run, ranks
        self.progress = Progress(ranks.first, configuration.steps)
        self.model = make_model(configuration, device)
        self.gradients, self.optimiser = Gradients(self.model), Optimiser(self.model)
        self.measure = Measure(self.model, configuration.precision)
        self.drills = Drills(configuration.drills)
        self.batches = Batches(text, configuration, self.drills, device)
        self.sanitiser = Sanitiser()
        self._share = ranks.share(configuration.batch)
        self.orders = Orders(configuration.micro_batch or self._share.stop - self._share.start)
        self.step = self.cursor = 0
        self.paused = False
        self.outcome: Outcome | None = None
        self.reason: str | None = None
        self.loss: float | None = None
        self.counts = Counts()
        self._unanswered: int | None = None
        """The last step whose update was left out, and behind which nothing was asked."""
        self._canary_batch = self.batches.fixed(CANARY_ROWS)
        self._canary: tuple[int, float] | None = None
        self._stop_asked = stop_asked
        self._last_word_seconds = last_word_seconds
        self.keeper = Keeper(self, folder, text)
        self.shrinking = Shrinking(self)

    @property
    def canary(self) -> float | None:
        """The last canary loss that was measured."""
        return self._canary[1] if self._canary else None

    def train(self) -> None:
        """Take the steps there are; `outcome` says how it ended.

        Raises:
            OutOfMemory: there is not enough for one sequence at a time, or for what goes on between steps.
        """
        try:
            self._train()
        except (RuntimeError, MemoryError) as error:
            self.shrinking.reserve.let_go()
            failed = allocation_failed(error)
            if failed is None:
                raise
            raise OutOfMemory(f"memory ran out before step {self.step}: {failed}.", LESS) from error

    def _train(self) -> None:
        if self.step == 0:
            self.keep()
        while self.outcome is None and (self.step < self.configuration.steps or self._hear_the_last_word()):
            if self.step < self.configuration.steps:
                self._obey(self._attempt())
            while self.paused and self.outcome is None:
                self.wait_and_obey(PAUSED_POLL_SECONDS)
        self.end("completed")
        self.keep()
        if self.ranks.first:
            evaluate(self)

    def end(self, outcome: Outcome, reason: str | None = None) -> None:
        """End before the next step; the first who says so is believed."""
        if self.outcome is None:
            self.outcome, self.reason = outcome, reason

    def keep(self) -> str | None:
        """Write a checkpoint; return why not, when it could not be."""
        return self.keeper.write() if self.ranks.first else None

    def go_back(self, step_max: int) -> Checkpoint | None:
        """Go back to the newest good checkpoint of this step or before; None: there is none."""
        checkpoint = self.keeper.back_to(step_max)
        if checkpoint is not None:
            self._canary = None
            self.counts.rolled_back += 1
        return checkpoint

    def wait_and_obey(self, seconds: float) -> None:
        """Wait until something is asked, for so long at most, and obey it."""
        asked = self.run.wait_for_directive(self.step, seconds) if self.ranks.first else ()
        any_asked, stop = self.ranks.agree((bool(asked), self._stop_asked()))
        if stop:
            self.end("stopped", "a signal")
        elif any_asked:
            self._obey(asked)

    def _hear_the_last_word(self) -> bool:
        """Wait for an answer to an update that was left out, if there was none; True when one came."""
        if self._unanswered is None:
            return False
        self.progress.say(
            f"step {self._unanswered} was left out: waiting up to {self._last_word_seconds:g} s for what is asked"
        )
        end = clock.monotonic() + self._last_word_seconds
        over = False
        while not over and self._unanswered is not None and self.outcome is None:
            self.wait_and_obey(max(0.0, min(PAUSED_POLL_SECONDS, end - clock.monotonic())))
            (over,) = map(bool, self.ranks.agree((self.ranks.first and clock.monotonic() >= end,)))
        heard, self._unanswered = self._unanswered is None, None
        return heard

    def measure_canary(self) -> float:
        """Return the canary loss of the model as it is."""
        if self._canary is None or self._canary[0] != self.step:
            self._canary = self.step, self.measure.loss(self._canary_batch, self.orders.micro_batch)
        return self._canary[1]

    def _attempt(self) -> "Sequence[Asked] | None":
        """Try the step that comes next; return what is asked, None when nobody asks anything."""
        began = clock.monotonic()
        number = following(self.cursor, self.orders.quarantine)
        self.gradients.clear()
        failed, loss_part = self._accumulate(number)
        asked = self.run.directives(self.step)
        out, any_asked, stop = self.ranks.agree((failed is not None, bool(asked), self._stop_asked()))
        if stop:
            self.end("stopped", "a signal")
        elif out:
            self.shrinking.shrink(failed)
            return None
        else:
            self._finish_step(number, loss_part, began)
        return asked if any_asked else None

    def _accumulate(self, number: int) -> tuple[str | None, float]:
        try:
            batch = self.batches.read(number)
            return None, self.measure.accumulate(batch, self._share, self.orders.micro_batch)
        except (RuntimeError, MemoryError) as error:
            self.shrinking.reserve.let_go()
            failed = allocation_failed(error)
            if failed is None:
                raise
            return failed, 0.0

    def _finish_step(self, number: int, loss_part: float, began: float) -> None:
        loss = self._summed(loss_part)
        norm = self.gradients.norm()
        bad = self.sanitiser.judge(loss, norm) if self.configuration.sanitiser else None
        rate = learning_rate_at(self.step, self.configuration) * self.orders.factor
        rate *= self.drills.take_glitch(self.step)
        if bad is None:
            self.gradients.clip(norm)
            self.optimiser.update(rate)
        else:
            self._unanswered = self.step
        step, self.loss = self.step, loss
        self.step, self.cursor = step + 1, number + 1
        if self.orders.step_done():
            self.sanitiser.rearm()
        if self.ranks.first:
            self._tell(step, number, norm, rate, bad, began)
        self._when_due()

    def _summed(self, loss_part: float) -> float:
        """Sum gradients and losses over the ranks."""
        if self.ranks.world_size == 1:
            return loss_part
        loss_1 = torch.tensor([loss_part], dtype=torch.float64)
        self.ranks.add(loss_1)
        self.ranks.add(self.gradients.flat_N)
        return float(loss_1)

    def _tell(self, step: int, number: int, norm: float, rate: float, bad: str | None, began: float) -> None:
        loss = float(self.loss or 0.0)
        values = {words.LOSS: loss, words.GRADIENT_NORM: norm, words.LEARNING_RATE: rate, words.BATCH: number}
        if bad is not None or self.step % self.configuration.canary_every == 0:
            values[words.CANARY_LOSS] = self.measure_canary()
        tokens = self.configuration.batch * self.configuration.context
        values[words.STEP_SECONDS] = took = clock.monotonic() - began
        values[words.TOKENS_PER_SECOND] = tokens / max(took, 1e-9)
        if bad is None:
            self.run.log(step, **values)
        else:
            self.counts.left_out += 1
            self.run.log_now(step, **values, **{words.SKIPPED: 1})
            self.progress.say(
                f"step {step}, batch {number}: {bad}; its update is left out, the canary is {self.canary:.3f}"
            )
        self.progress.step(self.step, tokens, loss, self.canary, rate)

    def _when_due(self) -> None:
        if not self.ranks.first or self.step >= self.configuration.steps:
            return
        if self.step % self.configuration.evaluate_every == 0:
            evaluate(self)
        if self.step % self.configuration.checkpoint_every == 0:
            self.keep()

    def _obey(self, asked: "Sequence[Asked] | None") -> None:
        """Do on every rank what rank 0 was asked; rank 0 answers."""
        if asked is None:
            return
        self._unanswered = None
        for place, (action, parameters) in enumerate(
            self.ranks.tell([(one.action, dict(one.parameters)) for one in asked])
        ):
            mine = asked[place] if self.ranks.first else None
            self._obey_one(mine, action, parameters)

    def _obey_one(self, asked: "Asked | None", action: str, parameters: dict[str, Any]) -> None:
        step = self.step
        try:
            note = obey(self, action, parameters)
        except Declined as declined:
            self.progress.say(f"before step {step}: {action} is refused: {declined}")
            if asked is not None:
                self.run.refused(asked, step, str(declined))
            return
        self.orders.revision += 1
        self.progress.say(f"before step {step}: {note}")
        if asked is not None:
            self.keeper.write_orders()
            self.run.applied(asked, step, note)
