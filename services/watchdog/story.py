"""The story of one run, as its own events and its directives tell it: what a policy looks back on.

A fold over two subjects, the run's and its directives'. They may be read one after the other instead of in
the order of the log: everything keeps its position, and questions are asked as of a position.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final, Literal

from coord.events import directive as asked
from coord.events import run as told
from coord.events.envelope import Recorded
from coord.events.model import Number

GIVEN_MAX: Final = 300
"""Directives of one run that are remembered."""
STEPS_MAX: Final = 256
RECENT_STEPS: Final = 5
STEPS_MIN: Final = 20
"""Fewer step times than this have no median worth the name."""

Status = Literal["unheard", "running", "finished", "lost"]
_ENDS: Final[dict[type, Status]] = {told.RunFinished: "finished", told.RunLost: "lost"}


@dataclass(slots=True)
class Given:
    """One directive that the run was given, and its answer."""

    id: str
    position: int
    at_ns: int
    epoch: int
    action: str
    parameters: Mapping[str, Any]
    alert: str | None
    live_seconds: float
    withdrawn: bool = False
    answer: Literal["applied", "refused"] | None = None
    answer_position: int = 0
    answer_ns: int = 0
    answer_reason: str = ""

    def stands(self, position: int, at_ns: int | None = None) -> bool:
        """Whether, as of a position, it was neither refused nor withdrawn; with a moment: nor is its life over."""
        if self.withdrawn or (self.answer == "refused" and self.answer_position <= position):
            return False
        applied = self.answer == "applied" and self.answer_position <= position
        return applied or at_ns is None or at_ns - self.at_ns <= self.live_seconds * 1e9

    def waits(self, position: int, at_ns: int) -> bool:
        """Whether, as of a position and a moment, the run has still to answer it."""
        answered = self.answer is not None and self.answer_position <= position
        return not answered and self.stands(position, at_ns)


@dataclass(slots=True)
class Story:
    """One run."""

    run: str
    node: str | None = None
    status: Status = "unheard"
    position: int = 0
    """Of its last event."""
    started_position: int = 0
    """Of its last start."""
    started_step: int = 0
    step: int = 0
    given: OrderedDict[str, Given] = field(default_factory=OrderedDict)
    _answers: OrderedDict[str, Recorded] = field(default_factory=OrderedDict)
    """To directives that were not read yet."""
    _step_seconds: deque[float] = field(default_factory=lambda: deque(maxlen=STEPS_MAX))

    def observe(self, recorded: Recorded) -> None:
        """Take in an event of the run, each once and in the order of their positions."""
        self.position = recorded.position
        event = recorded.event
        if self.status != "finished" or isinstance(event, told.RunStarted):
            self.status = _ENDS.get(type(event), "running")
        if isinstance(event, told.RunStarted):
            self.node, self.started_position = event.node, recorded.position
            self.started_step = event.resumed_from_step or 0
            self._step_seconds.clear()
        elif isinstance(event, told.RunDirectiveApplied | told.RunDirectiveRefused):
            self._answered(event.directive_id, recorded)

    def measured(self, step: int, values: Mapping[str, Number]) -> None:
        """Take in a step of rank 0."""
        self.step = step
        seconds = values.get(told.STEP_SECONDS)
        if isinstance(seconds, float) and seconds > 0:
            self._step_seconds.append(seconds)

    def directed(self, recorded: Recorded) -> None:
        """Take in an event of the run's directives."""
        event = recorded.event
        if isinstance(event, asked.DirectiveWithdrawn) and event.directive_id in self.given:
            self.given[event.directive_id].withdrawn = True
        if not isinstance(event, asked.DirectiveIssued) or event.directive_id in self.given:
            return
        self.given[event.directive_id] = Given(
            id=event.directive_id,
            position=recorded.position,
            at_ns=recorded.recorded_at_ns,
            epoch=event.epoch,
            action=event.action,
            parameters=event.parameters,
            alert=event.alert,
            live_seconds=event.live_seconds,
        )
        while len(self.given) > GIVEN_MAX:
            self.given.popitem(last=False)
        answer = self._answers.pop(event.directive_id, None)
        if answer is not None:
            self._answered(event.directive_id, answer)

    def steps_are_slower_by(self) -> float | None:
        """Say how many times longer its last steps took than its steps do; None: too few are known."""
        known = list(self._step_seconds)
        if len(known) < STEPS_MIN:
            return None
        return median(known[-RECENT_STEPS:]) / median(known)

    def back_before(self, position: int, steps: tuple[int, int]) -> list[Given]:
        """Return the roll-backs decided on what was known before a position that lead back to these steps."""
        first, last = steps
        return [
            one
            for one in self.given.values()
            if one.action == "roll_back"
            and one.epoch < position
            and one.stands(position)
            and first <= int(one.parameters.get("before_step", 0)) <= last
        ]

    def paused_by(self) -> set[str | None]:
        """Return the alerts whose pause stands; None stands for people."""
        holders: set[str | None] = set()
        for one in self.given.values():
            if one.withdrawn or one.answer == "refused":
                continue
            if one.action == "pause" and one.position > self.started_position:
                holders.add(one.alert)
            elif one.action == "resume":
                holders.clear()
        return holders

    def is_paused(self) -> bool:
        """Whether it obeyed a pause and has not gone on since."""
        obeyed = [
            one
            for one in self.given.values()
            if one.action in ("pause", "resume")
            and one.answer == "applied"
            and one.answer_position > self.started_position
        ]
        return bool(obeyed) and max(obeyed, key=lambda one: one.answer_position).action == "pause"

    def was_stale(self, one: Given) -> bool:
        """Whether the run had begun anew or gone back since what a directive rested on."""
        back = max(
            (
                other.answer_position
                for other in self.given.values()
                if other.action == "roll_back" and other.answer == "applied" and other is not one
            ),
            default=0,
        )
        return one.epoch < max(self.started_position, back)

    def of_alert(self, alert: str, action: str) -> Iterator[Given]:
        """Yield the directives of an alert that ask for this."""
        return (one for one in self.given.values() if one.alert == alert and one.action == action)

    def _answered(self, directive_id: str, recorded: Recorded) -> None:
        one = self.given.get(directive_id)
        event = recorded.event
        if one is None:
            self._answers[directive_id] = recorded
            while len(self._answers) > GIVEN_MAX:
                self._answers.popitem(last=False)
        elif one.answer is None:
            one.answer = "applied" if isinstance(event, told.RunDirectiveApplied) else "refused"
            one.answer_position, one.answer_ns = recorded.position, recorded.recorded_at_ns
            one.answer_reason = getattr(event, "reason", "")
