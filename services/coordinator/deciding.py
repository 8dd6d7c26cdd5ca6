"""From a command to what is to be appended: which aggregate it is about, and what is decided on its state."""

from dataclasses import dataclass
from typing import Any, Final, NoReturn

from coord.events import commands as wish
from coord.events.commands import Done, Refusal, refusal
from coord.events.model import Command, Event
from coord.services import clock
from coord.services.coordinator.ledger import Ledger
from coord.services.decisions import agent as agents
from coord.services.decisions import work
from coord.services.decisions.agent import Agent


@dataclass(frozen=True, slots=True)
class Expire:
    """The timekeeper's wish: end a claim that ran out."""

    item_id: str
    fence: int
    silent_seconds: float


@dataclass(frozen=True, slots=True)
class MarkLost:
    """The timekeeper's wish: an agent was silent for too long."""

    agent: str
    incarnation: int
    silent_seconds: float


@dataclass(frozen=True, slots=True)
class WelcomeBack:
    """The timekeeper's wish: a lost agent was heard."""

    agent: str
    lost_seconds: float


Wish = Command | Expire | MarkLost | WelcomeBack


@dataclass(frozen=True, slots=True)
class Plan:
    """One event to append, behind the position the decision saw."""

    aggregate: str
    entity: str
    expected_position: int
    event: Event


_WITHOUT_ITEM: Final = (wish.Register, wish.Heartbeat, wish.Retire, MarkLost, WelcomeBack)
_WITHOUT_AGENT: Final = (wish.Submit, wish.Cancel, Expire)


def named_item(command: Wish, request_id: str) -> str | None:
    """Return the id of the item a command is about; None when it names none."""
    if isinstance(command, wish.Submit):
        return command.item_id or clock.item_id_of(request_id)
    return None if isinstance(command, _WITHOUT_ITEM) else command.item_id  # type: ignore[union-attr]


def agent_of(command: Wish) -> str | None:
    """Return the agent a command speaks for."""
    return None if isinstance(command, _WITHOUT_AGENT) else command.agent  # type: ignore[union-attr]


def incarnation_of(command: Wish) -> int | None:
    """Return the incarnation a command was sent under, where it names one."""
    if isinstance(command, wish.Claim | wish.Hold | wish.Heartbeat | wish.Retire):
        return command.incarnation
    return None


def plan(ledger: Ledger, command: Wish, item_id: str | None, lease_seconds: float) -> Plan | Done | Refusal:
    """Decide a command on the ledger: an event to append, "already so", or a refusal.

    `item_id` is what `named_item` returned for it.
    """
    if isinstance(command, wish.Claim):
        return _plan_claim(ledger, command)
    if item_id is None:
        name = agent_of(command)
        assert name is not None
        return _plan_agent(ledger, command, name)
    return _plan_item(ledger, command, item_id, lease_seconds)


def done(ledger: Ledger, aggregate: str, entity: str, position: int | None) -> Done:
    """Say that a wish is fulfilled, and show what it was about as it is now."""
    if aggregate == "agent":
        shown = agents.view(ledger.agents[entity], ledger.holds(entity))
        return Done(id=entity, position=position, already=position is None, agent=shown)
    item = ledger.item(entity)
    assert item is not None
    return Done(id=entity, position=position, already=position is None, item=work.view(item))


def _plan_agent(ledger: Ledger, command: Wish, name: str) -> Plan | Done | Refusal:
    agent = ledger.agents.get(name)
    match command:
        case wish.Register():
            decision = agents.decide_register(command)
        case wish.Retire():
            decision = agents.decide_retire(agent, command)
        case wish.Heartbeat():
            fault = agents.fault_of(agent, name, command.incarnation)
            decision = fault or []
        case MarkLost():
            decision = agents.decide_lost(agent, command.incarnation, command.silent_seconds)
        case WelcomeBack():
            decision = agents.decide_return(agent, command.lost_seconds) if agent else []
        case _:
            _no_decision(command)
    return _outcome(ledger, "agent", name, agent.position if agent else 0, decision)


def _plan_claim(ledger: Ledger, command: wish.Claim) -> Plan | Done | Refusal:
    agent = ledger.agents.get(command.agent)
    fault = agents.fault_of(agent, command.agent, command.incarnation)
    if fault:
        return fault
    assert agent is not None
    if command.item_id is not None:
        return _claim_item(ledger, command, agent, command.item_id)
    if agent.wip_limit is not None and ledger.holds(agent.name) >= agent.wip_limit:
        return refusal(
            "wip_limit", f"{agent.name} holds {ledger.holds(agent.name)} of at most {agent.wip_limit} items."
        )
    item_id = ledger.picker.take(agent, ledger.is_open)
    if item_id is None:
        return refusal("nothing_to_claim", f"no open item fits {agent.name}.", "Submit some, or wait.")
    return _claim_item(ledger, command, agent, item_id)


def _claim_item(ledger: Ledger, command: wish.Claim, agent: Agent, item_id: str) -> Plan | Done | Refusal:
    item = ledger.item(item_id)
    decision = work.decide_claim(item, command, agent, ledger.holds(agent.name))
    return _outcome(ledger, "work", item_id, item.position if item else 0, decision)


def _plan_item(ledger: Ledger, command: Wish, item_id: str, lease_seconds: float) -> Plan | Done | Refusal:
    item = ledger.item(item_id)
    decision: work.Decision
    if isinstance(command, wish.Hold):
        incarnation = _incarnation(ledger, command)
        if isinstance(incarnation, Refusal):
            return incarnation
        decision = _HOLDER_DECISIONS[type(command)](item, command, incarnation)
    elif isinstance(command, wish.Submit):
        decision = work.decide_submit(item, command, lease_seconds)
    elif isinstance(command, wish.Cancel):
        decision = work.decide_cancel(item, command)
    elif isinstance(command, Expire):
        decision = work.decide_expire(item, command.fence, command.silent_seconds)
    else:
        _no_decision(command)
    return _outcome(ledger, "work", item_id, item.position if item else 0, decision)


_HOLDER_DECISIONS: dict[type[Command], Any] = {
    wish.Complete: work.decide_complete,
    wish.Fail: work.decide_fail,
    wish.Progress: work.decide_progress,
    wish.Release: work.decide_release,
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


def _outcome(
    ledger: Ledger, aggregate: str, entity: str, position: int, decision: work.Decision
) -> Plan | Done | Refusal:
    if isinstance(decision, Refusal):
        return decision
    if not decision:
        return (
            done(ledger, aggregate, entity, None)
            if _known(ledger, aggregate, entity)
            else Done(id=entity, already=True)
        )
    (event,) = decision
    return Plan(aggregate, entity, position, event)


def _known(ledger: Ledger, aggregate: str, entity: str) -> bool:
    return entity in ledger.agents if aggregate == "agent" else ledger.item(entity) is not None


def _no_decision(command: Wish) -> NoReturn:
    raise AssertionError(f"no decision for {type(command).__name__}")
