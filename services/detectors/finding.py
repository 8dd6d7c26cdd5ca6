"""What a detector finds: the beginning, the worsening or the end of something wrong with one entity."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from coord.events.alert import EntityKind, Severity

Change = Literal["began", "worse", "ended"]

RECOVERY_EXHAUSTED: Final = "recovery-exhausted"
"""The rule of what no detector finds: nothing is left that a watchdog may ask of a run, and a person is called."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One change in the state of one incident.

    Between `began` and `ended` of a rule and entity lies one incident; `worse` may come any number of times.
    """

    rule: str
    """A token, e.g. `loss-spike`."""
    change: Change
    entity_kind: EntityKind
    entity: str
    severity: Severity
    summary: str
    """One sentence with its figures, at most 200 characters."""
    evidence: tuple[tuple[str, int], ...]
    """(stream, position) of the messages it rests on; the first is the cause."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What the policy needs to choose a directive, e.g. step, z, canary_rise."""
