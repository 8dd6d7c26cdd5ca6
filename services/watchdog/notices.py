"""Notices: which events of alerts people want to hear of, and what they are told. A fold, without I/O.

raised      an alert from the wanted severity up
worse       the same, in place of one that stood for the same rule and entity
resolved    it is over; not when another took its place
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from coord.events import alert as facts
from coord.events.alert import Severity
from coord.events.directive import DirectiveIssued
from coord.events.envelope import Recorded
from coord.services.detectors.standing import RANKS

ALERTS_MAX: Final = 10_000
DIRECTIVES_MAX: Final = 100

Change = Literal["raised", "worse", "resolved"]


class Notice(NamedTuple):
    """Something to tell."""

    position: int
    recorded_at_ns: int
    change: Change
    alert_id: str


@dataclass(slots=True)
class _Alert:
    raised: facts.AlertRaised
    directives: list[dict[str, Any]] = field(default_factory=list)
    silenced_until_ns: int = 0
    reason: str | None = None
    """Why it is over; None: it stands."""


class Notices:
    """The alerts as far as they are told about."""

    def __init__(self, site: str, severity: Severity) -> None:
        self._site = site
        self._severity = severity
        self._alerts: OrderedDict[str, _Alert] = OrderedDict()

    def observe(self, recorded: Recorded) -> Notice | None:
        """Take in an event of an alert or a directive; return what there is to tell."""
        event, alert_id = recorded.event, recorded.entity
        known = self._alerts.get(alert_id)
        if isinstance(event, DirectiveIssued):
            self._directed(event, recorded)
        elif isinstance(event, facts.AlertRaised) and known is None:
            worse = self._another_stands(alert_id, event)
            self._alerts[alert_id] = _Alert(event)
            self._forget()
            return self._notice("worse" if worse else "raised", recorded)
        elif isinstance(event, facts.AlertSilenced) and known is not None:
            known.silenced_until_ns = event.until_ns
        elif isinstance(event, facts.AlertResolved) and known is not None and known.reason is None:
            known.reason = event.reason
            if not self._another_stands(alert_id, known.raised):
                return self._notice("resolved", recorded)
        return None

    def is_silenced(self, alert_id: str, now_ns: int) -> bool:
        """Tell whether nobody wants notice of an alert now."""
        known = self._alerts.get(alert_id)
        return known is None or known.silenced_until_ns > now_ns

    def show(self, notice: Notice) -> dict[str, Any]:
        """Say what is told."""
        known = self._alerts[notice.alert_id]
        shown = known.raised.model_dump(mode="json")
        evidence = shown.pop("evidence")
        alert = {"id": notice.alert_id, **shown, "status": "active" if known.reason is None else "resolved"}
        if known.reason is not None:
            alert["reason"] = known.reason
        return {
            "change": notice.change,
            "site": self._site,
            "position": notice.position,
            "recorded_at_ns": notice.recorded_at_ns,
            "alert": alert,
            "evidence": evidence,
            "directives": list(known.directives),
        }

    def _directed(self, event: DirectiveIssued, recorded: Recorded) -> None:
        known = self._alerts.get(event.alert or "")
        if known is not None and len(known.directives) < DIRECTIVES_MAX:
            shown = {
                "id": event.directive_id,
                "entity_kind": event.entity_kind,
                "entity": recorded.entity,
                "action": event.action,
                "parameters": event.parameters,
                "reason": event.reason,
                "position": recorded.position,
            }
            known.directives.append(shown)

    def _another_stands(self, alert_id: str, raised: facts.AlertRaised) -> bool:
        return any(
            other.reason is None and (other.raised.rule, other.raised.entity) == (raised.rule, raised.entity)
            for other_id, other in self._alerts.items()
            if other_id != alert_id
        )

    def _notice(self, change: Change, recorded: Recorded) -> Notice | None:
        severity = self._alerts[recorded.entity].raised.severity
        if RANKS[severity] < RANKS[self._severity]:
            return None
        return Notice(recorded.position, recorded.recorded_at_ns, change, recorded.entity)

    def _forget(self) -> None:
        while len(self._alerts) > ALERTS_MAX:
            over = next((one for one, alert in self._alerts.items() if alert.reason is not None), None)
            del self._alerts[over or next(iter(self._alerts))]
