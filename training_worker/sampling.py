"""Samples: text that a model goes on with, byte by byte.

Shapes: 1 row, T bytes of context, V = 256 bytes.
"""

from typing import Final

import torch

from coord.training_worker.model import VOCABULARY, ByteModel
from coord.training_worker.text import Bytes

SAMPLE_BYTES: Final = 96
WARMTH: Final = 0.8
"""Logits are divided by it: below 1 the likelier bytes come more often."""


@torch.no_grad()
def sample(model: ByteModel, beginning: Bytes, seed: int, length: int = SAMPLE_BYTES) -> bytes:
    """Return what the model goes on with after a beginning; the same for the same seed."""
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(seed)
    said = list(map(int, beginning))
    for _ in range(length):
        x_1T = torch.tensor([said[-model.context :]], device=device)
        chances_V = (model(x_1T)[0, -1].float() / WARMTH).softmax(-1).cpu()
        if not bool(chances_V.isfinite().all()):
            break
        said.append(int(torch.multinomial(chances_V, 1, generator=generator)) % VOCABULARY)
    return bytes(said[len(beginning) :])
