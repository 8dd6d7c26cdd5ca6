"""Alerts and directives as tables: one row each, with what became of it."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from coord.events import alert as facts
from coord.events import directive, run
from coord.events.envelope import Recorded
from coord.projections.folds.oddities import note
from coord.projections.folds.shape import Draft, Projection, Reads, Row, Table, json_text


class Alert(Row):
    """One alert."""

    alert: str
    rule: str
    entity_kind: str
    entity: str
    severity: str
    summary: str
    evidence: str
    """JSON: stream and position of each."""
    status: str
    """active, acknowledged or resolved."""
    raised_at_ns: int
    raised_position: int
    changed_at_ns: int
    position: int
    silenced_until_ns: int | None = None
    by: str | None = None
    """Who took notice."""
    reason: str | None = None
    """Why it is resolved."""


class Directive(Row):
    """One directive, on the entity it is for."""

    entity: str
    directive: str
    entity_kind: str
    action: str
    parameters: str
    """JSON."""
    epoch: int
    live_seconds: float
    alert: str | None
    reason: str
    status: str
    """issued, withdrawn, applied or refused."""
    issued_at_ns: int
    issued_position: int
    changed_at_ns: int
    position: int
    step: int | None = None
    answer: str | None = None


_CHANGES: Final = frozenset((
    ("issued", "withdrawn"), ("issued", "applied"), ("issued", "refused"), ("withdrawn", "applied"),
))  # fmt: skip
"""What a directive was, and becomes; one that was withdrawn and obeyed all the same was obeyed."""
_CROSSED: Final = frozenset((("applied", "withdrawn"), ("refused", "withdrawn"), ("withdrawn", "refused")))
"""An answer and a withdrawal that met on their ways: nothing changes, and nobody is at fault."""

ALERTS: Final = Table("alerts", Alert, key=("alert",))
DIRECTIVES: Final = Table("directives", Directive, key=("entity", "directive"))


def _reads(some: Sequence[Recorded]) -> Reads:
    if some[0].aggregate == "alert":
        yield ALERTS, {(one.entity,) for one in some}
    else:
        about: list[Any] = [one.event for one in some]
        yield DIRECTIVES, {(one.entity, event.directive_id) for one, event in zip(some, about, strict=True)}


def _raised(draft: Draft, recorded: Recorded, event: facts.AlertRaised) -> None:
    before = draft.get(ALERTS, recorded.entity)
    if before is not None and before.status != "resolved":
        note(draft, recorded, f"the alert is {before.status} already")
        return
    draft.put(
        ALERTS,
        Alert(
            alert=recorded.entity,
            rule=event.rule,
            entity_kind=event.entity_kind,
            entity=event.entity,
            severity=event.severity,
            summary=event.summary,
            evidence=json_text([one.model_dump() for one in event.evidence]) or "[]",
            status="active",
            raised_at_ns=recorded.recorded_at_ns,
            raised_position=recorded.position,
            changed_at_ns=recorded.recorded_at_ns,
            position=recorded.position,
        ),
    )


def _on_alert(change: Callable[[Alert, Any], None]) -> Callable[[Draft, Recorded, Any], None]:
    def move(draft: Draft, recorded: Recorded, event: Any) -> None:
        alert = draft.change(ALERTS, recorded.entity)
        if alert is None or alert.status == "resolved":
            note(draft, recorded, "the alert is resolved" if alert else "no such alert was raised")
            return
        change(alert, event)
        alert.changed_at_ns, alert.position = recorded.recorded_at_ns, recorded.position

    return move


def _acknowledge(alert: Alert, event: facts.AlertAcknowledged) -> None:
    alert.status, alert.by = "acknowledged", event.by


def _silence(alert: Alert, event: facts.AlertSilenced) -> None:
    alert.silenced_until_ns, alert.by = event.until_ns, event.by


def _resolve(alert: Alert, event: facts.AlertResolved) -> None:
    alert.status, alert.reason = "resolved", event.reason


def _issued(draft: Draft, recorded: Recorded, event: directive.DirectiveIssued) -> None:
    if draft.get(DIRECTIVES, recorded.entity, event.directive_id) is not None:
        note(draft, recorded, "the directive was issued before")
        return
    draft.put(
        DIRECTIVES,
        Directive(
            entity=recorded.entity,
            directive=event.directive_id,
            entity_kind=event.entity_kind,
            action=event.action,
            parameters=json_text(event.parameters) or "{}",
            epoch=event.epoch,
            live_seconds=event.live_seconds,
            alert=event.alert,
            reason=event.reason,
            status="issued",
            issued_at_ns=recorded.recorded_at_ns,
            issued_position=recorded.position,
            changed_at_ns=recorded.recorded_at_ns,
            position=recorded.position,
        ),
    )


def _answered(status: str, answer: Callable[[Any], str | None]) -> Callable[[Draft, Recorded, Any], None]:
    def move(draft: Draft, recorded: Recorded, event: Any) -> None:
        asked = draft.change(DIRECTIVES, recorded.entity, event.directive_id)
        if asked is None or (asked.status, status) not in _CHANGES:
            if asked is None or (asked.status, status) not in _CROSSED:
                note(draft, recorded, f"the directive is {asked.status}" if asked else "no such directive")
            return
        asked.status, asked.answer = status, answer(event)
        asked.step = getattr(event, "step", None)
        asked.changed_at_ns, asked.position = recorded.recorded_at_ns, recorded.position

    return move


PROJECTION: Final = Projection(
    name="alerts",
    tables=(ALERTS, DIRECTIVES),
    on={
        facts.AlertRaised: _raised,
        facts.AlertAcknowledged: _on_alert(_acknowledge),
        facts.AlertSilenced: _on_alert(_silence),
        facts.AlertResolved: _on_alert(_resolve),
        directive.DirectiveIssued: _issued,
        directive.DirectiveWithdrawn: _answered("withdrawn", lambda event: event.reason),
        run.RunDirectiveApplied: _answered("applied", lambda event: event.note),
        run.RunDirectiveRefused: _answered("refused", lambda event: event.reason),
    },
    reads=_reads,
)
