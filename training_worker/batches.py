"""Batches as tensors: of the training text by number, and fixed ones of the validation text.

Shapes: B rows, T bytes of context, S = T + 1.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from coord.training_worker.configuration import TrainingConfiguration
from coord.training_worker.drills import Drills
from coord.training_worker.order import Order, noise
from coord.training_worker.text import Bytes, Text

CANARY_ROWS: Final = 16
EVALUATION_ROWS: Final = 128


@dataclass(frozen=True, slots=True)
class Batch:
    """What is read, and what comes next of each byte."""

    number: int
    x_BT: Tensor
    y_BT: Tensor
    poisoned: bool = False
    """Whether the last row is embedded as not a number."""

    def rows(self, rows: slice) -> "Batch":
        """Return some of its rows; the poison is in the last."""
        x_BT = self.x_BT[rows]
        poisoned = self.poisoned and rows.stop >= len(self.x_BT)
        return Batch(self.number, x_BT, self.y_BT[rows], poisoned)


class Batches:
    """Reads batches of one text."""

    def __init__(
        self, text: Text, configuration: TrainingConfiguration, drills: Drills, device: torch.device
    ) -> None:
        self._text, self._drills, self._device = text, drills, device
        self._context, self._batch, self._seed = (
            configuration.context,
            configuration.batch,
            configuration.seed,
        )
        self._order = Order(len(text.train), self._context, self._batch, self._seed)
        self._places_S = np.arange(self._context + 1)

    def read(self, number: int) -> Batch:
        """Read a batch by its number; in a drill it is another than the text's."""
        bytes_BS = self._text.train[self._order.starts_of(number)[:, None] + self._places_S]
        if self._drills.corrupts(number):
            bytes_BS = noise(number, self._seed, bytes_BS.shape)
        return self._made(number, bytes_BS, self._drills.poisons(number))

    def fixed(self, rows: int) -> Batch:
        """Return rows that lie evenly over the validation text: the same each time."""
        last = len(self._text.validation) - self._context - 1
        starts_B = np.unique(np.linspace(0, last, rows).astype(np.int64))
        return self._made(0, self._text.validation[starts_B[:, None] + self._places_S], poisoned=False)

    def beginning(self) -> Bytes:
        """Return what a sample of text goes on from."""
        return self._text.validation[: self._context]

    def _made(self, number: int, bytes_BS: npt.NDArray[np.uint8], poisoned: bool) -> Batch:
        whole_BS = torch.from_numpy(bytes_BS.astype(np.int64)).to(self._device)
        return Batch(number, whole_BS[:, :-1], whole_BS[:, 1:], poisoned)
