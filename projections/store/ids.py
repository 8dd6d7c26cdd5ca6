"""The ids that are remembered: exact in the table, and as hashes in memory, which tell of most batches that they are new.

Positions are divided into stretches of `IDS_KEPT`. The table holds this stretch and the one before, whatever came in
which batch; so do the hashes, some 75 bytes each.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import duckdb

from coord.events.streams import EVENTS
from coord.projections.folds.shape import Changes
from coord.projections.intake import POSITIONS
from coord.projections.repeats import EVENT_IDS, IDS_KEPT

_READ_TOGETHER: Final = 10_000


class KnownIds:
    """The ids of one file, as its transaction sees them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._stretch = 0
        self._older: set[int] = set()
        self._recent: set[int] | None = None
        """None: not read from the file yet."""
        self._coming: set[int] = set()

    def last(self, ids: Sequence[str]) -> Mapping[str, int] | None:
        """Return where ids stood last that are remembered; None: none of them did, and each is there once."""
        if self._recent is None:
            self._recent = self._read()
        hashes = self._coming = set(map(hash, ids))
        is_new = hashes.isdisjoint(self._recent) and hashes.isdisjoint(self._older)
        if is_new and len(hashes) == len(ids):
            return None
        suspected = [one for one in ids if hash(one) in self._recent or hash(one) in self._older]
        found = self._connection.execute(
            f'SELECT id, max(position) FROM "{EVENT_IDS.name}" WHERE id IN (SELECT unnest($1)) GROUP BY id',
            [suspected],
        )
        return dict(found.fetchall())

    def trim(self, changes: Changes) -> None:
        """Take out of the file, within the transaction, what is older than the stretch before this one."""
        stretch = _stretch_of(changes)
        if stretch > self._stretch:
            self._connection.execute(
                f'DELETE FROM "{EVENT_IDS.name}" WHERE position < $1', [(stretch - 1) * IDS_KEPT]
            ).fetchall()

    def take(self, changes: Changes) -> None:
        """Remember what a committed batch brought."""
        if self._recent is None:
            return
        stretch = _stretch_of(changes)
        if stretch > self._stretch:
            self._older, self._recent, self._stretch = self._recent, set(), stretch
        if EVENT_IDS.name in changes.appended:
            self._recent |= self._coming

    def _read(self) -> set[int]:
        rows = self._connection.execute(f'SELECT id FROM "{EVENT_IDS.name}"')
        hashes: set[int] = set()
        while some := rows.fetchmany(_READ_TOGETHER):
            hashes.update(hash(id_) for (id_,) in some)
        return hashes


def _stretch_of(changes: Changes) -> int:
    mark = changes.rows.get(POSITIONS.name, {}).get((EVENTS.name,))
    return mark.position // IDS_KEPT if mark else 0
