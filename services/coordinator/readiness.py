"""Which open items can be claimed now: not before what they depend on, nor before their time, nor beside too many
of their key. What is ready is on offer in the picker; what is not waits here until something changes.

An item of a concurrency key is *active* from the moment it is offered until its claim is over, and no more
are active than its limit says: so two claims decided in the same breath cannot both take the last place.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from coord.services.coordinator.picker import Picker
from coord.services.decisions.work import WorkItem
from coord.services.wording import age

_TOLD_MAX: Final = 8


class Now(Struct, frozen=True, gc=False):
    """One moment on both clocks: the wall's, in nanoseconds, and the monotonic one, in seconds."""

    wall_ns: int
    monotonic: float


@dataclass(slots=True)
class _Key:
    """One concurrency key."""

    active: set[str] = field(default_factory=set)
    waiting: list[tuple[int, int, str]] = field(default_factory=list)
    """A heap: by priority, then by position."""


@dataclass(slots=True)
class Waits:
    """Why an open item is not on offer."""

    dependencies: set[str]
    not_before_ns: int | None
    rests_until: float | None
    """On the monotonic clock."""

    @property
    def over(self) -> bool:
        """It waits for nothing but, perhaps, its key."""
        return not self.dependencies and self.not_before_ns is None and self.rests_until is None


class Readiness:
    """The open items that wait, and why; the others are in `picker`."""

    def __init__(self, item: Callable[[str], WorkItem | None]) -> None:
        self.picker = Picker()
        self.tell: Callable[[WorkItem], object] = _nobody
        """Is told of each item that comes on offer."""
        self._item = item
        self._waits: dict[str, Waits] = {}
        self._dependents: dict[str, set[str]] = {}
        self._keys: dict[str, _Key] = {}
        self._times: list[tuple[int, str]] = []
        self._rests: list[tuple[float, str]] = []

    def __len__(self) -> int:
        """How many open items are not on offer."""
        return len(self._waits) + sum(len(key.waiting) for key in self._keys.values())

    def open(self, item: WorkItem, now: Now) -> None:
        """The item is open, or is planned anew: offer it, or have it wait."""
        self._forget(item.id)
        for dependency in item.depends_on:
            self._dependents.setdefault(dependency, set()).add(item.id)
        plan = item.submitted.plan
        later = plan.not_before_ns is not None and plan.not_before_ns > now.wall_ns
        rests_until = _rest_ends(item, now)
        depends_on = (
            {one for one in item.depends_on if not self._is_completed(one)} if item.depends_on else set()
        )
        if not (later or depends_on or rests_until is not None):
            self._offer(item)
            return
        waits = Waits(depends_on, plan.not_before_ns if later else None, rests_until)
        self._waits[item.id] = waits
        self._leave_key(item)
        if waits.not_before_ns is not None:
            heapq.heappush(self._times, (waits.not_before_ns, item.id))
        if waits.rests_until is not None:
            heapq.heappush(self._rests, (waits.rests_until, item.id))

    def hold(self, item: WorkItem) -> None:
        """The item is claimed: it is nobody else's, and still counts for its key."""
        self._forget(item.id)
        if item.submitted.plan.concurrency is not None:
            self._key(item).active.add(item.id)

    def close(self, item: WorkItem) -> None:
        """The item is neither open nor claimed any more."""
        self._forget(item.id)
        for dependency in item.depends_on:
            dependents = self._dependents.get(dependency)
            if dependents is not None:
                dependents.discard(item.id)
                if not dependents:
                    del self._dependents[dependency]
        self._leave_key(item)

    def completed(self, item_id: str) -> None:
        """Something others may depend on is completed."""
        for dependent in list(self._dependents.get(item_id, ())):
            waits = self._waits.get(dependent)
            if waits is not None:
                waits.dependencies.discard(item_id)
                self._look_again(dependent, waits)

    def uncompleted(self, item_id: str, now: Now) -> None:
        """Something that was completed is open again: those who depend on it and are not claimed wait for it."""
        for dependent in list(self._dependents.get(item_id, ())):
            item = self._item(dependent)
            if item is not None and item.status == "open":
                self.open(item, now)

    def passed(self, now: Now) -> None:
        """Offer what waited for its time, or has rested."""
        while self._times and self._times[0][0] <= now.wall_ns:
            moment, item_id = heapq.heappop(self._times)
            waits = self._waits.get(item_id)
            if waits is not None and waits.not_before_ns == moment:
                waits.not_before_ns = None
                self._look_again(item_id, waits)
        while self._rests and self._rests[0][0] <= now.monotonic:
            until, item_id = heapq.heappop(self._rests)
            waits = self._waits.get(item_id)
            if waits is not None and waits.rests_until == until:
                waits.rests_until = None
                self._look_again(item_id, waits)

    def soonest(self, now: Now) -> float | None:
        """Return in how many seconds the next time or rest is over; None when nothing waits for one."""
        times = [(self._times[0][0] - now.wall_ns) / 1e9] if self._times else []
        rests = [self._rests[0][0] - now.monotonic] if self._rests else []
        return max(min(times + rests), 0.0) if times or rests else None

    def unresolved(self) -> set[str]:
        """Return what open items wait for and is not known here: the log may know that it was completed."""
        waited_for = {one for waits in self._waits.values() for one in waits.dependencies}
        return {one for one in waited_for if self._item(one) is None}

    def reserve(self, item: WorkItem) -> None:
        """Take an item off for a claim by its id; of its key, one that was only on offer makes room."""
        self.picker.withdraw(item.id)
        if item.submitted.plan.concurrency is None:
            return
        key = self._key(item)
        if item.id in key.active:
            return
        displaced = self._displaceable(key, item)
        if displaced is not None:
            self.picker.withdraw(displaced.id)
            key.active.discard(displaced.id)
            self._queue(key, displaced)
        key.active.add(item.id)

    def waits_for(self, item: WorkItem, now: Now) -> tuple[str, ...]:
        """Say in words why an open item cannot be claimed now; nothing when it can."""
        waits = self._waits.get(item.id)
        if waits is not None:
            return tuple(self._words(waits, item, now))
        if item.id in self.picker or item.submitted.plan.concurrency is None:
            return ()
        key = self._key(item)
        if item.id in key.active or self._has_room(key, item) or self._displaceable(key, item) is not None:
            return ()
        wanted = item.submitted.plan.concurrency
        return (f"the concurrency key {wanted.key}, of which {len(key.active)} of {wanted.limit} are held",)

    def _words(self, waits: Waits, item: WorkItem, now: Now) -> list[str]:
        named = sorted(waits.dependencies)
        words = [self._dependency(one) for one in named[:_TOLD_MAX]]
        if len(named) > _TOLD_MAX:
            words.append(f"{len(named) - _TOLD_MAX} more items")
        if waits.not_before_ns is not None:
            words.append(f"its time, in {age(max(waits.not_before_ns - now.wall_ns, 0) / 1e9)}")
        if waits.rests_until is not None:
            again = f" (given back {item.releases} times in a row)" if item.released else ""
            words.append(f"its next try, in {age(max(waits.rests_until - now.monotonic, 0.0))}{again}")
        return words

    def _dependency(self, item_id: str) -> str:
        """Name what is waited for; say where waiting alone will not help."""
        item = self._item(item_id)
        helpless = item is not None and item.status in ("failed", "cancelled", "parked", "blocked")
        return f"{item_id}, which is {item.status}" if helpless and item is not None else item_id

    def _look_again(self, item_id: str, waits: Waits) -> None:
        item = self._item(item_id)
        if waits.over and item is not None:
            del self._waits[item_id]
            self._offer(item)

    def _offer(self, item: WorkItem) -> None:
        """Put an item on offer, or in the row of its key: the row decides who comes first."""
        if item.submitted.plan.concurrency is None:
            self.picker.offer(item)
            self.tell(item)
            return
        key = self._key(item)
        key.active.discard(item.id)
        self._queue(key, item)
        self._fill(key)

    def _fill(self, key: _Key) -> None:
        """Offer those who wait for a place of the key, as long as there is one."""
        while key.waiting:
            item = self._item(key.waiting[0][2])
            if item is None or item.status != "open" or item.id in key.active or item.id in self._waits:
                heapq.heappop(key.waiting)
                continue
            if not self._has_room(key, item):
                return
            heapq.heappop(key.waiting)
            key.active.add(item.id)
            self.picker.offer(item)
            self.tell(item)

    def _forget(self, item_id: str) -> None:
        self.picker.withdraw(item_id)
        self._waits.pop(item_id, None)

    def _is_completed(self, item_id: str) -> bool:
        item = self._item(item_id)
        return item is not None and item.status == "completed"

    def _key(self, item: WorkItem) -> _Key:
        concurrency = item.submitted.plan.concurrency
        assert concurrency is not None
        return self._keys.setdefault(concurrency.key, _Key())

    def _has_room(self, key: _Key, item: WorkItem) -> bool:
        concurrency = item.submitted.plan.concurrency
        return concurrency is None or len(key.active) < concurrency.limit

    def _displaceable(self, key: _Key, item: WorkItem) -> WorkItem | None:
        """Return an item of the key that is on offer and may give its place away, if a place is needed at all."""
        if self._has_room(key, item):
            return None
        on_offer = (self._item(one) for one in key.active if one in self.picker)
        return next((one for one in on_offer if one is not None), None)

    def _queue(self, key: _Key, item: WorkItem) -> None:
        heapq.heappush(key.waiting, (-item.priority, item.submitted_position, item.id))

    def _leave_key(self, item: WorkItem) -> None:
        """Give the item's place to those of its key that wait for one."""
        if item.submitted.plan.concurrency is None:
            return
        key = self._key(item)
        key.active.discard(item.id)
        self._fill(key)
        if not key.active:
            self._keys.pop(item.submitted.plan.concurrency.key, None)


def _nobody(_: WorkItem) -> None:
    return


def _rest_ends(item: WorkItem, now: Now) -> float | None:
    """Return until when an item rests; no jump of a wall clock makes it longer than it was to be."""
    if item.rests_until_ns is None:
        return None
    left = min(max((item.rests_until_ns - now.wall_ns) / 1e9, 0.0), item.rests_seconds)
    return now.monotonic + left if left > 0 else None
