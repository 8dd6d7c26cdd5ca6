"""The detectors of loss beside the published ones, scored on labelled curves."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from coord.services.bench.curves import BROKEN, Curve
from coord.services.bench.peer_detectors import PEERS
from coord.services.detectors.incident import DAMAGED, NOT_FINITE
from coord.services.detectors.loss import LossSettings, LossWatch
from coord.services.detectors.scoring import Alarm, Score, alarms_of, score
from coord.services.detectors.spikes import SpikeDetector, SpikeSettings

OURS: Final = "coord, two-tier"
DAMAGE: Final = "coord, damage without a canary"
MAJOR_RECALL_MIN: Final = 0.95
FALSE_RATE_MAX: Final = 0.1
"""False alarms per 10,000 clean samples."""


@dataclass(slots=True)
class Row:
    """One detector's scores."""

    name: str
    judged: bool = False
    """Whether it is held to the bars."""
    families: dict[str, Score] = field(default_factory=dict)
    clean: Score = field(default_factory=Score)
    """Over all families that count as clean."""
    marked: Score = field(default_factory=Score)
    """Over the curves with labels."""

    def add(self, curve: Curve, alarms: Sequence[int]) -> None:
        """Count what the detector did on a curve."""
        one = score(alarms, curve.first, curve.last, curve.labels)
        self.families[curve.family] = self.families.get(curve.family, Score()) + one
        if curve.clean:
            self.clean += one
        if curve.labels:
            self.marked += one

    def missed(self) -> Iterator[str]:
        """Yield the bars it missed, a sentence each."""
        recall, rate = self.marked.major_recall, self.clean.false_rate
        if recall is not None and recall < MAJOR_RECALL_MIN:
            yield f"{self.name}: {recall:.1%} of the major spikes found; the bar is {MAJOR_RECALL_MIN:.0%}"
        if rate is not None and rate > FALSE_RATE_MAX:
            yield f"{self.name}: {rate:.2f} false alarms per 10 k clean samples; the bar is {FALSE_RATE_MAX}"


@dataclass(frozen=True, slots=True)
class Broken:
    """What the rule of losses that are not finite says of a curve that has some."""

    curve: str
    samples: int
    not_finite: int
    longest: int
    """Most of them running."""
    found_at: int | None
    """The sample at which the rule found it; None: never."""
    wanted: int
    """So many running are to be found, and fewer are not."""

    def missed(self) -> Iterator[str]:
        """Yield what is wrong with it."""
        if (self.found_at is not None) != (self.longest >= self.wanted):
            said = "was not found" if self.found_at is None else "was found"
            yield f"{self.curve}: a loss that was not finite {self.longest} samples running {said}"


@dataclass(slots=True)
class Report:
    """What a bench measured."""

    curves: int = 0
    samples: int = 0
    rows: list[Row] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    def missed(self) -> list[str]:
        """Return what missed its bar."""
        found = [sentence for row in self.rows if row.judged for sentence in row.missed()]
        return found + [sentence for one in self.broken for sentence in one.missed()]


def run(
    curves: Iterable[Curve], changed: LossSettings | None, tell: Callable[[Report], object] = lambda _: None
) -> Report:
    """Score every detector on every curve; `changed` is a second form of ours, `tell` hears of progress."""
    report = Report()
    detectors: list[tuple[Row, Callable[[], Alarm]]] = [
        (Row(OURS, judged=True), lambda: spikes(SpikeSettings()))
    ]
    if changed is not None:
        detectors.append((Row("coord, as --set", judged=True), lambda: spikes(changed)))
    damage = Row(DAMAGE if changed is None else f"{DAMAGE}, as --set")
    detectors += [(Row(name), maker) for name, maker in PEERS.items()]
    report.rows = [*(row for row, _ in detectors if row.judged), damage]
    report.rows += [row for row, _ in detectors if not row.judged]
    for curve in curves:
        report.curves += 1
        report.samples += len(curve.losses)
        damaged, broken = _watched(curve, changed or LossSettings())
        if broken is not None:
            report.broken.append(broken)
        if curve.family != BROKEN:
            damage.add(curve, damaged)
            for row, maker in detectors:
                row.add(curve, alarms_of(maker(), curve.losses))
        tell(report)
    return report


def spikes(settings: SpikeSettings) -> Alarm:
    """Make our detector as the bench sees one."""
    update = SpikeDetector(settings).update
    return lambda loss: update(loss).alarm


def _watched(curve: Curve, settings: LossSettings) -> tuple[list[int], Broken | None]:
    """Return where the rules find a damaged model, and what they say of losses that are not finite."""
    watch = LossWatch("curve", settings)
    damaged: list[int] = []
    found_at: int | None = None
    count = running = longest = 0
    for sample, loss in enumerate(curve.losses):
        running = 0 if math.isfinite(loss) else running + 1
        count += running > 0
        longest = max(longest, running)
        for finding in watch.observe(sample, {"loss": loss}, sample + 1):
            if finding.change == "began" and finding.rule == DAMAGED:
                damaged.append(sample)
            elif finding.change == "began" and finding.rule == NOT_FINITE and found_at is None:
                found_at = sample
    if not count:
        return damaged, None
    return damaged, Broken(curve.name, len(curve.losses), count, longest, found_at, settings.not_finite)
