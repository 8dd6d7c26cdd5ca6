"""The policy as a table: what is found, what was asked before, and what is asked now."""

from typing import Any, Literal

import pytest
from written import Written

from coord.events.alert import Severity
from coord.events.directive import DirectiveIssued
from coord.events.run import (
    STEP_SECONDS,
    RunDirectiveApplied,
    RunDirectiveRefused,
    RunFinished,
    RunStarted,
)
from coord.services.detectors.finding import Finding
from coord.services.watchdog import policy
from coord.services.watchdog.policy import NOTHING, Plan, Wanted
from coord.services.watchdog.story import Given, Story


class Told:
    """A run's story in the making."""

    def __init__(self) -> None:
        self.log = Written()
        self.story = Story("r-1")
        self.started = self.say(RunStarted(name="r", node="n-1"))

    def say(self, event: Any) -> int:
        """Let the run say something."""
        recorded = self.log.write("r-1", event)
        self.story.observe(recorded)
        return recorded.position

    def ask(
        self, action: Any, epoch: int | None = None, alert: str | None = "a-1", **parameters: Any
    ) -> Given:
        """Let a directive be issued."""
        directive_id = f"d-{self.log.position}"
        event = DirectiveIssued(
            directive_id=directive_id,
            entity_kind="run",
            action=action,
            parameters=parameters,
            epoch=self.log.position if epoch is None else epoch,
            live_seconds=300,
            alert=alert,
            reason="because",
        )
        self.story.directed(self.log.write("r-1", event))
        return self.story.given[directive_id]

    def answer(self, given: Given, word: Literal["applied", "refused"]) -> Given:
        """Let the run answer."""
        about: Any = {"directive_id": given.id, "directive_position": given.position, "step": 1}
        applied = word == "applied"
        self.say(RunDirectiveApplied(**about) if applied else RunDirectiveRefused(**about, reason="cannot"))
        return given

    def rolled_back(self, before_step: int, alert: str = "a-0") -> Given:
        """Let a roll-back be asked and obeyed."""
        given = self.ask("roll_back", alert=alert, before_step=before_step, skip_batches=[])
        return self.answer(given, "applied")

    def find(
        self,
        rule: str,
        change: Literal["began", "worse", "ended"] = "began",
        **figures: float,
    ) -> Finding:
        """Find something about the run, on its last event."""
        position = self.log.write("r-1", RunStarted(name="other")).position
        return Finding(rule, change, "run", "r-1", "critical", "it is so", (("EVENTS", position),), figures)

    def decide(
        self, rule: str, change: Literal["began", "worse", "ended"] = "began", **figures: float
    ) -> Plan:
        """Find something and decide."""
        return policy.decide_for_run(self.find(rule, change, **figures), self.story, self.log.at_ns)


@pytest.fixture
def told() -> Told:
    """A run that has started."""
    return Told()


def asked(plan: Plan) -> list[tuple[str, dict[str, Any]]]:
    """Return actions and parameters."""
    return [(wanted.action, dict(wanted.parameters)) for wanted in plan.wanted]


def test_a_hard_batch_is_skipped(told: Told) -> None:
    plan = told.decide("loss-spike", step=50, batch_first=49, batch_last=50)
    assert asked(plan) == [("skip_batch", {"batches": [49, 50]})]
    (wanted,) = plan.wanted
    assert wanted.epoch == told.log.position
    assert wanted.lasting


def test_a_spike_in_a_run_that_numbers_no_batches_asks_for_nothing(told: Told) -> None:
    assert told.decide("loss-spike", step=50) == NOTHING


@pytest.mark.parametrize("rule", ["model-damaged", "loss-not-finite"])
def test_a_damaged_model_goes_back_before_the_first_bad_step(told: Told, rule: str) -> None:
    plan = told.decide(rule, step=53, first_step=50, batch_first=50, batch_last=52)
    assert asked(plan) == [("roll_back", {"before_step": 49, "skip_batches": [50, 51, 52]})]


def test_damage_at_the_very_first_step_goes_back_to_the_beginning(told: Told) -> None:
    assert asked(told.decide("model-damaged", first_step=0)) == [
        ("roll_back", {"before_step": 0, "skip_batches": []})
    ]


@pytest.mark.parametrize("before", [1, 2])
def test_damage_that_comes_again_lowers_the_learning_rate_too(told: Told, before: int) -> None:
    for number in range(before):
        told.rolled_back(100 + number)
    plan = told.decide("model-damaged", first_step=500)
    assert asked(plan) == [
        ("lower_learning_rate", {"factor": 0.5, "steps": 500}),
        ("roll_back", {"before_step": 499, "skip_batches": []}),
    ]


def test_the_fourth_time_within_5000_steps_pauses_and_calls_a_person(told: Told) -> None:
    for number in range(3):
        told.rolled_back(100 + number)
    plan = told.decide("model-damaged", first_step=5_000)
    assert plan.wanted == ()
    assert plan.call is not None
    assert (plan.call.rule, plan.call.severity, plan.call.entity) == ("recovery-exhausted", "critical", "r-1")
    assert [wanted.action for wanted in plan.call_wanted] == ["pause"]


def test_roll_backs_of_long_ago_do_not_count(told: Told) -> None:
    for number in range(3):
        told.rolled_back(100 + number)
    assert asked(told.decide("model-damaged", first_step=5_200)) == [
        ("roll_back", {"before_step": 5_199, "skip_batches": []})
    ]


def test_roll_backs_that_were_refused_or_withdrawn_do_not_count(told: Told) -> None:
    told.answer(told.ask("roll_back", before_step=100), "refused")
    told.ask("roll_back", before_step=101).withdrawn = True
    assert [action for action, _ in asked(told.decide("model-damaged", first_step=500))] == ["roll_back"]


def test_what_was_asked_later_does_not_change_what_a_finding_leads_to(told: Told) -> None:
    finding = told.find("model-damaged", first_step=500)
    first = policy.decide_for_run(finding, told.story, told.log.at_ns)
    told.ask("roll_back", epoch=told.log.position, before_step=499)
    told.rolled_back(510)
    told.rolled_back(520)
    assert policy.decide_for_run(finding, told.story, told.log.at_ns) == first


def test_while_a_roll_back_waits_for_its_answer_no_other_is_asked(told: Told) -> None:
    told.ask("roll_back", before_step=99, skip_batches=[])
    assert told.decide("model-damaged", "worse", first_step=100) == NOTHING
    plan = told.decide("model-damaged", "worse", first_step=100, batch_first=107, batch_last=107)
    assert asked(plan) == [("skip_batch", {"batches": [107]})]


def test_a_roll_back_whose_life_is_over_does_not_hold_up_the_next(told: Told) -> None:
    told.ask("roll_back", before_step=99, skip_batches=[])
    told.log.rest(301)
    plan = told.decide("model-damaged", "worse", first_step=100)
    assert [action for action, _ in asked(plan)] == ["lower_learning_rate", "roll_back"]


def test_damage_behind_a_roll_back_goes_back_again(told: Told) -> None:
    told.rolled_back(99, alert="a-1")
    plan = told.decide("model-damaged", "worse", first_step=100)
    assert [action for action, _ in asked(plan)] == ["lower_learning_rate", "roll_back"]


def test_damage_long_after_a_roll_back_goes_back_only_before_itself(told: Told) -> None:
    began = told.find("model-damaged", first_step=100)
    told.answer(told.ask("roll_back", epoch=began.evidence[0][1], before_step=99), "applied")
    worse = told.find("model-damaged", "worse", first_step=100, recent_step=700)
    evidence = (*began.evidence, *worse.evidence)
    finding = Finding(worse.rule, "worse", "run", "r-1", "critical", "again", evidence, worse.figures)
    plan = policy.decide_for_run(finding, told.story, told.log.at_ns)
    assert plan.wanted[-1].parameters["before_step"] == 699


def test_a_refused_roll_back_lowers_the_learning_rate(told: Told) -> None:
    given = told.answer(told.ask("roll_back", before_step=99), "refused")
    plan = policy.decide_refused(given, told.story)
    assert asked(plan) == [("lower_learning_rate", {"factor": 0.5, "steps": 500})]
    assert "roll_back was refused: cannot" in plan.wanted[0].reason


def test_a_refused_lowering_after_that_pauses_and_calls_a_person(told: Told) -> None:
    told.answer(told.ask("roll_back", before_step=99), "refused")
    given = told.answer(told.ask("lower_learning_rate", factor=0.5, steps=500), "refused")
    plan = policy.decide_refused(given, told.story)
    assert plan.call is not None
    assert [wanted.action for wanted in plan.call_wanted] == ["pause"]


def test_damage_that_stays_after_a_refused_roll_back_pauses_and_calls_a_person(told: Told) -> None:
    began = told.find("model-damaged", first_step=100)
    told.answer(told.ask("roll_back", epoch=began.evidence[0][1], before_step=99), "refused")
    worse = told.find("model-damaged", "worse", first_step=100)
    finding = Finding(
        worse.rule,
        "worse",
        "run",
        "r-1",
        "critical",
        "it goes on",
        (*began.evidence, *worse.evidence),
        worse.figures,
    )
    plan = policy.decide_for_run(finding, told.story, told.log.at_ns)
    assert plan.call is not None


def test_a_refusal_because_the_run_has_begun_anew_leads_to_nothing(told: Told) -> None:
    given = told.ask("roll_back", before_step=99)
    told.say(RunStarted(name="r", resumed_from_step=90))
    assert policy.decide_refused(told.answer(given, "refused"), told.story) == NOTHING


def test_a_refusal_because_it_came_too_late_leads_to_nothing(told: Told) -> None:
    given = told.ask("roll_back", before_step=99)
    told.log.rest(400)
    assert policy.decide_refused(told.answer(given, "refused"), told.story) == NOTHING


def test_a_failed_allocation_halves_the_micro_batch(told: Told) -> None:
    assert asked(told.decide("out-of-memory", micro_batch=8)) == [("halve_micro_batch", {})]
    told.answer(told.ask("halve_micro_batch"), "applied")
    assert asked(told.decide("out-of-memory", "worse", micro_batch=4)) == [("halve_micro_batch", {})]


def test_while_a_halving_waits_for_its_answer_no_other_is_asked(told: Told) -> None:
    told.ask("halve_micro_batch")
    assert told.decide("out-of-memory", "worse", micro_batch=8) == NOTHING


def test_what_cannot_be_halved_calls_a_person(told: Told) -> None:
    assert told.decide("out-of-memory", micro_batch=1).call is not None
    given = told.answer(told.ask("halve_micro_batch"), "refused")
    assert policy.decide_refused(given, told.story).call is not None


def test_nothing_is_asked_of_a_run_that_has_ended(told: Told) -> None:
    told.say(RunFinished(outcome="completed", step=100))
    assert told.decide("model-damaged", first_step=50) == NOTHING


def test_the_end_of_an_incident_asks_for_nothing(told: Told) -> None:
    assert told.decide("model-damaged", "ended") == NOTHING


@pytest.mark.parametrize("rule", ["run-lost", "something-else"])
def test_other_rules_are_told_and_ask_for_nothing(told: Told, rule: str) -> None:
    assert told.decide(rule) == NOTHING


def of_node(rule: str, change: Any = "worse", severity: Severity = "warning", **figures: float) -> Finding:
    """Find something about the node."""
    return Finding(rule, change, "node", "n-1", severity, "gpu0 is so", (("SAMPLES", 7),), figures)


def run_steps(told: Told, *seconds: float) -> None:
    """Let the run make steps."""
    for step, taken in enumerate(seconds):
        told.story.measured(step, {STEP_SECONDS: taken})


def test_throttling_alone_is_told_only(told: Told) -> None:
    run_steps(told, *[0.2] * 50)
    assert policy.decide_for_node(of_node("gpu-throttled", "began", seconds=0), told.story) == NOTHING
    assert policy.decide_for_node(of_node("gpu-throttled", seconds=30), told.story) == NOTHING


def test_throttling_for_ten_seconds_that_slows_the_steps_halves_the_micro_batch(told: Told) -> None:
    run_steps(told, *[0.2] * 50, *[0.24] * 5)
    plan = policy.decide_for_node(of_node("gpu-throttled", seconds=10), told.story)
    assert asked(plan) == [("halve_micro_batch", {})]
    assert plan.wanted[0].epoch == told.story.position
    assert policy.decide_for_node(of_node("gpu-throttled", seconds=9), told.story) == NOTHING


def test_a_run_with_few_known_steps_is_not_called_slow(told: Told) -> None:
    run_steps(told, 0.2, 0.9, 0.9)
    assert policy.decide_for_node(of_node("gpu-throttled", seconds=10), told.story) == NOTHING


@pytest.mark.parametrize("rule", ["gpu-throttled", "gpu-too-hot"])
def test_critical_heat_saves_and_pauses(told: Told, rule: str) -> None:
    plan = policy.decide_for_node(of_node(rule, severity="critical"), told.story)
    assert [action for action, _ in asked(plan)] == ["checkpoint_now", "pause"]


@pytest.mark.parametrize("rule", ["gpu-lost", "gpu-unresponsive", "memory-exhaustion"])
def test_what_may_end_the_run_saves_it(told: Told, rule: str) -> None:
    plan = policy.decide_for_node(of_node(rule, "began", severity="critical"), told.story)
    assert [action for action, _ in asked(plan)] == ["checkpoint_now"]


@pytest.mark.parametrize("rule", ["memory-pressure", "device-memory", "node-lost"])
def test_the_rest_is_told_only(told: Told, rule: str) -> None:
    assert policy.decide_for_node(of_node(rule, "began", severity="critical"), told.story) == NOTHING


def resume(told: Told, alert: str = "a-1", over: tuple[str, ...] = ()) -> list[Wanted]:
    """Decide whether the run goes on when an alert is over."""
    return list(policy.decide_resume(alert, "it is cool", told.story, over).wanted)


def test_a_run_that_we_paused_goes_on_when_it_is_over(told: Told) -> None:
    told.answer(told.ask("pause"), "applied")
    assert [wanted.action for wanted in resume(told)] == ["resume"]


def test_a_run_that_we_did_not_pause_is_left_alone(told: Told) -> None:
    assert resume(told) == []
    told.answer(told.ask("pause"), "refused")
    assert resume(told) == []


def test_a_run_that_a_person_paused_too_stays_paused(told: Told) -> None:
    told.answer(told.ask("pause"), "applied")
    told.answer(told.ask("pause", alert=None), "applied")
    assert resume(told) == []


def test_a_run_that_another_alert_paused_goes_on_with_the_last_of_them(told: Told) -> None:
    told.answer(told.ask("pause", alert="a-1"), "applied")
    told.answer(told.ask("pause", alert="a-2"), "applied")
    assert resume(told, "a-1") == []
    assert [wanted.action for wanted in resume(told, "a-2", over=("a-1",))] == ["resume"]


def test_a_run_that_was_resumed_or_started_since_is_left_alone(told: Told) -> None:
    told.answer(told.ask("pause"), "applied")
    told.answer(told.ask("resume", alert=None), "applied")
    assert resume(told) == []
    told.answer(told.ask("pause"), "applied")
    told.say(RunStarted(name="r"))
    assert resume(told) == []


def test_every_action_of_the_policy_has_a_life() -> None:
    for action, seconds in policy.LIVE_SECONDS.items():
        assert Wanted("r", action, {}, 0, 1, "").live_seconds == seconds > 0  # type: ignore[arg-type]
