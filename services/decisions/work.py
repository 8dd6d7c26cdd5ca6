"""The life of a work item: its state, its fold, and every decision about it.

    open --claim--> claimed --complete--> completed
     ^                |  |----fail------> failed
     |---release------|  |
     |---expire-------|  `---cancel-----> cancelled   (also from open)

A claim belongs to (agent, incarnation) and is named by its fence; whoever does not show both is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from coord.events import work
from coord.events.commands import (
    Cancel,
    Claim,
    Complete,
    Fail,
    Hold,
    Progress,
    Refusal,
    Release,
    Submit,
    refusal,
)
from coord.events.envelope import Recorded
from coord.events.model import Event
from coord.events.verification import VerificationRecorded
from coord.events.views import ItemView
from coord.services.decisions.agent import Agent

Decision = Sequence[Event] | Refusal
ENDED = frozenset({"completed", "failed", "cancelled"})


class Submission(NamedTuple):
    """What an item was submitted with: the fields of its event, at a third of the memory."""

    title: str
    priority: int
    capabilities: tuple[str, ...]
    team: str | None
    lease_seconds: float
    body: Any
    verify: str | None


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One item as its events tell it.

    `agent`, `incarnation` and `fence` are those of the last claim; `status` tells whether it still holds.
    """

    id: str
    submitted: Submission
    submitted_position: int
    position: int
    """Of its last event: what a decision about it is appended behind."""
    status: Literal["open", "claimed", "completed", "failed", "cancelled"] = "open"
    agent: str | None = None
    incarnation: int | None = None
    fence: int | None = None
    lease_seconds: float = 0.0
    attempt: int = 0
    result: Any = None
    reason: str | None = None
    released: bool = False
    """The last claim ended by its holder's own wish."""

    @property
    def ended(self) -> bool:
        """Nothing can happen to it any more."""
        return self.status in ENDED


def evolve(item: WorkItem | None, recorded: Recorded) -> WorkItem | None:
    """Apply one event; what does not fit the state leaves it as it is but for the position."""
    event = recorded.event
    if isinstance(event, work.WorkSubmitted):
        if item is not None:
            return moved(item, recorded.position)
        return WorkItem(
            id=recorded.entity,
            submitted=_submission(event),
            submitted_position=recorded.position,
            position=recorded.position,
            lease_seconds=event.lease_seconds,
        )
    if item is None or recorded.position <= item.position:
        return item
    return replace(item, position=recorded.position, **_changes(event, recorded.position))


def moved(item: WorkItem, position: int) -> WorkItem:
    """Note that something stands on the item's subject that does not change it."""
    return replace(item, position=max(item.position, position))


def _changes(event: Event, position: int) -> dict[str, Any]:
    """Return the fields an event changes."""
    match event:
        case work.WorkClaimed():
            return {
                "status": "claimed",
                "agent": event.agent,
                "incarnation": event.incarnation,
                "fence": position,
                "lease_seconds": event.lease_seconds,
                "attempt": event.attempt,
                "released": False,
            }
        case work.WorkCompleted():
            return {"status": "completed", "result": event.result}
        case work.WorkFailed():
            return {"status": "failed", "reason": event.reason}
        case work.WorkReleased():
            return {"status": "open", "released": True}
        case work.WorkLeaseExpired():
            return {"status": "open"}
        case work.WorkCancelled():
            return {"status": "cancelled", "reason": event.reason}
    return {}


def view(item: WorkItem) -> ItemView:
    """Show an item as replies do; an open item shows no holder."""
    held = item.status != "open"
    return ItemView(
        id=item.id,
        title=item.submitted.title,
        status=item.status,
        priority=item.submitted.priority,
        capabilities=item.submitted.capabilities,
        team=item.submitted.team,
        agent=item.agent if held else None,
        incarnation=item.incarnation if held else None,
        fence=item.fence if held else None,
        lease_seconds=item.lease_seconds,
        attempt=item.attempt,
        body=item.submitted.body,
        result=item.result,
        reason=item.reason,
        verify=item.submitted.verify,
    )


def decide_submit(item: WorkItem | None, command: Submit, lease_seconds: float) -> Decision:
    """Submit an item; the same content under the same id is already so."""
    wanted = work.WorkSubmitted(
        title=command.title,
        priority=command.priority,
        capabilities=command.capabilities,
        team=command.team,
        lease_seconds=command.lease_seconds or lease_seconds,
        body=command.body,
        verify=command.verify,
    )
    if item is None:
        return [wanted]
    if item.submitted == _submission(wanted):
        return []
    return refusal("already_exists", f"the item {item.id} exists with other content.", "Choose another --id.")


def decide_claim(item: WorkItem | None, command: Claim, agent: Agent, holds: int) -> Decision:
    """Claim an item for an agent that holds so many already; what it holds itself is already so."""
    if item is None:
        return _unknown(command.item_id)
    if item.ended:
        return _past(item)
    if item.status == "claimed":
        if (item.agent, item.incarnation) == (agent.name, agent.incarnation):
            return []
        return refusal("taken", f"{item.id} is held by {item.agent}.", "Claim another, or without an id.")
    if item.submitted.team not in (None, agent.team):
        return refusal("capability_missing", f"{item.id} is for the team {item.submitted.team}.")
    missing = sorted(set(item.submitted.capabilities) - set(agent.capabilities))
    if missing:
        return refusal(
            "capability_missing",
            f"{item.id} needs {', '.join(missing)}, which {agent.name} does not offer.",
            "Register the agent with --capability.",
        )
    if agent.wip_limit is not None and holds >= agent.wip_limit:
        return refusal("wip_limit", f"{agent.name} holds {holds} of at most {agent.wip_limit} items.")
    return [
        work.WorkClaimed(
            agent=agent.name,
            incarnation=agent.incarnation,
            lease_seconds=command.lease_seconds or item.submitted.lease_seconds,
            attempt=item.attempt + 1,
        )
    ]


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
    return [work.WorkCompleted(agent=command.agent, fence=command.fence, result=command.result)]


def decide_fail(item: WorkItem | None, command: Fail, incarnation: int) -> Decision:
    """Give an item up for good; again by the same claim is already so."""
    if _is_own(item, command, incarnation, "failed"):
        return []
    fault = _holder_fault(item, command, incarnation)
    if fault:
        return fault
    assert command.fence
    return [work.WorkFailed(agent=command.agent, fence=command.fence, reason=command.reason)]


def decide_release(item: WorkItem | None, command: Release, incarnation: int) -> Decision:
    """Give an item back; again by the same claim is already so."""
    if item is not None and item.released and _is_own(item, command, incarnation, "open"):
        return []
    fault = _holder_fault(item, command, incarnation)
    if fault:
        return fault
    assert command.fence
    return [work.WorkReleased(agent=command.agent, fence=command.fence, reason=command.reason)]


def decide_cancel(item: WorkItem | None, command: Cancel) -> Decision:
    """Cancel an item that has not ended."""
    if item is None:
        return _unknown(command.item_id)
    if item.status == "cancelled":
        return []
    if item.ended:
        return _past(item)
    return [work.WorkCancelled(reason=command.reason)]


def decide_expire(item: WorkItem | None, fence: int, silent_seconds: float) -> Decision:
    """End a claim that the timekeeper saw no sign of life for; a claim that is over already stays over."""
    if item is None or item.status != "claimed" or item.fence != fence:
        return []
    assert item.agent is not None
    assert item.incarnation is not None
    return [
        work.WorkLeaseExpired(
            agent=item.agent,
            incarnation=item.incarnation,
            fence=fence,
            lease_seconds=item.lease_seconds,
            silent_seconds=silent_seconds,
        )
    ]


def _submission(event: work.WorkSubmitted) -> Submission:
    return Submission(
        event.title,
        event.priority,
        event.capabilities,
        event.team,
        event.lease_seconds,
        event.body,
        event.verify,
    )


def _is_own(item: WorkItem | None, command: Hold, incarnation: int, status: str) -> bool:
    return (
        item is not None
        and item.status == status
        and (item.agent, item.incarnation) == (command.agent, incarnation)
        and command.fence in (None, item.fence)
    )


def _holder_fault(item: WorkItem | None, command: Hold, incarnation: int) -> Refusal | None:
    if item is None:
        return _unknown(command.item_id)
    if item.fence is not None and command.fence not in (None, item.fence):
        return refusal(
            "stale_fence",
            f"the claim {command.fence} of {item.id} is over; the last one is {item.fence}.",
            "Claim the item again before you go on.",
        )
    if item.ended:
        return _past(item)
    if item.status == "open":
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
    return refusal("unverified", reason, f"coord verify {scenario}")


def _unknown(item_id: str | None) -> Refusal:
    return refusal("unknown_id", f"there is no item {item_id}.", "coord board lists what there is.")


def _past(item: WorkItem) -> Refusal:
    return refusal("illegal_transition", f"{item.id} is {item.status} already.")
