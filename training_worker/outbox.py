"""What a run has said and its emitter has not taken yet: metrics in a bounded row, events beside it.

`add` is on the path of every training step, so it does the least: names looked at once, numbers made plain
floats (a tensor would keep its whole graph alive), one test for all of them whether they are finite. The row
drops its oldest points when the emitter does not come; events are never dropped. Each thing said has a
number, so that the two rows are read as one, and what is missing between two numbers was dropped.

One thread says things, another takes them.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from math import isfinite
from operator import index
from typing import Any, Final, NamedTuple

from coord.events.errors import UsageError, visible
from coord.events.model import POSITION_MAX
from coord.events.run import METRICS_MAX, POINTS_MAX
from coord.events.tokens import TOKEN_LENGTH_MAX, is_token
from coord.training_worker.record import Record

POINTS_WAITING_MAX: Final = 10_000
"""Nearly a minute of steps of 5 ms."""
POINTS_CALLED_FOR: Final = 4 * POINTS_MAX
"""So many points waiting are fetched before their second is over."""
SHAPES_MAX: Final = 1_000

assert POINTS_CALLED_FOR < POINTS_WAITING_MAX // 2


class Logged(NamedTuple):
    """The metrics of one step as they were given."""

    number: int
    step: int
    names: tuple[str, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One event, on its way."""

    number: int
    record: Record
    on_stored: Callable[[int], None] | None = None
    """Called with the event's position once the log has it; by the emitter's thread."""
    on_spooled: Callable[[], None] | None = None
    """Called when it is in the spool and not sent yet; by the emitter's thread."""
    spooled: threading.Event = field(default_factory=threading.Event)


class Outbox:
    """The two rows."""

    def __init__(self) -> None:
        self.dropped_points = 0
        """So far."""
        self.step = 0
        """Of the last metrics."""
        self._numbers = count()
        self._points: deque[tuple[int, int, tuple[str, ...], tuple[float, ...]]]
        self._points = deque(maxlen=POINTS_WAITING_MAX)
        self._told: deque[Told] = deque()
        self._shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
        """Names that came together before, so that they are looked at, and kept, once."""
        self._taken = 0

    def add(self, step: int, values: Mapping[str, Any]) -> bool:
        """Take in the metrics of a step; tell whether one is not finite, or too many wait.

        Raises:
            UsageError: a name, a value or the step is none.
        """
        shape = tuple(values)
        names = self._shapes.get(shape) or self._learn(shape)
        try:
            numbers = tuple(map(float, values.values()))
            step = index(step)
        except (TypeError, ValueError, RuntimeError) as error:
            raise _no_numbers(step, values) from error
        if not 0 <= step <= POSITION_MAX:
            raise UsageError(f"the step is {step}; it must be from 0 to {POSITION_MAX}.")
        self.step = step
        self._points.append((next(self._numbers), step, names, numbers))
        return not isfinite(sum(numbers)) or len(self._points) > POINTS_CALLED_FOR

    def tell(
        self,
        record: Record,
        on_stored: Callable[[int], None] | None = None,
        on_spooled: Callable[[], None] | None = None,
    ) -> Told:
        """Take in an event."""
        told = Told(next(self._numbers), record, on_stored, on_spooled)
        self._told.append(told)
        return told

    def take(self) -> list[Logged | Told]:
        """Return what waits, in the order in which it was said."""
        events, points = len(self._told), len(self._points)
        taken: list[Logged | Told] = []
        for _ in range(points):
            point = Logged._make(self._points.popleft())
            while events and self._told[0].number < point.number:
                taken.append(self._told.popleft())
                events -= 1
            taken.append(point)
        taken += [self._told.popleft() for _ in range(events)]
        if taken:
            self._taken += len(taken)
            self.dropped_points = max(self.dropped_points, taken[-1].number + 1 - self._taken)
        return taken

    def _learn(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Look at names that did not come together before."""
        if not 0 < len(names) <= METRICS_MAX:
            raise UsageError(f"a step has {len(names)} metrics; it must have 1 to {METRICS_MAX}.")
        for name in names:
            if not is_token(name):
                raise UsageError(
                    f"the metric {visible(name)!r} is no name.",
                    f"Use 1 to {TOKEN_LENGTH_MAX} letters, digits, '_' or '-'.",
                )
        if len(self._shapes) >= SHAPES_MAX:
            self._shapes.clear()
        return self._shapes.setdefault(names, names)


def plain(name: str, value: Any) -> float:
    """Return what was given for a metric as a plain number.

    Raises:
        UsageError: it is none.
    """
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(f"the metric {name} is {visible(repr(value))}; it must be one number.") from error


def _no_numbers(step: Any, values: Mapping[str, Any]) -> UsageError:
    try:
        for name, value in values.items():
            plain(name, value)
    except UsageError as refusal:
        return refusal
    return UsageError(f"the step is {visible(repr(step))}; it must be a whole number.")
