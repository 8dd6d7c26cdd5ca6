"""The loss and the gradients of a batch, in as many parts as memory allows.

Every part's loss is divided by the bytes of the whole batch, so the sum over parts and ranks is the mean over
the batch, however it is split.

Shapes: B rows, T bytes of context, C width.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor

from coord.training_worker.batches import Batch
from coord.training_worker.memory import allocation_failed
from coord.training_worker.model import ByteModel


def parts(rows: int, micro_batch: int) -> Iterator[slice]:
    """Yield the rows of each part."""
    for first in range(0, rows, micro_batch):
        yield slice(first, min(first + micro_batch, rows))


class Measure:
    """A model in one precision: forward, and backward."""

    def __init__(self, model: ByteModel, precision: str) -> None:
        self.model = model
        self._device = next(model.parameters()).device
        fast = self._device.type == "cuda" and torch.cuda.is_bf16_supported()
        self.precision = ("bf16" if fast else "fp32") if precision == "auto" else precision

    def accumulate(self, batch: Batch, share: slice, micro_batch: int) -> float:
        """Add the gradients of these rows of a batch to the model's, and return their part of its mean loss."""
        mine, whole_bytes = batch.rows(share), batch.x_BT.numel()
        loss_part = 0.0
        for rows in parts(len(mine.x_BT), micro_batch):
            part = mine.rows(rows)
            with _poisoned(self.model) if part.poisoned else nullcontext(), self._cast():
                loss = self.model.loss_sum(part.x_BT, part.y_BT) / whole_bytes
            loss.backward()  # type: ignore[no-untyped-call]
            loss_part += loss.item()
        return loss_part

    def loss(self, batch: Batch, micro_batch: int) -> float:
        """Return the mean loss of a batch in nats a byte; in smaller parts when memory runs out.

        Raises:
            RuntimeError, MemoryError: one sequence at a time is too much.
        """
        while True:
            try:
                return self._loss(batch, micro_batch)
            except (RuntimeError, MemoryError) as error:
                if micro_batch == 1 or allocation_failed(error) is None:
                    raise
            micro_batch //= 2

    @torch.no_grad()
    def _loss(self, batch: Batch, micro_batch: int) -> float:
        with self._cast():
            sums = (
                self.model.loss_sum(batch.x_BT[rows], batch.y_BT[rows]).item()
                for rows in parts(len(batch.x_BT), micro_batch)
            )
            return sum(sums) / batch.x_BT.numel()

    def _cast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self.precision == "bf16")


@contextmanager
def _poisoned(model: ByteModel) -> Iterator[None]:
    """Embed the last row as not a number."""

    def poison(_module: object, _args: object, x_BTC: Tensor) -> Tensor:
        factor_B11 = torch.ones(len(x_BTC), 1, 1, device=x_BTC.device)
        factor_B11[-1] = torch.nan
        return x_BTC * factor_B11

    hook = model.embedding.register_forward_hook(poison)
    try:
        yield
    finally:
        hook.remove()
