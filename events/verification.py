"""Facts about verification: aggregate `verification`, one subject a scenario. Gherkin runs produce them."""

from typing import Literal

from pydantic import Field

from coord.events.alert import EVIDENCE_MAX, Evidence
from coord.events.model import Event, Name, Note, Seconds, Sha256, Title
from coord.events.tokens import scenario_id

__all__ = ["VerificationRecorded", "scenario_id"]


class VerificationRecorded(Event):
    """One scenario was run to its end."""

    feature: Title
    scenario: Title
    outcome: Literal["passed", "failed", "skipped"]
    commit: Name
    """Version of the code that was verified."""
    run_seconds: Seconds
    reason: Note | None = None
    """Why it failed or was skipped."""
    evidence: tuple[Evidence, ...] = Field(default=(), max_length=EVIDENCE_MAX)
    transcript: Name | None = None
    """Path of what was run and what it printed, in the data folder that the run was recorded on."""
    transcript_sha256: Sha256 | None = None
