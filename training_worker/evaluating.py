"""Evaluation: the loss on the validation text, and a sample of what the model writes."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

from coord.events import run as words
from coord.training_worker.batches import EVALUATION_ROWS
from coord.training_worker.memory import allocation_failed
from coord.training_worker.sampling import sample

if TYPE_CHECKING:
    from coord.training_worker.trainer import Trainer

EVALUATION_LOSS: Final = "evaluation_loss"
BITS_PER_BYTE: Final = "bits_per_byte"
SAMPLES: Final = "samples.jsonl"


def evaluate(trainer: "Trainer") -> None:
    """Measure, tell, and let the model write a little; it is left out when there is no memory for it."""
    try:
        _evaluate(trainer)
    except (RuntimeError, MemoryError) as error:
        failed = allocation_failed(error)
        if failed is None:
            raise
        trainer.progress.say(f"the evaluation before step {trainer.step:,} is left out: {failed}")


def _evaluate(trainer: "Trainer") -> None:
    batch = trainer.batches.fixed(EVALUATION_ROWS)
    loss = trainer.measure.loss(batch, trainer.orders.micro_batch)
    trainer.run.evaluated(
        trainer.step,
        **{
            EVALUATION_LOSS: loss,
            BITS_PER_BYTE: loss / math.log(2),
            words.CANARY_LOSS: trainer.measure_canary(),
        },
    )
    written = sample(trainer.model, trainer.batches.beginning(), trainer.step).decode("utf-8", "replace")
    trainer.progress.say(
        f"evaluation before step {trainer.step:,}: {loss:.3f} nats a byte; it writes: {written}"
    )
    _keep(trainer.keeper.folder / SAMPLES, trainer.step, loss, written)


def _keep(path: Path, step: int, loss: float, written: str) -> None:
    line = {"step": step, "loss": loss if math.isfinite(loss) else None, "text": written}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
