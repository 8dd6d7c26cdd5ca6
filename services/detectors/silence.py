"""Silence: who has not been heard for too long, and what the facts about it say.

Two halves. `Silence` measures, on the listener's own monotonic clock, from what it heard itself: `now` is
handed in, and after a start, or after the log was away, everybody's time runs in full. `LostWatch` is a fold
over events: an agent, node or run that was declared lost is an alert until it is heard again or has ended.
Who declares whom: the coordinator its agents, the watchdog nodes and runs.
"""

from dataclasses import dataclass
from typing import Final

from coord.events import agent, node, run
from coord.events.alert import EntityKind, Severity
from coord.events.envelope import Recorded
from coord.events.streams import EVENTS
from coord.services.detectors.finding import Change, Finding

AGENT_LOST: Final = "agent-lost"
NODE_LOST: Final = "node-lost"
RUN_LOST: Final = "run-lost"


@dataclass(slots=True)
class _Heard:
    at: float
    allowed_seconds: float


class Silence:
    """Who was heard when. `now` is always the monotonic clock's."""

    def __init__(self) -> None:
        self._heard: dict[str, _Heard] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._heard

    def hear(self, name: str, allowed_seconds: float, now: float) -> None:
        """It spoke; it may now be silent for so long."""
        self._heard[name] = _Heard(now, allowed_seconds)

    def forget(self, name: str) -> None:
        """Its silence means nothing any more."""
        self._heard.pop(name, None)

    def begin_anew(self, now: float) -> None:
        """Nobody could be heard until now: everybody's time runs in full from here on."""
        for heard in self._heard.values():
            heard.at = now

    def overdue(self, now: float) -> list[tuple[str, float]]:
        """Return who was silent for longer than allowed, and for how many seconds."""
        return [
            (name, now - heard.at)
            for name, heard in self._heard.items()
            if now - heard.at > heard.allowed_seconds
        ]


@dataclass(frozen=True, slots=True)
class _Rule:
    rule: str
    kind: EntityKind
    severity: Severity
    ends: tuple[type, ...]
    """What says that it is back or has left; empty: whatever it says."""


_RULES: Final[dict[type, _Rule]] = {
    agent.AgentLost: _Rule(
        AGENT_LOST,
        "agent",
        "warning",
        (agent.AgentReturned, agent.AgentRegistered, agent.AgentEvicted, agent.AgentRetired),
    ),
    node.NodeLost: _Rule(NODE_LOST, "node", "critical", (node.NodeReturned, node.NodeRegistered)),
    run.RunLost: _Rule(RUN_LOST, "run", "critical", ()),
}
_WORDS: Final[dict[type, str]] = {
    agent.AgentReturned: "it was heard again",
    agent.AgentRegistered: "it registered again",
    agent.AgentEvicted: "it was put out",
    agent.AgentRetired: "it has left on purpose",
    node.NodeReturned: "its readings come again",
    node.NodeRegistered: "its monitor has started again",
    run.RunStarted: "it has started again",
    run.RunFinished: "it has ended",
}


class LostWatch:
    """The rules about who is lost, over everybody."""

    def __init__(self) -> None:
        self._lost: dict[tuple[str, str], _Rule] = {}

    def observe(self, recorded: Recorded) -> list[Finding]:
        """Take in an event of an agent, a node or a run."""
        key = (recorded.aggregate, recorded.entity)
        rule = _RULES.get(type(recorded.event))
        if rule is not None:
            again = key in self._lost
            self._lost[key] = rule
            return [] if again else [_finding(rule, "began", recorded, _silence(recorded))]
        known = self._lost.get(key)
        if known is None or (known.ends and not isinstance(recorded.event, known.ends)):
            return []
        del self._lost[key]
        words = _WORDS.get(type(recorded.event), "it speaks again")
        return [_finding(known, "ended", recorded, f"{recorded.entity}: {words}")]


def _silence(recorded: Recorded) -> str:
    seconds = getattr(recorded.event, "silent_seconds", 0.0)
    return f"nothing was heard of {recorded.aggregate} {recorded.entity} for {seconds:.0f} s"


def _finding(rule: _Rule, change: Change, recorded: Recorded, summary: str) -> Finding:
    return Finding(
        rule=rule.rule,
        change=change,
        entity_kind=rule.kind,
        entity=recorded.entity,
        severity=rule.severity,
        summary=summary,
        evidence=((EVENTS.name, recorded.position),),
    )
