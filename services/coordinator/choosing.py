"""Claims: which items an agent is given, the best ones or the one it names."""

from dataclasses import replace
from typing import Final

from coord.events import commands as wish
from coord.events.commands import Done, Refusal, refusal
from coord.events.planning import Scores
from coord.services import clock
from coord.services.coordinator.ledger import Ledger, now
from coord.services.coordinator.outcome import Change, Outcome, Plan, done_with_items, of_item
from coord.services.decisions import agent as agents
from coord.services.decisions.agent import Agent
from coord.services.decisions.claiming import Load, decide_claim, limit_fault
from coord.services.wording import age

_PASSING: Final = frozenset({"blocked", "taken", "waiting"})
"""Refusals of one item that somebody might wait out, were it ever given anything again."""


def plan_claim(ledger: Ledger, command: wish.Claim) -> Outcome:
    """Decide a claim. What is planned is taken off the picker: `Ledger.offer_again` puts it back."""
    agent = ledger.agents.get(command.agent)
    if (agent is None or agent.status == "retired") and command.incarnation is None:
        return _plan_newcomer(ledger, command)
    fault = agents.fault_of(agent, command.agent, command.incarnation)
    if fault:
        return fault
    assert agent is not None
    return _claim(ledger, command, agent)


def is_for_newcomers(answer: object, command: wish.Claim) -> bool:
    """Tell whether a claim would win, if only its agent were registered."""
    unknown = isinstance(answer, Refusal) and answer.code == "unknown_agent"
    return unknown and command.incarnation is None


def registration(name: str, request_id: str) -> wish.Register:
    """Register a newcomer, unless another claim of its has done that by now; who has retired comes back as it was."""
    return wish.Register(request_id=request_id, agent=name, if_unknown=True)


def _plan_newcomer(ledger: Ledger, command: wish.Claim) -> Outcome:
    """Refuse what a newcomer would not win either; else say that it is unknown: whoever asked registers it.

    So a claim that is refused leaves no agent behind that nobody will ever hear of again.
    """
    known = ledger.agents.get(command.agent)
    agent = (
        Agent(command.agent, incarnation=1, position=1) if known is None else replace(known, draining=False)
    )
    outcome = _claim(ledger, command, agent)
    if not isinstance(outcome, Plan):
        return outcome
    for change in outcome.changes:
        ledger.offer_again(change.entity)
    return refusal(
        "unknown_agent", f"no agent {command.agent} is registered.", f"coord register {command.agent}"
    )


def _claim(ledger: Ledger, command: wish.Claim, agent: Agent) -> Outcome:
    if command.item_id is not None:
        return _claim_named(ledger, command, agent, command.item_id)
    fault = agents.draining_fault(agent) or limit_fault(agent, Load(ledger.holds(agent.name)))
    if fault:
        return fault
    room = command.count if agent.wip_limit is None else agent.wip_limit - ledger.holds(agent.name)
    if command.count == 1:
        outcome = _claim_best(ledger, command, agent, {})
        return outcome if outcome is not None else _nothing(ledger, agent)
    return _claim_several(ledger, command, agent, min(command.count, room))


def _claim_best(ledger: Ledger, command: wish.Claim, agent: Agent, taken: dict[str, int]) -> Outcome | None:
    """Plan the best item; `taken` counts, by team, what the same plan takes already."""

    def fairness(item_team: str | None) -> float | None:
        if not taken:
            return ledger.fairness(agent, item_team)
        name = item_team or agent.team or ""
        limit = ledger.team(name).wip_limit
        if limit is not None and ledger.load(agent, item_team).team + taken.get(name, 0) >= limit:
            return None
        return ledger.fairness(agent, item_team)

    pick = ledger.readiness.picker.take(agent, fairness, clock.now_ns())
    if pick is None:
        return None
    return _claim_item(ledger, command, agent, pick.item_id, pick.scores)


def _claim_several(ledger: Ledger, command: wish.Claim, agent: Agent, count: int) -> Outcome:
    changes: list[Change] = []
    taken: dict[str, int] = {}
    for _ in range(count):
        outcome = _claim_best(ledger, command, agent, taken)
        if not isinstance(outcome, Plan):
            break
        changes += outcome.changes
        item = ledger.item(outcome.changes[0].entity)
        team = (item.submitted.team if item else None) or agent.team or ""
        taken[team] = taken.get(team, 0) + 1
    if not changes:
        return _nothing(ledger, agent)
    return Plan(tuple(changes), listed=tuple(change.entity for change in changes))


def _claim_named(ledger: Ledger, command: wish.Claim, agent: Agent, item_id: str) -> Outcome:
    outcome = _claim_item(ledger, command, agent, item_id, None)
    fault = agents.draining_fault(agent)
    if isinstance(outcome, Refusal):
        return fault if fault and outcome.code in _PASSING else outcome
    if isinstance(outcome, Done):
        return done_with_items(ledger, (item_id,), None) if command.count > 1 else outcome
    item = ledger.item(item_id)
    if fault or item is None:
        return fault or outcome
    ledger.readiness.reserve(item)
    return Plan(outcome.changes, listed=(item_id,)) if command.count > 1 else outcome


def _claim_item(
    ledger: Ledger, command: wish.Claim, agent: Agent, item_id: str, scores: Scores | None
) -> Outcome:
    item = ledger.item(item_id)
    load = ledger.load(agent, item.submitted.team if item else None)
    waits_for = ledger.readiness.waits_for(item, now()) if item is not None and scores is None else ()
    return of_item(ledger, item_id, decide_claim(item, command, agent, load, waits_for, scores))


def _nothing(ledger: Ledger, agent: Agent) -> Refusal:
    """Say that there is nothing for an agent, and what there would be."""
    picker, waiting = ledger.readiness.picker, len(ledger.readiness)
    hint = "Submit some, or wait: coord claim --wait."
    full = next(picker.full_teams(agent, lambda team: ledger.fairness(agent, team)), "")
    fault = limit_fault(agent, ledger.load(agent, full)) if full != "" else None
    if fault:
        hint = f"{fault.reason} Wait: coord claim --wait."
    elif len(picker):
        hint = f"What is open is for others ({len(picker)}): coord claim --why."
    elif waiting:
        soonest = ledger.readiness.soonest(now())
        when = f", the next in {age(soonest)}" if soonest is not None else ""
        hint = f"What is open waits for something ({waiting}){when}: coord claim --wait."
    return refusal("nothing_to_claim", f"no open item fits {agent.name}.", hint)
