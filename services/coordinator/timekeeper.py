"""Leases and silence, on the monotonic clock, from what this coordinator itself observed.

A lease runs from the moment this process first saw the claim, or the last sign of life, so that after a
start or a take-over every open lease runs in full. Nothing here reads a wall clock, and nothing else in
coord decides that a claim is over because time has passed.
"""

import heapq
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

AGENTS_LOOKED_AT_SECONDS: Final = 0.5
MISSED_MAX: Final = 2
"""Heartbeats that were promised and did not come."""
_OVER_MIN: Final = 1_000
"""Entries of claims that are over, from which on they are looked for."""


class _Lease(Struct, gc=False):
    fence: int
    lease_seconds: float
    renewed: float
    stuck_seconds: float | None
    worked: float
    """When evidence of work was seen last."""


@dataclass(frozen=True, slots=True)
class Due:
    """A lease that ran out, or a claim without evidence of work for too long."""

    item_id: str
    fence: int
    silent_seconds: float


class Timekeeper:
    """Who was heard when, and which claims have run out. `now` is always the monotonic clock's."""

    def __init__(self) -> None:
        self._leases: dict[str, _Lease] = {}
        self._due: list[tuple[float, str, int]] = []
        self._heard: dict[str, float] = {}
        self._promised: dict[str, float] = {}
        self._to_show_work: set[str] = set()

    def __len__(self) -> int:
        return len(self._leases)

    def start_lease(
        self, item_id: str, fence: int, lease_seconds: float, now: float, stuck_seconds: float | None = None
    ) -> None:
        """Watch a claim; one that is watched already goes on as it was."""
        present = self._leases.get(item_id)
        if present is None or present.fence != fence:
            self._leases[item_id] = _Lease(fence, lease_seconds, now, stuck_seconds, now)
            heapq.heappush(self._due, (now + lease_seconds, item_id, fence))
            if stuck_seconds is not None:
                self._to_show_work.add(item_id)

    def renew(self, item_id: str, now: float, *, worked: bool = False) -> None:
        """The holder gave a sign of life, or evidence of work."""
        lease = self._leases.get(item_id)
        if lease is not None:
            lease.renewed = now
            lease.worked = now if worked else lease.worked

    def end_lease(self, item_id: str) -> None:
        """The claim is over. Its entry in the heap stays until it is due, or until most entries are such."""
        self._leases.pop(item_id, None)
        self._to_show_work.discard(item_id)
        if len(self._due) > 2 * len(self._leases) + _OVER_MIN:
            self._due = [entry for entry in self._due if self._is_watched(entry[1], entry[2])]
            heapq.heapify(self._due)

    def run_out(self, now: float) -> list[Due]:
        """Return the claims that ran out; each again until `end_lease`, should its end not be appended."""
        found: list[Due] = []
        again: list[tuple[float, str, int]] = []
        while self._due and self._due[0][0] <= now:
            _, item_id, fence = heapq.heappop(self._due)
            if not self._is_watched(item_id, fence):
                continue
            lease = self._leases[item_id]
            ends = lease.renewed + lease.lease_seconds
            if ends <= now:
                found.append(Due(item_id, fence, now - lease.renewed))
            again.append((max(ends, now + lease.lease_seconds / 4), item_id, fence))
        for entry in again:
            heapq.heappush(self._due, entry)
        return found

    def has_run_out(self, item_id: str, fence: int, now: float) -> bool:
        """Tell whether a claim that ran out has not been renewed since."""
        lease = self._leases.get(item_id)
        return lease is None or lease.fence != fence or lease.renewed + lease.lease_seconds <= now

    def is_idle(self, item_id: str, fence: int, now: float) -> bool:
        """Tell whether the holder of a claim that was idle for too long has shown no work since."""
        lease = self._leases.get(item_id)
        if lease is None or lease.fence != fence or lease.stuck_seconds is None:
            return True
        return now - lease.worked >= lease.stuck_seconds

    def idle(self, now: float) -> list[Due]:
        """Return the claims whose holders showed no work for as long as their items allow."""
        watched = ((item_id, self._leases[item_id]) for item_id in self._to_show_work)
        return [
            Due(item_id, lease.fence, now - lease.worked)
            for item_id, lease in watched
            if lease.stuck_seconds is not None and now - lease.worked >= lease.stuck_seconds
        ]

    def stood_still(self, seconds: float, now: float) -> None:
        """This process was not there for so long, and heard nobody: that time counts against none."""
        for lease in self._leases.values():
            lease.renewed = min(now, lease.renewed + seconds)
            lease.worked = min(now, lease.worked + seconds)
        for agent, heard in self._heard.items():
            self._heard[agent] = min(now, heard + seconds)

    def _is_watched(self, item_id: str, fence: int) -> bool:
        lease = self._leases.get(item_id)
        return lease is not None and lease.fence == fence

    def hear(self, agent: str, now: float) -> None:
        """The agent gave a sign of life."""
        self._heard[agent] = now

    def promise(self, agent: str, every_seconds: float | None) -> None:
        """The agent says how often it will be heard; None: it says nothing of the kind any more."""
        if every_seconds is None:
            self._promised.pop(agent, None)
        else:
            self._promised[agent] = every_seconds

    def forget(self, agent: str) -> None:
        """The agent has left; its silence means nothing."""
        self._heard.pop(agent, None)
        self._promised.pop(agent, None)

    def silence(self, agent: str, now: float) -> float:
        """Return for how many seconds an agent was silent, as far as this process knows."""
        return now - self._heard.setdefault(agent, now)

    def silent(self, longer_than_seconds: float, now: float) -> list[tuple[str, float]]:
        """Return the agents that were silent for too long, with their silence in seconds.

        One that promised to be heard is silent for too long after two heartbeats that did not come.
        """
        return [
            (agent, now - heard)
            for agent, heard in self._heard.items()
            if self.is_silent(agent, longer_than_seconds, now)
        ]

    def is_silent(self, agent: str, longer_than_seconds: float, now: float) -> bool:
        """Tell whether an agent is silent for too long."""
        promised = self._promised.get(agent)
        limit = longer_than_seconds if promised is None else MISSED_MAX * promised
        return now - self._heard.get(agent, now) >= limit

    def heard(self, now: float) -> dict[str, float]:
        """Return the silence of every agent in seconds."""
        return {agent: now - heard for agent, heard in self._heard.items()}
