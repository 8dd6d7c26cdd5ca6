"""What the coordinator knows: the fold of all work, agent and team events it has seen.

Items that have not ended are held whole; of the ended ones only the last few thousand, the rest are read
from the log when a command names them, as are alerts and directives (oversight.py). The ledger decides
nothing and appends nothing.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from coord.events.envelope import Recorded
from coord.events.views import TeamView
from coord.services import clock
from coord.services.coordinator.oversight import OVERSEEN, Oversight
from coord.services.coordinator.readiness import Now, Readiness
from coord.services.decisions import agent as agents
from coord.services.decisions import team as teams
from coord.services.decisions import work
from coord.services.decisions.agent import Agent
from coord.services.decisions.claiming import Load
from coord.services.decisions.ordering import fairness_score
from coord.services.decisions.team import Team
from coord.services.decisions.work import WorkItem

ENDED_KEPT_MAX: Final = 5_000


class Ledger:
    """Agents, teams and items as of the last event applied."""

    def __init__(self) -> None:
        self.agents: dict[str, Agent] = {}
        self.teams: dict[str, Team] = {}
        self.held: dict[str, set[str]] = {}
        self.readiness = Readiness(self.item)
        self.oversight = Oversight()
        self._items: dict[str, WorkItem] = {}
        self._ended: OrderedDict[str, WorkItem] = OrderedDict()
        self._held_for: dict[str, str] = {}
        """The team that an item is held for, by item."""
        self._held_by_team: dict[str, int] = {}

    def item(self, item_id: str) -> WorkItem | None:
        """Return an item; None when it is not known here (the log may know it)."""
        return self._items.get(item_id) or self._ended.get(item_id)

    def depends_on(self, item_id: str) -> tuple[str, ...] | None:
        """Return what an item depends on that has not ended; None for any other."""
        item = self._items.get(item_id)
        return item.depends_on if item is not None else None

    def position(self, aggregate: str, entity: str) -> int:
        """Return the position up to which an aggregate is folded in; 0 when it is not known here."""
        if aggregate in OVERSEEN:
            return self.oversight.position(aggregate, entity)
        known: Agent | Team | WorkItem | None
        if aggregate == "agent":
            known = self.agents.get(entity)
        else:
            known = self.teams.get(entity) if aggregate == "team" else self.item(entity)
        return known.position if known else 0

    def open_claims(self) -> list[WorkItem]:
        """Return every item that is held now."""
        return [self._items[item_id] for ids in self.held.values() for item_id in ids]

    def alive(self) -> list[WorkItem]:
        """Return every item that has not ended, in no order."""
        return list(self._items.values())

    def is_open(self, item_id: str) -> bool:
        """Tell whether an item is open, be it that it waits for something."""
        item = self._items.get(item_id)
        return item is not None and item.status == "open"

    def holds(self, agent: str) -> int:
        """Return how many items an agent holds."""
        return len(self.held.get(agent, ()))

    def team(self, name: str) -> Team:
        """Return a team as it is configured, or as one is that nobody configured."""
        return self.teams.get(name) or Team(name)

    def team_view(self, name: str) -> TeamView:
        """Show a team as replies do."""
        return teams.view(self.team(name), self._held_by_team.get(name, 0))

    def load(self, agent: Agent, item_team: str | None) -> Load:
        """Return what an agent holds, and what is held for the team its next item would be held for."""
        name = item_team or agent.team or ""
        team = self.teams.get(name)
        limit = team.wip_limit if team is not None else None
        return Load(self.holds(agent.name), self._held_by_team.get(name, 0), limit, name)

    def fairness(self, agent: Agent, item_team: str | None) -> float | None:
        """Return how much an item's team has its turn, from 0 to 1; None when its limit is reached."""
        name = item_team or agent.team or ""
        held = self._held_by_team.get(name, 0)
        team = self.teams.get(name)
        if team is not None and team.wip_limit is not None and held >= team.wip_limit:
            return None
        if not held:
            return 1.0
        if not self.teams:
            return fairness_score(held, max(self._held_by_team.values()))
        loads = [count / self.team(one).share for one, count in self._held_by_team.items()]
        return fairness_score(held / self.team(name).share, max(loads))

    def apply(self, recorded: Recorded) -> None:
        """Fold one event in; one that was folded in before changes nothing."""
        if recorded.aggregate == "work":
            before = self.item(recorded.entity)
            if before is None or recorded.position > before.position:
                self._put(recorded.entity, before, work.evolve(before, recorded))
        elif recorded.aggregate == "agent":
            agent = agents.evolve(self.agents.get(recorded.entity), recorded)
            if agent is not None:
                self.agents[recorded.entity] = agent
        elif recorded.aggregate == "team":
            team = teams.evolve(self.teams.get(recorded.entity), recorded)
            if team is not None:
                self.teams[recorded.entity] = team
        else:
            self.oversight.apply(recorded)

    def restore(
        self,
        agents: Iterable[Agent],
        teams: Iterable[Team],
        ended: Iterable[WorkItem],
        items: Iterable[WorkItem],
        held_for: Mapping[str, str],
    ) -> None:
        """Know what a snapshot holds, in place of nothing."""
        self.agents = {agent.name: agent for agent in agents}
        self.teams = {team.name: team for team in teams}
        self._ended = OrderedDict((item.id, item) for item in ended)
        for item in items:
            self._items[item.id] = item
            if item.status == "claimed":
                self._take(item, held_for.get(item.id))
        moment = now()
        for item in self._items.values():
            if item.status == "open":
                self.readiness.open(item, moment)

    def ended(self) -> list[WorkItem]:
        """Return the items that ended last, the oldest first."""
        return list(self._ended.values())

    def held_for(self) -> dict[str, str]:
        """Return the team that each held item is held for."""
        return dict(self._held_for)

    def replace(self, aggregate: str, entity: str, history: Sequence[Recorded], last_position: int) -> None:
        """Forget what is known of an aggregate and fold its whole history, which ends at `last_position`."""
        if aggregate == "work":
            self._replace_item(entity, history, last_position)
        elif aggregate == "agent":
            self._replace_agent(entity, history, last_position)
        elif aggregate == "team":
            for recorded in history:
                self.apply(recorded)
        else:
            self.oversight.replace(aggregate, entity, history, last_position)

    def offer_again(self, item_id: str) -> None:
        """Put an item that was taken for a claim back in its place, if it can be claimed."""
        if self.is_open(item_id):
            self.readiness.open(self._items[item_id], now())

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
        if before is not None and before.status == "claimed":
            self._let_go(before)
        if item is None:
            self._items.pop(item_id, None)
            self._ended.pop(item_id, None)
            if before is not None:
                self.readiness.close(before)
        elif item.ended:
            self._items.pop(item_id, None)
            self._ended[item_id] = item
            if len(self._ended) > ENDED_KEPT_MAX:
                self._ended.popitem(last=False)
        else:
            self._ended.pop(item_id, None)
            self._items[item_id] = item
        if item is not None:
            self._move(before, item)

    def _move(self, before: WorkItem | None, item: WorkItem) -> None:
        """Have those who wait, and those who may claim, see an item as it is now."""
        if item.status == "open":
            if before is not None and before.depends_on != item.depends_on:
                self.readiness.close(before)
            if before is None or before.status != "open" or _differs(before, item):
                self.readiness.open(item, now())
        elif item.status == "claimed":
            self._take(item)
        elif before is None or before.status != item.status:
            self.readiness.close(item)
        if item.status == "completed":
            self.readiness.completed(item.id)
        elif before is not None and before.status == "completed":
            self.readiness.uncompleted(item.id, now())

    def _take(self, item: WorkItem, known_team: str | None = None) -> None:
        assert item.agent is not None
        self.held.setdefault(item.agent, set()).add(item.id)
        agent = self.agents.get(item.agent)
        team = (
            known_team
            if known_team is not None
            else item.submitted.team or (agent.team if agent else None) or ""
        )
        self._held_for[item.id] = team
        self._held_by_team[team] = self._held_by_team.get(team, 0) + 1
        self.readiness.hold(item)

    def _let_go(self, item: WorkItem) -> None:
        assert item.agent is not None
        self.held.get(item.agent, set()).discard(item.id)
        team = self._held_for.pop(item.id, None)
        if team is not None:
            self._held_by_team[team] -= 1
            if not self._held_by_team[team]:
                del self._held_by_team[team]


def now() -> Now:
    """Return the present moment on both clocks."""
    return Now(clock.now_ns(), clock.monotonic())


def _differs(before: WorkItem, item: WorkItem) -> bool:
    """Tell whether an open item was planned anew."""
    return (before.priority, before.depends_on) != (item.priority, item.depends_on)
