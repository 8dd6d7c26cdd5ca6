"""Who waits for an item to claim, or for items to end: woken when something fits, in the order of asking.

One item that comes on offer wakes one waiter, the first that it fits: waiting costs nobody a poll, and a
thousand waiters are no stampede. Who is woken decides anew, and goes back to its place if another was quicker.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

from coord.services.decisions.agent import Agent
from coord.services.decisions.work import WorkItem

WAITING_MAX: Final = 20_000

_Kind = tuple[frozenset[str | None], frozenset[str]]
"""The teams whose items an agent takes, and what it offers: agents of one kind wait in one line."""


class Waiters:
    """Lines of agents, and watchers of single items. An event that is set wakes its waiter."""

    def __init__(self) -> None:
        self._lines: dict[_Kind, OrderedDict[int, asyncio.Event]] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._tickets = count()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @contextmanager
    def in_line(self, agent: Agent) -> Iterator[asyncio.Event]:
        """Stand in the line of an agent's kind. Clear the event to stand in front of it again."""
        kind = frozenset((None, agent.team, *agent.serves)), frozenset(agent.capabilities)
        line = self._lines.setdefault(kind, OrderedDict())
        place = _Place(line, next(self._tickets))
        self._size += 1
        try:
            yield place
        finally:
            self._size -= 1
            line.pop(place.ticket, None)
            if not line and self._lines.get(kind) is line:
                del self._lines[kind]
            if place.is_set():
                self.stir()

    @contextmanager
    def watching(self, item_ids: Collection[str]) -> Iterator[asyncio.Event]:
        """Be woken by whatever happens to these items."""
        event = asyncio.Event()
        self._size += 1
        for item_id in item_ids:
            self._watchers.setdefault(item_id, set()).add(event)
        try:
            yield event
        finally:
            self._size -= 1
            for item_id in item_ids:
                watchers = self._watchers.get(item_id, set())
                watchers.discard(event)
                if not watchers:
                    self._watchers.pop(item_id, None)

    def offered(self, item: WorkItem) -> None:
        """An item came on offer: wake who has waited longest among those it fits, and those who want this one."""
        self.changed(item.id)
        if not self._lines:
            return
        needs = frozenset(item.submitted.capabilities)
        fitting = [
            line
            for (teams, offers), line in self._lines.items()
            if line and item.submitted.team in teams and needs <= offers
        ]
        if fitting:
            line = min(fitting, key=lambda one: next(iter(one)))
            _, event = line.popitem(last=False)
            event.set()

    def changed(self, item_id: str) -> None:
        """Something happened to an item."""
        for event in self._watchers.get(item_id, ()):
            event.set()

    def stir(self) -> None:
        """Something changed that may concern anybody: wake the first of each line."""
        for line in list(self._lines.values()):
            if line:
                _, event = line.popitem(last=False)
                event.set()

    def wake_all(self) -> None:
        """Wake everybody."""
        for line in self._lines.values():
            for event in line.values():
                event.set()
        for events in self._watchers.values():
            for event in events:
                event.set()


class _Place(asyncio.Event):
    """A place in a line: it is left by being woken, and taken again by clearing."""

    def __init__(self, line: "OrderedDict[int, asyncio.Event]", ticket: int) -> None:
        super().__init__()
        self.ticket = ticket
        self._line = line
        line[ticket] = self

    def clear(self) -> None:
        """Go back to the front of the line, where it was."""
        super().clear()
        if self.ticket not in self._line:
            self._line[self.ticket] = self
            self._line.move_to_end(self.ticket, last=False)
