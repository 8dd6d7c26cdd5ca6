"""One incident of a run's loss, from its first bad sample to its end, and the findings that tell it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from coord.events.alert import Severity
from coord.events.streams import EVENTS
from coord.services.detectors.finding import Change, Finding

SPIKE: Final = "loss-spike"
DAMAGED: Final = "model-damaged"
NOT_FINITE: Final = "loss-not-finite"
SEVERITIES: Final[dict[str, Severity]] = {SPIKE: "warning", DAMAGED: "critical", NOT_FINITE: "critical"}

POSITIONS_MAX: Final = 20
BATCHES_MAX: Final = 100
"""What one incident names at most."""


class Sample(NamedTuple):
    """One step as the rules of loss see it."""

    step: int
    loss: float
    z: float
    batch: int | None
    position: int
    expected: float | None = None
    """The loss that the trend led to."""


@dataclass(slots=True)
class Incident:
    """What is known of it. Without a rule it is suspected only: nothing was told yet."""

    first: Sample
    """Of the present bout: bad samples close to one another, of which no canary has cleared the model."""
    expected: float | None
    """The loss that the trend led to, before the model was damaged."""
    canary_before: float | None
    canary_bound: float
    """What a canary must exceed to be risen."""
    calm_needed: int
    rule: str | None = None
    last: Sample | None = None
    """The last bad sample."""
    recent: Sample | None = None
    """The first bad one since the last finding, or since the run went back."""
    canary: float | None = None
    """The last one measured in the incident, or since the run went back."""
    canary_step: int = 0
    risen: bool = False
    cleared: bool = False
    """A canary did not rise since the last bad sample."""
    waited: int = 0
    calm: int = 0
    told_step: int = 0
    patience_steps: int = 0
    fresh: bool = False
    """There was a bad sample since the last finding, or since the run went back."""
    rolled_back: bool = False
    """The run went back to an earlier step since the last finding."""
    positions: list[int] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    untold: list[int] = field(default_factory=list)
    """Batches of bad samples that no finding named."""
    recent_batches: list[int] = field(default_factory=list)
    """Batches of bad samples since the last finding, or since the run went back."""

    @property
    def critical(self) -> bool:
        """Whether it is about the model, not about a batch."""
        return self.rule in (DAMAGED, NOT_FINITE)

    def bad(self, sample: Sample) -> None:
        """Take in a bad sample."""
        self.calm = 0
        self.cleared = False
        if not self.fresh:
            self.fresh, self.recent = True, sample
            self.recent_batches.clear()
        if sample.batch is not None:
            self.recent_batches.append(sample.batch)
        self.last = sample
        if len(self.positions) < POSITIONS_MAX and sample.position not in self.positions:
            self.positions.append(sample.position)
        if sample.batch is not None and len(self.batches) < BATCHES_MAX and sample.batch not in self.batches:
            self.batches.append(sample.batch)
            self.untold.append(sample.batch)

    def measured(self, step: int, canary: float) -> bool:
        """Take in a canary, and return whether it is risen."""
        self.canary, self.canary_step = canary, step
        self.risen = not canary <= self.canary_bound
        self.cleared = not self.risen
        return self.risen


def told(incident: Incident, run: str, change: Change, now: Sample, because: str = "") -> Iterator[Finding]:
    """Make the findings that tell a change: one; of a spike, one a stretch of batches that lie apart."""
    assert incident.rule is not None
    stretches: list[tuple[int, int] | None] = [*_stretches(sorted(incident.untold))]
    bad = incident.batches if change == "began" else incident.recent_batches
    if incident.critical and bad:
        stretches = [(min(bad), min(max(bad), min(bad) + BATCHES_MAX - 1))]
    if change == "ended":
        stretches = []
    incident.untold.clear()
    incident.fresh = incident.rolled_back = False
    incident.told_step = now.step
    for stretch in stretches or [None]:
        yield Finding(
            rule=incident.rule,
            change=change,
            entity_kind="run",
            entity=run,
            severity=SEVERITIES[incident.rule],
            summary=_summary(incident, change, now, stretch, because),
            evidence=_evidence(incident, now),
            figures=_figures(incident, now, stretch),
        )
        change = "worse" if change == "began" else change


def _stretches(batches: list[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of each row of batches that follow one another."""
    begin = 0
    for place, batch in enumerate(batches):
        if place + 1 == len(batches) or batches[place + 1] != batch + 1:
            yield batches[begin], batch
            begin = place + 1


def _evidence(incident: Incident, now: Sample) -> tuple[tuple[str, int], ...]:
    positions = dict.fromkeys((incident.first.position, *incident.positions, now.position))
    return tuple((EVENTS.name, position) for position in positions)


def _figures(incident: Incident, now: Sample, stretch: tuple[int, int] | None) -> dict[str, float]:
    shown = incident.last or now
    figures: dict[str, float | None] = {
        "step": now.step,
        "first_step": incident.first.step,
        "recent_step": (incident.recent or incident.first).step,
        "last_bad_step": shown.step,
        "loss": shown.loss,
        "z": shown.z,
        "expected": shown.expected,
        "canary_loss": incident.canary,
        "canary_before": incident.canary_before,
    }
    if stretch is not None:
        figures["batch_first"], figures["batch_last"] = stretch
    return {name: float(value) for name, value in figures.items() if value is not None}


def _summary(
    incident: Incident, change: Change, now: Sample, stretch: tuple[int, int] | None, because: str
) -> str:
    if change == "ended":
        return because or f"{incident.calm} calm samples running, up to step {now.step}"
    shown = now if because else incident.last or now
    where = f"loss {shown.loss:.4g} at step {shown.step}"
    if not math.isfinite(shown.loss):
        where = f"the loss is not finite, from step {incident.first.step} to {shown.step}"
    elif because and incident.expected is not None:
        where += f", {incident.expected:.4g} expected before"
    elif shown.expected is not None:
        where += f", {shown.expected:.4g} expected (z {min(shown.z, 1e9):.1f})"
    return "; ".join(part for part in (where, because, _canary(incident), _batches(stretch)) if part)


def _canary(incident: Incident) -> str:
    if incident.canary is None:
        return ""
    now = f"{incident.canary:.4g}"
    if incident.canary_before is None:
        return f"the canary {'rose to' if incident.risen else 'did not rise, and is'} {now}"
    before = f"{incident.canary_before:.4g}"
    if before == now and not incident.risen:
        return f"the canary stayed at {now}"
    more = "hardly rose" if incident.canary > incident.canary_before else "did not rise"
    return f"the canary {'rose' if incident.risen else more} from {before} to {now}"


def _batches(stretch: tuple[int, int] | None) -> str:
    if stretch is None:
        return ""
    first, last = stretch
    return f"batch {first}" if first == last else f"batches {first} to {last}"
