"""What should fit on a machine: an estimate from its memory alone.

Sixteen bytes a parameter to train with AdamW in mixed precision: two for the weight, two for its gradient,
four each for the full-precision copy, the momentum and the variance (Rajbhandari et al., ZeRO, SC 2020,
section 3.1, arXiv:1910.02054). Beside them, for each sequence of s tokens, what the backward pass needs of
each transformer layer: s*h*(34 + 5*a*s/h) bytes (Korthikanti et al. 2022, arXiv:2205.05198, section 4.1;
neither recomputed nor split over devices). A model of P parameters is taken to have 12*L*h*h of them, with a
hidden size of h = 128*L and heads of 128, the shape of the GPT-3 family's larger members.
"""

from typing import Final

from coord.events.node import Capacity

USABLE_SHARE: Final = 0.9
"""Of the memory: the rest is for the driver, the program and fragments."""
TRAIN_BYTES_A_PARAMETER: Final = 16
INFER_BYTES_A_PARAMETER: Final = 2
REFERENCE_PARAMETERS: Final = 1_000_000_000
REFERENCE_SEQUENCE: Final = 1024
_HEAD_SIZE: Final = 128
_HIDDEN_A_LAYER: Final = 128
_HALVINGS: Final = 64

FORMULA: Final = (
    f"{USABLE_SHARE:.0%} of memory >= 16 bytes a parameter (AdamW in mixed precision, Rajbhandari et al. "
    "2020) + batch * layers * s*h*(34 + 5*a*s/h) bytes of activations (Korthikanti et al. 2022), for "
    f"s = {REFERENCE_SEQUENCE}, parameters = 12*layers*h*h, h = {_HIDDEN_A_LAYER}*layers, "
    f"a = h/{_HEAD_SIZE}; inference: {INFER_BYTES_A_PARAMETER} bytes a parameter"
)


def estimate(memory_bytes: int) -> Capacity:
    """Estimate what fits into so much memory of one device."""
    usable = memory_bytes * USABLE_SHARE
    beside = usable - TRAIN_BYTES_A_PARAMETER * REFERENCE_PARAMETERS
    return Capacity(
        memory_bytes=memory_bytes,
        train_parameters_max=_largest(usable),
        infer_parameters_max=int(usable / INFER_BYTES_A_PARAMETER),
        reference_parameters=REFERENCE_PARAMETERS,
        reference_batch_max=max(0, int(beside / activation_bytes(REFERENCE_PARAMETERS))),
        reference_sequence=REFERENCE_SEQUENCE,
        formula=FORMULA,
    )


def activation_bytes(parameters: float) -> float:
    """Return what one sequence's activations take in a model of so many parameters."""
    hidden: float = (parameters * _HIDDEN_A_LAYER / 12) ** (1 / 3)
    layers = hidden / _HIDDEN_A_LAYER
    heads = hidden / _HEAD_SIZE
    a_layer = REFERENCE_SEQUENCE * (34 * hidden + 5 * heads * REFERENCE_SEQUENCE)
    return layers * a_layer


def _largest(usable: float) -> int:
    """Find by halving the largest model that trains with one sequence a step."""
    low, high = 0.0, usable / TRAIN_BYTES_A_PARAMETER
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        fits = TRAIN_BYTES_A_PARAMETER * middle + activation_bytes(middle) <= usable
        low, high = (middle, high) if fits else (low, middle)
    return int(low)
