"""What is done with the store: a batch is folded in, what is old is sealed, what is not kept is dropped.

A message that cannot be folded is found by halving its batch, and becomes a dead letter; so no message ends the
process or holds up the next. One that only found no memory is tried again before that, with the file opened anew.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from coord.events.streams import EVENTS, MIB
from coord.events.wire import Stored
from coord.projections.folds.samples import ROLLUP_PARTS
from coord.projections.intake import Gap, set_aside, take_in
from coord.projections.store import (
    KEEPING,
    Keeping,
    Kept,
    Starved,
    Store,
    StoreBroken,
    StoreFull,
    Unfoldable,
    end_ns_of,
    keeping,
    told_apart,
)
from coord.services import clock
from coord.services.settings import Settings

PART_BYTES_MAX: Final = 4 * MIB
"""Of messages folded in one transaction."""
READINGS_PART_BYTES_MAX: Final = 2 * MIB
"""Of messages of SAMPLES, which hold a reading in 20 bytes: their rows take memory while a piece is sealed beside."""
ROLLUPS_MAX: Final = KEEPING[ROLLUP_PARTS.name].rows_max

_log: Final = logging.getLogger("coord.projector")


def fold_batch(store: Store, created_at: str, messages: Sequence[Stored], gaps: Sequence[Gap] = ()) -> None:
    """Fold a batch, in parts of so many bytes; what cannot be folded becomes a dead letter.

    Raises:
        StoreBroken: the store must be reopened; parts may have been folded.
    """
    for part in parts(messages):
        fold_part(store, created_at, part, gaps)
        gaps = ()
        seal_full(store)


def parts(messages: Sequence[Stored]) -> Iterator[Sequence[Stored]]:
    """Divide a batch into what is folded in one transaction each."""
    most = PART_BYTES_MAX if messages and messages[0].stream == EVENTS.name else READINGS_PART_BYTES_MAX
    first = size = 0
    for number, message in enumerate(messages):
        size += len(message.body)
        if size >= most:
            yield messages[first : number + 1]
            first, size = number + 1, 0
    if first < len(messages):
        yield messages[first:]


def seal_full(store: Store) -> None:
    """Seal pieces as long as there are full ones."""
    while store.is_piece_full and _seal(store):
        """Another piece may be full."""


def tidy(store: Store, *, drops: bool) -> None:
    """Seal all that is old enough; drop what is not kept any more, if it is time for that.

    Raises:
        StoreBroken: the store must be reopened.
    """
    while _seal(store):
        """Another piece may be old enough."""
    if drops:
        _drop_old(store)


def _seal(store: Store) -> bool:
    """Seal a piece of what is old, if it is time; returns whether there was any. What cannot be done is told."""
    try:
        return store.seal(clock.now_ns())
    except (Unfoldable, StoreFull) as fault:
        _log.warning("%s", fault)
        return False


def _drop_old(store: Store) -> None:
    """Drop what is not kept any more. What cannot be done is told."""
    try:
        archived_ns = min(kept.archived_ns for kept in store.keeping.values())
        for name in store.drop_segments(clock.now_ns()):
            if end_ns_of(name) > archived_ns:
                _log.error("dropped %s, which the archive has not: there was no room to wait for it", name)
            else:
                _log.info("dropped %s", name)
    except (Unfoldable, StoreFull) as fault:
        _log.warning("%s", fault)


def keeping_of(settings: Settings) -> Keeping:
    """Say how much of readings and rollups is kept."""
    readings = Kept(settings.readings_kept_seconds, settings.readings_millions_max * 1_000_000)
    return keeping(readings, Kept(settings.rollups_kept_seconds, ROLLUPS_MAX))


def fold_part(
    store: Store,
    created_at: str,
    messages: Sequence[Stored],
    gaps: Sequence[Gap],
    waits: Callable[[Stored], bool] = lambda _: False,
) -> None:
    """Fold messages together, or find by halving which of them cannot be folded.

    Args:
        store: where to.
        created_at: says which log it is.
        messages: of one stream, in order.
        gaps: what is missing before them.
        waits: tells of a message for which there was no memory whether it is to be tried again.

    Raises:
        StoreBroken: the store must be reopened; some may have been folded.
    """
    try:
        with told_apart("the batch cannot be read"):
            intake = take_in(created_at, messages, gaps)
        store.apply(intake, sum(len(message.body) for message in messages))
    except Unfoldable as fault:
        if len(messages) == 1:
            if isinstance(fault, Starved) and waits(messages[0]):
                raise StoreBroken(fault.message) from fault
            _log.error("position %d of %s is set aside: %s", messages[0].position, messages[0].stream, fault)
            store.apply(set_aside(created_at, messages[0], fault.message))
            return
        half = len(messages) // 2
        fold_part(store, created_at, messages[:half], gaps, waits)
        fold_part(store, created_at, messages[half:], (), waits)
