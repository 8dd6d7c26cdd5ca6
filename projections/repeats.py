"""Events whose id stood in the log before: whatever they say, they count once.

The server refuses an id for a minute. Of what came in the last `IDS_KEPT` positions ids are remembered here, in a
table, so that a split, a replay and a rebuild find the same repeats. A pack of metrics has a number of its writer,
may come again under its id, and is known by that number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from coord.events.envelope import Recorded
from coord.events.run import RunMetricsRecorded
from coord.projections.folds.shape import Row, Table

IDS_KEPT: Final = 200_000
"""Positions behind an event in which its id is looked for: a minute and more at 3,000 events a second."""


class EventId(Row):
    """The id of one event."""

    id: str
    position: int


EVENT_IDS: Final = Table("event_ids", EventId)

Known = Callable[[Sequence[str]], Mapping[str, int] | None]
"""Says of ids where those stood last that are remembered; None: none of them did, and each is there once."""


def nothing_known(_: Sequence[str]) -> Mapping[str, int] | None:
    """Remember nothing."""
    return {}


def ids_of(facts: Iterable[Recorded]) -> tuple[list[str], list[int]]:
    """Return the ids that count, and where they stand."""
    said = [fact for fact in facts if type(fact.event) is not RunMetricsRecorded]
    return [fact.envelope.id for fact in said], [fact.position for fact in said]


def repeats(ids: Sequence[str], positions: Sequence[int], known: Known) -> dict[int, int]:
    """Return, by position, where the id of each repeat stood before."""
    before = known(ids)
    if before is None:
        return {}
    last = dict(before)
    found = {}
    for id_, position in zip(ids, positions, strict=True):
        sooner = last.get(id_, position)
        if sooner < position < sooner + IDS_KEPT:
            found[position] = sooner
        last[id_] = position
    return found
