"""Alerts and directives as log records, and, where that is wanted, every other event too.

Pure: an event, the event it speaks of (the alert that was raised, the directive that was issued), and where the root
span of the item or run is that it is about; the record comes out.
"""

import json
from typing import Any, Final

from coord.events import alert as alerts
from coord.events import directive as directives
from coord.events import run as runs
from coord.events.catalog import encode_event
from coord.events.envelope import Recorded
from coord.services.clock import rfc3339
from coord.services.exporter.records import Attribute, LogLine, SpanName

INFO: Final = 9
WARN: Final = 13
FATAL: Final = 21
SEVERITY_TEXT: Final = {INFO: "INFO", WARN: "WARN", FATAL: "FATAL"}
EVIDENCE_SHOWN: Final = 20
_SEVERITY: Final = {"info": INFO, "warning": WARN, "critical": FATAL}
_NAMES: Final[dict[type, str]] = {
    alerts.AlertRaised: "coord.alert.raised",
    alerts.AlertAcknowledged: "coord.alert.acknowledged",
    alerts.AlertSilenced: "coord.alert.silenced",
    alerts.AlertResolved: "coord.alert.resolved",
    directives.DirectiveIssued: "coord.directive.issued",
    directives.DirectiveWithdrawn: "coord.directive.withdrawn",
    runs.RunDirectiveApplied: "coord.directive.applied",
    runs.RunDirectiveRefused: "coord.directive.refused",
}
TELLING: Final = frozenset(("alert.raised", "alert.acknowledged", "alert.silenced", "alert.resolved", "directive.issued",
                            "directive.withdrawn", "run.directive_applied", "run.directive_refused"))  # fmt: skip
"""Types, without versions, of the events that are always told."""


def line_of(recorded: Recorded, about: Recorded | None, span: SpanName | None) -> LogLine:
    """Write an event as a log record.

    Args:
        recorded: the event.
        about: the alert's or directive's first event, where the event is a later one and it is known.
        span: the root of the item or run it is about.
    """
    event: Any = recorded.event
    first: Any = about.event if about is not None else event
    name = _NAMES.get(type(event))
    if name is None:
        name, severity, body, told = _other(recorded)
    elif name.startswith("coord.alert."):
        severity, body, told = _of_alert(recorded, first)
    else:
        severity, body, told = _of_directive(recorded, about, first)
    return LogLine(
        name, severity, body, recorded.recorded_at_ns, told | _every(recorded), recorded.position, span
    )


def entity_of(recorded: Recorded, about: Recorded | None) -> tuple[str, str]:
    """Return the kind and the name of what an event is about; empty where that is not known."""
    first: Any = (about or recorded).event
    if isinstance(first, alerts.AlertRaised):
        return first.entity_kind, first.entity
    if isinstance(first, directives.DirectiveIssued):
        return first.entity_kind, (about or recorded).entity
    if recorded.aggregate in ("alert", "directive"):
        return "", ""
    return recorded.aggregate, recorded.entity


def _of_alert(recorded: Recorded, first: Any) -> tuple[int, str, dict[str, Attribute]]:
    event: Any = recorded.event
    told: dict[str, Attribute] = {"coord.alert.id": recorded.entity}
    subject = f"alert {recorded.entity}"
    if isinstance(first, alerts.AlertRaised):
        subject = f"{first.rule} of {first.entity_kind} {first.entity}"
        told |= {
            "coord.alert.rule": first.rule,
            "coord.alert.severity": first.severity,
            "coord.entity.kind": first.entity_kind,
            "coord.entity.name": first.entity,
        }
    if isinstance(event, alerts.AlertRaised):
        evidence = tuple(f"{one.stream}:{one.position}" for one in event.evidence[:EVIDENCE_SHOWN])
        return _SEVERITY[event.severity], event.summary, told | {"coord.evidence": evidence}
    told |= _given(**{"coord.actor": getattr(event, "by", None), "coord.reason": _reason(event)})
    if isinstance(event, alerts.AlertSilenced):
        told["coord.alert.silenced_until"] = rfc3339(event.until_ns)
        return INFO, f"{subject} is silenced by {event.by} until {rfc3339(event.until_ns)}", told
    if isinstance(event, alerts.AlertAcknowledged):
        return INFO, f"{event.by} took notice of {subject}", told
    return INFO, f"{subject} is resolved: {event.reason}", told


def _of_directive(
    recorded: Recorded, about: Recorded | None, first: Any
) -> tuple[int, str, dict[str, Attribute]]:
    event: Any = recorded.event
    told: dict[str, Attribute] = {
        "coord.directive.id": event.directive_id,
        "coord.entity.name": (about or recorded).entity,
        **_given(**{"coord.actor": recorded.envelope.actor or None, "coord.reason": _reason(event)}),
    }
    action = "a directive"
    if isinstance(first, directives.DirectiveIssued):
        action = first.action
        told |= {"coord.directive.action": first.action, "coord.entity.kind": first.entity_kind}
        told |= _given(**{"coord.alert.id": first.alert})
        if first.parameters:
            told["coord.directive.parameters"] = json.dumps(first.parameters, sort_keys=True)
    if isinstance(event, directives.DirectiveIssued):
        return WARN, f"{recorded.entity} is asked to {action}: {event.reason}", told
    if isinstance(event, directives.DirectiveWithdrawn):
        return INFO, f"{action} for {recorded.entity} is withdrawn: {event.reason}", told
    told["coord.run.step"] = event.step
    if isinstance(event, runs.RunDirectiveApplied):
        note = f": {event.note}" if event.note else ""
        return INFO, f"{recorded.entity} obeyed {action} at step {event.step}{note}", told
    return WARN, f"{recorded.entity} refused {action} at step {event.step}: {event.reason}", told


def _other(recorded: Recorded) -> tuple[str, int, str, dict[str, Attribute]]:
    name = recorded.envelope.type.rpartition(".v")[0]
    told: dict[str, Attribute] = {
        "coord.entity.name": recorded.entity,
        "coord.event.body": encode_event(recorded.event).decode(),
        **_given(**{"coord.actor": recorded.envelope.actor or None}),
    }
    return f"coord.{name}", INFO, f"{name} {recorded.entity}", told


def _every(recorded: Recorded) -> dict[str, Attribute]:
    envelope = recorded.envelope
    return {
        "coord.event.id": envelope.id,
        "coord.event.type": envelope.type,
        "coord.position": recorded.position,
        "coord.site": recorded.site,
        **_given(
            **{
                "coord.correlation": envelope.correlation or None,
                "coord.causation": envelope.causation or None,
            }
        ),
    }


def _reason(event: Any) -> str | None:
    return getattr(event, "reason", None) or getattr(event, "note", None)


def _given(**values: Attribute | None) -> dict[str, Attribute]:
    return {key: value for key, value in values.items() if value is not None}
