"""From a command to what is to be appended: which aggregate it is about, and what is decided on its state."""

from dataclasses import dataclass
from typing import Any, Final, NoReturn

from coord.events import commands as wish
from coord.events.commands import Done, Refusal, refusal
from coord.events.envelope import Recorded
from coord.events.model import Command, Event
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.oversight import OVERSEEN
from coord.services.coordinator.wishes import Expire, MarkLost, Subject, WelcomeBack, Wish
from coord.services.decisions import agent as agents
from coord.services.decisions import alert as alerts
from coord.services.decisions import directive as directives
from coord.services.decisions import work
from coord.services.decisions.agent import Agent


@dataclass(frozen=True, slots=True)
class Plan:
    """One event to append, behind the position the decision saw."""

    aggregate: str
    entity: str
    expected_position: int
    event: Event

    @property
    def directive_id(self) -> str:
        """Which directive of the entity the event is about; empty when it is about none."""
        return str(getattr(self.event, "directive_id", ""))


Outcome = Plan | Done | Refusal


@dataclass(frozen=True, slots=True)
class Beside:
    """What a decision rests on beside the ledger: read from the log for it alone."""

    last_position: int | None = None
    """Of the last event of the entity that is to be directed; None: it has none."""
    verification: Recorded | None = None
    """The last run of the scenario that the item must have passed."""


NOTHING_BESIDE: Final = Beside()


def plan(ledger: Ledger, command: Wish, about: Subject, lease_seconds: float, beside: Beside) -> Outcome:
    """Decide a command on the ledger: an event to append, "already so", or a refusal.

    `about` is what `subject_of` returned for it.
    """
    if isinstance(command, wish.Claim):
        return _plan_claim(ledger, command)
    aggregate, entity, directive_id = about
    assert entity is not None
    if aggregate == "agent":
        return _plan_agent(ledger, command, entity)
    if aggregate == "alert":
        return _plan_alert(ledger, command, entity)
    if aggregate == "directive":
        return _plan_directive(ledger, command, directive_id, beside)
    return _plan_item(ledger, command, entity, lease_seconds, beside)


def done(ledger: Ledger, aggregate: str, entity: str, position: int | None, directive_id: str = "") -> Done:
    """Say that a wish is fulfilled, and show what it was about as it is now."""
    already = position is None
    if aggregate == "agent":
        shown = agents.view(ledger.agents[entity], ledger.holds(entity))
        return Done(id=entity, position=position, already=already, agent=shown)
    if aggregate == "alert":
        alert = ledger.oversight.alert(entity)
        assert alert is not None
        return Done(id=entity, position=position, already=already, alert=alerts.view(alert))
    if aggregate == "directive":
        directive = ledger.oversight.directive(entity, directive_id)
        assert directive is not None
        return Done(id=directive_id, position=position, already=already, directive=directives.view(directive))
    item = ledger.item(entity)
    assert item is not None
    return Done(id=entity, position=position, already=already, item=work.view(item))


def _plan_agent(ledger: Ledger, command: Wish, name: str) -> Outcome:
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


def is_for_newcomers(answer: object, command: wish.Claim) -> bool:
    """Tell whether a claim would win, if only its agent were registered."""
    unknown = isinstance(answer, Refusal) and answer.code == "unknown_agent"
    return unknown and command.incarnation is None


def _plan_claim(ledger: Ledger, command: wish.Claim) -> Outcome:
    agent = ledger.agents.get(command.agent)
    if agent is None and command.incarnation is None:
        return _plan_newcomer(ledger, command)
    fault = agents.fault_of(agent, command.agent, command.incarnation)
    if fault:
        return fault
    assert agent is not None
    return _claim(ledger, command, agent)


def _plan_newcomer(ledger: Ledger, command: wish.Claim) -> Outcome:
    """Refuse what a newcomer would not win either; else say that it is unknown: whoever asked registers it.

    So a claim that is refused leaves no agent behind that nobody will ever hear of again.
    """
    outcome = _claim(ledger, command, Agent(command.agent, incarnation=1, position=1))
    if not isinstance(outcome, Plan):
        return outcome
    ledger.offer_again(outcome.entity)
    return refusal(
        "unknown_agent", f"no agent {command.agent} is registered.", f"coord register {command.agent}"
    )


def _claim(ledger: Ledger, command: wish.Claim, agent: Agent) -> Outcome:
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


def _claim_item(ledger: Ledger, command: wish.Claim, agent: Agent, item_id: str) -> Outcome:
    item = ledger.item(item_id)
    decision = work.decide_claim(item, command, agent, ledger.holds(agent.name))
    return _outcome(ledger, "work", item_id, item.position if item else 0, decision)


def _plan_item(ledger: Ledger, command: Wish, item_id: str, lease_seconds: float, beside: Beside) -> Outcome:
    item = ledger.item(item_id)
    decision: work.Decision
    if isinstance(command, wish.Hold):
        incarnation = _incarnation(ledger, command)
        if isinstance(incarnation, Refusal):
            return incarnation
        if isinstance(command, wish.Complete):
            decision = work.decide_complete(item, command, incarnation, beside.verification)
        else:
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
    return _outcome(ledger, "alert", alert_id, ledger.oversight.position("alert", alert_id), decision)


def _plan_directive(ledger: Ledger, command: Wish, directive_id: str, beside: Beside) -> Outcome:
    assert isinstance(command, wish.Direct | wish.Withdraw)
    entity = command.entity
    directive = ledger.oversight.directive(entity, directive_id)
    if isinstance(command, wish.Direct):
        decision = directives.decide_issue(directive, command, directive_id, beside.last_position)
    else:
        decision = directives.decide_withdraw(directive, command)
    position = ledger.oversight.position("directive", entity)
    return _outcome(ledger, "directive", entity, position, decision, directive_id)


_HOLDER_DECISIONS: dict[type[Command], Any] = {
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
    ledger: Ledger,
    aggregate: str,
    entity: str,
    position: int,
    decision: work.Decision,
    directive_id: str = "",
) -> Outcome:
    if isinstance(decision, Refusal):
        return decision
    if not decision:
        if _known(ledger, aggregate, entity):
            return done(ledger, aggregate, entity, None, directive_id)
        return Done(id=entity, already=True)
    (event,) = decision
    return Plan(aggregate, entity, position, event)


def _known(ledger: Ledger, aggregate: str, entity: str) -> bool:
    """Tell whether there is something to show; of the timekeeper's wishes, what they are about may be gone."""
    if aggregate in OVERSEEN:
        return True
    return entity in ledger.agents if aggregate == "agent" else ledger.item(entity) is not None


def _no_decision(command: Wish) -> NoReturn:
    raise AssertionError(f"no decision for {type(command).__name__}")
