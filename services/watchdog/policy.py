"""The policy: what is asked of a run when something is found. A pure table over findings and the run's story.

    loss-spike        a hard batch                   skip it, should it come again
    model-damaged     or loss-not-finite             1st: roll back and skip the batches
                                                     2nd, 3rd within 5,000 steps: and halve the learning rate
                                                     4th: pause, and call a person
                      the roll-back was refused      halve the learning rate; refused, or damaged still: pause
    out-of-memory     an allocation failed           halve the micro-batch; refused: pause, and call a person
    gpu-throttled     for 10 s, steps 15 % slower    halve the micro-batch
                      critical                       checkpoint, pause; resume when it is over
    gpu-too-hot       critical                       the same
    gpu-lost, gpu-unresponsive, memory-exhaustion    checkpoint, while it can still be written

Everything else is told, and nobody is asked for anything. What was asked before counts as of the position of
the finding, so that the same finding leads to the same directives whenever, and by whomever, it is decided.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coord.events.directive import Action
from coord.events.streams import EVENTS
from coord.services.decisions.directive import BATCHES_MAX
from coord.services.detectors import gpu_presence, incident, memory, out_of_memory, thermal
from coord.services.detectors.finding import RECOVERY_EXHAUSTED, Finding
from coord.services.watchdog.story import Given, Story

ROLL_BACKS_MAX: Final = 3
"""A further one within `ROLL_BACK_STEPS` would only go round in a circle."""
ROLL_BACK_STEPS: Final = 5_000
LOWER_FROM: Final = 1
"""From this many roll-backs before on, the learning rate is lowered too."""
LOWER_FACTOR: Final = 0.5
LOWER_STEPS: Final = 500
SLOWER: Final = 1.15
"""Times the usual: so slow do steps become before throttling is worth a change."""
SLOWER_SECONDS: Final = 10.0

LIVE_SECONDS: Final[Mapping[str, float]] = {
    "skip_batch": 3_600.0,
    "roll_back": 300.0,
    "lower_learning_rate": 300.0,
    "halve_micro_batch": 300.0,
    "checkpoint_now": 120.0,
    "pause": 600.0,
    "resume": 86_400.0,
}
"""How long each may be obeyed: what is late does harm, but for a resume, which a paused run must hear."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A directive that the policy wants."""

    entity: str
    action: Action
    parameters: Mapping[str, Any]
    ordinal: int
    """Which of its kind under its alert: part of its identity."""
    epoch: int
    reason: str
    lasting: bool = False
    """Worth asking also when the incident is over already."""

    @property
    def live_seconds(self) -> float:
        """How long it may be obeyed."""
        return LIVE_SECONDS[self.action]


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from a finding: directives under its alert, and perhaps a call for a person."""

    wanted: tuple[Wanted, ...] = ()
    call: Finding | None = None
    """A finding of the rule `RECOVERY_EXHAUSTED`, with `call_wanted` under its alert."""
    call_wanted: tuple[Wanted, ...] = ()


NOTHING: Final = Plan()


def decide_for_run(finding: Finding, story: Story, at_ns: int) -> Plan:
    """Decide what is asked of the run that a finding is about; `at_ns` is the finding's broker time."""
    decide = _FOR_RUN.get(finding.rule)
    if decide is None or finding.change == "ended" or story.status != "running":
        return NOTHING
    return decide(finding, story, at_ns)


def decide_for_node(finding: Finding, story: Story) -> Plan:
    """Decide what is asked of a run on the node that a finding is about."""
    if finding.change == "ended" or story.status != "running":
        return NOTHING
    if finding.rule in _SAVE_FOR:
        return Plan((_ask(finding, story, "checkpoint_now"),))
    if finding.rule not in (thermal.THROTTLED, thermal.TOO_HOT):
        return NOTHING
    if finding.severity == "critical":
        return Plan((_ask(finding, story, "checkpoint_now"), _ask(finding, story, "pause")))
    slower = story.steps_are_slower_by()
    seconds = finding.figures.get("seconds", 0.0)
    if finding.rule == thermal.THROTTLED and seconds >= SLOWER_SECONDS and slower and slower > SLOWER:
        return Plan(
            (_ask(finding, story, "halve_micro_batch", why=f"steps take {slower:.2f} times as long"),)
        )
    return NOTHING


def decide_resume(alert: str, reason: str, story: Story, over: Collection[str]) -> Plan:
    """Decide whether a run goes on when an alert that paused it is over: only if nobody else holds it."""
    holders = {
        holder for holder in story.paused_by() if holder is None or holder == alert or holder not in over
    }
    if holders != {alert}:
        return NOTHING
    return Plan((Wanted(story.run, "resume", {}, 0, story.position, _note(reason), lasting=True),))


def decide_refused(refused: Given, story: Story) -> Plan:
    """Decide what follows when the run refused a directive of an alert: something milder, or a person."""
    assert refused.alert is not None
    late = refused.answer_ns - refused.at_ns > refused.live_seconds * 1e9
    if late or story.was_stale(refused) or story.status != "running":
        return NOTHING
    why = _note(f"{refused.action} was refused: {refused.answer_reason}")
    if refused.action == "roll_back":
        lower = {"factor": LOWER_FACTOR, "steps": LOWER_STEPS}
        ordinal = refused.answer_position
        wanted = Wanted(story.run, "lower_learning_rate", lower, ordinal, refused.answer_position, why)
        return Plan((wanted,))
    instead = any(
        not one.stands(refused.answer_position) for one in story.of_alert(refused.alert, "roll_back")
    )
    if refused.action == "halve_micro_batch" or (refused.action == "lower_learning_rate" and instead):
        return _call(story, refused.answer_position, why)
    return NOTHING


def _skip(finding: Finding, story: Story, _: int) -> Plan:
    batches = _batches(finding)
    if not batches:
        return NOTHING
    reason = _note(finding.summary)
    return Plan(
        (
            Wanted(
                story.run,
                "skip_batch",
                {"batches": batches},
                batches[0],
                _epoch(finding),
                reason,
                lasting=True,
            ),
        )
    )


def _roll_back(finding: Finding, story: Story, at_ns: int) -> Plan:
    position = _epoch(finding)
    backs = [one for one in story.given.values() if one.action == "roll_back" and one.epoch <= position]
    if finding.change == "worse" and any(one.waits(position, at_ns) for one in backs):
        return _skip(finding, story, at_ns)
    if finding.change == "worse" and any(_answered(one, "refused", finding) for one in backs):
        return _call(story, position, _note(f"damaged still, and a roll-back was refused: {finding.summary}"))
    step = _bad_from(finding, story, backs)
    before = story.back_before(position, (step - ROLL_BACK_STEPS, step + ROLL_BACK_STEPS))
    if len(before) >= ROLL_BACKS_MAX:
        why = f"rolled back {len(before)} times within {ROLL_BACK_STEPS:,} steps: {finding.summary}"
        return _call(story, position, _note(why))
    parameters = {"before_step": max(0, step - 1), "skip_batches": _batches(finding)}
    reason = _note(finding.summary)
    wanted = [Wanted(story.run, "roll_back", parameters, position, position, reason)]
    if len(before) >= LOWER_FROM:
        lower = {"factor": LOWER_FACTOR, "steps": LOWER_STEPS}
        again = _note(f"damaged again after {len(before)} roll-back(s): {finding.summary}")
        # First: after the roll-back the run would know more than this rests on, and refuse it.
        wanted.insert(0, Wanted(story.run, "lower_learning_rate", lower, position, position, again))
    return Plan(tuple(wanted))


def _bad_from(finding: Finding, story: Story, backs: Iterable[Given]) -> int:
    """Return the step before which the model was well: behind a roll-back, a later one than in the beginning."""
    figures = finding.figures
    went_back = any(_answered(one, "applied", finding) for one in backs)
    first = figures.get("first_step", figures.get("step", float(story.step)))
    return int(figures.get("recent_step", first) if went_back else first)


def _answered(one: Given, answer: str, finding: Finding) -> bool:
    """Whether a roll-back that this very incident led to had this answer by the time of the finding."""
    began = min((place for stream, place in finding.evidence if stream == EVENTS.name), default=0)
    return one.answer == answer and one.epoch >= began and one.answer_position <= _epoch(finding)


def _halve(finding: Finding, story: Story, at_ns: int) -> Plan:
    position = _epoch(finding)
    halves = [
        one for one in story.given.values() if one.action == "halve_micro_batch" and one.epoch < position
    ]
    if any(one.waits(position, at_ns) for one in halves):
        return NOTHING
    if finding.figures.get("micro_batch", 2.0) <= 1:
        return _call(story, position, _note(f"{finding.summary}: the micro-batch cannot be halved"))
    reason = _note(finding.summary)
    return Plan((Wanted(story.run, "halve_micro_batch", {}, position, position, reason),))


def _call(story: Story, position: int, why: str) -> Plan:
    finding = Finding(
        rule=RECOVERY_EXHAUSTED,
        change="began",
        entity_kind="run",
        entity=story.run,
        severity="critical",
        summary=why[:200],
        evidence=((EVENTS.name, position),),
        figures={"step": float(story.step)},
    )
    return Plan(call=finding, call_wanted=(Wanted(story.run, "pause", {}, 0, position, _note(why)),))


def _ask(finding: Finding, story: Story, action: Action, why: str = "") -> Wanted:
    """Ask for something once under an alert about the node; the run is known up to its last event."""
    reason = f"{finding.entity}: {finding.summary}{why and f'; {why}'}"
    return Wanted(story.run, action, {}, 0, story.position, _note(reason))


def _batches(finding: Finding) -> list[int]:
    first, last = finding.figures.get("batch_first"), finding.figures.get("batch_last")
    if first is None or last is None:
        return []
    return list(range(max(0, int(first)), int(last) + 1))[:BATCHES_MAX]


def _epoch(finding: Finding) -> int:
    return max(position for stream, position in finding.evidence if stream == EVENTS.name)


def _note(text: str) -> str:
    return text[:500]


_FOR_RUN: Final[Mapping[str, Callable[[Finding, Story, int], Plan]]] = {
    incident.SPIKE: _skip,
    incident.DAMAGED: _roll_back,
    incident.NOT_FINITE: _roll_back,
    out_of_memory.RULE: _halve,
}
_SAVE_FOR: Final = frozenset({gpu_presence.LOST, gpu_presence.UNRESPONSIVE, memory.EXHAUSTION})
