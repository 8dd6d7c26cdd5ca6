"""Looking back: what a stream holds now, from a moment on or only the newest of each subject, and then an end.

For whoever begins in the middle: a watchdog folds the last minutes before it follows what comes.
"""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from coord.events.wire import Stored
from coord.services.clock import rfc3339
from coord.services.log.pulling import HEARTBEAT_SECONDS, _Pull

if TYPE_CHECKING:
    from coord.services.log.client import Log

BATCH_MAX: Final = 1_000
_NEWEST: Final = {"deliver_policy": "last_per_subject"}


class _Back(_Pull):
    """A pull whose first consumer begins elsewhere than at a position."""

    def __init__(self, log: "Log", stream: str, subjects: Sequence[str], first: dict[str, Any]) -> None:
        super().__init__(log, stream, 1, BATCH_MAX, subjects)
        self._first = first

    def _wanted(self) -> dict[str, Any]:
        wanted = super()._wanted()
        if self._next == 1 and self._first:
            del wanted["config"]["opt_start_seq"]
            wanted["config"] |= self._first
        return wanted


async def read_present(log: "Log", stream: str, subjects: Sequence[str]) -> AsyncIterator[list[Stored]]:
    """Read everything that these subjects of a stream hold now."""
    async for batch in _read(_Back(log, stream, subjects, {})):
        yield batch


async def read_since(
    log: "Log", stream: str, subjects: Sequence[str], moment_ns: int
) -> AsyncIterator[list[Stored]]:
    """Read what these subjects hold now, from a moment of the broker's clock on."""
    since = {"deliver_policy": "by_start_time", "opt_start_time": rfc3339(max(0, moment_ns))}
    async for batch in _read(_Back(log, stream, subjects, since)):
        yield batch


async def read_newest(log: "Log", stream: str, subjects: Sequence[str]) -> AsyncIterator[list[Stored]]:
    """Read the newest message of each of these subjects, in the order of their positions."""
    async for batch in _read(_Back(log, stream, subjects, _NEWEST)):
        yield batch


async def read_between(
    log: "Log", stream: str, subjects: Sequence[str], first: int, last: int
) -> AsyncIterator[list[Stored]]:
    """Read what these subjects hold from one position to another."""
    reader = _Back(log, stream, subjects, {})
    reader._next = first
    async for batch in _read(reader):
        yield [stored for stored in batch if stored.position <= last]
        if batch[-1].position >= last:
            return


async def newest(log: "Log", stream: str, subject: str) -> Stored | None:
    """Return the newest message of a subject of a stream; None when it holds none."""
    return await log._get(stream, {"last_by_subj": subject})


async def _read(reader: _Back) -> AsyncIterator[list[Stored]]:
    try:
        await reader.begin()
        while reader.left:
            if batch := await reader.take(HEARTBEAT_SECONDS):
                yield batch
    finally:
        await reader.end()
