"""Who waits for an item to claim, or for items to end: woken when something fits, in the order of asking.

One item that comes on offer wakes one waiter, the first that it fits: waiting costs nobody a poll, and a
thousand waiters are no stampede. Who is woken decides anew, and goes back to its place if another was quicker.
What is said of an agent itself - drained, put out, registered anew - wakes all that wait for it.
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
_Lines = dict[_Kind, "OrderedDict[int, asyncio.Event]"]


class Waiters:
    """Lines of agents, and watchers of single items. An event that is set wakes its waiter."""

    def __init__(self) -> None:
        self._lines: _Lines = {}
        self._of_agents: dict[str, set[asyncio.Event]] = {}
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._tickets = count()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @contextmanager
    def in_line(self, agent: Agent) -> Iterator[asyncio.Event]:
        """Stand in the line of an agent's kind. Clear the event to stand in front of it again."""
        place = _Place(self._lines, next(self._tickets), agent)
        try:
            with self._noted(place, (), agent.name):
                yield place
        finally:
            place.leave()
            if place.is_set():
                self.stir()

    @contextmanager
    def watching(self, item_ids: Collection[str], agent: str | None = None) -> Iterator[asyncio.Event]:
        """Be woken by whatever happens to these items, and by what is said of the agent that wants them."""
        event = asyncio.Event()
        with self._noted(event, item_ids, agent):
            yield event

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

    def told_of(self, agent: Agent) -> None:
        """Something was said of an agent: it is given nothing any more, or other things than before."""
        for event in self._of_agents.get(agent.name, ()):
            if isinstance(event, _Place):
                event.move(agent)
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

    @contextmanager
    def _noted(self, event: asyncio.Event, item_ids: Collection[str], agent: str | None) -> Iterator[None]:
        """Have an event found by what is to set it."""
        names = [(self._watchers, item_id) for item_id in item_ids]
        names += [(self._of_agents, agent)] if agent is not None else []
        self._size += 1
        for noted, name in names:
            noted.setdefault(name, set()).add(event)
        try:
            yield
        finally:
            self._size -= 1
            for noted, name in names:
                events = noted.get(name, set())
                events.discard(event)
                if not events:
                    noted.pop(name, None)


class _Place(asyncio.Event):
    """A place in the line of an agent's kind: it is left by being woken, and taken again by clearing."""

    def __init__(self, lines: _Lines, ticket: int, agent: Agent) -> None:
        super().__init__()
        self._lines = lines
        self._ticket = ticket
        self._kind = _kind_of(agent)
        self._stand()

    def clear(self) -> None:
        """Go back to the front of the line, where it was."""
        super().clear()
        if self._ticket not in self._lines.get(self._kind, ()):
            self._stand().move_to_end(self._ticket, last=False)

    def move(self, agent: Agent) -> None:
        """Stand where the agent belongs now, if that is elsewhere: at the end of the line."""
        if self._kind != _kind_of(agent):
            self.leave()
            self._kind = _kind_of(agent)
            self._stand()

    def leave(self) -> None:
        """Stand nowhere any more; a line in which nobody stands is none."""
        line = self._lines.get(self._kind, OrderedDict())
        line.pop(self._ticket, None)
        if not line:
            self._lines.pop(self._kind, None)

    def _stand(self) -> "OrderedDict[int, asyncio.Event]":
        line = self._lines.setdefault(self._kind, OrderedDict())
        line[self._ticket] = self
        return line


def _kind_of(agent: Agent) -> _Kind:
    return frozenset((None, agent.team, *agent.serves)), frozenset(agent.capabilities)
