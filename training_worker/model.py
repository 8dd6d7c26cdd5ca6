"""The model: a byte-level GPT in plain torch, small enough to be read at once.

Shapes: B sequences, T bytes of context, C width, H heads, D = C/H width of a head, V = 256 bytes.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from coord.training_worker.configuration import TrainingConfiguration

VOCABULARY: Final = 256
_SPREAD: Final = 0.02
"""Standard deviation of the first weights."""


class Block(nn.Module):
    """Attention, then two layers, each on what was normalised and added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.before_layers = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, x_BTC: Tensor) -> Tensor:
        """Return the same shape."""
        x_BTC = x_BTC + self.attended(self._attend(self.before_attention(x_BTC)))
        wide_BTC = functional.gelu(self.widen(self.before_layers(x_BTC)))
        y_BTC: Tensor = x_BTC + self.narrow(wide_BTC)
        return y_BTC

    def _attend(self, x_BTC: Tensor) -> Tensor:
        batch, context, width = x_BTC.shape
        split = self.query_key_value(x_BTC).view(batch, context, 3, self.heads, width // self.heads)
        q_BHTD, k_BHTD, v_BHTD = split.permute(2, 0, 3, 1, 4)
        y_BHTD = functional.scaled_dot_product_attention(q_BHTD, k_BHTD, v_BHTD, is_causal=True)
        return y_BHTD.transpose(1, 2).reshape(batch, context, width)


class ByteModel(nn.Module):
    """Says of each byte which one comes next."""

    def __init__(self, context: int, layers: int, heads: int, width: int) -> None:
        super().__init__()
        self.context = context
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.places = nn.Parameter(torch.zeros(context, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.normal = nn.LayerNorm(width)
        self.head = nn.Linear(width, VOCABULARY, bias=False)
        self._first_weights(layers)

    def forward(self, x_BT: Tensor) -> Tensor:
        """Return logits_BTV."""
        x_BTC = self.embedding(x_BT) + self.places[: x_BT.shape[1]]
        logits_BTV: Tensor = self.head(self.normal(self.blocks(x_BTC)))
        return logits_BTV

    def loss_sum(self, x_BT: Tensor, y_BT: Tensor) -> Tensor:
        """Return the cross entropy of all bytes together, in nats."""
        logits_BTV = self.forward(x_BT)
        return functional.cross_entropy(logits_BTV.flatten(0, 1).float(), y_BT.flatten(), reduction="sum")

    def _first_weights(self, layers: int) -> None:
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                into_the_stream = name.endswith(("attended.weight", "narrow.weight"))
                spread = _SPREAD / (2 * layers) ** 0.5 if into_the_stream else _SPREAD
                nn.init.normal_(parameter, std=spread)


def make_model(configuration: TrainingConfiguration, device: torch.device) -> ByteModel:
    """Make the model a seed makes; the same on every rank."""
    torch.manual_seed(configuration.seed)
    model = ByteModel(configuration.context, configuration.layers, configuration.heads, configuration.width)
    model.to(device)
    return model
