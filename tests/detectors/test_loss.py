"""The rules of loss: whose fault a spike is, one incident a cause, its end, and what a roll-back changes."""

import copy
import math

import pytest
from detectors.series import Step, found, level, points, told
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coord.events.errors import SettingsError
from coord.services.detectors.finding import Finding
from coord.services.detectors.loss import LossSettings, LossWatch

NAN = math.nan


def test_a_calm_run_gives_no_findings() -> None:
    assert found(points(0, 800)) == []


def test_a_spike_with_an_unmoved_canary_is_a_hard_batch_and_names_it() -> None:
    began, ended = found(points(0, 400, {300: 4}, canary_times={300: 1}, skipped=[300], shift=7))
    assert told([began, ended]) == [(300, "loss-spike", "began"), (332, "loss-spike", "ended")]
    assert (began.entity_kind, began.entity, began.severity) == ("run", "r1", "warning")
    assert began.evidence == (("EVENTS", 311),)
    assert ended.evidence == (("EVENTS", 311), ("EVENTS", 343))
    figures = began.figures
    assert {name: figures[name] for name in ("step", "first_step", "batch_first", "batch_last")} == {
        "step": 300, "first_step": 300, "batch_first": 307, "batch_last": 307,
    }  # fmt: skip
    assert figures["loss"] == pytest.approx(4 * level(300), rel=0.05)
    assert figures["expected"] == pytest.approx(level(300), rel=0.05)
    assert figures["canary_loss"] == pytest.approx(level(300) + 0.2)
    assert figures["canary_before"] == pytest.approx(level(280) + 0.2)
    assert figures["z"] > 50
    assert began.summary.startswith("loss 9.")
    assert began.summary.endswith("; the canary did not rise from 2.682 to 2.649; batch 307")
    assert len(began.summary) <= 200


def test_a_spike_with_a_risen_canary_is_a_damaged_model() -> None:
    (began,) = found(points(0, 301, {301: 1.7}, canary_times={301: 1.6}, skipped=[301]))
    assert told([began]) == [(301, "model-damaged", "began")]
    assert began.severity == "critical"
    assert "the canary rose from 2.649 to 4.237" in began.summary


def test_a_canary_measured_just_before_the_first_bad_loss_accuses_the_model() -> None:
    (began,) = found(points(0, 301, {301: 1.7}, canary_times={300: 1.6}))
    assert told([began]) == [(301, "model-damaged", "began")]
    assert began.figures["canary_before"] == pytest.approx(level(280) + 0.2)


@pytest.mark.parametrize(
    ("times", "rule"),
    [(1.019, "loss-spike"), (1.06, "model-damaged"), (NAN, "model-damaged"), (math.inf, "model-damaged")],
)
def test_a_canary_is_risen_by_more_than_two_per_cent_and_three_sigmas(times: float, rule: str) -> None:
    late = 2.0 / (level(1_000) + 0.2)
    steps = [(step, dict(values)) for step, values in points(900, 1_100, {1_050: 2})]
    for step, values in steps:
        if "canary_loss" in values:
            values["canary_loss"] *= late
        if step == 1_050:
            values["canary_loss"] = 2.0 * times
    assert told(found(steps))[:1] == [(1_050, rule, "began")]


def test_a_canary_that_swings_by_itself_must_rise_by_three_of_its_sigmas() -> None:
    swing = {step: 1 + 0.05 * (-1) ** (step // 20) for step in range(0, 401, 20)}
    (began, *_) = found(points(0, 400, {310: 3}, canary_times=swing | {310: 1.06}))
    assert began.rule == "loss-spike"
    assert found(points(0, 400, {310: 3}, canary_times={310: 1.06}))[0].rule == "model-damaged"


def test_an_alarm_waits_for_a_canary_that_comes_within_a_few_points() -> None:
    for times, rule in ((1.0, "loss-spike"), (1.6, "model-damaged")):
        (began,) = found(points(0, 305, {301: 3}, canary_times={303: times}))
        assert told([began]) == [(303, rule, "began")]
        assert began.figures["first_step"] == began.figures["last_bad_step"] == 301


def test_an_alarm_without_a_canary_in_time_is_a_hard_batch_and_a_run_without_any_waits_for_none() -> None:
    assert told(found(points(0, 310, {301: 3}))) == [(304, "loss-spike", "began")]
    assert told(found(points(0, 310, {301: 3}, canary=None))) == [(301, "loss-spike", "began")]


def test_a_canary_in_a_point_of_its_own_decides_too() -> None:
    steps: list[Step] = [*points(0, 301, {301: 3}), (301, {"canary_loss": 4.0})]
    assert told(found(steps)) == [(301, "model-damaged", "began")]


def test_without_a_canary_a_loss_that_stays_high_is_a_damaged_model() -> None:
    high = {step: 1.7 for step in range(301, 400)}
    findings = found(points(0, 310, high, canary=None))
    assert told(findings) == [
        (301, "loss-spike", "began"),
        (305, "loss-spike", "ended"),
        (305, "model-damaged", "began"),
    ]
    assert findings[1].summary == "it is the model, not a batch"
    assert findings[2].figures["first_step"] == 301
    assert (findings[2].figures["batch_first"], findings[2].figures["batch_last"]) == (301, 305)


def test_hard_batches_one_after_another_are_no_damage_while_the_canary_stays() -> None:
    bad = range(301, 309)
    findings = found(
        points(0, 400, dict.fromkeys(bad, 4.0), canary_times=dict.fromkeys(bad, 1.0), skipped=bad)
    )
    assert told(findings) == [
        (301, "loss-spike", "began"),
        (309, "loss-spike", "worse"),
        (340, "loss-spike", "ended"),
    ]
    assert (findings[1].figures["batch_first"], findings[1].figures["batch_last"]) == (302, 308)


def test_batches_that_lie_apart_are_told_apart() -> None:
    findings = found(points(0, 400, {300: 3, 310: 3, 311: 3}, canary=None))
    named = [
        (one.change, one.figures["batch_first"], one.figures["batch_last"])
        for one in findings
        if "batch_first" in one.figures
    ]
    assert named == [("began", 300, 300), ("worse", 310, 311)]


def test_a_canary_that_rises_behind_a_hard_batch_tells_that_it_did_damage() -> None:
    findings = found(points(0, 325, {301: 3}, canary_times={301: 1.0, 320: 1.3}))
    assert told(findings) == [
        (301, "loss-spike", "began"),
        (320, "loss-spike", "ended"),
        (320, "model-damaged", "began"),
    ]
    assert findings[2].figures["first_step"] == 301


def test_damage_that_goes_on_is_told_again_after_a_hundred_steps_and_then_ever_less_often() -> None:
    high = {step: 1.7 for step in range(301, 1_100)}
    risen = {step: 1.6 for step in (301, *range(320, 1_100, 20))}
    assert told(found(points(0, 1_099, high, canary_times=risen))) == [
        (301, "model-damaged", "began"),
        (401, "model-damaged", "worse"),
        (601, "model-damaged", "worse"),
        (1_001, "model-damaged", "worse"),
    ]


def test_without_a_canary_damage_lasts_until_the_loss_is_back_at_its_trend() -> None:
    fading = {step: 1 + 0.7 * math.exp(-(step - 301) / 300) for step in range(301, 1_600)}
    changes = told(found(points(0, 1_599, fading, canary=None)))
    assert changes[1:] == [
        (305, "loss-spike", "ended"),
        (305, "model-damaged", "began"),
        (405, "model-damaged", "worse"),
        (605, "model-damaged", "worse"),
        changes[-1],
    ]
    assert changes[-1][1:] == ("model-damaged", "ended")
    assert 900 < changes[-1][0] < 1_100


def test_three_losses_running_that_are_not_finite_are_an_incident_and_lone_ones_are_nothing() -> None:
    assert found(points(0, 300, {100: NAN, 101: math.inf, 200: NAN, 202: NAN, 203: -math.inf})) == []
    began, ended = found(points(0, 400, {300: NAN, 301: math.inf, 302: NAN}))
    assert told([began, ended]) == [(302, "loss-not-finite", "began"), (334, "loss-not-finite", "ended")]
    assert began.severity == "critical"
    assert began.figures["first_step"] == 300
    assert (began.figures["batch_first"], began.figures["batch_last"]) == (300, 302)
    assert [position for _, position in began.evidence] == [311, 312, 313]
    assert began.summary == "the loss is not finite, from step 300 to 302; batches 300 to 302"


def test_a_loss_that_is_not_finite_counts_whether_its_update_was_left_out_or_not() -> None:
    bad = dict.fromkeys((300, 301, 302), NAN)
    for skipped in ((), (300, 302), (300, 301, 302)):
        assert told(found(points(0, 302, bad, skipped=skipped))) == [(302, "loss-not-finite", "began")]


def test_losses_travel_as_words_where_json_has_none() -> None:
    watch, findings = LossWatch("r1"), []
    for step in range(3):
        findings += watch.observe(step, {"loss": "nan", "canary_loss": "inf"}, step + 1)
    assert told(findings) == [(2, "loss-not-finite", "began")]


def test_a_spike_that_ends_in_no_number_is_one_incident_of_the_worse_kind() -> None:
    findings = found(points(0, 305, {300: 3, 301: NAN, 302: NAN, 303: NAN}, canary=None))
    assert told(findings) == [
        (300, "loss-spike", "began"),
        (303, "loss-spike", "ended"),
        (303, "loss-not-finite", "began"),
    ]
    findings = found(points(0, 305, {300: 3, 301: NAN, 302: NAN, 303: NAN}, canary_times={300: 1.6}))
    assert told(findings) == [(300, "model-damaged", "began")]


def test_alarms_within_an_incident_belong_to_it_and_restart_its_calm() -> None:
    findings = found(points(0, 500, {300: 3, 320: 3, 345: 3}, canary=None))
    assert told(findings) == [
        (300, "loss-spike", "began"),
        (321, "loss-spike", "worse"),
        (346, "loss-spike", "worse"),
        (377, "loss-spike", "ended"),
    ]


def test_what_comes_soon_after_an_incident_must_be_calm_for_longer() -> None:
    assert told(found(points(0, 800, {300: 3, 400: 3}, canary=None)))[2:] == [
        (400, "loss-spike", "began"),
        (600, "loss-spike", "ended"),
    ]
    assert told(found(points(0, 800, {300: 3, 600: 3}, canary=None)))[2:] == [
        (600, "loss-spike", "began"),
        (632, "loss-spike", "ended"),
    ]


def test_losses_whose_updates_were_left_out_do_not_enter_the_trend() -> None:
    bad = range(301, 361)
    steps = points(0, 400, {**dict.fromkeys(bad, 1.5), 395: 3}, canary_times={301: 1.0}, skipped=bad)
    last = next(one for one in found(steps) if one.figures["last_bad_step"] == 395)
    assert last.figures["expected"] == pytest.approx(level(395), rel=0.02)


def test_damage_counts_from_the_first_bad_sample_that_no_canary_has_cleared() -> None:
    (*_, damaged) = found(points(0, 312, {301: 3, 310: 3}, canary_times={301: 1.0, 310: 1.6}))
    assert (damaged.rule, damaged.change, damaged.figures["first_step"]) == ("model-damaged", "began", 310)
    assert damaged.figures["batch_first"] == 310
    assert damaged.evidence[0] == ("EVENTS", 321)


def test_damage_counts_from_the_first_bad_sample_behind_a_calm_stretch() -> None:
    bad = {300: 3, 400: 3, 500: 3, **dict.fromkeys(range(560, 570), 1.7)}
    (*_, damaged) = found(points(0, 565, bad, canary=None))
    assert (damaged.rule, damaged.change, damaged.figures["first_step"]) == ("model-damaged", "began", 560)


def test_a_canary_that_rose_without_a_bad_loss_and_stays_is_the_new_normal() -> None:
    moved = dict.fromkeys((*range(200, 321, 20), 310), 1.3)
    assert found(points(0, 312, {310: 3}, canary_times=moved))[0].rule == "loss-spike"
    moved = dict.fromkeys((300, 310), 1.3)
    assert found(points(0, 312, {310: 3}, canary_times=moved))[0].rule == "model-damaged"


def test_a_spike_in_the_warm_up_is_nothing() -> None:
    assert found(points(0, 200, {50: 4})) == []


def test_behind_a_roll_back_the_incident_ends_when_the_losses_are_calm() -> None:
    damaged = points(0, 301, {301: 1.7}, canary_times={301: 1.6}, skipped=[301])
    findings = found([*damaged, *points(281, 400, shift=5)])
    assert told(findings) == [(301, "model-damaged", "began"), (312, "model-damaged", "ended")]


def test_damage_that_comes_again_behind_a_roll_back_is_worse_at_once() -> None:
    damaged = points(0, 301, {301: 1.7}, canary_times={301: 1.6}, skipped=[301])
    again = points(281, 301, {301: 1.7}, canary_times={301: 1.6}, skipped=[301])
    findings = found([*damaged, *again, *points(281, 400)])
    assert told(findings) == [
        (301, "model-damaged", "began"),
        (301, "model-damaged", "worse"),
        (312, "model-damaged", "ended"),
    ]
    assert "again behind a roll-back" in findings[1].summary
    lost = [*points(0, 303, dict.fromkeys((301, 302, 303), NAN))]
    lost += points(281, 303, dict.fromkeys((301, 302, 303), NAN))
    assert told(found(lost)) == [(303, "loss-not-finite", "began"), (303, "loss-not-finite", "worse")]


def test_a_hard_batch_behind_a_roll_back_is_not_the_damage_again() -> None:
    damaged = points(0, 301, {301: 1.7}, canary_times={301: 1.6}, skipped=[301])
    again = points(281, 400, {301: 1.7}, canary_times={301: 1.0}, skipped=[301])
    assert told(found([*damaged, *again])) == [
        (301, "model-damaged", "began"),
        (333, "model-damaged", "ended"),
    ]


def test_behind_a_roll_back_the_watch_sees_at_once_and_one_to_the_beginning_warms_up_anew() -> None:
    before = points(0, 300)
    assert told(found([*before, *points(250, 300, {260: 3}, canary_times={260: 1.6})])) == [
        (260, "model-damaged", "began")
    ]
    assert found([*before, *points(0, 60, {50: 3}, canary_times={50: 1.6})]) == []
    assert found([*before, *points(5, 300)]) == []


def test_behind_a_roll_back_a_canary_is_set_beside_those_from_before_it() -> None:
    steps = [*points(0, 150), *points(101, 116, {115: 3}, canary_times={115: 1.0})]
    (began,) = found(steps)
    assert began.rule == "loss-spike"
    assert began.figures["canary_before"] == pytest.approx(level(100) + 0.2)


def test_a_risen_canary_behind_a_roll_back_is_not_the_damage_again_while_no_loss_is_bad() -> None:
    damaged = points(0, 301, {301: 1.7}, canary_times={301: 1.6}, skipped=[301])
    findings = found([*damaged, *points(281, 400, canary_times={300: 1.6})])
    assert told(findings) == [(301, "model-damaged", "began"), (351, "model-damaged", "ended")]


def test_an_alarm_that_still_waits_for_its_canary_is_dropped_by_a_roll_back() -> None:
    assert found([*points(0, 302, {302: 3}), *points(281, 400)]) == []


def test_a_run_whose_level_differs_behind_a_roll_back_far_back_is_no_alarm() -> None:
    assert found([*points(0, 400), *points(60, 400, seed=5)]) == []


@pytest.mark.parametrize("sizes", [(1,), (2, 5, 1), (60,), (500,)])
def test_points_in_packs_of_any_size_give_the_same_findings(sizes: tuple[int, ...]) -> None:
    steps = [
        *points(0, 130, {130: 1.7}, canary=10, canary_times={130: 1.6}),
        *points(111, 420, {250: 3, 251: 3, **dict.fromkeys(range(400, 404), NAN)}, canary=10),
    ]
    whole = found(steps)
    assert {one.rule for one in whole} == {"loss-spike", "loss-not-finite", "model-damaged"}
    watch, packed, left, position = LossWatch("r1"), list[Finding](), list(steps), 11
    while left:
        size = sizes[position % len(sizes)]
        pack, left = left[:size], left[size:]
        watch = copy.deepcopy(watch) if position % 10 == 0 else watch
        for step, values in pack:
            packed += watch.observe(step, values, position)
        position += 1
    assert [_words(one) for one in packed] == [_words(one) for one in whole]


def _words(finding: Finding) -> tuple[str, str, str, str]:
    """Return what a finding says, without the positions it rests on."""
    return finding.rule, finding.change, finding.summary, repr(sorted(finding.figures.items()))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 300),
            st.dictionaries(
                st.sampled_from(("loss", "canary_loss", "skipped", "batch", "other")),
                st.floats(allow_nan=True, allow_infinity=True) | st.just(2.0) | st.just(0.0),
            ),
        ),
        max_size=120,
    )
)
def test_whatever_the_points_hold_an_incident_begins_once_and_ends_once(steps: list[Step]) -> None:
    eager = LossSettings(window=8, warm_up=8, calm=3, cool_down=5, worse_steps=5)
    standing = None
    for finding in found(steps, eager):
        assert len(finding.summary) <= 200
        if finding.change == "began":
            assert standing is None
            standing = finding.rule
        else:
            assert standing == finding.rule
            standing = None if finding.change == "ended" else standing


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"canary_rise": -0.1}, "canary_rise is -0.1; it must be 0 or more, and finite."),
        ({"persist_k": NAN}, "persist_k is nan; it must be 0 or more, and finite."),
        ({"not_finite": 0}, "not_finite is 0; it must be 1 or more."),
        ({"persist_count": 9}, "persist_count is 9, and persist_of 8: no such share."),
        ({"window": 1}, "window is 1; it must be from 8 to 10000."),
    ],
)
def test_settings_that_no_watch_can_run_with_are_refused(wrong: dict[str, float], sentence: str) -> None:
    with pytest.raises(SettingsError) as caught:
        LossSettings(**wrong)  # type: ignore[arg-type]
    assert str(caught.value) == sentence


def test_a_hard_batch_in_an_incident_that_a_canary_has_cleared_is_no_damage_that_goes_on() -> None:
    damaged = points(0, 301, {301: 3}, canary_times={301: 2.0})
    later = points(290, 700, {450: 4.0}, canary_times={450: 1.0}, skipped=[450])
    findings = found([*damaged, *later], LossSettings(calm=200))
    assert [finding.change for finding in findings] == ["began", "ended"]
    assert findings[1].figures["step"] == 650


def test_damage_long_after_a_roll_back_names_its_own_steps_and_batches() -> None:
    lost = points(301, 320)
    steps = [*points(0, 301, {301: 3}, canary_times={301: 2.0}), *points(290, 312)]
    steps += [(step, {**values, "loss": math.nan} if step >= 313 else values) for step, values in lost[12:16]]
    began, worse = found(steps)
    assert (began.figures["batch_first"], began.figures["batch_last"]) == (301, 301)
    assert worse.change == "worse"
    assert worse.figures["recent_step"] == 313
    assert (worse.figures["batch_first"], worse.figures["batch_last"]) == (313, 315)
