"""The life of a work item: its state, its fold, and how it is shown.

    open --claim--> claimed --complete--> completed
     ^                |  |----fail------> failed, or open or parked where it may be tried again
     |---release------|  |           (parked, where it was given back too often)
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
from coord.events.model import Event, light, weighty
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
    not_before_said: str | None = None
    deadline_said: str | None = None
    stuck_seconds: float | None = None
    on_stuck: OnStuck = "tell"


NO_PLAN: Final = Planned()
_LIGHT: Final = light(ItemView)


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
    claimed_at_ns: int = 0
    """When, by the broker's clock."""
    lease_seconds: float = 0.0
    attempt: int = 0
    tries: int = 0
    """Failures and leases that ran out, since it was submitted, requeued or reopened."""
    result: Any = None
    reason: str | None = None
    released: bool = False
    """The last claim ended by its holder's own wish."""
    releases: int = 0
    """How often in a row, without progress."""
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
                "claimed_at_ns": recorded.recorded_at_ns,
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
            reason, releases = event.reason or item.reason, event.in_a_row or item.releases
            back = {"status": event.then, "released": True, "stuck": False, "reason": reason}
            return back | {"releases": releases} | _rest(event.retry_seconds, recorded)
        case work.WorkLeaseExpired():
            lost = {
                "status": event.then,
                "stuck": False,
                "tries": item.tries + (event.cause not in BLAMELESS),
                "reason": event.reason if event.reason or event.then == "parked" else item.reason,
            }
            return lost | _rest(event.retry_seconds, recorded)
        case work.WorkProgressed() | work.WorkMovedOn():
            return {"stuck": False, "releases": 0} if item.stuck or item.releases else {}
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
                "status": "open", "tries": 0, "reason": None, "result": None, "released": False, "failed": False, "releases": 0,
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
        event.not_before_said,
        event.deadline_said,
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
    return weighty(ItemView, shown(item))


def shown(item: WorkItem) -> Struct:
    """Show an item so, as a light `ItemView`."""
    status, submitted = item.status, item.submitted
    plan = submitted.plan
    held = status == "claimed" or status in ENDED
    light_view: Struct = _LIGHT(
        item.id,
        submitted.title,
        status,
        item.priority,
        submitted.capabilities,
        submitted.team,
        item.agent if held else None,
        item.incarnation if held else None,
        item.fence if held else None,
        item.lease_seconds,
        item.attempt,
        submitted.body,
        item.result,
        item.reason,
        submitted.verify,
        plan.parent,
        item.depends_on,
        plan.not_before_ns,
        plan.deadline_ns,
        plan.retry,
        item.tries,
        plan.concurrency,
        item.stuck,
        plan.stuck_seconds,
        plan.on_stuck,
        item.scores if held else None,
    )
    return light_view


def unknown(item_id: str | None) -> Refusal:
    """Refuse because there is no such item."""
    return refusal("unknown_id", f"there is no item {item_id}.", "coord board lists what there is.")


def past(item: WorkItem) -> Refusal:
    """Refuse because the item has ended."""
    return refusal("illegal_transition", f"{item.id} is {item.status} already.")
