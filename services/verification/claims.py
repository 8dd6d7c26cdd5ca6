"""The figures that README states, and whether they are true here.

A figure is marked where it stands: `0.94 s <!-- claim up-ready -->`. It is true when its bar is met and it
is measured as no worse than stated by more than a factor, because machines differ; better is no fault.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal

from coord.events.errors import FoundWanting, NothingThere, visible

FACTOR: Final = 2.0
"""How much worse than stated a figure that depends on the machine may be."""
_MARK: Final = re.compile(
    r"(?:(?P<value>[+-]?[0-9][0-9,]*(?:\.[0-9]+)?) ?(?P<unit>[^\s<|]*) *)?<!-- claim (?P<name>[a-z0-9-]*) *-->"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What is stated under one name."""

    what: str
    unit: str
    measure: str
    """Which of the measurements of measuring.py gives it."""
    bar: float | None = None
    better: Literal["less", "more"] = "less"
    factor: float = FACTOR
    """How much worse than stated it may be; infinite: only the bar counts."""

    @property
    def bar_told(self) -> str:
        """The bar as README writes it; `-`: there is none."""
        sign = "<" if self.better == "less" else ">="
        return f"{sign} {self.bar:g} {self.unit}" if self.bar is not None else "-"


def _ended(after: str) -> Claim:
    """Make the claim that a run ends near an untouched one; how near within the bar is chance."""
    return Claim(f"last canary after {after}, above an untouched run", "%", "incidents", 1, factor=math.inf)


CLAIMS: Final[Mapping[str, Claim]] = {
    "up-ready": Claim("`coord up`, ready", "s", "house", 1.5),
    "visible-p99": Claim("publish to queryable, p99", "ms", "house", 200),
    "claim-median": Claim("`coord claim`, one process, median", "ms", "house", 120),
    "process-of-typer": Claim("`coord claim` as a process, beside a typer application", "x", "processes", 1),
    "process-slowest-of-typer": Claim("the slowest of 200 at once, beside the same", "x", "processes", 1.5),
    "cycles-ratio": Claim("claim + complete, 100 agents, beside Postgres", "x", "cycles", 0.4, "more"),
    "memory-fresh": Claim("memory of all services, fresh", "MiB", "house", 350),
    "memory-worked": Claim("memory of all services after 70,000 commands", "MiB", "worked", 350),
    "million-memory": Claim("a million items, settled: server memory", "MB", "million", 500),
    "million-stop": Claim("a million items, settled: restart after a stop", "s", "million", 2),
    "million-kill": Claim("a million items, settled: restart after a kill", "s", "million", 2),
    "million-fresh-memory": Claim("a million items, just written: server memory", "MB", "million"),
    "million-fresh-stop": Claim("a million items, just written: restart after a stop", "s", "million"),
    "million-fresh-kill": Claim("a million items, just written: restart after a kill", "s", "million"),
    "begin-megabytes": Claim(
        "a coordinator on a million items, a tenth open: memory", "MB", "beginning", 400
    ),
    "begin-seconds": Claim("the same: serves, from a snapshot and a tail", "s", "beginning", 3),
    "begin-of-bare": Claim("the same from the log alone, beside a pull", "x", "beginning", better="more"),
    "reaction-p99": Claim(
        "a bad step told to a directive issued, projector stopped, p99", "ms", "reaction", 100
    ),
    "tui-first-paint": Claim("the dashboard: from its start to its first picture", "s", "dashboard", 0.7),
    "tui-key-p50": Claim("the same, from a key to its picture, p50", "ms", "dashboard", 20),
    "tui-key-p95": Claim("the same, p95", "ms", "dashboard", 20),
    "tui-cpu": Claim("the same at 10 Hz, 1,000 agents, 1,000 updates a second: CPU", "%", "dashboard", 5),
    "tui-idle-bytes": Claim("the same over ssh, when little happens", "kB/s", "dashboard", 20),
    "emitter-call": Claim("telling five metrics of a step: CPU of the training thread", "us", "emitter", 5),
    "emitter-step": Claim("the same with everything beside it, a step of 5 ms", "us", "emitter"),
    "detector-recall": Claim("major loss spikes found on labelled curves", "%", "detectors", 95, "more"),
    "detector-false": Claim(
        "false alarms per 10,000 clean samples", "/10k", "detectors", 0.1, factor=math.inf
    ),
    "incident-corrupt-batch": _ended("a corrupt batch"),
    "incident-learning-rate": _ended("a learning rate 200 times too high"),
    "incident-not-finite": _ended("batches that make NaN"),
    "incident-out-of-memory": _ended("an allocation that fails"),
}
"""By the name in README. A new figure is a line here, and its measurement one in measuring.py."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A figure as it stands in README."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A figure beside what was measured."""

    name: str
    claim: Claim
    stated: float
    measured: float | None
    """None: it could not be measured here."""
    why: str = ""

    @property
    def bar_met(self) -> bool:
        """Whether what was measured keeps the bar."""
        if self.measured is None or self.claim.bar is None:
            return True
        less = self.claim.better == "less"
        return self.measured < self.claim.bar if less else self.measured >= self.claim.bar

    @property
    def as_stated(self) -> bool:
        """Whether what was measured is no worse than stated by more than the factor."""
        if self.measured is None or math.isinf(self.claim.factor):
            return True
        if self.claim.better == "less":
            return self.measured <= self.stated * self.claim.factor
        return self.measured * self.claim.factor >= self.stated

    @property
    def word(self) -> Literal["true", "bar missed", "not as stated", "not measured"]:
        """The verdict."""
        if self.measured is None:
            return "not measured"
        if not self.bar_met:
            return "bar missed"
        return "true" if self.as_stated else "not as stated"


def claims_in(text: str) -> list[Stated]:
    """Return the figures that a text marks as claims, in order.

    Raises:
        FoundWanting: a mark has no figure before it, or an unknown name, or stands twice.
    """
    found: list[Stated] = []
    for match in _MARK.finditer(text):
        name = match["name"]
        claim = CLAIMS.get(name)
        if claim is None:
            raise FoundWanting(f"the mark '{visible(match[0])}' names no claim that can be measured.")
        if match["value"] is None or match["unit"] != claim.unit:
            raise FoundWanting(f"before the mark of {name} stands no figure in {claim.unit}.")
        if any(one.name == name for one in found):
            raise FoundWanting(f"{name} is claimed twice.")
        found.append(Stated(name, float(match["value"].replace(",", ""))))
    return found


def choose(stated: Iterable[Stated], name: str | None) -> list[Stated]:
    """Return all claims, or the one of a name.

    Raises:
        NothingThere: there is none of that name.
    """
    every = list(stated)
    found = [one for one in every if name in (None, one.name)]
    if not found:
        names = [one.name for one in every]
        near = get_close_matches((name or "")[:64], names, 3, 0.4) or names
        raise NothingThere(
            f"README states no figure called '{visible(name or '')}'.", f"Near it: {', '.join(near)}."
        )
    return found
