"""Given the facts about an item, when somebody wishes, then facts, nothing, or a refusal."""

from functools import partial
from typing import Any

import pytest

from coord.events import work as facts
from coord.events.catalog import kind_of
from coord.events.commands import Cancel, Claim, Complete, Fail, Progress, Refusal, Release, Submit
from coord.events.envelope import Envelope, Recorded
from coord.events.model import Event
from coord.events.verification import VerificationRecorded
from coord.services.decisions import claiming, holding, planning, work
from coord.services.decisions.agent import Agent
from coord.services.decisions.claiming import Load

ADA = Agent("ada", 3, 3, capabilities=("python",))
BOB = Agent("bob", 4, 4)
SUBMITTED = facts.WorkSubmitted(title="hash it", lease_seconds=30.0)
CLAIMED = facts.WorkClaimed(agent="ada", incarnation=3, lease_seconds=30.0, attempt=1)
FENCE = 11


def given(*events: Event) -> work.WorkItem | None:
    """Fold events from position 10 on; a first claim thus has the fence 11."""
    item = None
    for position, event in enumerate(events, 10):
        envelope = Envelope(id=str(position), type=kind_of(event).type, source="/test", time="")
        item = work.evolve(item, Recorded(position, 0, "local", "work", "w-1", envelope, event))
    return item


def hold(model: type[Any], **fields: Any) -> Any:
    return model(**{"request_id": "r", "agent": "ada", "item_id": "w-1", "fence": FENCE, **fields})


def claim(**fields: Any) -> Claim:
    return Claim(**{"request_id": "r", "agent": "ada", "item_id": "w-1", **fields})


def only(decision: Any) -> Any:
    """Return the one event that was decided."""
    (event,) = decision
    return event


def code(decision: object) -> str:
    assert isinstance(decision, Refusal), decision
    return str(decision.code)


def test_an_open_item_is_claimed_with_its_own_lease() -> None:
    assert claiming.decide_claim(given(SUBMITTED), claim(), ADA, Load(0)) == [CLAIMED]


def test_a_claim_may_ask_for_another_lease() -> None:
    event = only(claiming.decide_claim(given(SUBMITTED), claim(lease_seconds=5.0), ADA, Load(0)))
    assert event.lease_seconds == 5.0


def test_a_held_item_is_taken_for_others_and_already_so_for_its_holder() -> None:
    held = given(SUBMITTED, CLAIMED)
    assert code(claiming.decide_claim(held, claim(agent="bob"), BOB, Load(0))) == "taken"
    assert claiming.decide_claim(held, claim(), ADA, Load(1)) == []


def test_a_restart_under_the_same_name_is_somebody_else() -> None:
    held = given(SUBMITTED, CLAIMED)
    restarted = Agent("ada", 20, 20)
    assert code(claiming.decide_claim(held, claim(), restarted, Load(0))) == "taken"
    assert code(holding.decide_complete(held, hold(Complete), 20)) == "wrong_holder"


@pytest.mark.parametrize(
    ("submitted", "agent", "holds", "expected"),
    [
        (facts.WorkSubmitted(title="t", capabilities=("gpu",)), ADA, 0, "capability_missing"),
        (facts.WorkSubmitted(title="t", team="blue"), ADA, 0, "capability_missing"),
        (SUBMITTED, Agent("ada", 3, 3, wip_limit=2), 2, "wip_limit"),
    ],
)
def test_a_claim_that_does_not_fit_is_refused(
    submitted: facts.WorkSubmitted, agent: Agent, holds: int, expected: str
) -> None:
    assert code(claiming.decide_claim(given(submitted), claim(), agent, Load(holds))) == expected


def test_an_item_nobody_submitted_is_unknown_to_every_wish() -> None:
    assert code(claiming.decide_claim(None, claim(), ADA, Load(0))) == "unknown_id"
    assert code(holding.decide_complete(None, hold(Complete), 3)) == "unknown_id"
    assert code(planning.decide_cancel(None, Cancel(request_id="r", item_id="w-1"))) == "unknown_id"


def test_the_holder_completes_once_and_again_changes_nothing() -> None:
    held = given(SUBMITTED, CLAIMED)
    completed = facts.WorkCompleted(agent="ada", fence=FENCE, result=7)
    assert holding.decide_complete(held, hold(Complete, result=7), 3) == [completed]
    done = given(SUBMITTED, CLAIMED, completed)
    assert holding.decide_complete(done, hold(Complete), 3) == []
    assert holding.decide_complete(done, hold(Complete, fence=None), 3) == []
    assert holding.decide_progress(done, hold(Progress), 3) == []


@pytest.mark.parametrize("model", [Complete, Progress, Release, Fail])
def test_whoever_does_not_hold_the_item_is_refused(model: type[Any]) -> None:
    decisions: dict[Any, Any] = {
        Complete: holding.decide_complete, Progress: holding.decide_progress,
        Release: holding.decide_release, Fail: holding.decide_fail,
    }  # fmt: skip
    decide = partial(
        decisions[model], **({"held_seconds": 0.0, "releases_max": 9} if model is Release else {})
    )
    extra = {"reason": "no"} if model is Fail else {}
    held = given(SUBMITTED, CLAIMED)
    assert code(decide(held, hold(model, agent="bob", fence=None, **extra), 4)) == "wrong_holder"
    assert code(decide(held, hold(model, fence=0, **extra), 3)) == "stale_fence"
    assert code(decide(held, hold(model, fence=None, **extra), 3)) == "stale_fence"
    assert code(decide(given(SUBMITTED), hold(model, fence=None, **extra), 3)) == "wrong_holder"
    cancelled = given(SUBMITTED, CLAIMED, facts.WorkCancelled())
    assert code(decide(cancelled, hold(model, **extra), 3)) == "illegal_transition"


def test_a_fence_from_before_the_lease_ran_out_is_stale() -> None:
    expired = facts.WorkLeaseExpired(
        agent="ada", incarnation=3, fence=FENCE, lease_seconds=30.0, silent_seconds=30.0
    )
    taken_over = facts.WorkClaimed(agent="bob", incarnation=4, lease_seconds=30.0, attempt=2)
    assert (
        code(holding.decide_complete(given(SUBMITTED, CLAIMED, expired), hold(Complete), 3)) == "stale_fence"
    )
    held_by_bob = given(SUBMITTED, CLAIMED, expired, taken_over)
    assert code(holding.decide_complete(held_by_bob, hold(Complete), 3)) == "stale_fence"
    assert holding.decide_complete(held_by_bob, hold(Complete, agent="bob", fence=13), 4) != []


def test_a_released_item_is_open_again_and_releasing_twice_is_already_so() -> None:
    released = facts.WorkReleased(agent="ada", fence=FENCE, in_a_row=1)
    assert holding.decide_release(given(SUBMITTED, CLAIMED), hold(Release), 3, 1.0, 9) == [released]
    for then in ("open", "parked"):
        over = given(SUBMITTED, CLAIMED, released.model_copy(update={"then": then}))
        assert over is not None
        assert over.status == then
        assert holding.decide_release(over, hold(Release), 3, 1.0, 9) == []


def released_again(*between: Event, held_seconds: float = 1.0, **fields: Any) -> tuple[Any, work.WorkItem]:
    """Give an item back for the second time, of at most three, and once more after something happened in between."""
    item = given(
        SUBMITTED, CLAIMED, facts.WorkReleased(agent="ada", fence=FENCE, in_a_row=1), CLAIMED, *between
    )
    assert item is not None
    event = only(holding.decide_release(item, hold(Release, **{"fence": 13, **fields}), 3, held_seconds, 3))
    envelope = Envelope(id="r", type=kind_of(event).type, source="/test", time="")
    after = work.evolve(item, Recorded(20, 7_000_000_000, "local", "work", "w-1", envelope, event))
    assert after is not None
    return event, after


def test_an_item_that_is_released_again_and_again_rests_and_is_parked_at_last() -> None:
    event, item = released_again(reason="no room")
    assert (event.in_a_row, event.then) == (2, "open")
    assert 0.9 <= event.retry_seconds <= 1.1
    assert item.reason == "no room"
    assert (item.rests_seconds, item.rests_until_ns) == (
        event.retry_seconds,
        7_000_000_000 + int(event.retry_seconds * 1e9),
    )
    envelope = Envelope(id="c", type="work.claimed.v2", source="/test", time="")
    held = work.evolve(item, Recorded(21, 0, "local", "work", "w-1", envelope, CLAIMED))
    last = only(holding.decide_release(held, hold(Release, fence=21, reason="no room"), 3, 1.0, 3))
    assert (last.in_a_row, last.then, last.retry_seconds) == (3, "parked", None)
    assert last.reason == "no room; given back 3 times in a row"
    longest = only(holding.decide_release(held, hold(Release, fence=21, reason="x" * 2_000), 3, 1.0, 3))
    assert longest == facts.WorkReleased.model_validate(longest.model_dump())


def test_progress_a_long_claim_and_an_end_of_its_parking_begin_the_row_anew() -> None:
    progressed = facts.WorkProgressed(agent="ada", fence=13)
    assert released_again(progressed)[0].in_a_row == 1
    assert released_again(held_seconds=holding.HELD_SECONDS_MIN)[0].in_a_row == 1
    assert released_again(held_seconds=holding.HELD_SECONDS_MIN - 1)[0].in_a_row == 2
    parked = facts.WorkReleased(agent="ada", fence=13, in_a_row=3, then="parked")
    assert released_again(parked, facts.WorkRequeued(), CLAIMED, fence=16)[0].in_a_row == 1


def test_a_rest_has_a_limit_however_often_an_item_was_given_back() -> None:
    item = given(SUBMITTED, CLAIMED, facts.WorkReleased(agent="ada", fence=FENCE, in_a_row=9_999), CLAIMED)
    event = only(holding.decide_release(item, hold(Release, fence=13), 3, 1.0, 1_000_000))
    assert (event.in_a_row, event.then) == (10_000, "open")
    assert 270 <= event.retry_seconds <= 330


def test_what_nobody_had_begun_goes_back_at_once_and_counts_for_nothing() -> None:
    event, item = released_again(unbegun=True)
    assert (event.in_a_row, event.then, event.retry_seconds) == (0, "open", None)
    assert (item.releases, item.rests_until_ns) == (1, None)


def test_failing_ends_the_item() -> None:
    failed = facts.WorkFailed(agent="ada", fence=FENCE, reason="gone")
    assert holding.decide_fail(given(SUBMITTED, CLAIMED), hold(Fail, reason="gone"), 3) == [failed]
    ended = given(SUBMITTED, CLAIMED, failed)
    assert holding.decide_fail(ended, hold(Fail, reason="gone"), 3) == []
    assert code(claiming.decide_claim(ended, claim(), ADA, Load(0))) == "illegal_transition"


def test_cancelling_ends_what_has_not_ended() -> None:
    cancel = Cancel(request_id="r", item_id="w-1", reason="no need")
    assert planning.decide_cancel(given(SUBMITTED), cancel) == [facts.WorkCancelled(reason="no need")]
    assert planning.decide_cancel(given(SUBMITTED, facts.WorkCancelled()), cancel) == []
    completed = given(SUBMITTED, CLAIMED, facts.WorkCompleted(agent="ada", fence=FENCE))
    assert code(planning.decide_cancel(completed, cancel)) == "illegal_transition"


def test_a_lease_expires_once_and_only_for_the_claim_it_was_for() -> None:
    held = given(SUBMITTED, CLAIMED)
    event = only(holding.decide_reclaim(held, FENCE, 31.0, "silence", None, 10))
    assert event.silent_seconds == 31.0
    assert holding.decide_reclaim(held, FENCE - 1, 31.0, "silence", None, 10) == []
    assert holding.decide_reclaim(given(SUBMITTED), FENCE, 31.0, "silence", None, 10) == []


def test_the_same_submission_is_already_so_and_another_under_its_id_is_refused() -> None:
    same = Submit(request_id="r", item_id="w-1", title="hash it")
    assert planning.decide_submit(None, same, 30.0) == [SUBMITTED]
    assert planning.decide_submit(given(SUBMITTED), same, 30.0) == []
    other = Submit(request_id="r", item_id="w-1", title="another")
    assert code(planning.decide_submit(given(SUBMITTED), other, 30.0)) == "already_exists"


def test_a_claim_after_another_counts_as_the_next_attempt() -> None:
    released = facts.WorkReleased(agent="ada", fence=FENCE)
    event = only(claiming.decide_claim(given(SUBMITTED, CLAIMED, released), claim(), ADA, Load(0)))
    assert event.attempt == 2


VERIFIED = facts.WorkSubmitted(title="prove it", verify="one-winner")


def verification(outcome: Any, position: int) -> Recorded:
    event = VerificationRecorded(
        feature="Claims", scenario="One winner", outcome=outcome, commit="c", run_seconds=1.0
    )
    envelope = Envelope(id="v", type=kind_of(event).type, source="/test", time="")
    return Recorded(position, 0, "local", "verification", "one-winner", envelope, event)


def test_an_item_that_names_a_scenario_completes_after_a_passing_run_of_it() -> None:
    held = given(VERIFIED, CLAIMED)
    passed = verification("passed", FENCE + 1)
    assert holding.decide_complete(held, hold(Complete), 3, passed) == [
        facts.WorkCompleted(agent="ada", fence=FENCE)
    ]
    completed = given(VERIFIED, CLAIMED, facts.WorkCompleted(agent="ada", fence=FENCE))
    assert holding.decide_complete(completed, hold(Complete), 3) == []


@pytest.mark.parametrize(
    ("last", "why"),
    [
        (None, "it has never been run"),
        (verification("passed", FENCE - 1), "it was last run at position 10, before the claim 11"),
        (verification("failed", FENCE + 1), "it failed at position 12"),
        (verification("skipped", FENCE + 1), "it was skipped at position 12"),
    ],
    ids=["never", "before the claim", "failed", "skipped"],
)
def test_it_does_not_complete_without_one_and_is_told_why(last: Recorded | None, why: str) -> None:
    refused = holding.decide_complete(given(VERIFIED, CLAIMED), hold(Complete), 3, last)
    assert code(refused) == "unverified"
    assert isinstance(refused, Refusal)
    assert "one-winner" in refused.reason
    assert why in refused.reason
    lists = " runs it, if that is a scenario's id; coord verify --status lists those."
    assert refused.hint == "coord verify one-winner" + (lists if last is None else "")


def test_who_does_not_hold_it_is_told_that_first() -> None:
    decision = holding.decide_complete(given(VERIFIED, CLAIMED), hold(Complete, agent="bob", fence=None), 4)
    assert code(decision) == "wrong_holder"


def test_a_submission_keeps_the_scenario_and_another_scenario_is_other_content() -> None:
    same = Submit(request_id="r", item_id="w-1", title="prove it", verify="one-winner")
    assert planning.decide_submit(None, same, 30.0) == [VERIFIED]
    assert planning.decide_submit(given(VERIFIED), same, 30.0) == []
    other = Submit(request_id="r", item_id="w-1", title="prove it")
    assert code(planning.decide_submit(given(VERIFIED), other, 30.0)) == "already_exists"
    item = given(VERIFIED)
    assert item is not None
    assert work.view(item).verify == "one-winner"
