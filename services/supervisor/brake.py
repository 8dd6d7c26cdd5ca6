"""How long to wait before something that ended is started again."""

from dataclasses import dataclass
from typing import Final

FIRST_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 20.0
"""What lived this long is no crash loop: the wait begins anew."""

assert FIRST_SECONDS < STEADY_SECONDS <= LONGEST_SECONDS


@dataclass(slots=True)
class Brake:
    """Doubles the wait with every quick end in a row."""

    quick_ends: int = 0

    def after(self, lived_seconds: float) -> float:
        """Return the seconds to wait, given how long it lived this time."""
        self.quick_ends = 1 if lived_seconds >= STEADY_SECONDS else self.quick_ends + 1
        doublings = min(self.quick_ends - 1, 16)
        return float(min(FIRST_SECONDS * 2**doublings, LONGEST_SECONDS))
