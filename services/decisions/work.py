"""The life of a work item: its state, its fold, and how it is shown.

    open --claim--> claimed --complete--> completed
     ^                |  |----fail------> failed, or open or parked where it may be tried again
     |---release------|  |
     |---reclaim------|  |---cancel-----> cancelled   (from every state that is no end)
     |---unblock--- blocked <--block-- open
     |---requeue--- parked
     `---reopen---- completed, failed, cancelled

A claim belongs to (agent, incarnation) and is named by its fence; whoever does not show both is refused. The
decisions stand in `planning`, `claiming` and `holding`.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from coord.events import work
from coord.events.commands import Refusal, refusal
from coord.events.envelope import Recorded
from coord.events.model import Event, trusted
from coord.events.planning import BLAMELESS, Concurrency, OnStuck, Retry, Scores
from coord.events.views import ItemStatus, ItemView

Decision = Sequence[Event] | Refusal
ENDED: Final = frozenset({"completed", "failed", "cancelled"})


class Planned(NamedTuple):
    """The fields of a submission that most items leave out."""

    parent: str | None = None
    depends_on: tuple[str, ...] = ()
    not_before_ns: int | None = None
    deadline_ns: int | None = None
    retry: Retry | None = None
    concurrency: Concurrency | None = None
    idempotency_key: str | None = None
    stuck_seconds: float | None = None
    on_stuck: OnStuck = "tell"


NO_PLAN: Final = Planned()


class Submission(NamedTuple):
    """What an item was submitted with: the fields of its event, at a third of the memory."""

    title: str
    priority: int
    capabilities: tuple[str, ...]
    team: str | None
    lease_seconds: float
    body: Any
    verify: str | None
    plan: Planned = NO_PLAN


class WorkItem(Struct, frozen=True, gc=False):
    """One item as its events tell it. A struct, as it is made anew with every event: a dataclass takes ten times as long.

    `agent`, `incarnation` and `fence` are those of the last claim; `status` tells whether it still holds.
    """

    id: str
    submitted: Submission
    submitted_position: int
    submitted_at_ns: int
    position: int
    """Of its last event: what a decision about it is appended behind."""
    priority: int
    depends_on: tuple[str, ...] = ()
    status: ItemStatus = "open"
    agent: str | None = None
    incarnation: int | None = None
    fence: int | None = None
    lease_seconds: float = 0.0
    attempt: int = 0
    tries: int = 0
    """Failures and leases that ran out, since it was submitted, requeued or reopened."""
    result: Any = None
    reason: str | None = None
    released: bool = False
    """The last claim ended by its holder's own wish."""
    failed: bool = False
    """The last claim ended by its holder's giving up, and the item may be tried again."""
    stuck: bool = False
    scores: Scores | None = None
    rests_until_ns: int | None = None
    """It may be tried again from this moment on, by the broker's clock."""
    rests_seconds: float = 0.0

    @property
    def ended(self) -> bool:
        """Nothing can happen to it any more, unless it is reopened."""
        return self.status in ENDED


def evolve(item: WorkItem | None, recorded: Recorded) -> WorkItem | None:
    """Apply one event; what does not fit the state leaves it as it is but for the position."""
    event = recorded.event
    if isinstance(event, work.WorkSubmitted):
        if item is not None:
            return moved(item, recorded.position)
        return WorkItem(
            id=recorded.entity,
            submitted=submission(event),
            submitted_position=recorded.position,
            submitted_at_ns=recorded.recorded_at_ns,
            position=recorded.position,
            priority=event.priority,
            depends_on=event.depends_on,
            lease_seconds=event.lease_seconds,
        )
    if item is None or recorded.position <= item.position:
        return item
    return replace(item, position=recorded.position, **_changes(item, event, recorded))


def moved(item: WorkItem, position: int) -> WorkItem:
    """Note that something stands on the item's subject that does not change it."""
    return replace(item, position=max(item.position, position))


def _changes(item: WorkItem, event: Event, recorded: Recorded) -> dict[str, Any]:
    """Return the fields an event changes."""
    match event:
        case work.WorkClaimed():
            return {
                "status": "claimed",
                "agent": event.agent,
                "incarnation": event.incarnation,
                "fence": recorded.position,
                "lease_seconds": event.lease_seconds,
                "attempt": event.attempt,
                "scores": event.scores,
                "released": False,
                "failed": False,
                "rests_until_ns": None,
                "rests_seconds": 0.0,
            }
        case work.WorkCompleted():
            return {"status": "completed", "result": event.result, "stuck": False}
        case work.WorkFailed():
            tried = {"status": event.then, "reason": event.reason, "stuck": False, "tries": item.tries + 1}
            return tried | {"failed": event.then != "failed"} | _rest(event.retry_seconds, recorded)
        case work.WorkReleased():
            return {"status": "open", "released": True, "stuck": False}
        case work.WorkLeaseExpired():
            tries = item.tries + (event.cause not in BLAMELESS)
            return {"status": event.then, "stuck": False, "tries": tries} | _rest(
                event.retry_seconds, recorded
            )
        case work.WorkProgressed() | work.WorkMovedOn():
            return {"stuck": False} if item.stuck else {}
        case work.WorkStuck():
            return {"stuck": True}
    return _planned_changes(event)


def _planned_changes(event: Event) -> dict[str, Any]:
    """Return the fields that an event about no claim changes."""
    match event:
        case work.WorkCancelled():
            return {"status": "cancelled", "reason": event.reason, "stuck": False}
        case work.WorkBlocked():
            return {"status": "blocked", "reason": event.reason}
        case work.WorkUnblocked():
            return {"status": "open", "reason": None}
        case work.WorkReprioritised():
            return {"priority": event.priority}
        case work.WorkDependenciesSet():
            return {"depends_on": event.depends_on}
        case work.WorkRequeued() | work.WorkReopened():
            return {
                "status": "open", "tries": 0, "reason": None, "result": None, "released": False, "failed": False,
                "rests_until_ns": None, "rests_seconds": 0.0,
            }  # fmt: skip
    return {}


def _rest(seconds: float | None, recorded: Recorded) -> dict[str, Any]:
    if not seconds:
        return {"rests_until_ns": None, "rests_seconds": 0.0}
    return {"rests_until_ns": recorded.recorded_at_ns + int(seconds * 1e9), "rests_seconds": seconds}


def submission(event: work.WorkSubmitted) -> Submission:
    """Return what an item was submitted with."""
    plan = Planned(
        event.parent,
        event.depends_on,
        event.not_before_ns,
        event.deadline_ns,
        event.retry,
        event.concurrency,
        event.idempotency_key,
        event.stuck_seconds,
        event.on_stuck,
    )
    return Submission(
        event.title,
        event.priority,
        event.capabilities,
        event.team,
        event.lease_seconds,
        event.body,
        event.verify,
        NO_PLAN if plan == NO_PLAN else plan,
    )


def view(item: WorkItem) -> ItemView:
    """Show an item as replies do; one that nobody holds or ended shows no holder."""
    held = item.status == "claimed" or item.ended
    submitted, plan = item.submitted, item.submitted.plan
    return trusted(
        ItemView,
        id=item.id,
        title=submitted.title,
        status=item.status,
        priority=item.priority,
        capabilities=submitted.capabilities,
        team=submitted.team,
        agent=item.agent if held else None,
        incarnation=item.incarnation if held else None,
        fence=item.fence if held else None,
        lease_seconds=item.lease_seconds,
        attempt=item.attempt,
        body=submitted.body,
        result=item.result,
        reason=item.reason,
        verify=submitted.verify,
        parent=plan.parent,
        depends_on=item.depends_on,
        not_before_ns=plan.not_before_ns,
        deadline_ns=plan.deadline_ns,
        retry=plan.retry,
        tries=item.tries,
        concurrency=plan.concurrency,
        stuck=item.stuck,
        stuck_seconds=plan.stuck_seconds,
        on_stuck=plan.on_stuck,
        scores=item.scores if held else None,
    )


def unknown(item_id: str | None) -> Refusal:
    """Refuse because there is no such item."""
    return refusal("unknown_id", f"there is no item {item_id}.", "coord board lists what there is.")


def past(item: WorkItem) -> Refusal:
    """Refuse because the item has ended."""
    return refusal("illegal_transition", f"{item.id} is {item.status} already.")
