"""The feed gives every message once and in order, and tells what the log has lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from histories import poison

from coord.events.errors import OutcomeUnknown
from coord.events.wire import Stored
from coord.projections.intake import Gap
from coord.services.projector.feed import REFETCH_MAX, Batch, feed


@dataclass
class LogWithHoles:
    """A log that delivers what it can read, and may hold more when asked position by position."""

    delivered: list[list[Stored]]
    held: dict[int, Stored] = field(default_factory=dict)
    fails: int = 0
    """How often a single read goes unanswered first."""
    read: list[int] = field(default_factory=list)

    async def pull(self, *_: object) -> AsyncIterator[list[Stored]]:
        """Deliver the batches, and then nothing."""
        for batch in self.delivered:
            yield batch

    async def read_at(self, _: str, position: int) -> Stored | None:
        """Read one position."""
        if self.fails:
            self.fails -= 1
            raise OutcomeUnknown
        self.read.append(position)
        return self.held.get(position)


def _messages(*positions: int) -> list[Stored]:
    return [poison(position) for position in positions]


def _fed(log: LogWithHoles, stream: str = "EVENTS", from_position: int = 1) -> list[Batch]:
    async def main() -> list[Batch]:
        return [batch async for batch in feed(log, stream, from_position, 10, 0.01)]  # type: ignore[arg-type]

    return asyncio.run(main())


def _positions(batch: Batch) -> list[int]:
    return [message.position for message in batch.messages]


def test_what_has_no_holes_passes_as_it_is() -> None:
    first, nothing, second = _fed(LogWithHoles([_messages(1, 2), [], _messages(3)]))
    assert (_positions(first), _positions(nothing), _positions(second)) == ([1, 2], [], [3])
    assert first.gaps == nothing.gaps == second.gaps == ()


def test_a_hole_is_fetched_again_and_what_was_skipped_is_put_in_order() -> None:
    log = LogWithHoles([_messages(1, 4, 5)], held={2: poison(2), 3: poison(3)})
    (batch,) = _fed(log)
    assert _positions(batch) == [1, 2, 3, 4, 5]
    assert batch.gaps == ()


def test_a_hole_that_stays_one_is_a_gap() -> None:
    log = LogWithHoles([_messages(1), _messages(7)], held={4: poison(4)})
    first, second = _fed(log)
    assert _positions(second) == [4, 7]
    assert second.gaps == (Gap("EVENTS", 2, 3), Gap("EVENTS", 5, 6))
    assert first.gaps == ()


def test_a_server_that_does_not_answer_has_lost_nothing() -> None:
    log = LogWithHoles([_messages(2)], held={1: poison(1)}, fails=1)
    (batch,) = _fed(log)
    assert _positions(batch) == [1, 2]


def test_a_large_hole_is_taken_for_what_it_is() -> None:
    log = LogWithHoles([_messages(REFETCH_MAX + 2)])
    (batch,) = _fed(log)
    assert batch.gaps == (Gap("EVENTS", 1, REFETCH_MAX + 1),)
    assert log.read == []


def test_samples_that_were_dropped_by_age_are_a_gap_and_not_asked_for() -> None:
    log = LogWithHoles([[replace(message, stream="SAMPLES") for message in _messages(5)]])
    (batch,) = _fed(log, "SAMPLES", from_position=3)
    assert batch.gaps == (Gap("SAMPLES", 3, 4),)
    assert log.read == []
