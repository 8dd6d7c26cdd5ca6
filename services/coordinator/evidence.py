"""What runs and nodes say about the holders of items: that work goes on, or that a machine is gone.

A run that names its item is evidence of work with each pack of metrics; its emitter's word that the loop has said
nothing is a sign of life, and no evidence. Packs are not decoded here: most are nobody's business.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from coord.events.envelope import Recorded
from coord.events.node import NodeLost, NodeRegistered, NodeReturned
from coord.events.run import LOSS, WAITING_SECONDS, RunStarted
from coord.events.wire import Stored

RUNS_KEPT_MAX: Final = 10_000
_METRICS: Final = "run.metrics_recorded."
_STARTED: Final = "run.started."

FirstEvent = Callable[[str], Awaitable[Recorded | None]]
"""Reads the first event of a run."""


class Evidence:
    """Which item a run works on, and which nodes are lost."""

    def __init__(self, first_event: FirstEvent) -> None:
        self.lost_nodes: set[str] = set()
        self._first_event = first_event
        self._items: OrderedDict[str, str | None] = OrderedDict()

    def node_event(self, recorded: Recorded) -> None:
        """Take note of what happened to a node."""
        if isinstance(recorded.event, NodeLost):
            self.lost_nodes.add(recorded.entity)
        elif isinstance(recorded.event, NodeRegistered | NodeReturned):
            self.lost_nodes.discard(recorded.entity)

    async def item_of(self, stored: Stored) -> str | None:
        """Return the item that an event of a run is a sign of life for, if it is one."""
        type_ = stored.headers.get("ce-type", "")
        run = stored.subject.rpartition(".")[2]
        if type_.startswith(_STARTED):
            self._items.pop(run, None)
        elif not type_.startswith(_METRICS):
            return None
        if run not in self._items:
            first = await self._first_event(stored.subject)
            started = first.event if first is not None else None
            self._items[run] = started.work_item if isinstance(started, RunStarted) else None
            if len(self._items) > RUNS_KEPT_MAX:
                self._items.popitem(last=False)
        return self._items[run]


def shows_work(stored: Stored) -> bool:
    """Tell whether an event of a run shows that its loop goes on, and not only that its emitter lives."""
    waits = f'"{WAITING_SECONDS}"'.encode() in stored.body
    return not waits or f'"{LOSS}"'.encode() in stored.body
