"""What rules about machines are made of: how long something holds, and which incident stands.

Both are folds over looks: the time is the looks' own, so the same looks give the same findings.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from coord.events.alert import EntityKind, Severity
from coord.services.detectors.finding import Change, Finding

NOT_HELD: Final = -1.0
"""Seconds that something holds that does not hold."""
GAP_SECONDS: Final = 30.0
"""What was not looked at for longer is not taken to have held all the while."""
_GAPS_MAX: Final = 3
"""... unless looks are always so far apart: then so many times the gap before."""
RANKS: Final[Mapping[Severity, int]] = {"info": 0, "warning": 1, "critical": 2}
_NS: Final = 1_000_000_000


class Held:
    """For how long a condition has held without a break."""

    __slots__ = ("_gap_ns", "_last_ns", "_since_ns", "first_position", "seconds")

    def __init__(self) -> None:
        self.first_position = 0
        """Of the look from which it holds."""
        self.seconds = NOT_HELD
        """As of the last look."""
        self._since_ns: int | None = None
        self._last_ns = self._gap_ns = 0

    def look(self, holds: bool, at_ns: int, position: int) -> float:
        """Take in one look; return the seconds it holds, `NOT_HELD` when it does not."""
        gap_ns = at_ns - self._last_ns
        broken = gap_ns > max(GAP_SECONDS * _NS, _GAPS_MAX * self._gap_ns)
        self._last_ns, self._gap_ns = at_ns, gap_ns
        if not holds:
            self._since_ns, self.seconds = None, NOT_HELD
            return NOT_HELD
        if self._since_ns is None or broken:
            self._since_ns, self.first_position = at_ns, position
        self.seconds = max(0, at_ns - self._since_ns) / _NS
        return self.seconds


class Standing:
    """One rule of one entity over its devices: an incident stands while one device is bad.

    A device that is worse than before, or another one that joins, makes the incident worse; it stays as
    severe as it was until it ends.
    """

    def __init__(self, rule: str, entity_kind: EntityKind, entity: str) -> None:
        self.rule = rule
        self._entity_kind: EntityKind = entity_kind
        self._entity = entity
        self._levels: dict[str, Severity] = {}
        self._level: Severity | None = None

    @property
    def level(self) -> Severity | None:
        """How severe the incident is; None: there is none."""
        return self._level

    def of(self, device: str) -> Severity | None:
        """Say how severe it is for one device."""
        return self._levels.get(device)

    def rise(
        self,
        device: str,
        severity: Severity,
        summary: str,
        evidence: Sequence[tuple[str, int]],
        figures: Mapping[str, float],
    ) -> list[Finding]:
        """Say that a device is bad; nothing is found when it was known to be as bad."""
        present = self._levels.get(device)
        if present is not None and RANKS[severity] <= RANKS[present]:
            return []
        change: Change = "began" if self._level is None else "worse"
        self._levels[device] = severity
        if self._level is None or RANKS[severity] > RANKS[self._level]:
            self._level = severity
        return [self._finding(change, summary, evidence, figures)]

    def go_on(
        self, summary: str, evidence: Sequence[tuple[str, int]], figures: Mapping[str, float]
    ) -> list[Finding]:
        """Say that the incident goes on, with new figures."""
        return [self._finding("worse", summary, evidence, figures)] if self._level else []

    def fall(self, device: str, summary: str, evidence: Sequence[tuple[str, int]]) -> list[Finding]:
        """Say that a device is well again; the incident ends with the last of them."""
        if self._levels.pop(device, None) is None or self._levels:
            return []
        found = self._finding("ended", summary, evidence, {})
        self._level = None
        return [found]

    def _finding(
        self,
        change: Change,
        summary: str,
        evidence: Sequence[tuple[str, int]],
        figures: Mapping[str, float],
    ) -> Finding:
        assert self._level is not None
        return Finding(
            rule=self.rule,
            change=change,
            entity_kind=self._entity_kind,
            entity=self._entity,
            severity=self._level,
            summary=summary,
            evidence=tuple(dict.fromkeys(evidence)),
            figures=dict(figures),
        )
