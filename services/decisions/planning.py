"""Decisions about items that need no claim: submitting, and changing what is planned."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from coord.events import work
from coord.events.commands import (
    Block,
    Cancel,
    Depend,
    NewItem,
    Refusal,
    Reopen,
    Reprioritise,
    Requeue,
    Unblock,
    refusal,
)
from coord.events.model import each_once
from coord.services.decisions.work import Decision, Submission, WorkItem, past, submission, unknown

DependenciesOf = Callable[[str], tuple[str, ...] | None]
"""Of an item that is alive, what it depends on; None: it has ended, or there is no such item."""
_TOLD_MAX: Final = 12


def decide_submit(
    item: WorkItem | None,
    wanted: NewItem,
    lease_seconds: float,
    missing: Iterable[str] = (),
    *,
    orphaned: bool = False,
) -> Decision:
    """Submit an item; the same content under the same id is already so.

    `missing`: dependencies nobody knows; `orphaned`: nor does anybody know its parent.
    """
    event = _submitted(wanted, lease_seconds)
    if item is None:
        return _missing(missing) or (_orphaned(wanted) if orphaned else [event])
    if _is_same(item.submitted, submission(event)):
        return []
    hint = "Choose another key." if wanted.idempotency_key else "Choose another --id."
    return refusal("already_exists", f"the item {item.id} exists with other content.", hint)


def says_the_same(one: NewItem, other: NewItem, lease_seconds: float) -> bool:
    """Tell whether two wishes to submit ask for the same item."""
    return _is_same(submission(_submitted(one, lease_seconds)), submission(_submitted(other, lease_seconds)))


def _submitted(wanted: NewItem, lease_seconds: float) -> work.WorkSubmitted:
    return work.WorkSubmitted(
        title=wanted.title,
        priority=wanted.priority,
        capabilities=wanted.capabilities,
        team=wanted.team,
        lease_seconds=wanted.lease_seconds or lease_seconds,
        body=wanted.body,
        verify=wanted.verify,
        parent=wanted.parent,
        depends_on=tuple(dict.fromkeys(wanted.depends_on)),
        not_before_ns=wanted.not_before_ns,
        deadline_ns=wanted.deadline_ns,
        retry=wanted.retry,
        concurrency=wanted.concurrency,
        idempotency_key=wanted.idempotency_key,
        not_before_said=wanted.not_before_said,
        deadline_said=wanted.deadline_said,
        stuck_seconds=wanted.stuck_seconds,
        on_stuck=wanted.on_stuck,
    )


def _is_same(before: Submission, wanted: Submission) -> bool:
    """Tell whether a submission says what another did: the same words about a moment mean another one by now."""
    before = before._replace(capabilities=each_once(before.capabilities))
    plan = wanted.plan
    if plan.not_before_said is not None and plan.not_before_said == before.plan.not_before_said:
        plan = plan._replace(not_before_ns=before.plan.not_before_ns)
    if plan.deadline_said is not None and plan.deadline_said == before.plan.deadline_said:
        plan = plan._replace(deadline_ns=before.plan.deadline_ns)
    return before == wanted._replace(plan=plan)


def decide_cancel(item: WorkItem | None, command: Cancel) -> Decision:
    """Cancel an item that has not ended."""
    if item is None:
        return unknown(command.item_id)
    if item.status == "cancelled":
        return []
    if item.ended:
        return past(item)
    return [work.WorkCancelled(reason=command.reason)]


def decide_block(item: WorkItem | None, command: Block) -> Decision:
    """Keep an open item from being claimed; again is already so."""
    if item is None:
        return unknown(command.item_id)
    if item.status == "blocked":
        return []
    if item.status != "open":
        return _not(item, "open", "An item that is held is released first.")
    return [work.WorkBlocked(reason=command.reason)]


def decide_unblock(item: WorkItem | None, command: Unblock) -> Decision:
    """Let a blocked item be claimed again; an open one is so already."""
    if item is None:
        return unknown(command.item_id)
    if item.status == "open":
        return []
    if item.status != "blocked":
        return _not(item, "blocked")
    return [work.WorkUnblocked(reason=command.reason)]


def decide_reprioritise(item: WorkItem | None, command: Reprioritise) -> Decision:
    """Give an item that has not ended another priority."""
    if item is None:
        return unknown(command.item_id)
    if item.ended:
        return past(item)
    if item.priority == command.priority:
        return []
    return [work.WorkReprioritised(priority=command.priority, reason=command.reason)]


def decide_requeue(item: WorkItem | None, command: Requeue) -> Decision:
    """Open a parked item again; an open one is so already."""
    if item is None:
        return unknown(command.item_id)
    if item.status == "open":
        return []
    if item.status != "parked":
        hint = f"coord reopen {item.id} --reason ..." if item.ended else ""
        return _not(item, "parked", hint)
    return [work.WorkRequeued(reason=command.reason)]


def decide_reopen(item: WorkItem | None, command: Reopen) -> Decision:
    """Open an item again that had ended; an open one is so already."""
    if item is None:
        return unknown(command.item_id)
    if item.status == "open":
        return []
    if not item.ended:
        hint = f"coord requeue {item.id}" if item.status == "parked" else ""
        return _not(item, "ended", hint)
    return [work.WorkReopened(reason=command.reason)]


def decide_depend(
    item: WorkItem | None, command: Depend, missing: Iterable[str], depends_on: DependenciesOf
) -> Decision:
    """Say what an open item depends on; a cycle is refused naming it."""
    if item is None:
        return unknown(command.item_id)
    wanted = tuple(dict.fromkeys(command.depends_on))
    if item.depends_on == wanted:
        return []
    if item.status not in ("open", "blocked", "parked"):
        return past(item) if item.ended else _not(item, "open", "An item that is held is released first.")
    fault = _missing(missing) or cycle_fault({item.id: wanted}, depends_on)
    return fault or [work.WorkDependenciesSet(depends_on=wanted)]


def cycle_fault(wanted: Mapping[str, tuple[str, ...]], depends_on: DependenciesOf) -> Refusal | None:
    """Refuse if items would wait for each other; `wanted` is what shall hold, by item, beside what holds."""
    safe: set[str] = set()
    for start in wanted:
        path: dict[str, Iterator[str]] = {}
        following: str | None = start
        while following is not None or path:
            if following is not None and following not in safe:
                if following in path:
                    names = list(path)
                    return _cycle([*names[names.index(following) :], following])
                named = wanted[following] if following in wanted else depends_on(following) or ()
                path[following] = iter(named)
            last = next(reversed(path), None)
            if last is None:
                break
            following = next(path[last], None)
            if following is None:
                safe.add(last)
                del path[last]
    return None


def _cycle(path: list[str]) -> Refusal:
    shown = path if len(path) <= _TOLD_MAX else [*path[: _TOLD_MAX - 1], "...", path[-1]]
    told = " -> ".join(shown)
    return refusal(
        "dependency_cycle", f"the items would wait for each other: {told}.", "Leave one of them out."
    )


def _missing(missing: Iterable[str]) -> Refusal | None:
    names = list(missing)
    if not names:
        return None
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return refusal(
        "unknown_id", f"there is no item {names[0]}{more} to depend on.", "Submit it first, or with it."
    )


def _orphaned(wanted: NewItem) -> Refusal:
    return refusal("unknown_id", f"there is no item {wanted.parent} to be a part of.", "Submit it first.")


def _not(item: WorkItem, wanted: str, hint: str = "") -> Refusal:
    return refusal("illegal_transition", f"{item.id} is {item.status}, not {wanted}.", hint)
