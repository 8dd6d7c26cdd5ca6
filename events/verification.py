"""Facts about verification: aggregate `verification`, one subject a scenario. Gherkin runs produce them."""

import re
from hashlib import sha256
from typing import Final, Literal

from pydantic import Field

from coord.events.alert import EVIDENCE_MAX, Evidence
from coord.events.model import Event, Name, Note, Seconds, Sha256, Title
from coord.events.tokens import TOKEN_LENGTH_MAX

_DIGEST_LENGTH: Final = 8


def scenario_id(scenario: str) -> str:
    """Return the name a scenario is stored under: its title in small letters and hyphens.

    A title too long for a name ends in a digest of the whole, so that two titles never share one.
    """
    words = "-".join(re.findall(r"[a-z0-9]+", scenario.lower()))
    if words and len(words) <= TOKEN_LENGTH_MAX:
        return words
    digest = sha256(scenario.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{words[: TOKEN_LENGTH_MAX - _DIGEST_LENGTH - 1].strip('-')}-{digest}".lstrip("-")


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
