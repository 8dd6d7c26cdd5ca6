"""Whether the GPUs of a node are there, and whether their driver answers.

gpu-lost           the driver says that a GPU is lost; over after 10 s in which it answers
gpu-unresponsive   the driver did not answer in time, or no GPU was read for 15 s although the node
                   speaks; critical after a minute without a reading; over after 30 s of readings
"""

from dataclasses import dataclass
from typing import Final

from coord.events.streams import SAMPLES
from coord.services.detectors.finding import Finding
from coord.services.detectors.readings import NODE_ITSELF, Look
from coord.services.detectors.standing import Held, Standing

LOST: Final = "gpu-lost"
UNRESPONSIVE: Final = "gpu-unresponsive"

LOST_RATIO: Final = "gpu_lost_ratio"
TIMEOUTS: Final = "gpu_driver_timeouts_count"
_NS: Final = 1e9


@dataclass(frozen=True, slots=True)
class PresenceSettings:
    """When a GPU is gone."""

    found_seconds: float = 10.0
    """A lost GPU that answers for so many seconds is back."""
    unread_seconds: float = 15.0
    """No GPU read for so many seconds, although the node speaks, is an alert."""
    critical_seconds: float = 60.0
    """So many seconds without a reading are critical."""
    answering_seconds: float = 30.0
    """The driver answers again when it did for so many seconds."""


class PresenceWatch:
    """The rules of presence over one node."""

    def __init__(self, node: str, settings: PresenceSettings | None = None) -> None:
        self._settings = settings or PresenceSettings()
        self._lost = Standing(LOST, "node", node)
        self._unresponsive = Standing(UNRESPONSIVE, "node", node)
        self._answers: dict[str, Held] = {}
        self._answering = Held()
        self._timeouts: float | None = None
        self._read_ns: int | None = None
        self._read_position = 0

    def is_calm(self, rule: str) -> bool | None:
        """Tell whether an incident of this rule would be over by now; None: it is no rule of this watch."""
        if rule == LOST:
            calm = [held.seconds >= self._settings.found_seconds for held in self._answers.values()]
            return bool(calm) and all(calm)
        if rule == UNRESPONSIVE:
            return self._answering.seconds >= self._settings.answering_seconds
        return None

    def observe(self, look: Look) -> list[Finding]:
        """Take in one look."""
        return self._judge_lost(look) + self._judge_driver(look)

    def _judge_lost(self, look: Look) -> list[Finding]:
        found: list[Finding] = []
        here = [(SAMPLES.name, look.position)]
        for device, values in look.devices.items():
            if LOST_RATIO not in values:
                continue
            is_lost = values[LOST_RATIO] >= 1.0
            held = self._answers.setdefault(device, Held())
            answers_seconds = held.look(not is_lost, look.at_ns, look.position)
            if is_lost:
                figures = {"gpu": float(device[3:])} if device[3:].isdecimal() else {}
                words = f"{device} is lost: the driver cannot reach it; it needs a reset or a reboot"
                found += self._lost.rise(device, "critical", words, here, figures)
            elif answers_seconds >= self._settings.found_seconds:
                found += self._lost.fall(device, f"{device} answers again", here)
        return found

    def _judge_driver(self, look: Look) -> list[Finding]:
        grown = self._count_timeouts(look)
        if any(LOST_RATIO in values for values in look.devices.values()):
            self._read_ns, self._read_position = look.at_ns, look.position
        if self._read_ns is None and self._timeouts is None:
            return []
        silent_seconds = 0.0 if self._read_ns is None else (look.at_ns - self._read_ns) / _NS
        evidence = [(SAMPLES.name, self._read_position or look.position), (SAMPLES.name, look.position)]
        figures = {"silent_seconds": silent_seconds, "timeouts": self._timeouts or 0.0}
        found: list[Finding] = []
        settings = self._settings
        if silent_seconds >= settings.critical_seconds:
            words = f"no GPU was read for {silent_seconds:.0f} s, although the node speaks"
            found = self._unresponsive.rise(NODE_ITSELF, "critical", words, evidence, figures)
        elif grown:
            words = f"the driver did not answer in time, for the {_ordinal(int(self._timeouts or 1))} time"
            found = self._unresponsive.rise(NODE_ITSELF, "warning", words, evidence, figures)
        elif silent_seconds >= settings.unread_seconds:
            words = f"no GPU was read for {silent_seconds:.0f} s, although the node speaks"
            found = self._unresponsive.rise(NODE_ITSELF, "warning", words, evidence, figures)
        answers = not grown and self._read_ns is not None and silent_seconds < settings.unread_seconds / 3
        if self._answering.look(answers, look.at_ns, look.position) >= settings.answering_seconds:
            words = f"the driver answers for {settings.answering_seconds:g} s"
            found += self._unresponsive.fall(NODE_ITSELF, words, evidence[1:])
        return found

    def _count_timeouts(self, look: Look) -> bool:
        """Tell whether the driver failed to answer since the last look; a monitor begun anew counts from 0."""
        count = look.node.get(TIMEOUTS)
        if count is None:
            return False
        before, self._timeouts = self._timeouts, count
        if before is None:
            return False
        return count > (before if count >= before else 0.0)


def _ordinal(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return str(number) + {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
