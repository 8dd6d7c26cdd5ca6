"""The decision about a claim: who may be given which item."""

from collections.abc import Sequence

from msgspec import Struct

from coord.events.commands import Claim, Refusal, refusal
from coord.events.model import trusted
from coord.events.planning import Scores
from coord.events.work import WorkClaimed
from coord.services.decisions.agent import Agent
from coord.services.decisions.work import Decision, WorkItem, past, unknown


class Load(Struct, frozen=True, gc=False):
    """What an agent and the team that an item would be held for hold already."""

    agent: int = 0
    team: int = 0
    team_limit: int | None = None
    team_name: str = ""


def decide_claim(
    item: WorkItem | None,
    command: Claim,
    agent: Agent,
    load: Load,
    waits_for: Sequence[str] = (),
    scores: Scores | None = None,
) -> Decision:
    """Claim an item for an agent; what it holds itself is already so.

    `waits_for` says in words why the item cannot be claimed yet.
    """
    if item is None:
        return unknown(command.item_id)
    if item.ended:
        return past(item)
    if item.status == "claimed":
        if (item.agent, item.incarnation) == (agent.name, agent.incarnation):
            return []
        return refusal("taken", f"{item.id} is held by {item.agent}.", "Claim another, or without an id.")
    fault = _state_fault(item, waits_for) or fitness_fault(item, agent) or limit_fault(agent, load)
    if fault:
        return fault
    return [
        trusted(
            WorkClaimed,
            {
                "agent": agent.name,
                "incarnation": agent.incarnation,
                "lease_seconds": command.lease_seconds or item.submitted.lease_seconds,
                "attempt": item.attempt + 1,
                "scores": scores,
            },
        )
    ]


def _state_fault(item: WorkItem, waits_for: Sequence[str]) -> Refusal | None:
    if item.status == "blocked":
        return refusal("blocked", f"{item.id} is blocked: {item.reason}", f"coord unblock {item.id}")
    if item.status == "parked":
        told = f"{item.id} is parked after {item.tries} tries."
        return refusal("illegal_transition", told, f"coord requeue {item.id}")
    if waits_for:
        return refusal(
            "waiting", f"{item.id} waits for {', '.join(waits_for)}."[:2_000], f"coord why {item.id}"
        )
    return None


def fitness_fault(item: WorkItem, agent: Agent) -> Refusal | None:
    """Say why an item is not for an agent: its team, or what it needs."""
    team = item.submitted.team
    if team not in (None, agent.team, *agent.serves):
        return refusal(
            "capability_missing",
            f"{item.id} is for the team {team}.",
            "Register the agent with --team, or with --serves.",
        )
    needed = item.submitted.capabilities
    missing = sorted(set(needed) - set(agent.capabilities)) if needed else ()
    if missing:
        return refusal(
            "capability_missing",
            f"{item.id} needs {', '.join(missing)}, which {agent.name} does not offer.",
            "Register the agent with --capability.",
        )
    return None


def limit_fault(agent: Agent, load: Load) -> Refusal | None:
    """Say which limit keeps an agent from holding one more."""
    if agent.wip_limit is not None and load.agent >= agent.wip_limit:
        return refusal("wip_limit", f"{agent.name} holds {load.agent} of at most {agent.wip_limit} items.")
    if load.team_limit is not None and load.team >= load.team_limit:
        told = f"{load.team} of at most {load.team_limit} items are held for the team {load.team_name}."
        return refusal("wip_limit", told, f"coord team {load.team_name}")
    return None
