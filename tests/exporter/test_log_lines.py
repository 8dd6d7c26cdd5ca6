"""Alerts and directives as log records: names, severities, sentences, and where they belong."""

import pytest
from written import Written

from coord.events import alert, directive, run, work
from coord.events.alert import Evidence
from coord.events.envelope import Recorded
from coord.services.exporter.log_lines import entity_of, line_of
from coord.services.exporter.names import LOG_EVENTS
from coord.services.exporter.records import SpanName

ALLOWED = {event.name: set(event.attributes) for event in LOG_EVENTS}
RAISED = alert.AlertRaised(
    rule="loss-spike", entity_kind="run", entity="r-1", severity="warning", summary="z 7.3 at step 200",
    evidence=(Evidence(stream="EVENTS", position=7),),
)  # fmt: skip
ISSUED = directive.DirectiveIssued(
    directive_id="d-1", entity_kind="run", action="skip_batch", parameters={"batches": [88]}, epoch=3,
    live_seconds=60, alert="a-1", reason="the batch is bad",
)  # fmt: skip
SPAN = SpanName(1, 2)


def written(entity: str, event: object) -> Recorded:
    return Written().write(entity, event, actor="w2")  # type: ignore[arg-type]


@pytest.mark.parametrize(("severity", "number"), [("info", 9), ("warning", 13), ("critical", 21)])
def test_an_alert_has_its_severity_and_its_sentence(severity: str, number: int) -> None:
    raised = written("a-1", RAISED.model_copy(update={"severity": severity}))
    line = line_of(raised, None, SPAN)
    assert (line.event_name, line.severity, line.body) == ("coord.alert.raised", number, "z 7.3 at step 200")
    assert line.attributes["coord.evidence"] == ("EVENTS:7",)
    assert line.attributes["coord.alert.rule"] == "loss-spike"
    assert (line.at_ns, line.span) == (raised.recorded_at_ns, SPAN)
    assert entity_of(raised, None) == ("run", "r-1")


@pytest.mark.parametrize(
    ("event", "name", "words"),
    [
        (alert.AlertAcknowledged(by="grace", note="seen"), "coord.alert.acknowledged",
         "grace took notice of loss-spike of run r-1"),
        (alert.AlertSilenced(by="grace", until_ns=1_795_000_000_000_000_000), "coord.alert.silenced",
         "loss-spike of run r-1 is silenced by grace until 2026-11-18T11:06:40.000000000Z"),
        (alert.AlertResolved(reason="calm again"), "coord.alert.resolved",
         "loss-spike of run r-1 is resolved: calm again"),
    ],
)  # fmt: skip
def test_what_becomes_of_an_alert_is_told_with_what_it_was(event: object, name: str, words: str) -> None:
    first, later = written("a-1", RAISED), written("a-1", event)
    line = line_of(later, first, None)
    assert (line.event_name, line.severity, line.body) == (name, 9, words)
    assert line.attributes["coord.entity.name"] == "r-1"
    assert entity_of(later, first) == ("run", "r-1")
    assert line_of(later, None, None).attributes["coord.alert.id"] == "a-1"
    assert entity_of(later, None) == ("", "")


@pytest.mark.parametrize(
    ("entity", "event", "name", "severity", "words"),
    [
        ("r-1", ISSUED, "issued", 13, "r-1 is asked to skip_batch: the batch is bad"),
        ("r-1", directive.DirectiveWithdrawn(directive_id="d-1", reason="a mistake"), "withdrawn", 9,
         "skip_batch for r-1 is withdrawn: a mistake"),
        ("r-1", run.RunDirectiveApplied(directive_id="d-1", directive_position=4, step=201), "applied", 9,
         "r-1 obeyed skip_batch at step 201"),
        ("r-1", run.RunDirectiveRefused(directive_id="d-1", directive_position=4, step=201, reason="stale"),
         "refused", 13, "r-1 refused skip_batch at step 201: stale"),
    ],
)  # fmt: skip
def test_a_directive_and_its_answer_are_told(
    entity: str, event: object, name: str, severity: int, words: str
) -> None:
    first, later = written(entity, ISSUED), written(entity, event)
    line = line_of(later, None if event is ISSUED else first, SPAN)
    assert (line.event_name, line.severity, line.body) == (f"coord.directive.{name}", severity, words)
    assert line.attributes["coord.directive.action"] == "skip_batch"
    assert line.attributes["coord.directive.parameters"] == '{"batches": [88]}'
    assert entity_of(later, first) == ("run", "r-1")
    assert line.attributes.keys() <= ALLOWED[line.event_name]


def test_every_record_names_its_event() -> None:
    for event in (RAISED, alert.AlertAcknowledged(by="grace"), ISSUED):
        line = line_of(written("x-1", event), None, None)
        assert line.attributes["coord.event.id"] == "e-1"
        assert line.attributes["coord.position"] == 1
        assert line.attributes.keys() <= ALLOWED[line.event_name]


def test_any_other_event_can_be_told_too() -> None:
    recorded = written("w-1", work.WorkSubmitted(title="Hash the corpus"))
    line = line_of(recorded, None, SPAN)
    assert (line.event_name, line.severity, line.body) == ("coord.work.submitted", 9, "work.submitted w-1")
    assert '"title":"Hash the corpus"' in str(line.attributes["coord.event.body"])
    assert entity_of(recorded, None) == ("work", "w-1")
