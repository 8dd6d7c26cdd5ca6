"""The past of one item or run, read from the log when something of it ends: the exporter itself remembers nothing.

What is kept in memory are copies of what never changes: the ids of first events, the marks of runs as far as they
were read, and the events of items that are being followed. Each event of an item says in its headers behind which
position it was appended: where that is the last one kept, nothing lies between, and nothing need be read.
A run's own events are many; of those only the headers are read.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from coord.events.envelope import APPENDED_AT, Recorded
from coord.events.errors import InvalidEvent
from coord.events.streams import EVENTS
from coord.events.tokens import event_subject
from coord.events.wire import Stored, read_event
from coord.services.exporter.identity import root_of
from coord.services.exporter.records import SpanName
from coord.services.exporter.run_spans import MARKING, Mark, items_of, root_at
from coord.services.log import Log
from coord.services.log.pages import read_page, read_to, scan_headers

FIRSTS_MAX: Final = 20_000
ITEMS_MAX: Final = 4_000
RUNS_MAX: Final = 1_000
BODY_BYTES_KEPT: Final = 4_096
"""Items with larger events are read when they are needed."""
_IDLE: Final = "work.progressed"
"""Begins and ends nothing, and there may be many."""

V = TypeVar("V")


class Histories:
    """What one exporter reads of the past."""

    def __init__(self, log: Log, site: str) -> None:
        self._log = log
        self._site = site
        self._firsts = _Kept[str](FIRSTS_MAX)
        self._items = _Kept[_Item](ITEMS_MAX)
        self._runs = _Kept[_Scanned](RUNS_MAX)
        self._reading_runs = asyncio.Lock()

    async def item(self, batch: Sequence[Stored], needed: bool) -> Sequence[Recorded]:
        """Return the events of an item, up to the last of a batch of its messages.

        Args:
            batch: its messages as they were given out, at least one.
            needed: whether they are wanted; else this only remembers what is in the batch.
        """
        ordered = sorted(batch, key=lambda stored: stored.position)
        kept = self._items.get(ordered[0].subject)
        for stored in ordered:
            if kept is None or stored.position > kept.position:
                kept = _extended(kept, stored)
        last = ordered[-1]
        if needed and (kept is None or kept.position < last.position):
            stored_all = await read_to(self._log, last.subject, last.position)
            kept = _Item(last.position, [one for one in map(as_event, stored_all) if one is not None])
        if kept is not None and all(len(stored.body) <= BODY_BYTES_KEPT for stored in ordered):
            self._items.put(last.subject, kept)
        return kept.events if kept is not None else ()

    async def subject(self, aggregate: str, name: str, position: int) -> list[Recorded]:
        """Return the events of any aggregate up to a position; what is no event is left out."""
        stored = await read_to(self._log, event_subject(self._site, aggregate, name), position)
        return [recorded for one in stored if (recorded := as_event(one)) is not None]

    async def run(self, name: str, position: int) -> list[Mark]:
        """Return the marks of a run, up to a position at least."""
        async with self._reading_runs:
            scanned = self._runs.get(name) or _Scanned()
            self._runs.put(name, scanned)
            if scanned.position < position:
                subject = event_subject(self._site, "run", name)
                async for batch in scan_headers(self._log, subject, scanned.position + 1):
                    for stored in batch:
                        await self._scan(scanned, stored)
        return scanned.marks

    async def first(self, aggregate: str, name: str) -> Recorded | None:
        """Return the first event of an aggregate; None when it has none, or it is none of ours."""
        page = await read_page(self._log, event_subject(self._site, aggregate, name), 1, 1)
        return as_event(page[0]) if page else None

    async def at(self, position: int) -> Recorded | None:
        """Return the event at a position."""
        stored = await self._log.read_at(EVENTS.name, position)
        return as_event(stored) if stored is not None else None

    async def root(self, kind: str, name: str, position: int) -> SpanName | None:
        """Return where the root is of an item or a run that something at a position is about; else None."""
        if kind == "work":
            return await self._item_root(name)
        if kind != "run":
            return None
        return root_at(await self.run(name, position), position)

    async def item_roots(self, marks: list[Mark]) -> dict[str, SpanName]:
        """Return where the roots of the items are that the starts of a run name."""
        found = {item: await self._item_root(item) for item in items_of(marks)}
        return {item: root for item, root in found.items() if root is not None}

    async def _item_root(self, name: str) -> SpanName | None:
        known = self._firsts.get(name)
        if known is None:
            first = await self.first("work", name)
            if first is None:
                return None
            known = first.envelope.id
            self._firsts.put(name, known)
        return root_of("work", self._site, name, known)

    async def _scan(self, scanned: "_Scanned", headers: Stored) -> None:
        """Take one event of a run by its headers; what is a mark is read whole."""
        type_ = type_of(headers)
        if type_ in MARKING or scanned.lost:
            recorded = await self.at(headers.position)
            if recorded is not None:
                scanned.marks.append(Mark(recorded, scanned.heard_at_ns))
            scanned.lost = type_ == "run.lost"
        scanned.position = headers.position
        if type_ != "run.lost":
            scanned.heard_at_ns = headers.recorded_at_ns


def as_event(stored: Stored) -> Recorded | None:
    """Read a message as an event; None when it is none."""
    try:
        return read_event(stored)
    except InvalidEvent:
        return None


def type_of(stored: Stored) -> str:
    """Return the type in a message's headers, without its version; empty when there is none."""
    return (stored.headers or {}).get("ce-type", "").rpartition(".v")[0]


@dataclass(slots=True)
class _Item:
    """An item's events up to a position, all that begin or end something."""

    position: int
    events: list[Recorded]


def _extended(kept: _Item | None, stored: Stored) -> _Item | None:
    """Add a message to what is kept; None: it is not known to be the next."""
    before = (stored.headers or {}).get(APPENDED_AT, "")
    if not before.isdecimal() or int(before) != (kept.position if kept is not None else 0):
        return None
    events = list(kept.events) if kept is not None else []
    recorded = as_event(stored) if type_of(stored) != _IDLE else None
    return _Item(stored.position, [*events, recorded] if recorded is not None else events)


class _Scanned:
    """How far a run was read, and what was found."""

    def __init__(self) -> None:
        self.position = 0
        self.heard_at_ns = 0
        self.lost = False
        """Whether the newest mark is that it was lost."""
        self.marks: list[Mark] = []


class _Kept(Generic[V]):
    """The values used last, by name."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[str, V] = OrderedDict()

    def get(self, name: str) -> V | None:
        """Return a value, and keep it longest."""
        if name in self._values:
            self._values.move_to_end(name)
        return self._values.get(name)

    def put(self, name: str, value: V) -> None:
        """Keep a value; the one that was not used for longest may go."""
        self._values[name] = value
        self._values.move_to_end(name)
        while len(self._values) > self._size:
            self._values.popitem(last=False)
