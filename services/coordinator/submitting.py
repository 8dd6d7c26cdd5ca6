"""Submitting items, one or many together: their ids, what they depend on, and that nothing waits in a circle."""

from collections.abc import Collection, Mapping, Sequence

from coord.events import commands as wish
from coord.events.commands import NewItem, Refusal, refusal
from coord.events.errors import visible
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.outcome import Change, Outcome, Plan, done_with_items, of_item
from coord.services.coordinator.wishes import ids_of
from coord.services.decisions.planning import cycle_fault, decide_depend, decide_submit, says_the_same


def plan_submit(ledger: Ledger, command: wish.Submit, item_id: str, lease_seconds: float) -> Outcome:
    """Decide the submission of one item."""
    if item_id in command.depends_on:
        return cycle_fault({item_id: (item_id,)}, ledger.depends_on) or _never()
    missing, orphaned = _missing(ledger, command, ()), _is_orphaned(ledger, command, ())
    decision = decide_submit(ledger.item(item_id), command, lease_seconds, missing, orphaned=orphaned)
    return of_item(ledger, item_id, decision)


def plan_submit_many(
    ledger: Ledger, command: wish.SubmitMany, request_id: str, lease_seconds: float
) -> Outcome:
    """Decide the submission of several: all, or a refusal that names the first that cannot be.

    The same item twice is one, and is told of twice.
    """
    ids = ids_of(command.items, request_id)
    wanted: dict[str, NewItem] = {}
    for place, (item_id, item) in enumerate(zip(ids, command.items, strict=True)):
        first = wanted.setdefault(item_id, item)
        if first is not item and not says_the_same(first, item, lease_seconds):
            return _clash(item, ids.index(item_id) + 1, place + 1)
    edges = {item_id: item.depends_on for item_id, item in wanted.items()}
    cycle = cycle_fault(edges, ledger.depends_on)
    return cycle or _submit_all(ledger, wanted, ids, lease_seconds)


def plan_depend(ledger: Ledger, command: wish.Depend) -> Outcome:
    """Decide what an item shall depend on from now on."""
    item = ledger.item(command.item_id)
    missing = [one for one in command.depends_on if ledger.item(one) is None]
    decision = decide_depend(item, command, missing, ledger.depends_on)
    return of_item(ledger, command.item_id, decision)


def _clash(item: NewItem, first: int, second: int) -> Refusal:
    key = item.idempotency_key
    what = f"id {item.item_id}" if key is None else f"idempotency key '{visible(key, len(key))}'"
    return refusal(
        "already_exists",
        f"items {first} and {second} of one batch have the {what} and other content.",
        "Give each its own." if key is None else "Choose another key for one of them.",
    )


def _submit_all(
    ledger: Ledger, wanted: Mapping[str, NewItem], ids: Sequence[str], lease_seconds: float
) -> Outcome:
    changes: list[Change] = []
    before: set[str] = set()
    for item_id, new in wanted.items():
        missing, orphaned = _missing(ledger, new, wanted), _is_orphaned(ledger, new, before)
        decision = decide_submit(ledger.item(item_id), new, lease_seconds, missing, orphaned=orphaned)
        if isinstance(decision, Refusal):
            return decision
        before.add(item_id)
        changes += [Change("work", item_id, 0, event) for event in decision]
    if not changes:
        return done_with_items(ledger, ids, None)
    return Plan(tuple(changes), listed=tuple(ids))


def _missing(ledger: Ledger, item: NewItem, beside: Mapping[str, NewItem] | tuple[()]) -> list[str]:
    return [one for one in item.depends_on if one not in beside and ledger.item(one) is None]


def _is_orphaned(ledger: Ledger, item: NewItem, before: Collection[str]) -> bool:
    """Tell whether its parent is not there; only what stands before it in a batch may be it, so that there is no circle."""
    return item.parent is not None and item.parent not in before and ledger.item(item.parent) is None


def _never() -> Refusal:
    raise AssertionError("an item that depends on itself is a cycle")
