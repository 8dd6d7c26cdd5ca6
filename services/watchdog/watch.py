"""The watch: everything that is read goes in here, and what should follow comes to stand in `incidents`.

Detectors find, the policy decides, incidents remember what is wanted. No clock and no I/O: events and
samples come with the broker's time, and silence with the listener's monotonic `now`. While `beginning`, what
is read is the past: what came and went in it is let be.
"""

import logging
from collections import OrderedDict
from typing import Final

from coord.events import node as nodes
from coord.events import run as runs
from coord.events.directive import DirectiveIssued
from coord.events.envelope import Recorded
from coord.events.samples import HardwareSample
from coord.events.streams import EVENTS
from coord.events.wire import RecordedSample
from coord.services.detectors import gpu_presence, memory, silence, thermal
from coord.services.detectors.finding import RECOVERY_EXHAUSTED, Finding
from coord.services.detectors.loss import LossWatch
from coord.services.detectors.node_watch import NodeWatch
from coord.services.detectors.out_of_memory import OutOfMemoryWatch
from coord.services.detectors.readings import look_of
from coord.services.detectors.silence import LostWatch
from coord.services.watchdog import policy
from coord.services.watchdog.incidents import Incident, Incidents
from coord.services.watchdog.points import Points
from coord.services.watchdog.policy import Plan
from coord.services.watchdog.story import Story

RUNS_MAX: Final = 2_000
"""Runs that are remembered; of those that have ended, the ones heard of longest ago go first."""
NODES_MAX: Final = 2_000
_OF_NODES: Final = "node"
_OF_HARDWARE: Final = frozenset({
    gpu_presence.LOST, gpu_presence.UNRESPONSIVE, memory.DEVICE, memory.EXHAUSTION, memory.PRESSURE,
    thermal.THROTTLED, thermal.TOO_HOT,
})  # fmt: skip
_OF_PRESENCE: Final = frozenset({silence.AGENT_LOST, silence.NODE_LOST, silence.RUN_LOST})

_log: Final = logging.getLogger("coord.watchdog")


class _Run:
    """A run and what looks at it."""

    __slots__ = ("loss", "memory", "points", "story")

    def __init__(self, name: str) -> None:
        self.story = Story(name)
        self.points = Points()
        self.loss = LossWatch(name)
        self.memory = OutOfMemoryWatch(name)


class _Node:
    """A node, what looks at it, and what is known of its being there."""

    __slots__ = ("lost_ns", "position", "sample_seconds", "watch", "writers")

    def __init__(self, name: str) -> None:
        self.watch = NodeWatch(name)
        self.position = 0
        """Of its last event."""
        self.lost_ns: int | None = None
        """When it was declared lost; None: it is not."""
        self.sample_seconds = 1.0
        self.writers: dict[str, int] = {}


class Watch:
    """What a watchdog knows."""

    def __init__(self) -> None:
        self.incidents = Incidents()
        self.beginning = True
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._nodes: OrderedDict[str, _Node] = OrderedDict()
        self._lost = LostWatch()

    def run(self, name: str) -> Story | None:
        """Return the story of a run, if it is known."""
        known = self._runs.get(name)
        return known.story if known else None

    def node(self, name: str) -> _Node | None:
        """Return what is known of a node."""
        return self._nodes.get(name)

    def stories(self, node: str | None = None) -> list[Story]:
        """Return the runs that run, of one node or of all."""
        return [
            one.story
            for one in self._runs.values()
            if one.story.status == "running" and node in (None, one.story.node)
        ]

    def nodes(self) -> list[str]:
        """Return the nodes that are known."""
        return list(self._nodes)

    def event(self, recorded: Recorded) -> None:
        """Take in an event."""
        if recorded.aggregate == "run":
            self._take_run(recorded)
        elif recorded.aggregate == "alert":
            self.incidents.observe(recorded)
        elif recorded.aggregate == "directive":
            self._take_directive(recorded)
        elif recorded.aggregate == "node":
            self._take_node(recorded)
        elif recorded.aggregate == "agent":
            self._find(self._lost.observe(recorded), recorded.recorded_at_ns)

    def sample(self, recorded: RecordedSample) -> None:
        """Take in hardware readings; a message sent again later says nothing new."""
        if not isinstance(recorded.batch, HardwareSample):
            return
        node = self._node(recorded.node)
        newest = node.writers.get(recorded.batch.writer, -1)
        if recorded.batch.writer_sequence <= newest:
            return
        node.writers = {recorded.batch.writer: recorded.batch.writer_sequence}
        self._find(node.watch.observe(look_of(recorded)), recorded.recorded_at_ns)

    def look_after(self) -> None:
        """See to alerts of ours that nothing here stands behind: they are from before this watchdog began."""
        for alert_id, known in self.incidents.unclaimed():
            why = self._why_over(known.rule, known.entity)
            if why is None:
                continue
            incident = self.incidents.give_up(alert_id, known, why)
            for story in self.stories(known.entity):
                self._resume(incident, story, why)

    def _why_over(self, rule: str, entity: str) -> str | None:
        """Say why an alert without an incident is over; None: nobody can tell yet."""
        if rule in _OF_HARDWARE:
            node = self._nodes.get(entity)
            return f"{entity} has been well for a while" if node and node.watch.is_calm(rule) else None
        story = self.run(entity)
        is_over = rule not in _OF_PRESENCE and (story is None or story.status == "finished")
        return "the run is over" if is_over else "it is not so any more"

    def _take_run(self, recorded: Recorded) -> None:
        one = self._run(recorded.entity)
        at_ns, event = recorded.recorded_at_ns, recorded.event
        if recorded.position <= one.story.position:
            return
        one.story.observe(recorded)
        self._find(self._lost.observe(recorded), at_ns)
        if isinstance(event, runs.RunMetricsRecorded):
            self._take_points(one, recorded)
        elif isinstance(event, runs.RunOutOfMemory):
            self._find(one.memory.failed(event, recorded.position), at_ns)
        elif isinstance(event, runs.RunDirectiveRefused):
            self._refused(one.story, event.directive_id)
        elif isinstance(event, runs.RunDirectiveApplied):
            given = one.story.given.get(event.directive_id)
            if given is not None and given.action == "resume":
                self._end(RECOVERY_EXHAUSTED, recorded.entity, "the run goes on", recorded.position)
        elif isinstance(event, runs.RunFinished):
            self._close_run(one, recorded)
        elif isinstance(event, runs.RunStarted):
            self._end(RECOVERY_EXHAUSTED, recorded.entity, "the run was started again", recorded.position)
            self._warn_newcomer(one.story)

    def _warn_newcomer(self, story: Story) -> None:
        """What stands about its node concerns a run that starts there, too."""
        for incident in self.incidents.open_of(story.node or ""):
            if incident.finding is not None and incident.finding.entity_kind == _OF_NODES:
                self._follow(incident, policy.decide_for_node(incident.finding, story))

    def _take_points(self, one: _Run, recorded: Recorded) -> None:
        for point in one.points.take(recorded):
            one.story.measured(point.step, point.values)
            found = one.loss.observe(point.step, point.values, point.position)
            found += one.memory.point(point.step, point.position)
            if found:
                self._find(found, recorded.recorded_at_ns)

    def _take_directive(self, recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, DirectiveIssued):
            self.incidents.note_issued(event.directive_id)
            if event.entity_kind == "run":
                self._run(recorded.entity).story.directed(recorded)
        elif recorded.entity in self._runs:
            self._runs[recorded.entity].story.directed(recorded)

    def _take_node(self, recorded: Recorded) -> None:
        node, event = self._node(recorded.entity), recorded.event
        if recorded.position <= node.position:
            return
        node.position = recorded.position
        if isinstance(event, nodes.NodeLost):
            node.lost_ns = recorded.recorded_at_ns
        elif isinstance(event, nodes.NodeRegistered | nodes.NodeReturned):
            node.lost_ns = None
        if isinstance(event, nodes.NodeRegistered):
            node.sample_seconds = event.sample_seconds
        self._find(self._lost.observe(recorded), recorded.recorded_at_ns)

    def _find(self, found: list[Finding], at_ns: int) -> None:
        for finding in found:
            if finding.change == "ended":
                self._ended(finding)
            else:
                self._began(finding, at_ns)

    def _began(self, finding: Finding, at_ns: int) -> None:
        incident = self.incidents.begin(finding)
        if not self.beginning:
            _log.warning("%s of %s: %s", finding.rule, finding.entity, finding.summary)
        if finding.entity_kind == "run":
            story = self.run(finding.entity)
            if story is not None:
                self._follow(incident, policy.decide_for_run(finding, story, at_ns))
        elif finding.entity_kind == _OF_NODES:
            for story in self.stories(finding.entity):
                self._follow(incident, policy.decide_for_node(finding, story))

    def _follow(self, incident: Incident, plan: Plan) -> None:
        for wanted in plan.wanted:
            self.incidents.want(incident, wanted)
        if plan.call is not None:
            called = self.incidents.begin(plan.call)
            for wanted in plan.call_wanted:
                self.incidents.want(called, wanted)

    def _ended(self, finding: Finding) -> None:
        incident = self.incidents.end(finding.rule, finding.entity, finding.summary, finding.evidence)
        self._let_be_or_resume(incident, finding.summary)

    def _end(self, rule: str, entity: str, why: str, position: int) -> None:
        incident = self.incidents.end(rule, entity, why, ((EVENTS.name, position),))
        self._let_be_or_resume(incident, why)

    def _let_be_or_resume(self, incident: Incident | None, why: str) -> None:
        if incident is None:
            return
        if self.beginning and not incident.raised:
            self.incidents.drop(incident)
        elif incident.finding is not None and incident.finding.entity_kind == _OF_NODES:
            for story in self.stories(incident.key[1]):
                self._resume(incident, story, why)

    def _resume(self, incident: Incident, story: Story, why: str) -> None:
        over = {one for one in story.paused_by() if one is not None and self.incidents.is_over(one)}
        for wanted in policy.decide_resume(incident.alert_id, why, story, over).wanted:
            self.incidents.want(incident, wanted)

    def _refused(self, story: Story, directive_id: str) -> None:
        given = story.given.get(directive_id)
        incident = self.incidents.by_alert(given.alert) if given and given.alert else None
        if given is None or incident is None or incident.over is not None:
            return
        self._follow(incident, policy.decide_refused(given, story))

    def _close_run(self, one: _Run, recorded: Recorded) -> None:
        """A run that has ended has no incidents; one that is lost keeps them: it may come back."""
        name = recorded.entity
        for incident in self.incidents.open_of(name):
            if incident.finding is not None and incident.finding.entity_kind == "run":
                self._end(incident.key[0], name, "the run is over", recorded.position)
        one.loss, one.memory = LossWatch(name), OutOfMemoryWatch(name)

    def _run(self, name: str) -> _Run:
        one = self._runs.get(name)
        if one is None:
            one = self._runs[name] = _Run(name)
            if len(self._runs) > RUNS_MAX:
                gone = next((run for run, old in self._runs.items() if old.story.status != "running"), None)
                del self._runs[gone or next(iter(self._runs))]
        self._runs.move_to_end(name)
        return one

    def _node(self, name: str) -> _Node:
        node = self._nodes.get(name)
        if node is None:
            node = self._nodes[name] = _Node(name)
            if len(self._nodes) > NODES_MAX:
                self._nodes.popitem(last=False)
        return node
