"""Commands that change nothing: in which order items would be claimed and why, and whether a wait is over."""

from coord.events import commands as wish
from coord.events.commands import Done, Refusal, refusal
from coord.events.views import Explanation, Ranked
from coord.services.coordinator.ledger import Ledger, now
from coord.services.coordinator.outcome import Outcome, done_with_items
from coord.services.coordinator.picker import RANKED_MAX, Pick
from coord.services.decisions import ordering
from coord.services.decisions.agent import Agent, draining_fault
from coord.services.decisions.claiming import fitness_fault, limit_fault
from coord.services.decisions.work import WorkItem, unknown

_TOLD_MAX = 3


def plan_explain(ledger: Ledger, command: wish.Explain) -> Outcome:
    """Say in which order items would be claimed by an agent, and where one of them stands."""
    item = ledger.item(command.item_id) if command.item_id is not None else None
    if command.item_id is not None and item is None:
        return unknown(command.item_id)
    agent = _for_whom(ledger, command, item)
    ranking = ledger.readiness.picker.ranking(agent, lambda team: ledger.fairness(agent, team), now().wall_ns)
    ranked = [_ranked(ledger, pick, place) for place, (_, _, pick) in enumerate(ranking, 1)]
    asked = None
    shown = ranked[: command.limit]
    if item is not None:
        asked = next((one for one in ranked if one.id == item.id), None)
        before = ranked[: asked.place - 1] if asked else ranked
        shown = before[-command.limit :]
    explanation = Explanation(
        agent=command.agent,
        item=asked or (_unranked(ledger, item, agent) if item is not None else None),
        ranked=tuple(shown),
        fitting=len(ranking),
        waiting=len(ledger.readiness),
        truncated=len(ranking) >= RANKED_MAX,
        weights=dict(ordering.WEIGHTS),
    )
    return Done(id=command.item_id or command.agent or "claims", already=True, explanation=explanation)


def plan_wait(ledger: Ledger, command: wish.Wait) -> Outcome:
    """Tell whether what is waited for has come; `not_yet` if it has not."""
    items = [ledger.item(one) for one in command.item_ids]
    for item_id, item in zip(command.item_ids, items, strict=True):
        if item is None:
            return unknown(item_id)
    over = [item is not None and _is_over(item, command.fence) for item in items]
    if any(over) if command.any else all(over):
        return done_with_items(ledger, command.item_ids, None)
    left = [item_id for item_id, one in zip(command.item_ids, over, strict=True) if not one]
    more = f" and {len(left) - _TOLD_MAX} more" if len(left) > _TOLD_MAX else ""
    held = f"{left[0]} is still held under {command.fence}." if command.fence else ""
    return refusal("not_yet", held or f"{', '.join(left[:_TOLD_MAX])}{more} did not end yet.", "Wait again.")


def _is_over(item: WorkItem, fence: int | None) -> bool:
    if fence is not None:
        return item.status != "claimed" or item.fence != fence
    return item.ended or item.status == "parked"


def _for_whom(ledger: Ledger, command: wish.Explain, item: WorkItem | None) -> Agent:
    """Return the agent that is asked for, or one that could take the item, or anything."""
    if command.agent is not None:
        return ledger.agents.get(command.agent) or Agent(command.agent, incarnation=1, position=1)
    if item is not None:
        needs = item.submitted
        return Agent("anybody", 1, 1, team=needs.team, capabilities=needs.capabilities)
    teams, capabilities = ledger.readiness.picker.wanted()
    return Agent("anybody", 1, 1, serves=teams, capabilities=capabilities)


def _ranked(ledger: Ledger, pick: Pick, place: int) -> Ranked:
    item = ledger.item(pick.item_id)
    assert item is not None
    return Ranked.model_construct(
        id=pick.item_id, title=item.submitted.title, place=place, scores=pick.scores
    )


def _unranked(ledger: Ledger, item: WorkItem, agent: Agent) -> Ranked:
    return Ranked(id=item.id, title=item.submitted.title, place=0, waits_for=_why(ledger, item, agent))


def _why(ledger: Ledger, item: WorkItem, agent: Agent) -> tuple[str, ...]:
    """Say why an agent cannot claim an item now."""
    if item.status == "claimed":
        return (f"{item.agent}, which holds it",)
    if item.status != "open":
        return (f"nothing: it is {item.status}{f', {item.reason}' if item.reason else ''}"[:2_000],)
    waits_for = ledger.readiness.waits_for(item, now())
    if waits_for:
        return waits_for
    load = ledger.load(agent, item.submitted.team)
    fault: Refusal | None = fitness_fault(item, agent) or draining_fault(agent) or limit_fault(agent, load)
    return (f"somebody else: {fault.reason}",) if fault else ("a moment: it is being claimed",)
