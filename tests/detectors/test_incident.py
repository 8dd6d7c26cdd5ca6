"""How an incident is told."""

import pytest

from coord.services.detectors.incident import Incident, Sample, _canary


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (2.1521, 2.1519, "stayed at 2.152"),
        (2.1521, 2.1549, "hardly rose from 2.152 to 2.155"),
        (2.1549, 2.1521, "did not rise from 2.155 to 2.152"),
        (None, 2.152, "did not rise, and is 2.152"),
    ],
)
def test_what_became_of_a_canary_is_no_contradiction(before: float | None, now: float, words: str) -> None:
    sample = Sample(1, 2.0, 0.0, 3, 4)
    incident = Incident(sample, None, before, canary_bound=3.0, calm_needed=1, canary=now)
    assert _canary(incident) == f"the canary {words}"
