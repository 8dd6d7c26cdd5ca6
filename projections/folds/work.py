"""Work items as tables: what is alive, what has ended, and each claim that is over.

    work               items that are open, claimed, blocked or parked: small and hot, one row an item
    work_ended         completed, failed, cancelled: looked up by id, and left only by an item that is reopened
    work_bodies        what an item is about, if small; apart, because progress rewrites its item's row
    work_plans         how an item is planned, for those that are; apart for the same reason
    work_dependencies  what an item depends on, for those that depend on something
    work_reopened      one row for each end that was undone: what was counted once stays counted
    attempts           one row for each claim that ended, however it ended

The fold believes facts: an end is an end even where the claim before it is missing. What would undo
an ended item, or speaks of another claim than the present one, is ignored and noted.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from coord.events import work as facts
from coord.events.envelope import Recorded
from coord.events.model import Event
from coord.events.planning import BLAMELESS, ReclaimCause
from coord.projections.folds.oddities import note
from coord.projections.folds.shape import Draft, Projection, Reads, small_json
from coord.projections.folds.work_rows import (
    ATTEMPTS,
    WORK,
    WORK_BODIES,
    WORK_DEPENDENCIES,
    WORK_ENDED,
    WORK_PLANS,
    WORK_REOPENED,
    Body,
    Dependencies,
    Item,
    Plan,
    Reopening,
)
from coord.projections.folds.work_states import attempt_over, becomes, end, held, in_state, live, put_back

_RECLAIMED: Final[dict[ReclaimCause, str]] = {
    "silence": "its lease ran out",
    "agent_lost": "its holder was lost",
    "node_lost": "its holder's machine was lost",
    "evicted": "its holder was put out",
    "stuck": "its holder showed no work",
}
_PLANNED: Final = attrgetter(
    "parent", "not_before_ns", "deadline_ns", "retry", "concurrency", "idempotency_key", "stuck_seconds", "on_stuck"
)  # fmt: skip
_UNPLANNED: Final = _PLANNED(facts.WorkSubmitted(title="-"))


def _reads(some: Sequence[Recorded]) -> Reads:
    keys = {(one.entity,) for one in some}
    yield WORK, keys
    yield WORK_ENDED, keys
    if isinstance(some[0].event, facts.WorkSubmitted | facts.WorkDependenciesSet):
        yield WORK_DEPENDENCIES, [(one.entity,) for one in some if _names_others(one.event)]


def _names_others(event: Event) -> bool:
    """Tell whether an event says what its item depends on."""
    submitted = isinstance(event, facts.WorkSubmitted) and bool(event.depends_on)
    return submitted or isinstance(event, facts.WorkDependenciesSet)


def _submitted(draft: Draft, recorded: Recorded, event: facts.WorkSubmitted) -> None:
    if draft.get(WORK, recorded.entity) is not None or draft.get(WORK_ENDED, recorded.entity) is not None:
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
            opened_at_ns=max(at_ns, event.not_before_ns or 0),
            position=position,
            body_bytes=body_bytes,
            verify=event.verify,
        ),
    )
    if body is not None:
        draft.append(WORK_BODIES, Body(recorded.entity, body, position))
    if event.depends_on:
        draft.put(WORK_DEPENDENCIES, Dependencies(recorded.entity, event.depends_on))
    plan = _plan(recorded, event)
    if plan is not None:
        draft.append(WORK_PLANS, plan)


def _plan(recorded: Recorded, event: facts.WorkSubmitted) -> Plan | None:
    """Return how an item is planned; None: as most are."""
    if _PLANNED(event) == _UNPLANNED:
        return None
    return Plan(
        recorded.entity,
        recorded.position,
        parent=event.parent,
        not_before_ns=event.not_before_ns,
        deadline_ns=event.deadline_ns,
        retry=event.retry.model_dump_json() if event.retry else None,
        concurrency_key=event.concurrency.key if event.concurrency else None,
        concurrency_limit=event.concurrency.limit if event.concurrency else None,
        idempotency_key=event.idempotency_key,
        stuck_seconds=event.stuck_seconds,
        on_stuck=event.on_stuck,
    )


def _claimed(draft: Draft, recorded: Recorded, event: facts.WorkClaimed) -> None:
    item = live(draft, recorded)
    if item is None:
        return
    if item.status == "claimed":
        note(draft, recorded, f"the item was held by {item.agent} already")
    item.status, item.stuck = "claimed", False
    item.changed_at_ns = item.touched_at_ns = recorded.recorded_at_ns
    item.agent, item.incarnation, item.fence = event.agent, event.incarnation, recorded.position
    item.lease_seconds, item.attempt = event.lease_seconds, event.attempt
    item.scores = event.scores.model_dump_json() if event.scores else None
    item.progress = item.progress_note = None


def _progressed(draft: Draft, recorded: Recorded, event: facts.WorkProgressed) -> None:
    item = held(draft, recorded, event.fence)
    if item is None:
        return
    item.stuck = False
    item.touched_at_ns = recorded.recorded_at_ns
    item.progress = event.fraction if event.fraction is not None else item.progress
    item.progress_note = event.note if event.note is not None else item.progress_note


def _stuck(draft: Draft, recorded: Recorded, event: facts.WorkStuck) -> None:
    item = held(draft, recorded, event.fence)
    if item is not None:
        item.stuck = True


def _moved_on(draft: Draft, recorded: Recorded, event: facts.WorkMovedOn) -> None:
    item = held(draft, recorded, event.fence)
    if item is not None:
        item.stuck = False
        item.touched_at_ns = recorded.recorded_at_ns


def _completed(draft: Draft, recorded: Recorded, event: facts.WorkCompleted) -> None:
    item = live(draft, recorded)
    if item is not None:
        item.result, item.result_bytes = small_json(event.result)
        item.progress, item.reason = 1.0, None
        end(draft, recorded, item, "completed")


def _failed(draft: Draft, recorded: Recorded, event: facts.WorkFailed) -> None:
    item = live(draft, recorded) if event.then == "failed" else held(draft, recorded, event.fence)
    if item is None:
        return
    item.reason = event.reason
    item.tries += 1
    if event.then == "failed":
        end(draft, recorded, item, "failed", event.reason)
    else:
        attempt_over(draft, recorded, item, "failed", event.reason)
        put_back(recorded, item, event.then, event.retry_seconds)


def _cancelled(draft: Draft, recorded: Recorded, event: facts.WorkCancelled) -> None:
    item = live(draft, recorded)
    if item is not None:
        item.reason = event.reason
        end(draft, recorded, item, "cancelled", event.reason)


def _released(draft: Draft, recorded: Recorded, event: facts.WorkReleased) -> None:
    item = held(draft, recorded, event.fence)
    if item is not None:
        item.reason = event.reason or item.reason
        attempt_over(draft, recorded, item, "released", event.reason)
        put_back(recorded, item, event.then, event.retry_seconds)


def _lease_expired(draft: Draft, recorded: Recorded, event: facts.WorkLeaseExpired) -> None:
    item = held(draft, recorded, event.fence)
    if item is None:
        return
    item.expired += 1
    item.tries += event.cause not in BLAMELESS
    item.reason = event.reason or _RECLAIMED[event.cause]
    attempt_over(draft, recorded, item, "expired", event.reason, event.cause)
    put_back(recorded, item, event.then, event.retry_seconds)


def _blocked(draft: Draft, recorded: Recorded, event: facts.WorkBlocked) -> None:
    item = in_state(draft, recorded, "open")
    if item is not None:
        becomes(recorded, item, "blocked")
        item.reason = event.reason


def _unblocked(draft: Draft, recorded: Recorded, _: Event) -> None:
    item = in_state(draft, recorded, "blocked")
    if item is not None:
        put_back(recorded, item, "open")
        item.reason = None


def _reprioritised(draft: Draft, recorded: Recorded, event: facts.WorkReprioritised) -> None:
    item = live(draft, recorded)
    if item is not None:
        item.priority = event.priority


def _dependencies_set(draft: Draft, recorded: Recorded, event: facts.WorkDependenciesSet) -> None:
    if live(draft, recorded) is None:
        return
    if event.depends_on:
        draft.put(WORK_DEPENDENCIES, Dependencies(recorded.entity, event.depends_on))
    else:
        draft.drop(WORK_DEPENDENCIES, recorded.entity)


def _requeued(draft: Draft, recorded: Recorded, _: Event) -> None:
    item = in_state(draft, recorded, "parked")
    if item is not None:
        put_back(recorded, item, "open")
        item.tries, item.reason = 0, None


def _reopened(draft: Draft, recorded: Recorded, _: Event) -> None:
    item = draft.change(WORK_ENDED, recorded.entity)
    if item is None:
        if live(draft, recorded) is not None:
            note(draft, recorded, "the item has not ended")
        return
    draft.drop(WORK_ENDED, item.id)
    at_ns, position = recorded.recorded_at_ns, recorded.position
    undone = Reopening(
        item.id, item.team, item.status, item.submitted_at_ns, item.changed_at_ns, at_ns, position
    )
    draft.append(WORK_REOPENED, undone)
    item.position = recorded.position
    put_back(recorded, item, "open")
    item.tries, item.reason = 0, None
    item.result, item.result_bytes = None, 0
    draft.put(WORK, item)


PROJECTION: Final = Projection(
    name="work",
    tables=(WORK, WORK_ENDED, WORK_BODIES, WORK_PLANS, WORK_DEPENDENCIES, WORK_REOPENED, ATTEMPTS),
    on={
        facts.WorkBlocked: _blocked,
        facts.WorkCancelled: _cancelled,
        facts.WorkClaimed: _claimed,
        facts.WorkCompleted: _completed,
        facts.WorkDependenciesSet: _dependencies_set,
        facts.WorkFailed: _failed,
        facts.WorkLeaseExpired: _lease_expired,
        facts.WorkMovedOn: _moved_on,
        facts.WorkProgressed: _progressed,
        facts.WorkReleased: _released,
        facts.WorkReopened: _reopened,
        facts.WorkReprioritised: _reprioritised,
        facts.WorkRequeued: _requeued,
        facts.WorkStuck: _stuck,
        facts.WorkSubmitted: _submitted,
        facts.WorkUnblocked: _unblocked,
    },
    reads=_reads,
)
