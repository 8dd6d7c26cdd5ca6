"""The life of an alert: its state, its fold, and every decision about it.

    raise --> active --acknowledge--> acknowledged --resolve--> resolved   (also from active)

An alert's id stands for one cause, so it is raised once; what comes again is another alert. Silencing
changes no state: it says until when nobody wants notice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from coord.events import alert as facts
from coord.events.commands import (
    Acknowledge,
    RaiseAlert,
    Refusal,
    ResolveAlert,
    Silence,
    refusal,
)
from coord.events.envelope import Recorded
from coord.events.model import Event
from coord.events.views import AlertView

Decision = Sequence[Event] | Refusal


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as its events tell it."""

    id: str
    raised: facts.AlertRaised
    status: Literal["active", "acknowledged", "resolved"] = "active"
    silenced_until_ns: int | None = None


def evolve(alert: Alert | None, recorded: Recorded) -> Alert | None:
    """Apply one event; what does not fit the state changes nothing."""
    event = recorded.event
    if alert is None:
        return Alert(recorded.entity, event) if isinstance(event, facts.AlertRaised) else None
    if alert.status == "resolved":
        return alert
    match event:
        case facts.AlertAcknowledged():
            return replace(alert, status="acknowledged")
        case facts.AlertSilenced():
            return replace(alert, silenced_until_ns=event.until_ns)
        case facts.AlertResolved():
            return replace(alert, status="resolved")
    return alert


def view(alert: Alert) -> AlertView:
    """Show an alert as replies do."""
    raised = alert.raised
    return AlertView(
        id=alert.id,
        rule=raised.rule,
        entity_kind=raised.entity_kind,
        entity=raised.entity,
        severity=raised.severity,
        summary=raised.summary,
        status=alert.status,
        silenced_until_ns=alert.silenced_until_ns,
    )


def decide_raise(alert: Alert | None, command: RaiseAlert) -> Decision:
    """Raise an alert, once: the second watchdog that found the same finds it already so."""
    if alert is not None:
        return []
    return [
        facts.AlertRaised(
            rule=command.rule,
            entity_kind=command.entity_kind,
            entity=command.entity,
            severity=command.severity,
            summary=command.summary,
            evidence=command.evidence,
        )
    ]


def decide_resolve(alert: Alert | None, command: ResolveAlert) -> Decision:
    """Say that the cause is gone; again is already so."""
    if alert is None:
        return _unknown(command.alert_id)
    if alert.status == "resolved":
        return []
    return [facts.AlertResolved(reason=command.reason, evidence=command.evidence)]


def decide_acknowledge(alert: Alert | None, command: Acknowledge) -> Decision:
    """Take notice; who comes second finds it already so."""
    if alert is None:
        return _unknown(command.alert_id)
    if alert.status == "resolved":
        return _past(alert)
    if alert.status == "acknowledged":
        return []
    return [facts.AlertAcknowledged(by=command.by, note=command.note)]


def decide_silence(alert: Alert | None, command: Silence) -> Decision:
    """Want no notice until a moment; the same moment again is already so, another one replaces it."""
    if alert is None:
        return _unknown(command.alert_id)
    if alert.status == "resolved":
        return _past(alert)
    if alert.silenced_until_ns == command.until_ns:
        return []
    return [facts.AlertSilenced(by=command.by, until_ns=command.until_ns, reason=command.reason)]


def _unknown(alert_id: str) -> Refusal:
    return refusal("unknown_id", f"there is no alert {alert_id}.", "coord alerts lists what there is.")


def _past(alert: Alert) -> Refusal:
    return refusal("illegal_transition", f"the alert {alert.id} is resolved already.")
