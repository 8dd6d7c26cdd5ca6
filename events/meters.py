"""The question behind meters: everything that is counted, and the newest of everything that is measured, as figures.

Counts are of all there ever was, so that they never fall and are the same after a rebuild. Runs and nodes come in
pages, because an answer over NATS is bounded.
"""

from typing import Literal

from pydantic import Field

from coord.events.answer import Answer, PastQuestion
from coord.events.model import Count, Nanoseconds, Token, Words

FIGURES_MAX: int = 10_000


class Meters(PastQuestion):
    """Figures about the whole, about runs, or about nodes."""

    part: Literal["whole", "runs", "nodes"] = "whole"
    after: Token | None = None
    """Of runs and nodes: those whose names come after this one."""


class Figure(Words):
    """One number."""

    name: Token
    """What is counted or measured; of a node's readings, the metric of its monitor."""
    labels: dict[Token, str] = Field(default_factory=dict, max_length=8)
    value: float
    at_ns: Nanoseconds = 0
    """When it was measured, by the clock of who measured it; 0: as of the answer."""


class Distribution(Words):
    """How long things took, in seconds."""

    name: Token
    labels: dict[Token, str] = Field(default_factory=dict, max_length=8)
    count: Count
    total: float = Field(ge=0)
    bounds: tuple[float, ...]
    counts: tuple[Count, ...]
    """Within each bound and above the one before; one more than there are bounds, for what is above all."""


class MetersAnswer(Answer):
    """The figures."""

    figures: tuple[Figure, ...] = Field(max_length=FIGURES_MAX)
    distributions: tuple[Distribution, ...] = ()
    next: Token | None = None
    """Ask again with this as `after`; none: that was all."""
