"""Scoring a detector on a labelled curve, causally: what it found, what it missed, what it made up.

A spike is found by an alarm from two samples before its start to three behind its end. Alarms closer than
ten samples are one episode; an episode that touches no label is a false alarm. A label that is `ambiguous`
counts neither way. The first 200 samples are for warming up, and nothing in them counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

WARM_UP_SAMPLES: Final = 200
EARLY_SAMPLES: Final = 2
LATE_SAMPLES: Final = 3
EPISODE_GAP_SAMPLES: Final = 10
PER_SAMPLES: Final = 10_000
"""False alarms are counted per so many clean samples."""

Alarm = Callable[[float], bool]
"""A detector as the bench sees it: one value in, alarm or not."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a person marked: samples `start` to `end`, both included."""

    start: int
    end: int
    major: bool
    """It rose by 10 % or more."""
    ambiguous: bool

    def holds(self, sample: int) -> bool:
        """Whether an alarm at this sample is about what was marked."""
        return self.start - EARLY_SAMPLES <= sample <= self.end + LATE_SAMPLES


@dataclass(frozen=True, slots=True)
class Score:
    """What one detector did on some curves."""

    spikes: int = 0
    spikes_found: int = 0
    majors: int = 0
    majors_found: int = 0
    false_alarms: int = 0
    clean_samples: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.spikes + other.spikes,
            self.spikes_found + other.spikes_found,
            self.majors + other.majors,
            self.majors_found + other.majors_found,
            self.false_alarms + other.false_alarms,
            self.clean_samples + other.clean_samples,
        )

    @property
    def major_recall(self) -> float | None:
        """Share of the major spikes that was found; None: there are none."""
        return self.majors_found / self.majors if self.majors else None

    @property
    def false_rate(self) -> float | None:
        """False alarms per 10,000 clean samples; None: there are no clean samples."""
        return PER_SAMPLES * self.false_alarms / self.clean_samples if self.clean_samples else None


def alarms_of(detect: Alarm, losses: Sequence[float]) -> list[int]:
    """Return the samples at which a detector, fed one by one, gives an alarm."""
    return [sample for sample, loss in enumerate(losses) if detect(loss)]


def score(alarms: Sequence[int], first: int, last: int, labels: Sequence[Label]) -> Score:
    """Score alarms against the labels of a curve of which samples `first` to `last` count."""
    first = max(first, WARM_UP_SAMPLES)
    counted = [sample for sample in alarms if first <= sample <= last]
    known = [label for label in labels if first <= label.start <= last]
    spikes = [label for label in known if not label.ambiguous]
    found = [label for label in spikes if any(map(label.holds, counted))]
    told = _told(labels, first, last)
    return Score(
        spikes=len(spikes),
        spikes_found=len(found),
        majors=sum(label.major for label in spikes),
        majors_found=sum(label.major for label in found),
        false_alarms=sum(told.isdisjoint(episode) for episode in _episodes(counted)),
        clean_samples=max(last - first + 1, 0) - len(told),
    )


def _told(labels: Sequence[Label], first: int, last: int) -> set[int]:
    return {
        sample
        for label in labels
        for sample in range(label.start - EARLY_SAMPLES, label.end + LATE_SAMPLES + 1)
        if first <= sample <= last
    }


def _episodes(alarms: Sequence[int]) -> list[list[int]]:
    episodes: list[list[int]] = []
    for sample in alarms:
        if episodes and sample - episodes[-1][-1] < EPISODE_GAP_SAMPLES:
            episodes[-1].append(sample)
        else:
            episodes.append([sample])
    return episodes
