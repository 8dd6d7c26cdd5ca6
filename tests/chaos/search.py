"""Is there an order in which all of this can have happened? The search of Wing and Gong, with Lowe's memory.

An order is looked for in which every operation takes effect at one moment between its beginning and its end, as
the model allows, and in which what was never answered takes effect or does not. What was tried is remembered by
(operations that have taken effect, state), so that each is looked at once; of two ways to the same, the one whose
times are earlier allows all that the other does.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chaos.history import NEVER, Operation
from chaos.model import Rules, State, Timing, step

Verdict = Literal["explained", "impossible", "undecided"]
_Place = tuple[int, State, Timing]


@dataclass(frozen=True, slots=True)
class Found:
    """What the search of one item's history came to."""

    verdict: Verdict
    looked_at: int
    """How many states."""
    explained: tuple[str, ...] = ()
    """The longest order that was found, by request id."""
    left: tuple[str, ...] = ()
    """What must have happened and has no place behind it."""


class Search:
    """The search for an order of one item's operations."""

    def __init__(self, operations: Sequence[Operation], rules: Rules) -> None:
        self._rules = rules
        self._all = sorted(operations, key=lambda one: (one.began, one.ended))
        self._needed = sum(1 << place for place, one in enumerate(self._all) if one.outcome != "unknown")
        self._seen: defaultdict[tuple[int, State, float | None], list[tuple[float, float]]] = defaultdict(
            list
        )
        self._path: list[int] = []
        self._best: tuple[int, ...] = ()

    def run(self) -> Found:
        """Look until an order is found, or there is none, or too much has been looked at."""
        looked_at = 0
        waiting = [self._next((0, State(), Timing()))] if self._needed else []
        while waiting:
            found = next(waiting[-1], None)
            if found is None:
                waiting.pop()
                del self._path[len(waiting) - 1 :]
                continue
            place, reached = found
            if self._is_known(reached):
                continue
            looked_at += 1
            self._path.append(place)
            self._best = max(self._best, tuple(self._path), key=len)
            if reached[0] & self._needed == self._needed:
                return self._told("explained", looked_at)
            if looked_at > self._rules.states_max:
                return self._told("undecided", looked_at)
            waiting.append(self._next(reached))
        return self._told("impossible" if self._needed else "explained", looked_at)

    def _next(self, reached: _Place) -> Iterator[tuple[int, _Place]]:
        """Yield what can take effect next: nothing that begins after another must have ended."""
        mask, state, timing = reached
        until = min((one.ended for place, one in self._left(mask) if one.outcome != "unknown"), default=NEVER)
        for place, one in self._left(mask):
            if one.began > until:
                return
            for changed, timed in step(state, timing, one, self._rules):
                if timed.at <= until:
                    yield place, (mask | 1 << place, changed, timed)
                    if one.outcome != "unknown" and (changed, timed) == (state, timing):
                        return  # it changes nothing and costs no time: nothing is lost by taking it first

    def _left(self, mask: int) -> Iterator[tuple[int, Operation]]:
        return ((place, one) for place, one in enumerate(self._all) if not mask >> place & 1)

    def _is_known(self, reached: _Place) -> bool:
        mask, state, timing = reached
        known = self._seen[mask, state, timing.lease_seconds]
        if any(at <= timing.at and since <= timing.since for at, since in known):
            return True
        known.append((timing.at, timing.since))
        return False

    def _told(self, verdict: Verdict, looked_at: int) -> Found:
        best = tuple(self._all[place].id for place in self._best)
        done = set(self._best)
        left = [
            one.id for place, one in enumerate(self._all) if self._needed >> place & 1 and place not in done
        ]
        return Found(verdict, looked_at, best, tuple(left))


def explain(operations: Sequence[Operation], rules: Rules | None = None) -> Found:
    """Look for an order of one item's operations."""
    return Search(operations, rules or Rules()).run()
