"""The log as witness: what was acknowledged is in it once, what was refused is not, and it tells what callers were told.

The log is read whole after the run. Its events are folded by rules of their own, a second time and apart from
coord's own deciders: a claim only of what is open, an end only by the claim that holds.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chaos.history import ANY, Operation

from coord.events.body import parse_object
from coord.events.wire import Stored

_TYPES: Final = {
    "submit": "work.submitted",
    "claim": "work.claimed",
    "renew": "work.progressed",
    "complete": "work.completed",
    "fail": "work.failed",
    "release": "work.released",
    "cancel": "work.cancelled",
}
_BY_ITSELF: Final = frozenset({"work.lease_expired", "work.stuck", "work.moved_on"})
"""What the coordinator writes of its own accord."""
_ENDS: Final = {"work.completed": "completed", "work.failed": "failed", "work.cancelled": "cancelled"}
_BY_HOLDER: Final = frozenset(
    {"work.progressed", "work.completed", "work.failed", "work.released", "work.lease_expired"}
)
_ENDED: Final = frozenset(_ENDS.values())


@dataclass(frozen=True, slots=True)
class Logged:
    """An event about an item as it stands in the log."""

    position: int
    request: str
    item: str
    type: str
    agent: str = ""
    fence: int | None = None
    recorded_at_ns: int = 0

    @classmethod
    def of(cls, stored: Stored) -> "Logged":
        """Read a stored message."""
        type_ = stored.headers.get("ce-type", "").rpartition(".v")[0]
        fields = parse_object(stored.body)
        fence = stored.position if type_ == "work.claimed" else fields.get("fence")
        agent = fields.get("agent") or stored.headers.get("cx-actor", "")
        item = stored.subject.rpartition(".")[2]
        request = stored.headers.get("cx-request", "")
        return cls(stored.position, request, item, type_, agent, fence, stored.recorded_at_ns)


def resolved(operations: Iterable[Operation], log: Sequence[Logged]) -> list[Operation]:
    """Name the items of claims that were not answered: the log knows; what it does not hold never happened."""
    about = {one.request: one for one in log}
    found = []
    for one in operations:
        if one.item != ANY:
            found.append(one)
        elif one.outcome == "unknown" and one.id in about:
            found.append(replace(one, item=about[one.id].item))
        elif one.outcome == "refused":
            found.append(one)
    return found


def contradicted(operations: Iterable[Operation], log: Sequence[Logged]) -> list[str]:
    """Return where the log and what callers were told part, a sentence each."""
    every = list(operations)
    by_request: defaultdict[str, list[Logged]] = defaultdict(list)
    for entry in log:
        by_request[entry.request].append(entry)
    found = [told for one in every for told in _disagreements(one, by_request.get(one.id, []))]
    found += [f"in the log twice: {entries}" for entries in by_request.values() if _is_twice(entries)]
    known = {one.id for one in every}
    found += [
        f"nobody asked for it: {one}"
        for one in log
        if one.type not in _BY_ITSELF and one.request not in known
    ]
    return found + list(_disorders(every, by_request)) + list(_unlawful(log))


def _is_twice(entries: Sequence[Logged]) -> bool:
    return len(entries) > 1


def _disagreements(one: Operation, entries: Sequence[Logged]) -> Iterator[str]:
    type_ = _TYPES.get(one.verb)
    if type_ is None:
        return
    if one.outcome == "refused" and entries:
        yield f"refused, and yet in the log: {one} {entries[0]}"
    if one.outcome != "done" or one.already:
        return
    if not entries:
        yield f"acknowledged, and not in the log: {one}"
        return
    entry = entries[0]
    told = (type_, one.item, one.position, one.agent if one.verb != "submit" else entry.agent)
    if told != (entry.type, entry.item, entry.position, entry.agent):
        yield f"the answer is not what the log holds: {one} {entry}"
    if one.verb not in ("submit", "cancel") and one.fence != entry.fence:
        yield f"the fence is not what the log holds: {one} {entry}"


def _disorders(every: Sequence[Operation], by_request: dict[str, list[Logged]]) -> Iterator[str]:
    """What was answered before another began stands before it."""
    placed: defaultdict[str, list[tuple[int, Operation]]] = defaultdict(list)
    for one in every:
        if one.outcome == "done" and not one.already and by_request.get(one.id):
            placed[one.item].append((by_request[one.id][0].position, one))
    for item, found in placed.items():
        latest: Operation | None = None
        for _, one in sorted(found, key=lambda pair: pair[0]):
            if latest is not None and one.ended < latest.began:
                yield f"the log's order is not that of time: {item}: {latest} stands before {one}"
            if latest is None or one.began > latest.began:
                latest = one


@dataclass(slots=True)
class _Item:
    status: str = ""
    agent: str = ""
    fence: int | None = None


def _unlawful(log: Sequence[Logged]) -> Iterator[str]:
    items: defaultdict[str, _Item] = defaultdict(_Item)
    for entry in sorted(log, key=lambda one: one.position):
        item = items[entry.item]
        if not _is_lawful(item, entry):
            yield f"against the rules: {entry} of what is {item.status or 'absent'}, held by {item.agent} {item.fence}"
        _fold(item, entry)


def _is_lawful(item: _Item, entry: Logged) -> bool:
    if entry.type == "work.submitted":
        return item.status == ""
    if entry.type == "work.claimed":
        return item.status == "open"
    if entry.type == "work.cancelled":
        return item.status in ("open", "claimed")
    if entry.type in _BY_HOLDER:
        return (item.status, item.agent, item.fence) == ("claimed", entry.agent, entry.fence)
    return True


def _fold(item: _Item, entry: Logged) -> None:
    if entry.type in ("work.submitted", "work.released", "work.lease_expired"):
        item.status = "open"
    elif entry.type == "work.claimed":
        item.status, item.agent, item.fence = "claimed", entry.agent, entry.position
    elif entry.type in _ENDS:
        item.status = _ENDS[entry.type]


def left_over(log: Sequence[Logged]) -> dict[str, str]:
    """Return the items that have not ended, and what they are."""
    items: defaultdict[str, _Item] = defaultdict(_Item)
    for entry in log:
        _fold(items[entry.item], entry)
    return {name: item.status for name, item in items.items() if item.status not in _ENDED}
