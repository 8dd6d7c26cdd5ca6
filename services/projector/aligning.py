"""Where to read on from: is the log the one that was folded in?

EVENTS    another stream, an earlier end, another message at the position: another log -> begin anew
SAMPLES   another stream, or another message there: read all it has; what was seen is not counted again
          an earlier end: the tail was lost with the power; go on from there and count the gap
"""

import logging
from dataclasses import dataclass
from typing import Final

from coord.events.streams import EVENTS
from coord.projections.intake import Gap, Mark, mark_of, message_id
from coord.services.log import Log, StreamState
from coord.services.projector.keeper import Keeper

_log: Final = logging.getLogger("coord.projector")


@dataclass(frozen=True, slots=True)
class Start:
    """Where to read on."""

    stream: str
    created_at: str
    position: int
    last: int
    """Where the stream ended when it was asked."""


async def align(log: Log, keeper: Keeper, stream: str) -> Start:
    """Return where to read a stream on from. EVENTS comes first: another log means another file.

    Raises:
        NoServer, OutcomeUnknown: the log does not say.
        StoreBroken: the store must be reopened.
    """
    state = await log.wait_for_stream(stream)
    mark = await keeper.mark(stream)
    position = await (_of_events if stream == EVENTS.name else _of_samples)(log, keeper, state, mark)
    return Start(stream, state.created_at, position, state.last)


async def _of_events(log: Log, keeper: Keeper, state: StreamState, mark: Mark | None) -> int:
    if mark is None:
        return 1
    reason = await _other_log(log, state, mark)
    if reason:
        await keeper.begin_anew(reason)
        return 1
    return mark.position + 1


async def _other_log(log: Log, state: StreamState, mark: Mark) -> str:
    if state.created_at != mark.created_at:
        return f"{mark.stream} was made anew at {state.created_at}"
    if state.last < mark.position:
        return f"{mark.stream} ends at {state.last}, before {mark.position}"
    if await _is_another(log, mark):
        return f"{mark.stream} holds another message at {mark.position}"
    return ""


async def _of_samples(log: Log, keeper: Keeper, state: StreamState, mark: Mark | None) -> int:
    if mark is None:
        return max(1, state.first)
    if state.created_at != mark.created_at:
        _log.warning("%s was made anew; it is read from its start", mark.stream)
        return max(1, state.first)
    if state.last < mark.position:
        return await _tail_lost(log, keeper, state, mark)
    if await _is_another(log, mark):
        _log.warning("%s holds another message at %d; all it has is read again", mark.stream, mark.position)
        before = max(1, state.first) - 1
        await keeper.move_mark(Mark(mark.stream, mark.created_at, before, "", mark.recorded_at_ns))
        return before + 1
    return mark.position + 1


async def _tail_lost(log: Log, keeper: Keeper, state: StreamState, mark: Mark) -> int:
    _log.warning("%s lost its tail: %d to %d", mark.stream, state.last + 1, mark.position)
    last = await log.read_at(mark.stream, state.last) if state.last else None
    moved = (
        mark_of(mark.created_at, last)
        if last
        else Mark(mark.stream, mark.created_at, state.last, "", mark.recorded_at_ns)
    )
    await keeper.move_mark(moved, Gap(mark.stream, state.last + 1, mark.position))
    return state.last + 1


async def _is_another(log: Log, mark: Mark) -> bool:
    """Tell whether another message than the marked one stands there; one that is gone tells nothing."""
    if not mark.message_id:
        return False
    there = await log.read_at(mark.stream, mark.position)
    return there is not None and message_id(there) != mark.message_id
