"""What the coordinator knows: the fold of all work and agent events it has seen.

Open and claimed items are held whole; of the ended ones only the last few thousand, the rest are read
from the log when a command names them, as are alerts and directives (oversight.py). The ledger decides
nothing and appends nothing.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from coord.events.envelope import Recorded
from coord.services.coordinator.oversight import OVERSEEN, Oversight
from coord.services.coordinator.picker import Picker
from coord.services.decisions import agent as agents
from coord.services.decisions import work
from coord.services.decisions.agent import Agent
from coord.services.decisions.work import WorkItem

ENDED_KEPT_MAX: Final = 5_000


class Ledger:
    """Agents and items as of the last event applied."""

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
        self.held: dict[str, set[str]] = {}
        self.picker = Picker()
        self.oversight = Oversight()
        self._items: dict[str, WorkItem] = {}
        self._ended: OrderedDict[str, WorkItem] = OrderedDict()

    def item(self, item_id: str) -> WorkItem | None:
        """Return an item; None when it is not known here (the log may know it)."""
        return self._items.get(item_id) or self._ended.get(item_id)

    def position(self, aggregate: str, entity: str) -> int:
        """Return the position up to which an aggregate is folded in; 0 when it is not known here."""
        if aggregate in OVERSEEN:
            return self.oversight.position(aggregate, entity)
        known = self.agents.get(entity) if aggregate == "agent" else self.item(entity)
        return known.position if known else 0

    def open_claims(self) -> list[WorkItem]:
        """Return every item that is held now."""
        return [self._items[item_id] for ids in self.held.values() for item_id in ids]

    def is_open(self, item_id: str) -> bool:
        """Tell whether an item can be claimed."""
        item = self._items.get(item_id)
        return item is not None and item.status == "open"

    def holds(self, agent: str) -> int:
        """Return how many items an agent holds."""
        return len(self.held.get(agent, ()))

    def apply(self, recorded: Recorded) -> None:
        """Fold one event in; one that was folded in before changes nothing."""
        if recorded.aggregate == "agent":
            agent = agents.evolve(self.agents.get(recorded.entity), recorded)
            if agent is not None:
                self.agents[recorded.entity] = agent
        elif recorded.aggregate == "work":
            before = self.item(recorded.entity)
            if before is None or recorded.position > before.position:
                self._put(recorded.entity, before, work.evolve(before, recorded))
        else:
            self.oversight.apply(recorded)

    def replace(self, aggregate: str, entity: str, history: Sequence[Recorded], last_position: int) -> None:
        """Forget what is known of an aggregate and fold its whole history, which ends at `last_position`."""
        if aggregate == "work":
            self._replace_item(entity, history, last_position)
        elif aggregate == "agent":
            self._replace_agent(entity, history, last_position)
        else:
            self.oversight.replace(aggregate, entity, history, last_position)

    def offer_again(self, item_id: str) -> None:
        """Put an item that was taken for a claim back in its place, if it can be claimed."""
        if self.is_open(item_id):
            self.picker.offer(self._items[item_id])

    def unreadable(self, aggregate: str, entity: str, position: int) -> None:
        """Take note that something that is no event stands on a subject: appends go behind it."""
        if aggregate in OVERSEEN:
            self.oversight.moved(aggregate, entity, position)
        if aggregate == "agent" and entity in self.agents:
            self.agents[entity] = agents.moved(self.agents[entity], position)
        item = self.item(entity) if aggregate == "work" else None
        if item is not None and position > item.position:
            self._put(entity, item, work.moved(item, position))

    def _replace_item(self, item_id: str, history: Sequence[Recorded], last_position: int) -> None:
        before = self.item(item_id)
        item: WorkItem | None = None
        for recorded in history:
            item = work.evolve(item, recorded)
        if item is not None:
            item = work.moved(item, last_position)
        self._put(item_id, before, item)
        self.offer_again(item_id)

    def _replace_agent(self, name: str, history: Sequence[Recorded], last_position: int) -> None:
        agent: Agent | None = None
        for recorded in history:
            agent = agents.evolve(agent, recorded)
        if agent is not None:
            self.agents[name] = agents.moved(agent, last_position)

    def _put(self, item_id: str, before: WorkItem | None, item: WorkItem | None) -> None:
        if before is not None and before.status == "claimed" and before.agent is not None:
            self.held.get(before.agent, set()).discard(item_id)
        self._items.pop(item_id, None)
        self._ended.pop(item_id, None)
        if item is None:
            return
        if item.ended:
            self._ended[item_id] = item
            if len(self._ended) > ENDED_KEPT_MAX:
                self._ended.popitem(last=False)
            return
        self._items[item_id] = item
        if item.status == "claimed" and item.agent is not None:
            self.held.setdefault(item.agent, set()).add(item_id)
        elif before is None or before.status != "open":
            self.picker.offer(item)
