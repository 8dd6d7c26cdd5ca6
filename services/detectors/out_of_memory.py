"""Failed allocations of a run: a real one is an event, and it is over after so many steps without another."""

from typing import Final

from coord.events.run import RunOutOfMemory
from coord.events.streams import EVENTS
from coord.services.detectors.finding import Finding

RULE: Final = "out-of-memory"
CLEAN_POINTS: Final = 20
"""Steps without a failed allocation that end it."""


class OutOfMemoryWatch:
    """The rule over one run."""

    def __init__(self, run: str, clean_points: int = CLEAN_POINTS) -> None:
        self._run = run
        self._clean_points = clean_points
        self._clean: int | None = None
        """Steps since the last failure; None: there is no incident."""
        self._failures = 0
        self._last_step = 0

    def failed(self, event: RunOutOfMemory, position: int) -> list[Finding]:
        """Take in a failed allocation."""
        began = self._clean is None
        self._clean, self._last_step = 0, event.step
        self._failures = 1 if began else self._failures + 1
        times = "" if began else f", the {self._failures}. time"
        figures = {"step": event.step, "micro_batch": event.micro_batch, "failures": self._failures}
        words = f"an allocation failed at step {event.step} with {event.micro_batch} sequences at once{times}"
        return [
            Finding(
                rule=RULE,
                change="began" if began else "worse",
                entity_kind="run",
                entity=self._run,
                severity="warning",
                summary=words,
                evidence=((EVENTS.name, position),),
                figures=figures,
            )
        ]

    def point(self, step: int, position: int) -> list[Finding]:
        """Take in a step that was made."""
        if self._clean is None or step < self._last_step:
            return []
        self._clean += 1
        if self._clean < self._clean_points:
            return []
        self._clean = None
        return [
            Finding(
                rule=RULE,
                change="ended",
                entity_kind="run",
                entity=self._run,
                severity="warning",
                summary=f"step {step}: {self._clean_points} steps without a failed allocation",
                evidence=((EVENTS.name, position),),
            )
        ]
