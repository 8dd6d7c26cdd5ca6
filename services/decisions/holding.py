"""What the holder of a claim says, and how the coordinator ends a claim: pure decisions about claimed items."""

import zlib
from typing import Final

from coord.events import work
from coord.events.commands import Complete, Fail, Hold, Progress, Refusal, Release, refusal
from coord.events.envelope import Recorded
from coord.events.model import trusted
from coord.events.planning import ATTEMPTS_MAX, BLAMELESS, ReclaimCause, Retry
from coord.events.verification import VerificationRecorded
from coord.services.decisions.work import Decision, WorkItem, past, unknown

RELEASED: Final = Retry()
"""How an item rests that is given back again and again, whatever its own policy: that is about failures."""
HELD_SECONDS_MIN: Final = 600.0
"""Who held it for so long has done something with it: what is given back then is given back for the first time."""
_REASON_LENGTH_MAX: Final = 1_900

assert RELEASED.delay_seconds_max < HELD_SECONDS_MIN


def decide_progress(item: WorkItem | None, command: Progress, incarnation: int) -> Decision:
    """Note progress; after one's own success it is already so."""
    if _is_own(item, command, incarnation, "completed"):
        return []
    fault = _holder_fault(item, command, incarnation)
    if fault:
        return fault
    assert command.fence
    return [
        work.WorkProgressed(
            agent=command.agent, fence=command.fence, fraction=command.fraction, note=command.note
        )
    ]


def decide_complete(
    item: WorkItem | None, command: Complete, incarnation: int, verification: Recorded | None = None
) -> Decision:
    """Complete an item, once; again by the same claim is already so.

    An item that names a scenario needs a passing run of it, newer than the claim; `verification` is the
    scenario's last one.
    """
    if _is_own(item, command, incarnation, "completed"):
        return []
    fault = _holder_fault(item, command, incarnation)
    if fault:
        return fault
    assert item
    assert command.fence
    unverified = _unverified(item, command.fence, verification)
    if unverified:
        return unverified
    return [
        trusted(
            work.WorkCompleted,
            {"agent": command.agent, "fence": command.fence, "result": command.result},
        )
    ]


def decide_fail(item: WorkItem | None, command: Fail, incarnation: int) -> Decision:
    """Give an item up, for good or until its next attempt; again by the same claim is already so."""
    if item is not None and (item.status == "failed" or item.failed) and _is_last(item, command, incarnation):
        return []
    fault = _holder_fault(item, command, incarnation)
    if fault:
        return fault
    assert item
    assert command.fence
    retry = item.submitted.plan.retry
    failed = work.WorkFailed(agent=command.agent, fence=command.fence, reason=command.reason)
    if retry is None:
        return [failed]
    if item.tries + 1 >= retry.attempts:
        return [failed.model_copy(update={"then": "parked"})]
    rest = rest_seconds(retry, item.id, item.tries + 1)
    return [failed.model_copy(update={"then": "open", "retry_seconds": rest})]


def rest_seconds(retry: Retry, item_id: str, tries: int) -> float:
    """Return how long an item rests before it is tried again, after so many tries.

    The jitter comes from a checksum of item and try: another item rests another time, the same try the same.
    """
    grown = retry.factor ** (min(tries, ATTEMPTS_MAX) - 1)
    rest = min(retry.delay_seconds * grown, retry.delay_seconds_max)
    spread = zlib.crc32(f"{item_id}/{tries}".encode()) / 2**32 * 2 - 1
    return round(rest * (1 + spread * retry.jitter), 3)


def decide_release(
    item: WorkItem | None, command: Release, incarnation: int, held_seconds: float, releases_max: int
) -> Decision:
    """Give an item back; again by the same claim is already so.

    The first time in a row it is open at once, for somebody else. Then it rests, longer each time, and is parked at
    last: a command that never can is no loop without an end. `held_seconds`: for how long this claim has held.
    """
    if item is not None and item.released and not item.ended and _is_last(item, command, incarnation):
        return []
    fault = _holder_fault(item, command, incarnation)
    if fault:
        return fault
    assert item
    assert command.fence
    released = work.WorkReleased(agent=command.agent, fence=command.fence, reason=command.reason)
    if command.unbegun:
        return [released]
    in_a_row = 1 if held_seconds >= HELD_SECONDS_MIN else item.releases + 1
    if in_a_row >= releases_max:
        told = f"{(command.reason or 'it was given back')[:_REASON_LENGTH_MAX]}; given back {in_a_row} times in a row"
        return [released.model_copy(update={"in_a_row": in_a_row, "then": "parked", "reason": told})]
    rest = rest_seconds(RELEASED, item.id, in_a_row - 1) if in_a_row > 1 else None
    return [released.model_copy(update={"in_a_row": in_a_row, "retry_seconds": rest})]


def decide_reclaim(
    item: WorkItem | None,
    fence: int,
    silent_seconds: float,
    cause: ReclaimCause,
    reason: str | None,
    reclaims_max: int,
) -> Decision:
    """End a claim for the coordinator's own reasons; a claim that is over already stays over.

    `reclaims_max`: of an item without a retry policy, as many claims may be lost before it is parked.
    """
    if item is None or item.status != "claimed" or item.fence != fence:
        return []
    assert item.agent is not None
    assert item.incarnation is not None
    retry = item.submitted.plan.retry
    tries, most = item.tries + (cause not in BLAMELESS), retry.attempts if retry else reclaims_max
    is_last = tries >= most
    if is_last:
        reason = f"{reason or 'its lease ran out'}; that was try {tries} of at most {most}"
    return [
        work.WorkLeaseExpired(
            agent=item.agent,
            incarnation=item.incarnation,
            fence=fence,
            lease_seconds=item.lease_seconds,
            silent_seconds=silent_seconds,
            cause=cause,
            reason=reason,
            then="parked" if is_last else "open",
        )
    ]


def decide_stuck(item: WorkItem | None, fence: int, idle_seconds: float, reclaims_max: int) -> Decision:
    """Say that a holder lives and shows no work; where that is the item's policy, end its claim."""
    if item is None or item.status != "claimed" or item.fence != fence or item.stuck:
        return []
    assert item.agent is not None
    if item.submitted.plan.on_stuck == "reassign":
        told = f"{item.agent} lives and showed no work for {idle_seconds:.1f} s"
        return decide_reclaim(item, fence, 0.0, "stuck", told, reclaims_max)
    return [work.WorkStuck(agent=item.agent, fence=fence, idle_seconds=idle_seconds)]


def decide_moved_on(item: WorkItem | None, fence: int) -> Decision:
    """Say that a stuck claim shows work again."""
    if item is None or not item.stuck or item.fence != fence or item.agent is None:
        return []
    return [work.WorkMovedOn(agent=item.agent, fence=fence)]


def _is_own(item: WorkItem | None, command: Hold, incarnation: int, status: str) -> bool:
    return item is not None and item.status == status and _is_last(item, command, incarnation)


def _is_last(item: WorkItem, command: Hold, incarnation: int) -> bool:
    """Tell whether a command speaks of the last claim of an item."""
    own = (item.agent, item.incarnation) == (command.agent, incarnation)
    return own and command.fence in (None, item.fence)


def _holder_fault(item: WorkItem | None, command: Hold, incarnation: int) -> Refusal | None:
    if item is None:
        return unknown(command.item_id)
    if item.fence is not None and command.fence not in (None, item.fence):
        return refusal(
            "stale_fence",
            f"the claim {command.fence} of {item.id} is over; the last one is {item.fence}.",
            "Claim the item again before you go on.",
        )
    if item.ended:
        return past(item)
    if item.status != "claimed":
        code = "wrong_holder" if command.fence is None else "stale_fence"
        return refusal(code, f"nobody holds {item.id} now.", "Claim it first.")
    if item.agent != command.agent:
        return refusal("wrong_holder", f"{item.id} is held by {item.agent}, not by {command.agent}.")
    if item.incarnation != incarnation:
        return refusal(
            "wrong_holder",
            f"{item.id} is held by incarnation {item.incarnation} of {item.agent}, not by {incarnation}.",
            "Its lease will run out, and the item can be claimed again.",
        )
    if command.fence is None:
        return refusal(
            "stale_fence",
            f"the fence of the claim on {item.id} is not given.",
            "Pass --fence from your claim.",
        )
    return None


def _unverified(item: WorkItem, fence: int, verification: Recorded | None) -> Refusal | None:
    """Say why the scenario that an item names does not count as passed since its claim."""
    scenario = item.submitted.verify
    if scenario is None:
        return None
    if verification is None or not isinstance(verification.event, VerificationRecorded):
        why = "has never been run"
    elif verification.position <= fence:
        why = f"was last run at position {verification.position}, before the claim {fence}"
    elif verification.event.outcome != "passed":
        how = "failed" if verification.event.outcome == "failed" else "was skipped"
        why = f"{how} at position {verification.position}"
    else:
        return None
    reason = (
        f"{item.id} completes only when the scenario {scenario} has passed since it was claimed; it {why}."
    )
    hint = f"coord verify {scenario}"
    if verification is None:
        hint += " runs it, if that is a scenario's id; coord verify --status lists those."
    return refusal("unverified", reason, hint)
