"""Submitting items, one or many together: their ids, what they depend on, and that nothing waits in a circle."""

from collections.abc import Mapping

from coord.events import commands as wish
from coord.events.commands import NewItem, Refusal, refusal
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.outcome import Change, Outcome, Plan, done_with_items, of_item
from coord.services.coordinator.wishes import id_of
from coord.services.decisions.planning import cycle_fault, decide_depend, decide_submit


def plan_submit(ledger: Ledger, command: wish.Submit, item_id: str, lease_seconds: float) -> Outcome:
    """Decide the submission of one item."""
    if item_id in command.depends_on:
        return cycle_fault({item_id: (item_id,)}, ledger.depends_on) or _never()
    missing = _missing(ledger, command, ())
    return of_item(ledger, item_id, decide_submit(ledger.item(item_id), command, lease_seconds, missing))


def plan_submit_many(
    ledger: Ledger, command: wish.SubmitMany, request_id: str, lease_seconds: float
) -> Outcome:
    """Decide the submission of several: all, or a refusal that names the first that cannot be."""
    ids = [id_of(item, request_id, ordinal) for ordinal, item in enumerate(command.items)]
    wanted = dict(zip(ids, command.items, strict=True))
    if len(wanted) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        return refusal(
            "already_exists", f"the item {twice} stands twice in one batch.", "Leave one of them out."
        )
    edges = {item_id: item.depends_on for item_id, item in wanted.items()}
    cycle = cycle_fault(edges, ledger.depends_on)
    return cycle or _submit_all(ledger, wanted, lease_seconds)


def plan_depend(ledger: Ledger, command: wish.Depend) -> Outcome:
    """Decide what an item shall depend on from now on."""
    item = ledger.item(command.item_id)
    missing = [one for one in command.depends_on if ledger.item(one) is None]
    decision = decide_depend(item, command, missing, ledger.depends_on)
    return of_item(ledger, command.item_id, decision)


def _submit_all(ledger: Ledger, wanted: Mapping[str, NewItem], lease_seconds: float) -> Outcome:
    changes: list[Change] = []
    for item_id, new in wanted.items():
        decision = decide_submit(ledger.item(item_id), new, lease_seconds, _missing(ledger, new, wanted))
        if isinstance(decision, Refusal):
            return decision
        changes += [Change("work", item_id, 0, event) for event in decision]
    if not changes:
        return done_with_items(ledger, list(wanted), None)
    return Plan(tuple(changes), listed=tuple(wanted))


def _missing(ledger: Ledger, item: NewItem, beside: Mapping[str, NewItem] | tuple[()]) -> list[str]:
    return [one for one in item.depends_on if one not in beside and ledger.item(one) is None]


def _never() -> Refusal:
    raise AssertionError("an item that depends on itself is a cycle")
