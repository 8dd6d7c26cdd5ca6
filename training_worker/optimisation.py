"""How the model is changed: gradients in one flat row, AdamW, the learning rate of each step.

Everything an update needs is allocated before the first step, so that an allocation never fails between two
halves of an update.

Shapes: N all parameters in a row.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

from coord.training_worker.configuration import TrainingConfiguration

BETAS: Final = (0.9, 0.95)
WEIGHT_DECAY: Final = 0.1
NORM_MAX: Final = 1.0
"""Gradients are scaled down to it."""
LEAST_SHARE: Final = 0.1
"""Of the highest learning rate, at the end."""


def learning_rate_at(step: int, configuration: TrainingConfiguration) -> float:
    """Return the learning rate of a step: a straight warm-up, then half a cosine down to a tenth."""
    highest, warm_up = configuration.learning_rate, configuration.warm_up
    if step < warm_up:
        return highest * (step + 1) / warm_up
    done = min(1.0, (step - warm_up) / max(1, configuration.steps - warm_up))
    share = LEAST_SHARE + (1 - LEAST_SHARE) * 0.5 * (1 + math.cos(math.pi * done))
    return highest * share


class Gradients:
    """The gradients of a model as one flat row that each parameter has its view of."""

    def __init__(self, model: nn.Module) -> None:
        self._parameters = list(model.parameters())
        sizes = [parameter.numel() for parameter in self._parameters]
        self.flat_N = torch.zeros(sum(sizes), device=self._parameters[0].device)
        for parameter, part_N in zip(self._parameters, torch.split(self.flat_N, sizes), strict=True):
            parameter.grad = part_N.view_as(parameter)

    def clear(self) -> None:
        """Set all to zero."""
        self.flat_N.zero_()

    def norm(self) -> float:
        """Return the L2 norm; not finite when one of them is not."""
        return float(self.flat_N.norm())

    def clip(self, norm: float) -> None:
        """Scale them down to the largest norm allowed."""
        if norm > NORM_MAX:
            self.flat_N.mul_(NORM_MAX / norm)


class Optimiser:
    """AdamW with its state in place from the start."""

    def __init__(self, model: nn.Module) -> None:
        self._named = dict(model.named_parameters())
        matrices = [parameter for parameter in self._named.values() if parameter.dim() > 1]
        others = [parameter for parameter in self._named.values() if parameter.dim() <= 1]
        groups = [
            {"params": matrices, "weight_decay": WEIGHT_DECAY},
            {"params": others, "weight_decay": 0.0},
        ]
        self._adam = torch.optim.AdamW(groups, lr=0.0, betas=BETAS, fused=True)
        for parameter in self._named.values():
            self._adam.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }

    def update(self, learning_rate: float) -> None:
        """Change the parameters by their gradients."""
        for group in self._adam.param_groups:
            group["lr"] = learning_rate
        self._adam.step()

    def tensors(self) -> dict[str, Tensor]:
        """Return the state: by parameter and quantity, the tensors themselves."""
        return {
            f"{name}/{quantity}": tensor
            for name, parameter in self._named.items()
            for quantity, tensor in self._adam.state[parameter].items()
        }
