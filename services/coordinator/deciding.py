"""From a command to what is to be appended: which aggregate it is about, and what is decided on its state."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn

from coord.events import commands as wish
from coord.events.commands import Refusal, refusal
from coord.services.coordinator.choosing import plan_claim
from coord.services.coordinator.explaining import plan_explain, plan_wait
from coord.services.coordinator.ledger import Ledger, now
from coord.services.coordinator.outcome import Beside, Outcome, of_item, outcome
from coord.services.coordinator.submitting import plan_depend, plan_submit, plan_submit_many
from coord.services.coordinator.wishes import (
    MarkLost,
    MarkMovedOn,
    MarkStuck,
    Reclaim,
    Subject,
    WelcomeBack,
    Wish,
)
from coord.services.decisions import agent as agents
from coord.services.decisions import alert as alerts
from coord.services.decisions import directive as directives
from coord.services.decisions import health, holding, planning
from coord.services.decisions import team as teams
from coord.services.decisions.work import Decision, WorkItem


class Defaults(NamedTuple):
    """What holds for items that say nothing else."""

    lease_seconds: float
    reclaims_max: int
    releases_max: int


def plan(
    ledger: Ledger, command: Wish, about: Subject, request_id: str, defaults: Defaults, beside: Beside
) -> Outcome:
    """Decide a command on the ledger: events to append, "already so", or a refusal.

    `about` is what `subject_of` returned for it.
    """
    of_items = _OF_ITEMS.get(command.__class__)
    if of_items is not None:
        return of_items(ledger, command)
    if isinstance(command, wish.SubmitMany):
        return plan_submit_many(ledger, command, request_id, defaults.lease_seconds)
    aggregate, entity, directive_id = about
    assert entity is not None
    if aggregate == "work":
        return _plan_item(ledger, command, entity, defaults, beside)
    match aggregate:
        case "agent":
            return _plan_agent(ledger, command, entity)
        case "team":
            return _plan_team(ledger, command, entity)
        case "alert":
            return _plan_alert(ledger, command, entity)
        case "directive":
            return _plan_directive(ledger, command, directive_id, beside)
        case "health":
            return _plan_weight(ledger, command, entity)
    raise AssertionError(f"no decisions about {aggregate}")


def _plan_agent(ledger: Ledger, command: Wish, name: str) -> Outcome:
    agent = ledger.agents.get(name)
    match command:
        case wish.Register():
            decision = agents.decide_register(agent, command)
        case wish.Retire():
            decision = agents.decide_retire(agent, command)
        case wish.Drain():
            decision = agents.decide_drain(agent, command)
        case wish.Evict():
            decision = agents.decide_evict(agent, command)
        case wish.Heartbeat():
            fault = agents.fault_of(agent, name, command.incarnation)
            decision = fault or []
        case MarkLost() if not command.is_still_so():
            decision = []
        case MarkLost():
            decision = agents.decide_lost(agent, command.incarnation, command.silent_seconds)
        case WelcomeBack():
            decision = agents.decide_return(agent, command.lost_seconds) if agent else []
        case _:
            _no_decision(command)
    return outcome(ledger, "agent", name, agent.position if agent else 0, decision)


def _plan_team(ledger: Ledger, command: Wish, name: str) -> Outcome:
    assert isinstance(command, wish.ConfigureTeam)
    team = ledger.team(name)
    return outcome(ledger, "team", name, team.position, teams.decide_configure(team, command))


def _plan_weight(ledger: Ledger, command: Wish, part: str) -> Outcome:
    assert isinstance(command, wish.Weigh)
    decision = health.decide_weigh(ledger.oversight.points(part), command)
    return outcome(ledger, "health", part, ledger.oversight.position("health", part), decision)


def _plan_item(ledger: Ledger, command: Wish, item_id: str, defaults: Defaults, beside: Beside) -> Outcome:
    item = ledger.item(item_id)
    if isinstance(command, wish.Hold):
        return _plan_hold(ledger, command, item, defaults, beside)
    if isinstance(command, wish.Submit):
        return plan_submit(ledger, command, item_id, defaults.lease_seconds)
    if isinstance(command, wish.Depend):
        return plan_depend(ledger, command)
    decision: Decision
    match command:
        case Reclaim() | MarkStuck() if not command.is_still_so():
            decision = []
        case Reclaim():
            decision = holding.decide_reclaim(
                item,
                command.fence,
                command.silent_seconds,
                command.cause,
                command.reason,
                defaults.reclaims_max,
            )
        case MarkStuck():
            decision = holding.decide_stuck(item, command.fence, command.idle_seconds, defaults.reclaims_max)
        case MarkMovedOn():
            decision = holding.decide_moved_on(item, command.fence)
        case wish.Named():
            decision = _NAMED_DECISIONS[type(command)](item, command)
        case _:
            _no_decision(command)
    return of_item(ledger, item_id, decision)


def _plan_hold(
    ledger: Ledger, command: wish.Hold, item: WorkItem | None, defaults: Defaults, beside: Beside
) -> Outcome:
    incarnation = _incarnation(ledger, command)
    if isinstance(incarnation, Refusal):
        return incarnation
    if isinstance(command, wish.Complete):
        decision = holding.decide_complete(item, command, incarnation, beside.verification)
    elif isinstance(command, wish.Release):
        held_seconds = (now().wall_ns - item.claimed_at_ns) / 1e9 if item is not None else 0.0
        decision = holding.decide_release(item, command, incarnation, held_seconds, defaults.releases_max)
    else:
        decision = _HOLDER_DECISIONS[type(command)](item, command, incarnation)
    return of_item(ledger, command.item_id, decision)


def _plan_alert(ledger: Ledger, command: Wish, alert_id: str) -> Outcome:
    alert = ledger.oversight.alert(alert_id)
    match command:
        case wish.RaiseAlert():
            decision = alerts.decide_raise(alert, command)
        case wish.ResolveAlert():
            decision = alerts.decide_resolve(alert, command)
        case wish.Acknowledge():
            decision = alerts.decide_acknowledge(alert, command)
        case wish.Silence():
            decision = alerts.decide_silence(alert, command)
        case _:
            _no_decision(command)
    return outcome(ledger, "alert", alert_id, ledger.oversight.position("alert", alert_id), decision)


def _plan_directive(ledger: Ledger, command: Wish, directive_id: str, beside: Beside) -> Outcome:
    assert isinstance(command, wish.Direct | wish.Withdraw)
    entity = command.entity
    directive = ledger.oversight.directive(entity, directive_id)
    if isinstance(command, wish.Direct):
        decision = directives.decide_issue(directive, command, directive_id, beside.last_position)
    else:
        decision = directives.decide_withdraw(directive, command)
    position = ledger.oversight.position("directive", entity)
    return outcome(ledger, "directive", entity, position, decision, directive_id)


_OF_ITEMS: Final[dict[type, Callable[..., Outcome]]] = {
    wish.Claim: plan_claim,
    wish.Explain: plan_explain,
    wish.Wait: plan_wait,
}
"""What is not decided about the item alone that it names, if it names one."""
_HOLDER_DECISIONS: Final[dict[type, Callable[..., Any]]] = {
    wish.Fail: holding.decide_fail,
    wish.Progress: holding.decide_progress,
}
_NAMED_DECISIONS: Final[dict[type, Callable[..., Any]]] = {
    wish.Block: planning.decide_block,
    wish.Cancel: planning.decide_cancel,
    wish.Reopen: planning.decide_reopen,
    wish.Reprioritise: planning.decide_reprioritise,
    wish.Requeue: planning.decide_requeue,
    wish.Unblock: planning.decide_unblock,
}


def _incarnation(ledger: Ledger, command: wish.Hold) -> int | Refusal:
    """A holder may be an incarnation that was superseded: its claim is its own until it runs out."""
    if command.incarnation is not None:
        return command.incarnation
    agent = ledger.agents.get(command.agent)
    if agent is not None:
        return agent.incarnation
    if ledger.item(command.item_id) is None:
        return refusal("unknown_id", f"there is no item {command.item_id}.")
    return refusal("unknown_agent", f"no agent {command.agent} is registered, so it holds nothing.")


def _no_decision(command: Wish) -> NoReturn:
    raise AssertionError(f"no decision for {type(command).__name__}")
