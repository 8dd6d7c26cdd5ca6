"""The order of claims: which open item is best for an agent.

Items that need the same team and capabilities form one group, a heap ordered by priority (9 first), then
age (the earlier submitted first). A claim looks at the top of each group that fits the agent, so its cost
grows with the number of groups, not of items. Entries that are not open any more are dropped on sight.
"""

import heapq
from collections.abc import Callable
from typing import NamedTuple

from coord.services.decisions.agent import Agent
from coord.services.decisions.work import WorkItem


class _Entry(NamedTuple):
    """Ordered as claims are: the smallest is claimed first."""

    negative_priority: int
    submitted_position: int
    item_id: str


_Group = tuple[str | None, frozenset[str]]


class Picker:
    """The open items, in the order of claims."""

    def __init__(self) -> None:
        self._heaps: dict[_Group, list[_Entry]] = {}

    def offer(self, item: WorkItem) -> None:
        """Put an open item in its place; offering it twice does no harm."""
        group = (item.submitted.team, frozenset(item.submitted.capabilities))
        entry = _Entry(-item.submitted.priority, item.submitted_position, item.id)
        heapq.heappush(self._heaps.setdefault(group, []), entry)

    def take(self, agent: Agent, is_open: Callable[[str], bool]) -> str | None:
        """Take out the best item that fits the agent; None when there is none."""
        offered = frozenset(agent.capabilities)
        best: tuple[_Entry, list[_Entry]] | None = None
        for (team, needed), heap in list(self._heaps.items()):
            if team not in (None, agent.team) or not needed <= offered:
                continue
            top = _top(heap, is_open)
            if top is None:
                del self._heaps[team, needed]
            elif best is None or top < best[0]:
                best = top, heap
        if best is None:
            return None
        return heapq.heappop(best[1]).item_id


def _top(heap: list[_Entry], is_open: Callable[[str], bool]) -> _Entry | None:
    while heap and not is_open(heap[0].item_id):
        heapq.heappop(heap)
    return heap[0] if heap else None
