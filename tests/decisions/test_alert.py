"""Given the facts about an alert, when somebody wishes, then facts, nothing, or a refusal."""

from typing import Any

import pytest

from coord.events import alert as facts
from coord.events.catalog import kind_of
from coord.events.commands import Acknowledge, RaiseAlert, Refusal, ResolveAlert, Silence
from coord.events.envelope import Envelope, Recorded
from coord.events.model import Event
from coord.services.decisions import alert as alerts

EVIDENCE = (facts.Evidence(stream="EVENTS", position=41),)
ABOUT: dict[str, Any] = {
    "rule": "loss-spike", "entity_kind": "run", "entity": "r-1", "severity": "warning",
    "summary": "the loss rose to 11.6", "evidence": EVIDENCE,
}  # fmt: skip
RAISED = facts.AlertRaised(**ABOUT)
ACKNOWLEDGED = facts.AlertAcknowledged(by="grace")
SILENCED = facts.AlertSilenced(by="grace", until_ns=9)
RESOLVED = facts.AlertResolved(reason="gone")


def given(*events: Event) -> alerts.Alert | None:
    alert = None
    for position, event in enumerate(events, 10):
        envelope = Envelope(id=str(position), type=kind_of(event).type, source="/test", time="")
        alert = alerts.evolve(alert, Recorded(position, 0, "local", "alert", "a-1", envelope, event))
    return alert


def named(model: type[Any], **fields: Any) -> Any:
    return model(request_id="r", alert_id="a-1", **fields)


WISHES: dict[str, tuple[Any, Any]] = {
    "raise": (alerts.decide_raise, named(RaiseAlert, **ABOUT)),
    "resolve": (alerts.decide_resolve, named(ResolveAlert, reason="gone")),
    "acknowledge": (alerts.decide_acknowledge, named(Acknowledge, by="grace")),
    "silence": (alerts.decide_silence, named(Silence, by="grace", until_ns=9)),
}
FACTS = {"raise": RAISED, "resolve": RESOLVED, "acknowledge": ACKNOWLEDGED, "silence": SILENCED}
HISTORIES: dict[str, tuple[Event, ...]] = {
    "none": (),
    "active": (RAISED,),
    "acknowledged": (RAISED, ACKNOWLEDGED),
    "silenced": (RAISED, SILENCED),
    "resolved": (RAISED, RESOLVED),
}
DECIDED = "decided"
ALREADY = "already so"
TABLE = {
    "none": (DECIDED, "unknown_id", "unknown_id", "unknown_id"),
    "active": (ALREADY, DECIDED, DECIDED, DECIDED),
    "acknowledged": (ALREADY, DECIDED, ALREADY, DECIDED),
    "silenced": (ALREADY, DECIDED, DECIDED, ALREADY),
    "resolved": (ALREADY, ALREADY, "illegal_transition", "illegal_transition"),
}
"""What comes of each wish, in the order of WISHES, by what has happened."""


def outcome(decision: Any, verb: str) -> str:
    if isinstance(decision, Refusal):
        return str(decision.code)
    assert decision in ([], [FACTS[verb]])
    return DECIDED if decision else ALREADY


@pytest.mark.parametrize("history", HISTORIES)
def test_each_wish_is_decided_by_what_has_happened(history: str) -> None:
    alert = given(*HISTORIES[history])
    found = tuple(outcome(decide(alert, command), verb) for verb, (decide, command) in WISHES.items())
    assert found == TABLE[history]


def test_silence_until_another_moment_replaces_the_first() -> None:
    longer = named(Silence, by="ada", until_ns=20, reason="asleep")
    decided = facts.AlertSilenced(by="ada", until_ns=20, reason="asleep")
    assert alerts.decide_silence(given(RAISED, SILENCED), longer) == [decided]
    alert = given(RAISED, SILENCED, decided)
    assert alert is not None
    assert alert.silenced_until_ns == 20


def test_the_view_shows_what_was_raised_and_how_it_stands() -> None:
    alert = given(RAISED, ACKNOWLEDGED, SILENCED)
    assert alert is not None
    shown = alerts.view(alert)
    assert (shown.id, shown.rule, shown.entity, shown.severity) == ("a-1", "loss-spike", "r-1", "warning")
    assert (shown.status, shown.silenced_until_ns) == ("acknowledged", 9)


def test_what_follows_its_resolution_changes_nothing() -> None:
    assert given(RAISED, RESOLVED, ACKNOWLEDGED, SILENCED, RAISED) == given(RAISED, RESOLVED)


def test_what_comes_before_its_raising_changes_nothing() -> None:
    assert given(ACKNOWLEDGED, RESOLVED) is None


def test_who_is_refused_is_told_the_alert_by_name() -> None:
    unknown = alerts.decide_resolve(None, named(ResolveAlert, reason="gone"))
    over = alerts.decide_acknowledge(given(RAISED, RESOLVED), named(Acknowledge, by="ada"))
    assert isinstance(unknown, Refusal)
    assert isinstance(over, Refusal)
    assert unknown.reason == "there is no alert a-1."
    assert over.reason == "the alert a-1 is resolved already."
