"""Work items as tables: what is alive, what has ended, and each claim that is over.

    work           open and claimed items: small and hot, one row an item
    work_ended     completed, failed, cancelled: looked up by id, never changed again
    work_bodies    what an item is about, if small; apart, because progress rewrites its item's row
    attempts       one row for each claim that ended, however it ended

The fold believes facts: an end is an end even where the claim before it is missing. What would undo
an ended item, or speaks of another claim than the present one, is ignored and noted.
"""

from dataclasses import dataclass
from typing import Final

from coord.events import work as facts
from coord.events.envelope import Recorded
from coord.projections.folds.oddities import note
from coord.projections.folds.shape import Draft, Projection, Reads, Table, small_json


@dataclass(slots=True)
class Item:
    """One work item. `agent`, `incarnation` and `fence` are those of the last claim."""

    id: str
    title: str
    status: str
    priority: int
    capabilities: tuple[str, ...]
    team: str | None
    lease_seconds: float
    submitted_at_ns: int
    submitted_position: int
    changed_at_ns: int
    """Of its last change of state, by the broker's clock."""
    touched_at_ns: int
    """Of its last event."""
    position: int
    """Of its last event."""
    attempt: int = 0
    expired: int = 0
    agent: str | None = None
    incarnation: int | None = None
    fence: int | None = None
    progress: float | None = None
    progress_note: str | None = None
    reason: str | None = None
    result: str | None = None
    """JSON, if it is small; else it is in the log, at `position`."""
    result_bytes: int = 0
    body_bytes: int = 0
    """Of what the item is about: in `work_bodies` if small, else in the log, at `submitted_position`."""
    verify: str | None = None
    """The scenario that must have passed since the claim."""


@dataclass(slots=True)
class Body:
    """What an item is about, as JSON."""

    id: str
    body: str
    position: int


@dataclass(slots=True)
class Attempt:
    """A claim that is over."""

    item: str
    agent: str | None
    team: str | None
    incarnation: int | None
    fence: int | None
    attempt: int
    outcome: str
    """completed, failed, released, expired or cancelled."""
    claimed_at_ns: int
    ended_at_ns: int
    position: int


WORK: Final = Table("work", Item, key=("id",))
WORK_ENDED: Final = Table("work_ended", Item, key=("id",), insert_only=True)
WORK_BODIES: Final = Table("work_bodies", Body)
ATTEMPTS: Final = Table("attempts", Attempt)


def _reads(recorded: Recorded) -> Reads:
    key = (recorded.entity,)
    return ((WORK, key), (WORK_ENDED, key)) if recorded.aggregate == "work" else ()


def _live(draft: Draft, recorded: Recorded) -> Item | None:
    """Return the item to change, touched; None, and a note, when there is none alive."""
    item = draft.change(WORK, recorded.entity)
    if item is None:
        ended = draft.get(WORK_ENDED, recorded.entity)
        note(
            draft, recorded, f"the item is {ended.status} already" if ended else "no such item was submitted"
        )
        return None
    item.position = recorded.position
    item.touched_at_ns = recorded.recorded_at_ns
    return item


def _submitted(draft: Draft, recorded: Recorded, event: facts.WorkSubmitted) -> None:
    if draft.get(WORK, recorded.entity) or draft.get(WORK_ENDED, recorded.entity):
        note(draft, recorded, "the item was submitted before")
        return
    at_ns, position = recorded.recorded_at_ns, recorded.position
    body, body_bytes = small_json(event.body)
    draft.put(
        WORK,
        Item(
            id=recorded.entity,
            title=event.title,
            status="open",
            priority=event.priority,
            capabilities=event.capabilities,
            team=event.team,
            lease_seconds=event.lease_seconds,
            submitted_at_ns=at_ns,
            submitted_position=position,
            changed_at_ns=at_ns,
            touched_at_ns=at_ns,
            position=position,
            body_bytes=body_bytes,
            verify=event.verify,
        ),
    )
    if body is not None:
        draft.append(WORK_BODIES, Body(recorded.entity, body, position))


def _claimed(draft: Draft, recorded: Recorded, event: facts.WorkClaimed) -> None:
    item = _live(draft, recorded)
    if item is None:
        return
    if item.status == "claimed":
        note(draft, recorded, f"the item was held by {item.agent} already")
    item.status = "claimed"
    item.changed_at_ns = recorded.recorded_at_ns
    item.agent, item.incarnation, item.fence = event.agent, event.incarnation, recorded.position
    item.lease_seconds, item.attempt = event.lease_seconds, event.attempt
    item.progress = item.progress_note = None


def _progressed(draft: Draft, recorded: Recorded, event: facts.WorkProgressed) -> None:
    item = _held(draft, recorded, event.fence)
    if item is None:
        return
    item.progress = event.fraction if event.fraction is not None else item.progress
    item.progress_note = event.note if event.note is not None else item.progress_note


def _completed(draft: Draft, recorded: Recorded, event: facts.WorkCompleted) -> None:
    item = _live(draft, recorded)
    if item is not None:
        item.result, item.result_bytes = small_json(event.result)
        item.progress = 1.0
        _end(draft, recorded, item, "completed")


def _failed(draft: Draft, recorded: Recorded, event: facts.WorkFailed) -> None:
    item = _live(draft, recorded)
    if item is not None:
        item.reason = event.reason
        _end(draft, recorded, item, "failed")


def _cancelled(draft: Draft, recorded: Recorded, event: facts.WorkCancelled) -> None:
    item = _live(draft, recorded)
    if item is not None:
        item.reason = event.reason
        _end(draft, recorded, item, "cancelled")


def _released(draft: Draft, recorded: Recorded, event: facts.WorkReleased) -> None:
    item = _held(draft, recorded, event.fence)
    if item is not None:
        _reopen(draft, recorded, item, "released")


def _lease_expired(draft: Draft, recorded: Recorded, event: facts.WorkLeaseExpired) -> None:
    item = _held(draft, recorded, event.fence)
    if item is not None:
        item.expired += 1
        _reopen(draft, recorded, item, "expired")


def _held(draft: Draft, recorded: Recorded, fence: int) -> Item | None:
    """Return the item if this claim holds it; else None, and a note."""
    item = _live(draft, recorded)
    if item is None:
        return None
    if item.status != "claimed" or item.fence != fence:
        note(draft, recorded, f"the claim {fence} does not hold the item")
        return None
    return item


def _end(draft: Draft, recorded: Recorded, item: Item, status: str) -> None:
    if item.status == "claimed":
        _attempt_over(draft, recorded, item, status)
    elif status != "cancelled":
        note(draft, recorded, "nobody held the item")
    item.status = status
    item.changed_at_ns = recorded.recorded_at_ns
    draft.drop(WORK, item.id)
    draft.put(WORK_ENDED, item)


def _reopen(draft: Draft, recorded: Recorded, item: Item, outcome: str) -> None:
    _attempt_over(draft, recorded, item, outcome)
    item.status = "open"
    item.changed_at_ns = recorded.recorded_at_ns
    item.progress = item.progress_note = None


def _attempt_over(draft: Draft, recorded: Recorded, item: Item, outcome: str) -> None:
    draft.append(
        ATTEMPTS,
        Attempt(
            item=item.id,
            agent=item.agent,
            team=item.team,
            incarnation=item.incarnation,
            fence=item.fence,
            attempt=item.attempt,
            outcome=outcome,
            claimed_at_ns=item.changed_at_ns,
            ended_at_ns=recorded.recorded_at_ns,
            position=recorded.position,
        ),
    )


PROJECTION: Final = Projection(
    name="work",
    tables=(WORK, WORK_ENDED, WORK_BODIES, ATTEMPTS),
    on={
        facts.WorkSubmitted: _submitted,
        facts.WorkClaimed: _claimed,
        facts.WorkProgressed: _progressed,
        facts.WorkCompleted: _completed,
        facts.WorkFailed: _failed,
        facts.WorkReleased: _released,
        facts.WorkLeaseExpired: _lease_expired,
        facts.WorkCancelled: _cancelled,
    },
    reads=_reads,
)
