"""What is heard: commands as signs of life of their agents, runs as signs of work, claims whose leases begin and end."""

from coord.events import commands as wish
from coord.events.model import Command
from coord.services import clock
from coord.services.coordinator.chores import Chores
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.timekeeper import Timekeeper
from coord.services.coordinator.wishes import agent_of, incarnation_of
from coord.services.decisions.agent import Agent


class Hearing:
    """Tells the timekeeper."""

    def __init__(self, ledger: Ledger, timekeeper: Timekeeper, chores: Chores) -> None:
        self._ledger = ledger
        self._timekeeper = timekeeper
        self._chores = chores

    def hear(self, command: Command) -> Agent | None:
        """Take a command as a sign of life of its agent; return one that was lost: it is to be welcomed first."""
        name = agent_of(command)
        if name is None or command.__class__ is wish.Register:
            return None
        agent = self._ledger.agents.get(name)
        if agent is None or agent.gone or incarnation_of(command) not in (None, agent.incarnation):
            return None
        if agent.status == "lost":
            return agent
        self.lives(agent, command, clock.monotonic())
        return None

    def lives(self, agent: Agent, command: Command, now: float) -> None:
        """An agent was heard; a heartbeat renews what it holds."""
        self._timekeeper.hear(agent.name, now)
        if command.__class__ is wish.Heartbeat:
            self._timekeeper.promise(agent.name, command.every_seconds)
            self._renew(command, agent.incarnation, now)

    def worked(self, item_id: str, *, shows_work: bool) -> None:
        """A run that works on an item was heard: a sign of life of its holder, and perhaps evidence of work."""
        item = self._ledger.item(item_id)
        if item is not None and item.status == "claimed":
            self._timekeeper.renew(item_id, clock.monotonic(), worked=shows_work)
            if shows_work:
                self._chores.moved_on(item)

    def keep_lease(self, item_id: str) -> None:
        """Have an item's lease run if it is claimed, else no more."""
        item = self._ledger.item(item_id)
        if item is not None and item.status == "claimed" and item.fence is not None:
            self._timekeeper.start_lease(
                item_id, item.fence, item.lease_seconds, clock.monotonic(), item.submitted.plan.stuck_seconds
            )
        else:
            self._timekeeper.end_lease(item_id)

    def _renew(self, heartbeat: wish.Heartbeat, incarnation: int, now: float) -> None:
        held, active = self._ledger.held.get(heartbeat.agent, ()), frozenset(heartbeat.active)
        wanted = held if heartbeat.items is None else frozenset(heartbeat.items).intersection(held)
        for item_id in wanted:
            item = self._ledger.item(item_id)
            if item is not None and item.incarnation == incarnation:
                self._timekeeper.renew(item_id, now, worked=item_id in active)
                if item_id in active:
                    self._chores.moved_on(item)
