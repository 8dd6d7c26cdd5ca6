"""The open items that can be claimed now, and which of them is best for an agent.

Items that need the same team and capabilities, of one priority, form a class: within it only age and deadline
tell them apart. A claim looks at the oldest and the most urgent few of each class that fits the agent, so its
cost grows with the number of classes, not of items. Entries that are taken or withdrawn are dropped on sight, or
when most of a class are such: an item that is cancelled need never come to the top.
"""

import heapq
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from msgspec import Struct

from coord.events.planning import Scores
from coord.services.decisions import ordering
from coord.services.decisions.agent import Agent
from coord.services.decisions.work import WorkItem

URGENT_LOOKED_AT: Final = 4
"""Of a class, so many of those with the nearest deadlines are weighed, and the oldest."""

RANKED_MAX: Final = 20_000
"""Items that are weighed for an explanation."""

_VOID_MIN: Final = 1_000
"""Entries of a class that are void, from which on they are looked for."""


class Entry(NamedTuple):
    """One offer of an item: a later one of the same item makes it void."""

    submitted_position: int
    item_id: str
    submitted_at_ns: int
    deadline_ns: int | None


class Pick(Struct, frozen=True, gc=False):
    """An item that was found, and why."""

    item_id: str
    scores: Scores


_Candidate = tuple[Entry, int, float, float]
"""What may be the best, and what it is weighed by beside its times: priority, match and fairness."""


class _Class:
    """The items of one priority, team and set of needs."""

    __slots__ = ("by_age", "by_deadline")

    def __init__(self) -> None:
        self.by_age: list[Entry] = []
        self.by_deadline: list[tuple[int, Entry]] = []


_Group = tuple[str | None, frozenset[str]]
Fairness = Callable[[str | None], float | None]
"""The fairness of a group's team, from 0 to 1; None: its limit lets nobody claim for it now."""


class Picker:
    """What is on offer, in classes."""

    def __init__(self) -> None:
        self._groups: dict[_Group, dict[int, _Class]] = {}
        self._offered: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._offered)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._offered

    def offer(self, item: WorkItem) -> None:
        """Put an open item on offer; again, and it stands where it belongs now."""
        submitted = item.submitted
        entry = Entry(item.submitted_position, item.id, item.submitted_at_ns, submitted.plan.deadline_ns)
        self._offered[item.id] = entry
        group = self._groups.setdefault((submitted.team, frozenset(submitted.capabilities)), {})
        found = group.get(item.priority)
        if found is None:
            found = group[item.priority] = _Class()
        heapq.heappush(found.by_age, entry)
        if entry.deadline_ns is not None:
            heapq.heappush(found.by_deadline, (entry.deadline_ns, entry))
        if max(len(found.by_age), len(found.by_deadline)) > 2 * len(self._offered) + _VOID_MIN:
            self._drop_void(found)

    def withdraw(self, item_id: str) -> None:
        """Take an item off, if it is on offer."""
        self._offered.pop(item_id, None)

    def take(self, agent: Agent, fairness: Fairness, now_ns: int) -> Pick | None:
        """Take out the best item that fits the agent; None when there is none."""
        candidates = list(self._candidates(agent, fairness))
        if not candidates:
            return None
        best = candidates[0] if len(candidates) == 1 else min(candidates, key=partial(_rank, now_ns))
        entry, priority, match, fair = best
        del self._offered[entry.item_id]
        return Pick(
            entry.item_id,
            ordering.scores(priority, entry.submitted_at_ns, entry.deadline_ns, match, fair, now_ns),
        )

    def wanted(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return every team and every capability that something on offer asks for."""
        teams = {team for team, _ in self._groups if team is not None}
        return tuple(sorted(teams)), tuple(sorted({one for _, needs in self._groups for one in needs}))

    def ranking(self, agent: Agent, fairness: Fairness, now_ns: int) -> list[tuple[float, int, Pick]]:
        """Return what fits the agent, the best first: (negative total, position, pick); at most `RANKED_MAX` looked at."""
        found: list[tuple[float, int, Pick]] = []
        for group, classes in self._fitting(agent):
            fair = fairness(group[0])
            match = ordering.match_score(len(group[1]), len(agent.capabilities))
            for priority, one in classes.items():
                for entry in one.by_age:
                    if fair is not None and self._is_valid(entry) and len(found) < RANKED_MAX:
                        pick = Pick(
                            entry.item_id,
                            ordering.scores(
                                priority, entry.submitted_at_ns, entry.deadline_ns, match, fair, now_ns
                            ),
                        )
                        found.append((-pick.scores.total, entry.submitted_position, pick))
        return sorted(found, key=lambda one: one[:2])

    def full_teams(self, agent: Agent, fairness: Fairness) -> Iterator[str | None]:
        """Yield the teams, as their items name them, whose limit keeps something back that would fit the agent."""
        for (team, _), classes in self._fitting(agent):
            if fairness(team) is None and any(self._oldest(one) for one in classes.values()):
                yield team

    def kept_back(self, agent: Agent, fairness: Fairness) -> dict[str | None, int]:
        """Return what would fit the agent but for the limit of the team it would be held for: how many, by team of the items."""
        found: dict[str | None, int] = {}
        for (team, _), classes in self._fitting(agent):
            if fairness(team) is None:
                count = sum(self._is_valid(entry) for one in classes.values() for entry in one.by_age)
                found[team] = found.get(team, 0) + count
        return {team: count for team, count in found.items() if count}

    def _candidates(self, agent: Agent, fairness: Fairness) -> Iterator[_Candidate]:
        """Yield what may be the best."""
        for group, classes in self._fitting(agent):
            fair = fairness(group[0])
            if fair is None:
                continue
            match = ordering.match_score(len(group[1]), len(agent.capabilities))
            for priority, one in list(classes.items()):
                top = self._oldest(one)
                if top is None:
                    del classes[priority]
                    continue
                yield top, priority, match, fair
                if one.by_deadline:
                    for entry in self._most_urgent(one):
                        yield entry, priority, match, fair
            if not classes:
                del self._groups[group]

    def _fitting(self, agent: Agent) -> list[tuple[_Group, dict[int, _Class]]]:
        offered = frozenset(agent.capabilities)
        teams = (None, agent.team, *agent.serves)
        return [
            (group, classes)
            for group, classes in self._groups.items()
            if group[0] in teams and group[1] <= offered
        ]

    def _drop_void(self, one: _Class) -> None:
        one.by_age = [entry for entry in one.by_age if self._is_valid(entry)]
        one.by_deadline = [pair for pair in one.by_deadline if self._is_valid(pair[1])]
        heapq.heapify(one.by_age)
        heapq.heapify(one.by_deadline)

    def _is_valid(self, entry: Entry) -> bool:
        return self._offered.get(entry.item_id) is entry

    def _oldest(self, one: _Class) -> Entry | None:
        heap = one.by_age
        while heap and not self._is_valid(heap[0]):
            heapq.heappop(heap)
        return heap[0] if heap else None

    def _most_urgent(self, one: _Class) -> list[Entry]:
        found: list[tuple[int, Entry]] = []
        while one.by_deadline and len(found) < URGENT_LOOKED_AT:
            top = heapq.heappop(one.by_deadline)
            if self._is_valid(top[1]):
                found.append(top)
        for top in found:
            heapq.heappush(one.by_deadline, top)
        return [entry for _, entry in found]


def _rank(now_ns: int, one: _Candidate) -> tuple[float, int]:
    """Order candidates: the best first, of equals the oldest."""
    entry, priority, match, fairness = one
    total = ordering.weigh(priority, entry.submitted_at_ns, entry.deadline_ns, match, fairness, now_ns)
    return -total, entry.submitted_position
