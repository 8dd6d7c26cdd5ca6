"""What a run's loss says: a hard batch, a damaged model, or a loss that is no number.

    calm --alarm--> suspected --canary unmoved, or none in time--> loss-spike
                        `-------canary risen, or high 5 of 8-----> model-damaged   (also from loss-spike)
    calm, suspected, loss-spike --not finite, 3 running----------> loss-not-finite

LossWatch is a fold over the points of rank 0, in the order of the log. It holds one incident at a time: what
comes while one is open belongs to it, and it ends after so many calm samples, of which there must be more
when it came soon after another. A worse cause ends a lesser incident and begins its own.

- A loss whose update the worker left out is judged, and does not enter the trend.
- Where the points carry a canary, an alarm waits for one, at most a few points.
- `worse` of loss-spike names further batches. `worse` of the other two: it came again behind a roll-back, or
  it goes on: after 100 steps, then 200, 400 ...
- When steps go back (a roll-back, or a run begun again) the watch goes back to how it stood before them, so
  it is not blind while it warms up; too far back, and it begins anew.
- The same points give the same findings, however they were packed.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from coord.events.errors import SettingsError
from coord.events.model import Number
from coord.events.run import BATCH, CANARY_LOSS, LOSS, SKIPPED
from coord.services.detectors.canary import Canary
from coord.services.detectors.finding import Finding
from coord.services.detectors.incident import DAMAGED, NOT_FINITE, SPIKE, Incident, Sample, told
from coord.services.detectors.spikes import SpikeDetector, SpikeSettings

_KEPT_EVERY: Final = 16
_KEPT_MAX: Final = 64
"""A roll-back over at most 16 * 64 samples finds the detector as it stood."""


@dataclass(frozen=True, slots=True)
class LossSettings(SpikeSettings):
    """The thresholds of the rules of loss."""

    canary_sigmas: float = 3.0
    """A canary is risen when it rose by more than so many of its own standard deviations, and by `canary_rise`."""
    canary_rise: float = 0.02
    """Share of itself that a canary must have risen by, too."""
    canary_wait: int = 3
    """Points that an alarm waits for a canary, in runs that measure one."""
    persist_k: float = 6.0
    """A sample whose z is above it is high."""
    persist_count: int = 5
    """So many high samples among the last `persist_of` are damage, where no canary says otherwise."""
    persist_of: int = 8
    """Samples that high ones are counted among."""
    not_finite: int = 3
    """So many losses running that are not finite are damage."""
    worse_steps: int = 100
    """Damage that goes on is told again after so many steps, then after twice as many, and so on."""
    calm: int = 32
    """Calm samples running that end an incident."""
    cool_down: int = 200
    """Calm samples that end an incident which began within so many steps of the end of the one before."""

    def __post_init__(self) -> None:
        """Refuse what no watch can run with."""
        SpikeSettings.__post_init__(self)
        for name in ("canary_sigmas", "canary_rise", "canary_wait", "persist_k"):
            if not 0 <= getattr(self, name) < math.inf:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be 0 or more, and finite.")
        for name in ("persist_count", "persist_of", "not_finite", "worse_steps", "calm", "cool_down"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; it must be 1 or more.")
        if self.persist_count > self.persist_of:
            raise SettingsError(
                f"persist_count is {self.persist_count}, and persist_of {self.persist_of}: no such share."
            )


class LossWatch:
    """The rules of loss over one run."""

    def __init__(self, run: str, settings: LossSettings | None = None) -> None:
        self.run = run
        self.settings = settings or LossSettings()
        self._detector = SpikeDetector(self.settings)
        self._kept: deque[tuple[int, SpikeDetector]] = deque(maxlen=_KEPT_MAX)
        self._samples = 0
        self._canary = Canary(self.settings.canary_sigmas, self.settings.canary_rise)
        self._high: deque[bool] = deque(maxlen=self.settings.persist_of)
        self._running: list[Sample] = []
        self._running_count = 0
        """Losses running that are not finite; the first few of them are kept."""
        self._last_step = -1
        self._last: Sample | None = None
        self._incident: Incident | None = None
        self._ended_step: int | None = None

    @property
    def open_rule(self) -> str | None:
        """The rule whose incident is open; None while nothing was told."""
        return self._incident.rule if self._incident else None

    def observe(self, step: int, values: Mapping[str, Number], position: int) -> list[Finding]:
        """Take in one point of rank 0, from the message at `position` of EVENTS."""
        self._canary.point()
        loss, canary = _number(values, LOSS), _number(values, CANARY_LOSS)
        if loss is None:
            return list(self._measure_only(step, canary, position)) if canary is not None else []
        if step < self._last_step:
            self._go_back(step)
        self._last_step = step
        expected = self._detector.expected if self._detector.warm else None
        reading = self._detector.update(loss, learn=not _number(values, SKIPPED))
        sample = Sample(step, loss, reading.z, _whole(_number(values, BATCH)), position, expected)
        if math.isfinite(loss):
            self._take(sample, reading.alarm)
        else:
            self._take_not_finite(sample)
        self._measure(step, canary)
        found = list(self._decide(sample, alarmed=reading.alarm))
        self._last = sample
        return found

    def _measure_only(self, step: int, canary: float, position: int) -> Iterator[Finding]:
        self._measure(step, canary)
        if self._last is not None:
            yield from self._decide(self._last._replace(step=step, position=position), alarmed=None)

    def _take(self, sample: Sample, alarm: bool) -> None:
        self._samples += 1
        if self._samples % _KEPT_EVERY == 0:
            self._kept.append((sample.step, self._detector.copy()))
        self._running.clear()
        self._running_count = 0
        self._high.append(sample.z > self.settings.persist_k)
        if alarm:
            again = sample.z <= self.settings.k and self._last is not None
            self._bad([self._last, sample] if again and self._last else [sample])

    def _take_not_finite(self, sample: Sample) -> None:
        self._running_count += 1
        if self._running_count <= self.settings.not_finite:
            self._running.append(sample)
        if self._running_count < self.settings.not_finite:
            if self._incident is not None and self._incident.critical:
                self._incident.calm = 0
            return
        if self._incident is None or self._incident.rule != SPIKE:
            self._bad([*self._running, sample])

    def _bad(self, samples: list[Sample]) -> None:
        """Put bad samples to the incident that is open, or open one."""
        first, incident = samples[0], self._incident
        if incident is None:
            ended = self._ended_step
            soon = ended is not None and first.step - ended <= self.settings.cool_down
            needed = self.settings.cool_down if soon else 0
            incident = self._incident = self._open(first, max(self.settings.calm, needed))
        elif not incident.critical and (incident.cleared or incident.calm >= self.settings.calm):
            bout = self._open(first, incident.calm_needed)
            bout.rule, bout.untold = incident.rule, incident.untold
            incident = self._incident = bout
        for sample in samples:
            incident.bad(sample)

    def _open(self, first: Sample, calm_needed: int) -> Incident:
        incident = Incident(first, first.expected, self._canary.before, self._canary.bound(), calm_needed)
        accuser = self._canary.accuser(self.settings.canary_wait)
        if accuser is not None:
            incident.measured(first.step, accuser)
        return incident

    def _measure(self, step: int, canary: float | None) -> None:
        if canary is None:
            return
        if self._incident is None:
            self._canary.take(step, canary)
        elif not self._incident.measured(step, canary):
            self._high.clear()
            self._canary.good(step, canary)

    @property
    def _lost(self) -> bool:
        return self._running_count >= self.settings.not_finite

    def _damage(self, incident: Incident) -> bool:
        return incident.risen or self._lost or sum(self._high) >= self.settings.persist_count

    def _decide(self, sample: Sample, alarmed: bool | None) -> Iterator[Finding]:
        """Say what changed; `alarmed` is None when only a canary came."""
        incident = self._incident
        if incident is None:
            return
        if incident.critical:
            yield from self._go_on(incident, sample, alarmed)
        elif self._damage(incident):
            yield from self._blame_the_model(incident, sample)
        elif incident.rule is None:
            wait = self._canary.known and incident.waited < self.settings.canary_wait
            incident.waited += 1
            if incident.canary is not None or not wait:
                incident.rule = SPIKE
                yield from told(incident, self.run, "began", sample)
        else:
            if incident.untold and (not alarmed or len(incident.untold) >= self.settings.persist_of):
                yield from told(incident, self.run, "worse", sample)
            yield from self._count_calm(incident, sample, calm=alarmed is False)

    def _blame_the_model(self, incident: Incident, sample: Sample) -> Iterator[Finding]:
        if incident.rule == SPIKE:
            incident.untold.clear()
            yield from told(incident, self.run, "ended", sample, "it is the model, not a batch")
        if incident.rule == SPIKE and self._lost:
            incident = self._incident = self._open(self._running[0], incident.calm_needed)
            self._bad([*self._running, sample])
        incident.rule = NOT_FINITE if self._lost else DAMAGED
        incident.patience_steps = self.settings.worse_steps
        yield from told(incident, self.run, "began", sample)

    def _go_on(self, incident: Incident, sample: Sample, alarmed: bool | None) -> Iterator[Finding]:
        still = self._lost or self._still(incident, sample.step, bool(alarmed))
        if incident.rolled_back and incident.fresh and self._damage(incident):
            yield from told(incident, self.run, "worse", sample, "again behind a roll-back")
        elif still and sample.step - incident.told_step >= incident.patience_steps:
            steps = sample.step - incident.first.step
            incident.patience_steps *= 2
            yield from told(incident, self.run, "worse", sample, f"it goes on for {steps} steps")
        elif still or alarmed:
            incident.calm = 0
        else:
            yield from self._count_calm(incident, sample, calm=alarmed is False)

    def _still(self, incident: Incident, step: int, alarmed: bool) -> bool:
        """Whether the model is damaged still: by its canary, or by an alarm or the trend when that is too old."""
        if incident.canary is not None and step - incident.canary_step <= self.settings.worse_steps:
            return incident.risen
        if alarmed:
            return True
        now = self._detector.expected
        if now is None or incident.expected is None:
            return False
        return now > incident.expected * (1 + self.settings.canary_rise)

    def _count_calm(self, incident: Incident, sample: Sample, calm: bool) -> Iterator[Finding]:
        incident.calm += calm and self._detector.warm
        if incident.calm >= incident.calm_needed:
            yield from told(incident, self.run, "ended", sample)
            self._incident = None
            self._ended_step = sample.step

    def _go_back(self, step: int) -> None:
        while self._kept and self._kept[-1][0] >= step:
            self._kept.pop()
        self._detector = self._kept[-1][1].copy() if self._kept else SpikeDetector(self.settings)
        self._canary.go_back(step)
        self._high.clear()
        self._running.clear()
        self._running_count = 0
        self._last = None
        incident = self._incident
        if incident is None or incident.rule is None:
            self._incident = None
            return
        incident.expected = self._detector.expected if self._detector.warm else None
        incident.canary_before, incident.canary_bound = self._canary.before, self._canary.bound()
        incident.canary, incident.risen = None, False
        incident.calm, incident.fresh, incident.rolled_back = 0, False, True
        incident.told_step, incident.patience_steps = step, self.settings.worse_steps


def _number(values: Mapping[str, Number], name: str) -> float | None:
    value = values.get(name)
    return None if value is None else float(value)


def _whole(value: float | None) -> int | None:
    return int(value) if value is not None and math.isfinite(value) else None
