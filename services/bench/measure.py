"""What every benchmark shares: medians, percentiles, cycles, and one line of a report."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Cycles:
    """Claim and complete, over and over, by many agents."""

    began: float
    count: int = 0
    seconds: float = 0.0
    claim_seconds: list[float] = field(default_factory=list)

    def ended(self, now: float) -> "Cycles":
        """Stop the clock."""
        self.seconds = now - self.began
        return self

    @property
    def rate(self) -> float:
        """Cycles a second."""
        return self.count / self.seconds


@dataclass(frozen=True, slots=True)
class Line:
    """One measured figure, the bar it is held to, and what stands beside it."""

    what: str
    measured: str
    bar: str
    met: bool | None
    """None: there is no bar, or the peer is not here."""
    note: str = ""
    value: float | None = None
    """What is compared with the bar, as a number in the bar's unit."""


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def milliseconds(seconds: float) -> str:
    """Write seconds as milliseconds."""
    return f"{seconds * 1000:.1f} ms"
