"""Which position of EVENTS a past moment is, and when the broker recorded it.

A time is the last position before the first one that was recorded later. Seconds that were over by then are
known from the tables; the events of the second itself, and what is not folded in yet, are read from the log.
"""

from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from coord.events.commands import Refusal, refusal
from coord.events.questions import AsOf, PastQuestion
from coord.events.streams import EVENTS
from coord.projections.folds.pace import SECOND_NS
from coord.projections.store import Reader
from coord.services import clock
from coord.services.clock import rfc3339
from coord.services.log import Log
from coord.services.projector.keeper import Keeper

_MILLISECOND: Final = len("2026-11-29T14:02:11.123")
_BATCH: Final = 500
_WAIT_SECONDS: Final = 0.5

_OVER: Final = "SELECT coalesce(max(position), 0) FROM pace WHERE second_ns < $second_ns"


@dataclass(frozen=True, slots=True)
class PastMoment:
    """A position that the log holds."""

    position: int
    recorded_at_ns: int
    time_ns: int
    """What was asked for: a time, else when the position was recorded. Ages are measured against it, and readings
    are known that were recorded by then."""

    @property
    def as_of(self) -> AsOf:
        """What an answer says that was read from the log itself."""
        return AsOf(
            position=self.position, time_ns=self.time_ns, recorded_at_ns=self.recorded_at_ns, past=True
        )


async def find_moment(log: Log, keeper: Keeper, question: PastQuestion) -> PastMoment | Refusal:
    """Find the past moment a question names.

    Raises:
        NoServer, OutcomeUnknown: the log cannot be read now.
    """
    last = (await log.stream_state(EVENTS.name)).last
    if not last:
        return refusal("no_such_moment", "the log is empty: it has no past yet.")
    if question.at_ns is not None:
        return await _at_time(log, keeper, question.at_ns, last)
    position = question.at_position or 0
    if position > last:
        return refusal("no_such_moment", f"position {position} is beyond the log, which ends at {last}.")
    return await _at(log, position)


async def _at_time(log: Log, keeper: Keeper, at_ns: int, last: int) -> PastMoment | Refusal:
    position = await _before(log, keeper, at_ns, last)
    if position:
        return await _at(log, position, min(at_ns, clock.now_ns()))
    first = await log.read_at(EVENTS.name, 1)
    began = f", {_told(first.recorded_at_ns)}" if first else ""
    return refusal("no_such_moment", f"{_told(at_ns)} is before the log, which begins at position 1{began}.")


def _told(at_ns: int) -> str:
    """Write a moment for people, to the millisecond."""
    return f"{rfc3339(at_ns)[:_MILLISECOND]}Z"


async def _before(log: Log, keeper: Keeper, at_ns: int, last: int) -> int:
    """Return the last position before the first that was recorded later; 0: there is none."""

    def over(reader: Reader) -> int:
        return int(reader.value(_OVER, second_ns=at_ns - at_ns % SECOND_NS))

    position = min(await keeper.read(over), last)
    if position == last:
        return position
    async with aclosing(log.pull(EVENTS.name, position + 1, _BATCH, _WAIT_SECONDS)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            for stored in batch:
                if stored.recorded_at_ns > at_ns:
                    return position
                position = stored.position
            if not batch or position >= last:
                return position
    return position


async def _at(log: Log, position: int, time_ns: int = 0) -> PastMoment | Refusal:
    stored = await log.read_at(EVENTS.name, position)
    if stored is None:
        return refusal("no_such_moment", f"the log has lost position {position}; ask for one beside it.")
    return PastMoment(position, stored.recorded_at_ns, max(time_ns, stored.recorded_at_ns))
