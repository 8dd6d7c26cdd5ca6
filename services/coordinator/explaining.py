"""Commands that change nothing: in which order items would be claimed and why, and whether a wait is over."""

from coord.events import commands as wish
from coord.events.commands import Done, refusal
from coord.events.views import Explanation, Ranked
from coord.services.coordinator.ledger import Ledger, now
from coord.services.coordinator.outcome import Outcome, done_with_items
from coord.services.coordinator.picker import RANKED_MAX, Pick
from coord.services.decisions import ordering
from coord.services.decisions.agent import Agent, draining_fault, fault_of
from coord.services.decisions.claiming import Load, fitness_fault, limit_fault
from coord.services.decisions.work import WorkItem, unknown

_TOLD_MAX = 3


def plan_explain(ledger: Ledger, command: wish.Explain) -> Outcome:
    """Say in which order items would be claimed by an agent, and where one of them stands."""
    item = ledger.item(command.item_id) if command.item_id is not None else None
    if command.item_id is not None and item is None:
        return unknown(command.item_id)
    agent = _for_whom(ledger, command, item)
    fault = _fault(ledger, agent)

    def fairness(team: str | None) -> float | None:
        return ledger.fairness(agent, team)

    picker = ledger.readiness.picker
    ranking = picker.ranking(agent, fairness, now().wall_ns)
    kept_back = picker.kept_back(agent, fairness)
    ranked = [_ranked(ledger, pick, place) for place, (_, _, pick) in enumerate(ranking, 1)]
    asked = None
    shown = ranked[: command.limit]
    if item is not None:
        asked = next((one for one in ranked if one.id == item.id), None) if fault is None else None
        shown = ranked[: asked.place - 1][-command.limit :] if asked else []
    explanation = Explanation(
        agent=command.agent,
        item=asked or (_unranked(ledger, item, agent) if item is not None else None),
        ranked=tuple(shown),
        fitting=len(ranking),
        waiting=len(ledger.readiness),
        fault=fault,
        full=tuple(
            ledger.team_view(name) for name in sorted({team or agent.team or "" for team in kept_back})
        ),
        kept_back=sum(kept_back.values()),
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
    """Say why an agent cannot claim an item now."""
    waits_for: tuple[str, ...] = ()
    fault = _item_fault(ledger, item, agent)
    if item.status == "claimed":
        waits_for = (f"{item.agent}, which holds it",)
    elif fault is None:
        waits_for = ledger.readiness.waits_for(item, now()) or ("a moment: it is being claimed",)
    return Ranked(
        id=item.id, title=item.submitted.title, place=0, waits_for=waits_for, fault=fault and fault[:2_000]
    )


def _item_fault(ledger: Ledger, item: WorkItem, agent: Agent) -> str | None:
    """Say why an agent cannot claim an item that waits for nothing."""
    if item.status == "claimed":
        return None
    if item.status != "open":
        return f"it is {item.status}{f': {item.reason}' if item.reason else ''}"
    if ledger.readiness.waits_for(item, now()):
        return None
    fault = fitness_fault(item, agent) or limit_fault(agent, ledger.load(agent, item.submitted.team))
    return fault.reason if fault else _fault(ledger, agent)


def _fault(ledger: Ledger, agent: Agent) -> str | None:
    """Say why an agent is given nothing now, whatever there is."""
    limited = Load(ledger.holds(agent.name))
    fault = fault_of(agent, agent.name, None) or draining_fault(agent) or limit_fault(agent, limited)
    return fault.reason if fault else None
