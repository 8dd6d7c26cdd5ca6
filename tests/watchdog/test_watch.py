"""The watch: events and readings in, what is wanted out; without a server, a clock or a coordinator.

`Wishes` plays the coordinator: what incidents want is written to the log, and read back by the watch.
"""

from typing import Any

import pytest
from told_steps import STEPS_TO_WARM, bad_step, not_finite, steps
from written import Written

from coord.events.alert import AlertRaised, AlertResolved, Evidence
from coord.events.commands import Direct, RaiseAlert, ResolveAlert
from coord.events.directive import DirectiveIssued
from coord.events.envelope import Recorded
from coord.events.run import (
    RunDirectiveApplied,
    RunDirectiveRefused,
    RunFinished,
    RunLost,
    RunMetricsRecorded,
    RunOutOfMemory,
    RunStarted,
)
from coord.events.samples import HardwareSample, Series
from coord.events.wire import RecordedSample
from coord.services.watchdog.incidents import ACTOR
from coord.services.watchdog.watch import Watch

HEAT, BRAKE = 0x20, 0x40


class House:
    """A log, a watch that reads it, and a coordinator that does what is wanted."""

    def __init__(self) -> None:
        self.log = Written()
        self.watch = Watch()
        self.watch.beginning = False
        self.step = 0
        self.sequence = 0
        self.sample_position = 0
        self.done: list[str] = []
        """What was done, in order: `raise loss-spike`, `direct skip_batch`, `resolve`."""

    def say(self, event: Any, entity: str = "r-1", actor: str = "") -> Recorded:
        """Write an event and let the watch read it."""
        recorded = self.log.write(entity, event, actor)
        self.watch.event(recorded)
        return recorded

    def pack(self, points: list[Any]) -> Recorded:
        """Let the run say a pack of steps."""
        self.sequence += 1
        return self.say(RunMetricsRecorded(writer="w", writer_sequence=self.sequence, points=tuple(points)))

    def start(self, node: str | None = "n-1") -> None:
        """Let the run start and make enough steps for a spike to be seen."""
        self.say(RunStarted(name="r", node=node))
        self.make(STEPS_TO_WARM)

    def make(self, count: int, seconds: float = 0.2) -> None:
        """Let the run make steps."""
        self.pack(steps(self.step, count, seconds))
        self.step += count

    def bad(self, canary: float) -> Recorded:
        """Let the run make a bad step."""
        self.step += 1
        return self.pack([bad_step(self.step - 1, canary)])

    def look(self, seconds: int = 1, **values: float) -> None:
        """Let the node send readings of one GPU, a second apart."""
        for _ in range(seconds):
            self.sample_position += 1
            self.log.rest(1)
            series = tuple(
                Series(metric=metric, device="gpu0", offsets_ms=(0,), values=(value,))
                for metric, value in values.items()
            )
            batch = HardwareSample(
                writer="m", writer_sequence=self.sample_position, started_at_ns=0, series=series
            )
            sample = RecordedSample(self.sample_position, self.log.at_ns, "local", "n-1", batch)
            self.watch.sample(sample)

    def act(self) -> list[str]:
        """Do all that is wanted; return it."""
        before = len(self.done)
        for alert_id in self.watch.incidents.changed():
            while (step := self.watch.incidents.next_step(alert_id)) is not None:
                self.done.append(self._do(step))
        return self.done[before:]

    def _do(self, step: Any) -> str:
        if isinstance(step, RaiseAlert):
            fields = step.model_dump(exclude={"request_id", "alert_id"})
            self.say(AlertRaised(**fields), step.alert_id, ACTOR)
            return f"raise {step.rule} {step.severity}"
        if isinstance(step, Direct):
            fields = step.model_dump(exclude={"request_id", "entity"})
            self.say(DirectiveIssued(**fields), step.entity, ACTOR)
            return f"direct {step.action}"
        assert isinstance(step, ResolveAlert)
        self.say(AlertResolved(reason=step.reason), step.alert_id, ACTOR)
        return "resolve"

    def directives(self) -> list[DirectiveIssued]:
        """Return the directives in the log."""
        return [one.event for one in self.log.events if isinstance(one.event, DirectiveIssued)]

    def obey(self) -> None:
        """Let the run obey its last directive."""
        self._answer(RunDirectiveApplied)

    def refuse(self) -> None:
        """Let the run refuse its last directive."""
        self._answer(RunDirectiveRefused, reason="cannot")

    def _answer(self, kind: Any, **more: Any) -> None:
        issued = next(one for one in reversed(self.log.events) if isinstance(one.event, DirectiveIssued))
        event: Any = issued.event
        self.say(
            kind(directive_id=event.directive_id, directive_position=issued.position, step=self.step, **more)
        )

    def anew(self) -> "House":
        """Let another watchdog begin on this log, reading runs after everything else."""
        other = House()
        other.log, other.watch.beginning = self.log, True
        for runs in (False, True):
            for recorded in list(self.log.events):
                if (recorded.aggregate == "run") == runs:
                    other.watch.event(recorded)
        other.watch.beginning = False
        other.watch.look_after()
        other.step, other.sequence = self.step, self.sequence
        return other


@pytest.fixture
def house() -> House:
    """A house with a run that has made some steps."""
    made = House()
    made.start()
    assert made.act() == []
    return made


def test_a_hard_batch_is_an_alert_and_a_skip_and_is_over_when_the_loss_is_calm(house: House) -> None:
    evidence = house.bad(canary=2.5)
    assert house.act() == ["raise loss-spike warning", "direct skip_batch"]
    (directive,) = house.directives()
    assert directive.epoch == evidence.position
    assert directive.parameters == {"batches": [house.step - 1]}
    house.make(60)
    assert house.act() == ["resolve"]
    house.make(300)
    assert house.act() == []


def test_a_damaged_model_is_over_when_it_went_back_and_the_loss_is_calm(house: House) -> None:
    bad_from = house.step
    house.bad(canary=5.0)
    assert house.act() == ["raise model-damaged critical", "direct roll_back"]
    assert house.directives()[0].parameters["before_step"] == bad_from - 1
    house.make(3)
    house.obey()
    assert house.act() == []
    house.step = bad_from - 25
    house.make(100)
    assert house.act() == ["resolve"]


def test_a_loss_that_is_no_number_is_rolled_back(house: House) -> None:
    house.pack(not_finite(house.step, 2))
    assert house.act() == []
    house.pack(not_finite(house.step + 2, 1))
    assert house.act() == ["raise loss-not-finite critical", "direct roll_back"]


def test_a_refused_roll_back_ends_with_a_person(house: House) -> None:
    house.bad(canary=5.0)
    house.act()
    house.refuse()
    assert house.act() == ["direct lower_learning_rate"]
    house.refuse()
    assert house.act() == ["raise recovery-exhausted critical", "direct pause"]
    house.say(RunDirectiveApplied(directive_id="d-x", directive_position=1, step=1))
    assert house.act() == []
    house.say(RunFinished(outcome="stopped", step=house.step))
    assert house.act() == ["resolve", "resolve"]


def test_a_person_who_lets_the_run_go_on_ends_the_call(house: House) -> None:
    house.bad(canary=5.0)
    house.act()
    house.refuse()
    house.act()
    house.refuse()
    house.act()
    house.obey()
    resume = DirectiveIssued(
        directive_id="d-me", entity_kind="run", action="resume", epoch=house.log.position,
        live_seconds=60, reason="looked at it",
    )  # fmt: skip
    house.say(resume)
    house.obey()
    assert house.act() == ["resolve"]


def test_failed_allocations_halve_and_end_after_clean_steps(house: House) -> None:
    house.say(RunOutOfMemory(step=house.step, micro_batch=8, reason="no"))
    assert house.act() == ["raise out-of-memory warning", "direct halve_micro_batch"]
    house.obey()
    house.say(RunOutOfMemory(step=house.step, micro_batch=4, reason="no"))
    assert house.act() == ["direct halve_micro_batch"]
    house.obey()
    house.make(25)
    assert house.act() == ["resolve"]


def test_a_pack_that_comes_twice_counts_once(house: House) -> None:
    house.pack(not_finite(house.step, 2))
    house.sequence -= 1
    house.pack(not_finite(house.step, 2))
    assert house.act() == []


def test_a_run_that_ends_takes_its_incidents_with_it(house: House) -> None:
    house.bad(canary=5.0)
    house.act()
    house.say(RunFinished(outcome="failed", step=house.step))
    assert house.act() == ["resolve"]


def test_a_lost_run_keeps_its_incidents_and_is_asked_for_nothing(house: House) -> None:
    house.bad(canary=5.0)
    house.act()
    house.say(RunLost(silent_seconds=60))
    assert house.act() == ["raise run-lost critical"]
    house.make(1)
    assert house.act() == ["resolve"]
    assert [known.rule for _, known in house.watch.incidents.unclaimed()] == []


def test_heat_becomes_critical_in_one_incident_and_pauses_and_resumes_the_run(house: House) -> None:
    hot = {"gpu_temperature_celsius": 80.0, "gpu_throttle_reasons_bits": float(BRAKE)}
    house.look(5, **hot)
    assert house.act() == ["raise gpu-throttled warning"]
    house.look(30, **hot)
    assert house.act() == [
        "raise gpu-throttled critical", "resolve", "direct checkpoint_now", "direct pause",
    ]  # fmt: skip
    house.obey()
    house.look(61, gpu_temperature_celsius=60.0, gpu_throttle_reasons_bits=0.0)
    assert house.act() == ["direct resume", "resolve"]
    house.look(600, gpu_temperature_celsius=60.0, gpu_throttle_reasons_bits=0.0)
    assert house.act() == []


def test_heat_that_slows_the_steps_halves_once(house: House) -> None:
    warm = {"gpu_temperature_celsius": 80.0, "gpu_throttle_reasons_bits": float(HEAT)}
    house.look(5, **warm)
    house.make(10, seconds=0.4)
    house.look(60, **warm)
    assert house.act() == ["raise gpu-throttled warning", "direct halve_micro_batch"]


def test_a_run_that_starts_on_a_node_that_is_too_hot_is_paused_as_well(house: House) -> None:
    house.look(5, gpu_temperature_celsius=91.0, gpu_temperature_shutdown_celsius=92.0)
    assert house.act() == ["raise gpu-too-hot critical", "direct checkpoint_now", "direct pause"]
    house.say(RunStarted(name="r", node="n-1"), "r-2")
    assert house.act() == ["direct checkpoint_now", "direct pause"]
    house.say(RunStarted(name="r", node="n-2"), "r-3")
    assert house.act() == []


def test_heat_on_a_node_concerns_only_its_own_runs(house: House) -> None:
    house.say(RunStarted(name="r", node="n-2"))
    house.look(40, gpu_temperature_celsius=80.0, gpu_throttle_reasons_bits=float(BRAKE))
    assert [done for done in house.act() if done.startswith("direct")] == []


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_watchdog_that_ends_after_any_step_is_made_good_by_the_next(house: House, done: int) -> None:
    house.bad(canary=5.0)
    (alert_id,) = house.watch.incidents.changed()
    for _ in range(done):
        step = house.watch.incidents.next_step(alert_id)
        house.done.append(house._do(step))
    other = house.anew()
    assert house.done + other.act() == ["raise model-damaged critical", "direct roll_back"]
    assert other.anew().act() == []


def test_two_watchdogs_want_the_same(house: House) -> None:
    twin = house.anew()
    house.bad(canary=2.5)
    twin.watch.event(house.log.events[-1])
    mine, theirs = house.watch.incidents, twin.watch.incidents
    (alert_id,) = mine.changed()
    assert theirs.changed() == [alert_id]
    for kind in (RaiseAlert, Direct):
        step = mine.next_step(alert_id)
        assert isinstance(step, kind)
        assert theirs.next_step(alert_id) == step
        mine.done(alert_id, step)
        theirs.done(alert_id, step)
    assert mine.next_step(alert_id) is theirs.next_step(alert_id) is None


def test_what_came_and_went_while_nobody_watched_is_let_be(house: House) -> None:
    house.bad(canary=2.5)
    house.make(60)
    assert house.anew().act() == []


def test_an_alert_whose_cause_went_while_nobody_watched_is_resolved(house: House) -> None:
    house.bad(canary=2.5)
    house.act()
    unwatched = House()
    unwatched.log, unwatched.step, unwatched.sequence = house.log, house.step, house.sequence
    unwatched.make(60)
    assert house.anew().act() == ["resolve"]


def test_an_alert_of_a_run_that_ended_while_nobody_watched_is_resolved(house: House) -> None:
    house.bad(canary=5.0)
    house.act()
    house.log.write("r-1", RunFinished(outcome="completed", step=1))
    assert house.anew().act() == ["resolve"]


def test_an_alert_about_heat_stands_until_somebody_saw_that_it_is_cool(house: House) -> None:
    house.look(5, gpu_temperature_celsius=80.0, gpu_throttle_reasons_bits=float(HEAT))
    house.act()
    other = house.anew()
    assert other.act() == []
    other.look(60, gpu_temperature_celsius=60.0, gpu_throttle_reasons_bits=0.0)
    other.watch.look_after()
    assert other.act() == []
    other.look(1, gpu_temperature_celsius=60.0, gpu_throttle_reasons_bits=0.0)
    other.watch.look_after()
    assert other.act() == ["resolve"]


def test_heat_that_still_is_goes_on_under_the_same_alert(house: House) -> None:
    house.look(5, gpu_temperature_celsius=80.0, gpu_throttle_reasons_bits=float(HEAT))
    house.act()
    other = house.anew()
    other.sample_position, other.watch.beginning = house.sample_position, True
    other.look(10, gpu_temperature_celsius=80.0, gpu_throttle_reasons_bits=float(HEAT))
    other.watch.beginning = False
    assert other.act() == []
    other.look(61, gpu_temperature_celsius=60.0, gpu_throttle_reasons_bits=0.0)
    assert other.act() == ["resolve"]


def test_an_alert_that_a_person_resolved_is_not_raised_again(house: House) -> None:
    house.bad(canary=5.0)
    house.act()
    alert_id = next(one.entity for one in house.log.events if isinstance(one.event, AlertRaised))
    house.say(AlertResolved(reason="I know"), alert_id)
    house.make(300)
    assert [done for done in house.act() if done.startswith("raise")] == []
    assert house.anew().act() == []


def test_an_alert_that_somebody_else_raised_is_left_alone(house: House) -> None:
    fields: dict[str, Any] = {"rule": "loss-spike", "entity_kind": "run", "entity": "r-1", "severity": "info"}
    raised = AlertRaised(**fields, summary="I saw it", evidence=(Evidence(stream="EVENTS", position=1),))
    house.say(raised, "a-mine", actor="ada")
    house.watch.look_after()
    assert house.act() == []
    assert house.anew().act() == []


def test_of_what_was_not_asked_in_time_only_what_lasts_is_asked(house: House) -> None:
    house.bad(canary=2.5)
    (alert_id,) = house.watch.incidents.changed()
    raising = house.watch.incidents.next_step(alert_id)
    house._do(raising)
    house.make(60)
    assert house.anew().act() == ["direct skip_batch", "resolve"]


def test_a_halving_that_would_come_too_late_is_not_asked(house: House) -> None:
    house.say(RunOutOfMemory(step=house.step, micro_batch=8, reason="no"))
    (alert_id,) = house.watch.incidents.changed()
    house._do(house.watch.incidents.next_step(alert_id))
    house.make(60)
    assert house.anew().act() == ["resolve"]
