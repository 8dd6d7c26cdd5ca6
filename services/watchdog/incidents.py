"""Incidents: what should be in the log about each, what is known to be there, and what is still to be done.

    suspected (not here) --began--> open --ended--> over --alert resolved--> closed, forgotten
                                     `--worse: a more severe alert takes its place

One incident a rule and entity. Its alert's id is a hash of rule, entity and first evidence, a directive's of
its alert, the run, the action and an ordinal. So whoever finds the same wants the same, and what is in the log
already is not done again: this is how a watchdog that was killed between alert and directive, or two
watchdogs at once, come to one of each. Nothing is sent from here: `next_step` says what is wanted next.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from coord.events import alert as facts
from coord.events.alert import EVIDENCE_MAX, Evidence, Severity
from coord.events.commands import Direct, RaiseAlert, ResolveAlert
from coord.events.envelope import Recorded
from coord.services.detectors.finding import Finding
from coord.services.detectors.standing import RANKS
from coord.services.watchdog.policy import Wanted

ACTOR: Final = "watchdog"
"""On whose behalf alerts of ours are raised."""
RESOLVED_MAX: Final = 10_000
"""Alerts that are over and still known: a finding read again at a start raises none of them anew."""
_ID_BYTES: Final = 10

Key = tuple[str, str]
"""Rule and entity."""
Step = RaiseAlert | Direct | ResolveAlert


def alert_id_of(finding: Finding, severity: Severity | None = None) -> str:
    """Return the id of the alert that stands for a finding's cause; a more severe one has another."""
    stream, position = finding.evidence[0]
    return "a-" + _hash(f"{finding.rule}/{finding.entity}/{stream}/{position}/{severity or ''}")


def directive_id_of(alert_id: str, wanted: Wanted) -> str:
    """Return the id of a directive under an alert."""
    return "d-" + _hash(f"{alert_id}/{wanted.entity}/{wanted.action}/{wanted.ordinal}")


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=_ID_BYTES).hexdigest()


def _evidence(places: tuple[tuple[str, int], ...]) -> tuple[Evidence, ...]:
    return tuple(Evidence(stream=stream, position=position) for stream, position in places[:EVIDENCE_MAX])  # type: ignore[arg-type]


@dataclass(slots=True)
class Known:
    """An alert as the log has it."""

    rule: str
    entity: str
    severity: Severity
    stream: str
    position: int
    """Of its first evidence."""
    ours: bool
    resolved: bool = False


@dataclass(slots=True)
class Order:
    """A directive that is wanted."""

    wanted: Wanted
    issued: bool = False


@dataclass(slots=True)
class Incident:
    """What stands behind one alert."""

    alert_id: str
    key: Key
    severity: Severity
    finding: Finding | None
    """None: it was raised before this watchdog began, and only its end is to be told."""
    raised: bool = False
    orders: OrderedDict[str, Order] = field(default_factory=OrderedDict)
    replaces: str | None = None
    """The alert that is resolved because this one takes its place."""
    over: str | None = None
    """Why it is over; None: it goes on."""
    over_evidence: tuple[tuple[str, int], ...] = ()
    closed: bool = False


class Incidents:
    """All incidents, and all alerts that the log knows."""

    def __init__(self) -> None:
        self._open: dict[Key, Incident] = {}
        self._unfinished: dict[str, Incident] = {}
        """By alert, those of which something is not in the log yet, or that are not over."""
        self._known: dict[str, Known] = {}
        self._resolved: OrderedDict[str, None] = OrderedDict()
        self._issued: OrderedDict[str, None] = OrderedDict()
        self._changed: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def by_key(self, rule: str, entity: str) -> Incident | None:
        """Return the incident of a rule and an entity that is not over."""
        return self._open.get((rule, entity))

    def by_alert(self, alert_id: str) -> Incident | None:
        """Return the incident behind an alert, as long as something is to be done about it."""
        return self._unfinished.get(alert_id)

    def is_over(self, alert_id: str) -> bool:
        """Tell whether the cause of an alert is gone, as far as is known here."""
        incident, known = self._unfinished.get(alert_id), self._known.get(alert_id)
        return (incident is not None and incident.over is not None) or (known is not None and known.resolved)

    def open_of(self, entity: str) -> list[Incident]:
        """Return the incidents of an entity that are not over."""
        return [incident for incident in self._open.values() if incident.key[1] == entity]

    def begin(self, finding: Finding) -> Incident:
        """Take in a finding that began or became worse; return the incident it belongs to."""
        key = (finding.rule, finding.entity)
        incident = self._open.get(key)
        if incident is None:
            incident = self._adopted(finding) or self._new(finding, alert_id_of(finding))
            self._open[key] = incident
            self._changed[incident.alert_id] = None
        if RANKS[finding.severity] > RANKS[incident.severity]:
            worse = self._new(finding, alert_id_of(finding, finding.severity))
            worse.replaces = incident.alert_id
            self._open[key] = worse
            if not incident.raised:
                del self._unfinished[incident.alert_id]
            self._changed[worse.alert_id] = None
            incident = worse
        return incident

    def end(
        self, rule: str, entity: str, why: str, evidence: tuple[tuple[str, int], ...] = ()
    ) -> Incident | None:
        """Take in that an incident is over."""
        incident = self._open.pop((rule, entity), None)
        if incident is not None:
            incident.over, incident.over_evidence = why, evidence
            self._changed[incident.alert_id] = None
        return incident

    def drop(self, incident: Incident) -> None:
        """Forget an incident that came and went before anybody was told of it."""
        self._unfinished.pop(incident.alert_id, None)

    def want(self, incident: Incident, wanted: Wanted) -> None:
        """Want a directive under an incident's alert; the same one again changes nothing."""
        directive_id = directive_id_of(incident.alert_id, wanted)
        if not incident.closed and directive_id not in incident.orders:
            incident.orders[directive_id] = Order(wanted, issued=directive_id in self._issued)
            self._changed[incident.alert_id] = None

    def unclaimed(self) -> list[tuple[str, Known]]:
        """Return the alerts of ours that stand in the log without an incident here."""
        return [
            (alert_id, known)
            for alert_id, known in self._known.items()
            if known.ours and not known.resolved and alert_id not in self._unfinished
        ]

    def give_up(self, alert_id: str, known: Known, why: str) -> Incident:
        """Have an unclaimed alert resolved."""
        incident = Incident(alert_id, (known.rule, known.entity), known.severity, None, raised=True, over=why)
        self._unfinished[alert_id] = incident
        self._changed[alert_id] = None
        return incident

    def observe(self, recorded: Recorded) -> None:
        """Take in an event of an alert."""
        alert_id, event = recorded.entity, recorded.event
        if isinstance(event, facts.AlertRaised):
            first = event.evidence[0]
            ours = recorded.envelope.actor == ACTOR
            self._known.setdefault(
                alert_id,
                Known(event.rule, event.entity, event.severity, first.stream, first.position, ours),
            )
            if (incident := self._unfinished.get(alert_id)) is not None:
                incident.raised = True
        elif isinstance(event, facts.AlertResolved) and alert_id in self._known:
            self._close(alert_id)

    def note_issued(self, directive_id: str) -> None:
        """Take in that a directive is in the log."""
        self._issued[directive_id] = None
        while len(self._issued) > RESOLVED_MAX:
            self._issued.popitem(last=False)
        for incident in self._unfinished.values():
            if directive_id in incident.orders:
                incident.orders[directive_id].issued = True

    def changed(self) -> list[str]:
        """Return the alerts about which something may have to be done since the last call."""
        changed, self._changed = list(self._changed), {}
        return changed

    def next_step(self, alert_id: str) -> Step | None:
        """Return what is wanted next about an alert; None: nothing now. The request id is yet to be given."""
        incident = self._unfinished.get(alert_id)
        if incident is None or incident.closed:
            return None
        if not incident.raised:
            return _raise(incident)
        if incident.replaces is not None:
            before = self._known.get(incident.replaces)
            if before is not None and not before.resolved:
                why = f"it is {incident.severity} now: {alert_id}"
                return ResolveAlert(request_id="-", alert_id=incident.replaces, reason=why)
        for directive_id, order in incident.orders.items():
            if not order.issued and (incident.over is None or order.wanted.lasting):
                return _direct(incident, directive_id, order.wanted)
        if incident.over is not None:
            return ResolveAlert(
                request_id="-",
                alert_id=alert_id,
                reason=incident.over,
                evidence=_evidence(incident.over_evidence),
            )
        return None

    def done(self, alert_id: str, step: Step) -> None:
        """Take in that a step was made, or cannot be made."""
        incident = self._unfinished.get(alert_id)
        if isinstance(step, ResolveAlert):
            self._close(step.alert_id)
        elif isinstance(step, Direct) and step.directive_id is not None:
            self.note_issued(step.directive_id)
        elif isinstance(step, RaiseAlert) and incident is not None:
            incident.raised = True

    def _new(self, finding: Finding, alert_id: str) -> Incident:
        known = self._known.get(alert_id)
        incident = Incident(
            alert_id,
            (finding.rule, finding.entity),
            finding.severity,
            finding,
            raised=known is not None,
            closed=known is not None and known.resolved,
        )
        if not incident.closed:
            self._unfinished[alert_id] = incident
        return incident

    def _adopted(self, finding: Finding) -> Incident | None:
        """An alert that stands and began before the finding is about the same incident, seen from later on."""
        stream, position = finding.evidence[0]
        if alert_id_of(finding) in self._known:
            return None
        for alert_id, known in self.unclaimed():
            same = (known.rule, known.entity) == (finding.rule, finding.entity)
            if same and known.stream == stream and known.position <= position:
                incident = Incident(
                    alert_id, (known.rule, known.entity), known.severity, finding, raised=True
                )
                self._unfinished[alert_id] = incident
                return incident
        return None

    def _close(self, alert_id: str) -> None:
        known = self._known.get(alert_id)
        if known is not None and not known.resolved:
            known.resolved = True
            self._resolved[alert_id] = None
            while len(self._resolved) > RESOLVED_MAX:
                del self._known[self._resolved.popitem(last=False)[0]]
        incident = self._unfinished.pop(alert_id, None)
        if incident is not None:
            incident.closed = True


def _raise(incident: Incident) -> RaiseAlert:
    finding = incident.finding
    assert finding is not None
    return RaiseAlert(
        request_id="-",
        alert_id=incident.alert_id,
        rule=finding.rule,
        entity_kind=finding.entity_kind,
        entity=finding.entity,
        severity=finding.severity,
        summary=finding.summary[:200],
        evidence=_evidence(finding.evidence),
    )


def _direct(incident: Incident, directive_id: str, wanted: Wanted) -> Direct:
    return Direct(
        request_id="-",
        directive_id=directive_id,
        entity_kind="run",
        entity=wanted.entity,
        action=wanted.action,
        parameters=dict(wanted.parameters),
        epoch=wanted.epoch,
        live_seconds=wanted.live_seconds,
        alert=incident.alert_id,
        reason=wanted.reason,
    )
