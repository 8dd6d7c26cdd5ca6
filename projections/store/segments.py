"""Sealed segments: what is old of a table that only grows, sorted, in tables of their own.

    rows --append--> hot --seal, a piece at a time--> segment of their span, sorted --too old, whole--> dropped

A table that is sealed is a hot table and its segments, shown as one by a view. A segment holds what the broker
recorded within one span, in sorted runs of at most `PIECE_ROWS`. A piece is sealed, oldest rows first, when so
many are hot or the oldest is a quarter of a span old; in one transaction, so every row is shown once. Folding may go
on meanwhile: it only adds to what is hot.

A segment begins and goes in a transaction of its own between two checkpoints: so the log of writes never holds
a table that is made or dropped together with its rows. The second waits until those who read an older snapshot are
done, and until then nothing is sealed; folding goes on. Only a whole segment is dropped: when all of it is older
than what is kept, and archived where there is an archive; or when more rows, or segments, are there than may be:
then the oldest goes early, archived or not. So what waits for the archive is kept a third longer at most.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, NamedTuple

import duckdb

from coord.events.streams import SAMPLES_AGE_SECONDS_MAX
from coord.projections.folds.samples import READINGS_HOT, ROLLUP_PARTS
from coord.projections.folds.shape import Table
from coord.projections.store.faults import Unfoldable
from coord.projections.store.schema import SEALED, SEGMENTS, table_sql, view_sql

PIECE_ROWS: Final = 122_880
"""Sealed at once: the engine's own measure of rows that lie together, a moment's work for the one who also folds."""
PIECE_ROWS_MIN: Final = 10_000
SPANS: Final = 48
"""Into so many segments is divided what is kept."""
SEGMENTS_MAX: Final = 64
"""Of one table: more than there are spans only when the broker's clock jumped or the policy changed."""
ANY_TIME_NS: Final = 2**63 - 1
_HOUR_NS: Final = 3_600_000_000_000
_SECOND_NS: Final = 1_000_000_000

assert SPANS < SEGMENTS_MAX


class Kept(NamedTuple):
    """How much of a table is kept."""

    seconds: float
    rows_max: int
    archived_ns: int = ANY_TIME_NS
    """What was recorded later waits for an archive, as long as there is room."""

    @property
    def span_ns(self) -> int:
        """How long a segment is: whole hours."""
        return max(1, -(-self.kept_ns // (SPANS * _HOUR_NS))) * _HOUR_NS

    @property
    def kept_ns(self) -> int:
        """How long its rows are kept, at least."""
        return round(self.seconds * _SECOND_NS)


Keeping = dict[str, Kept]
"""By name of the hot table."""

KEEPING: Final[Keeping] = {
    READINGS_HOT.name: Kept(SAMPLES_AGE_SECONDS_MAX, 500_000_000),
    ROLLUP_PARTS.name: Kept(400 * 86_400, 500_000_000),
}
"""What is kept where nobody says otherwise."""


class Segment(NamedTuple):
    """One sealed table."""

    name: str
    first_ns: int
    end_ns: int


class Segments:
    """The segments of one file; used by one thread."""

    def __init__(
        self,
        writing: duckdb.DuckDBPyConnection,
        transaction: Callable[[str], AbstractContextManager[None]],
        checkpoint: Callable[[], bool],
        alone: AbstractContextManager[object],
    ) -> None:
        """Take what the store gives; `alone` keeps others from writing, and may be held twice."""
        self._writing = writing
        self._transaction = transaction
        self._checkpoint = checkpoint
        self._alone = alone
        self.piece_rows = PIECE_ROWS
        """Fewer when there was no memory for so many."""
        self._owes_checkpoint = False

    def seal(self, table: Table[Any], kept: Kept, now_ns: int) -> tuple[int, bool]:
        """Seal one piece, if it is time; returns how many rows are left hot, and whether any was sealed.

        A piece that reaches into the next span is sealed up to there.
        """
        hot, oldest_ns = self._rows(_HOT.format(hot=table.name))[0]
        if not hot or (hot < self.piece_rows and now_ns - oldest_ns < kept.span_ns // 4):
            return int(hot), False
        [(first_ns,)] = self._rows(_FIRST.format(hot=table.name), self._last_row(table))
        segment = self._segment(table, first_ns, kept.span_ns)
        if segment is None:
            return int(hot), False
        try:
            sealed = self._move(table, segment)
        except Unfoldable:
            self.piece_rows = max(PIECE_ROWS_MIN, self.piece_rows // 2)
            raise
        return int(hot - sealed), True

    def _move(self, table: Table[Any], segment: Segment) -> int:
        """Move the rows of a piece that are of a segment's span; rows keep their number within a transaction."""
        assert table.sealing is not None
        order = ", ".join(f'"{name}"' for name in table.sealing.order)
        with self._transaction(f"rows of {table.name} cannot be sealed"):
            piece = (self._last_row(table), segment.first_ns, segment.end_ns)
            self._rows(
                f'INSERT INTO "{segment.name}" FROM "{table.name}" WHERE {_IN_PIECE} ORDER BY {order}', *piece
            )
            [(sealed,)] = self._rows(f'DELETE FROM "{table.name}" WHERE {_IN_PIECE}', *piece)
        return int(sealed)

    def _last_row(self, table: Table[Any]) -> int:
        """Return the number of the last row of a piece, which is of the rows that came first."""
        found = self._rows(f'SELECT rowid FROM "{table.name}" LIMIT 1 OFFSET $1', self.piece_rows - 1)
        return int(found[0][0]) if found else _ANY_ROW

    def drop(self, table: Table[Any], kept: Kept, now_ns: int) -> list[Segment]:
        """Drop what is older than is kept and archived, or more than may be; returns what was dropped."""
        gone = list(self._too_many(table, kept, min(now_ns - kept.kept_ns, kept.archived_ns)))
        if not gone:
            return []
        with self._alone:
            return gone if self._dropped(table, gone) else []

    def _dropped(self, table: Table[Any], gone: Sequence[Segment]) -> bool:
        if not self._may_define():
            return False
        with self._defining(f"segments of {table.name} cannot be dropped"):
            names = [segment.name for segment in gone]
            self._rows(f'DELETE FROM "{SEGMENTS}" WHERE list_contains($1, name)', names)
            self._show(table)
            for name in names:
                self._rows(f'DROP TABLE "{name}"')
        return True

    def of(self, table: Table[Any]) -> list[Segment]:
        """List the segments of a table, oldest first."""
        found = self._rows(
            f'SELECT name, first_ns, end_ns FROM "{SEGMENTS}" WHERE hot = $1 ORDER BY first_ns, end_ns',
            table.name,
        )
        return [Segment(*row) for row in found]

    def _too_many(self, table: Table[Any], kept: Kept, before_ns: int) -> Iterator[Segment]:
        segments = self.of(table)
        rows = self._count(table.whole) if segments else 0
        left = len(segments)
        for segment in segments:
            if segment.end_ns > before_ns and rows <= kept.rows_max and left <= SEGMENTS_MAX:
                return
            rows -= self._count(segment.name)
            left -= 1
            yield segment

    def _segment(self, table: Table[Any], at_ns: int, span_ns: int) -> Segment | None:
        """Return the segment for a moment, or begin one; None when that cannot be done now."""
        if self._owes_checkpoint and not self._may_define():
            return None
        for segment in self.of(table):
            if segment.first_ns <= at_ns < segment.end_ns:
                return segment
        with self._alone:
            return self._begun(table, segment_of(table, at_ns, span_ns))

    def _begun(self, table: Table[Any], segment: Segment) -> Segment | None:
        if not self._may_define():
            return None
        with self._defining(f"a segment of {table.name} cannot be begun"):
            self._rows(table_sql(table, segment.name))
            self._rows(_BEGUN, segment.name, table.name, *segment[1:])
            self._show(table)
        return None if self._owes_checkpoint else segment

    def _may_define(self) -> bool:
        """Do the checkpoint before tables are made or dropped; False: not now."""
        self._owes_checkpoint = not self._checkpoint()
        return not self._owes_checkpoint

    @contextmanager
    def _defining(self, what: str) -> Iterator[None]:
        """Change which tables there are; `_may_define` said yes."""
        with self._transaction(what):
            yield
        self._owes_checkpoint = not self._checkpoint()

    def _show(self, table: Table[Any]) -> None:
        self._rows(view_sql(table, (segment.name for segment in self.of(table))))

    def _count(self, name: str) -> int:
        return int(self._rows(f'SELECT count(*) FROM "{name}"')[0][0])

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        return self._writing.execute(sql, list(values)).fetchall()


_BEGUN: Final = f'INSERT INTO "{SEGMENTS}" VALUES ($1, $2, $3, $4)'
_HOT: Final = 'SELECT count(*), min(recorded_at_ns) FROM "{hot}"'
_FIRST: Final = 'SELECT min(recorded_at_ns) FROM "{hot}" WHERE rowid <= $1'
_ANY_ROW: Final = 2**62
_IN_PIECE: Final = "rowid <= $1 AND recorded_at_ns >= $2 AND recorded_at_ns < $3"


def segment_of(table: Table[Any], at_ns: int, span_ns: int) -> Segment:
    """Say which segment a moment belongs to."""
    first_ns = at_ns - at_ns % span_ns
    name = f"{table.whole}_{first_ns // _SECOND_NS}_{span_ns // _SECOND_NS}"
    return Segment(name, first_ns, first_ns + span_ns)


def end_ns_of(name: str) -> int:
    """Return the end of the span that a segment of this name is for."""
    _, first_seconds, span_seconds = name.rsplit("_", 2)
    return (int(first_seconds) + int(span_seconds)) * _SECOND_NS


def keeping(readings: Kept, rollups: Kept) -> Keeping:
    """Say how much of each sealed table is kept."""
    return {READINGS_HOT.name: readings, ROLLUP_PARTS.name: rollups}


assert KEEPING.keys() == {table.name for table in SEALED}
