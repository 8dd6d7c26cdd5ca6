"""Silence: who is overdue by the listener's clock, and what the facts about the lost lead to."""

import pytest
from looks import told

from coord.events import agent, node, run
from coord.events.catalog import kind_of
from coord.events.envelope import Envelope, Recorded
from coord.events.model import Event
from coord.services.detectors.silence import LostWatch, Silence


def test_nobody_is_overdue_before_the_time() -> None:
    silence = Silence()
    silence.hear("n-1", 10.0, now=100.0)
    assert silence.overdue(now=110.0) == []
    assert silence.overdue(now=110.5) == [("n-1", 10.5)]


def test_a_word_begins_the_time_anew() -> None:
    silence = Silence()
    silence.hear("n-1", 10.0, now=100.0)
    silence.hear("n-1", 10.0, now=109.0)
    assert silence.overdue(now=118.0) == []


def test_each_has_its_own_time() -> None:
    silence = Silence()
    silence.hear("quick", 10.0, now=100.0)
    silence.hear("slow", 30.0, now=100.0)
    assert [name for name, _ in silence.overdue(now=120.0)] == ["quick"]


def test_after_a_break_everybodys_time_runs_in_full() -> None:
    silence = Silence()
    silence.hear("n-1", 10.0, now=100.0)
    silence.begin_anew(now=500.0)
    assert silence.overdue(now=510.0) == []
    assert silence.overdue(now=511.0) == [("n-1", 11.0)]


def test_who_is_forgotten_is_never_overdue() -> None:
    silence = Silence()
    silence.hear("n-1", 10.0, now=100.0)
    silence.forget("n-1")
    silence.forget("n-1")
    assert silence.overdue(now=1000.0) == []
    assert "n-1" not in silence


class Facts:
    """Events in the order of the log."""

    def __init__(self) -> None:
        self.watch = LostWatch()
        self.position = 0

    def say(self, entity: str, event: Event) -> list[tuple[str, str, str]]:
        """Append one and return what is found."""
        self.position += 1
        kind = kind_of(event)
        envelope = Envelope(
            id=f"e-{self.position}", type=kind.type, source="/test", time="2026-01-01T00:00:00Z"
        )
        found = self.watch.observe(
            Recorded(self.position, 1, "local", kind.aggregate, entity, envelope, event)
        )
        assert all(finding.evidence == (("EVENTS", self.position),) for finding in found)
        return told(found)


BACK: dict[str, tuple[Event, Event, str]] = {
    "agent returned": (
        agent.AgentLost(incarnation=1, silent_seconds=60),
        agent.AgentReturned(incarnation=1, lost_seconds=5),
        "warning",
    ),
    "agent registered": (
        agent.AgentLost(incarnation=1, silent_seconds=60),
        agent.AgentRegistered(),
        "warning",
    ),
    "node returned": (node.NodeLost(silent_seconds=10), node.NodeReturned(lost_seconds=5), "critical"),
    "run started": (run.RunLost(silent_seconds=60), run.RunStarted(name="r"), "critical"),
    "run finished": (
        run.RunLost(silent_seconds=60),
        run.RunFinished(outcome="completed", step=3),
        "critical",
    ),
    "run spoke": (
        run.RunLost(silent_seconds=60),
        run.RunEvaluated(step=3, values={"loss": 1.0}),
        "critical",
    ),
}


@pytest.mark.parametrize("name", BACK)
def test_who_is_lost_is_an_incident_until_heard_again(name: str) -> None:
    lost, back, severity = BACK[name]
    rule = f"{kind_of(lost).aggregate}-lost"
    facts = Facts()
    assert facts.say("x", lost) == [(rule, "began", severity)]
    assert facts.say("x", lost) == []
    assert facts.say("x", back) == [(rule, "ended", severity)]
    assert facts.say("x", back) == []


def test_an_agent_that_left_on_purpose_is_not_missed() -> None:
    facts = Facts()
    facts.say("a", agent.AgentLost(incarnation=1, silent_seconds=60))
    assert facts.say("a", agent.AgentRetired(incarnation=1)) == [("agent-lost", "ended", "warning")]
    assert facts.say("b", agent.AgentLost(incarnation=2, silent_seconds=31.0)) == [
        ("agent-lost", "began", "warning")
    ]
    assert facts.say("b", agent.AgentEvicted(incarnation=2, reason="mute")) == [
        ("agent-lost", "ended", "warning")
    ]


def test_another_of_the_same_name_is_another() -> None:
    facts = Facts()
    facts.say("x", run.RunLost(silent_seconds=60))
    assert facts.say("x", node.NodeReturned(lost_seconds=5)) == []
    assert facts.say("y", run.RunStarted(name="r")) == []
