"""The writer: one intake, one transaction with rows, dead letters, gaps and position together."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import duckdb

from coord.events.streams import MIB
from coord.projections.folds.shape import Changes, Columns, Key, Packs, Table, columns_of
from coord.projections.intake import POSITIONS, Gap, Intake, Mark, changes_of, reads_of
from coord.projections.store.arrow import keys_to_arrow, packs_to_arrow, to_arrow
from coord.projections.store.faults import read_border, told_apart
from coord.projections.store.ids import KnownIds
from coord.projections.store.reader import Reader
from coord.projections.store.rows import HotRows
from coord.projections.store.schema import BY_NAME, SEALED
from coord.projections.store.segments import KEEPING, Keeping, Segments

CHECKPOINT_BYTES: Final = 4 * MIB
"""So much of messages is folded between two checkpoints: emptying the log of writes takes several times the
memory of what it holds."""
ATTACHED: Final = "tables"
"""What the file is called in the engine."""
_READ_STILL: Final = "TransactionContext Error: Cannot CHECKPOINT: there are other write transactions active"
"""So the engine says; the transaction is one that reads, from before tables were made or dropped."""


class Store:
    """An open file. One thread at a time folds; beside it another may seal and drop. `reader` may be used from any."""

    def __init__(
        self, path: Path, root: duckdb.DuckDBPyConnection, let_go: Callable[[], object] = lambda: None
    ) -> None:
        """Take an open file; `let_go` is called when it is closed, whatever comes of that."""
        self.path = path
        self._root = root
        self._let_go = let_go
        self._cursors = threading.Lock()
        self._writing = self.cursor()
        self._sealing = self.cursor()
        self._alone = threading.RLock()
        """Held while a batch is folded in, the file is brought up to date, or tables are made or dropped."""
        self._moving = threading.Lock()
        """Held while rows are sealed: by their numbers, which a checkpoint may change."""
        self._hot = HotRows(self._writing)
        self._ids = KnownIds(self._writing)
        self._written_bytes = 0
        self.keeping: Keeping = KEEPING
        self._segments = Segments(self._sealing, self._sealed, self.checkpoint, self._alone)
        self._unsealed = dict.fromkeys((table.name for table in SEALED), 0)
        """Rows that are hot, as far as is known: what was there at first is counted when it is looked whether to seal."""

    def apply(self, intake: Intake, size_bytes: int = 0) -> None:
        """Fold an intake in, all or nothing; what was folded in before is skipped.

        Args:
            intake: what was read.
            size_bytes: of its messages; the file is brought up to date when enough has come together.

        Raises:
            Unfoldable: something in it cannot be folded or kept; nothing was changed.
            StoreFull: there is no room now; nothing was changed.
            StoreBroken: the file or engine failed; nothing was changed, and it must be opened anew.
        """
        with self._transaction("the batch cannot be folded in"):
            self._hot.load(reads_of(intake))
            changes = changes_of(self._hot, intake, self._ids.last)
            self._write(changes)
            self._ids.trim(changes)
        self._hot.take(changes)
        self._ids.take(changes)
        for name, count in changes.added().items():
            if name in self._unsealed:
                self._count_hot(name, count)
        self._written_bytes += size_bytes
        if self._written_bytes >= CHECKPOINT_BYTES:
            self.checkpoint()

    def move_mark(self, mark: Mark, gap: Gap | None = None) -> None:
        """Say anew how far a stream is folded in, because the stream lost what was there.

        Raises:
            StoreBroken: the file or engine failed.
        """
        changes = Changes(rows={POSITIONS.name: {(mark.stream,): mark}})
        if gap is not None:
            changes.appended["gaps"] = columns_of(BY_NAME["gaps"], [gap])
        with self._transaction("the position cannot be moved"):
            self._hot.load({POSITIONS: {(mark.stream,)}})
            self._write(changes)
        self._hot.take(changes)

    def mark(self, stream: str) -> Mark | None:
        """Return how far a stream is folded in; None before the first message."""
        with self.reader() as reader:
            return reader.mark(stream)

    @property
    def is_piece_full(self) -> bool:
        """Whether so many rows are hot that some should be sealed."""
        return any(count >= self._segments.piece_rows for count in self._unsealed.values())

    def seal(self, now_ns: int) -> bool:
        """Seal one piece of each table that it is time for; returns whether any was.

        Raises:
            Unfoldable: it could not be done now, and is tried again when as many rows have come, or it is asked for.
            StoreFull, StoreBroken: as with `apply`.
        """
        with told_apart("old rows cannot be sealed"):
            return sum(self._seal(table, now_ns) for table in SEALED) > 0

    def drop_segments(self, now_ns: int) -> list[str]:
        """Drop the segments that are not kept any more; returns their names."""
        with told_apart("old rows cannot be dropped"):
            return [
                segment.name
                for table in SEALED
                for segment in self._segments.drop(table, self.keeping[table.name], now_ns)
            ]

    def _seal(self, table: Table[Any], now_ns: int) -> bool:
        with self._alone:
            self._unsealed[table.name] = 0
        hot, is_done = self._segments.seal(table, self.keeping[table.name], now_ns)
        self._count_hot(table.name, hot)
        return is_done

    def _count_hot(self, name: str, count: int) -> None:
        """Add rows; what comes while a piece is sealed may count twice, until the next one is."""
        with self._alone:
            self._unsealed[name] += count

    def checkpoint(self) -> bool:
        """Write what the log of writes holds into the file; costs according to what changed.

        False: not while a piece is sealed, or somebody reads a snapshot that is older than a segment that was begun
        or dropped.
        """
        with self._alone, told_apart("the file cannot be brought up to date"):
            if not self._moving.acquire(blocking=False):
                return False
            try:
                self._run("CHECKPOINT")
            except duckdb.TransactionException as error:
                if not str(error).startswith(_READ_STILL):
                    raise
                return False
            finally:
                self._moving.release()
        self._written_bytes = 0
        return True

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Read one snapshot; from any thread.

        Raises:
            StoreBroken: the file or engine failed.
        """
        with read_border():
            cursor = self.cursor()
            try:
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                yield Reader(cursor)
            finally:
                cursor.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return another connection to the file; from any thread."""
        with self._cursors:
            cursor = self._root.cursor()
        cursor.execute(f"USE {ATTACHED}").fetchall()
        return cursor

    def close(self) -> None:
        """Close the file, in order; readers must have ended."""
        try:
            with told_apart("the file cannot be closed in order"):
                self._sealing.close()
                self._writing.close()
                self._root.close()
        finally:
            self._let_go()

    @contextmanager
    def _transaction(self, what: str) -> Iterator[None]:
        with self._alone:
            try:
                with _transaction_of(self._writing, what):
                    yield
            except BaseException:
                self._hot.forget()
                raise

    @contextmanager
    def _sealed(self, what: str) -> Iterator[None]:
        with self._moving, _transaction_of(self._sealing, what):
            yield

    def _write(self, changes: Changes) -> None:
        for name, rows in changes.rows.items():
            table = BY_NAME[name]
            gone = [key for key in rows if self._hot.row(table, key) is not None]
            self._delete(table, gone)
            here = [row for row in rows.values() if row is not None]
            if here:
                self._insert(table, columns_of(table, here))
        for name, columns in changes.appended.items():
            self._insert(BY_NAME[name], columns)
        for name, packs in changes.packs.items():
            self._insert_packs(BY_NAME[name], packs)

    def _delete(self, table: Table[Any], keys: list[Key]) -> None:
        if keys:
            same = " AND ".join(f't."{name}" = gone."{name}"' for name in table.key)
            with self._given("gone", keys_to_arrow(table, keys)):
                self._run(f'DELETE FROM "{table.name}" t USING gone WHERE {same}')

    def _insert(self, table: Table[Any], columns: Columns) -> None:
        if columns[table.columns[0].name]:
            with self._given("incoming", to_arrow(table, columns)):
                self._run(f'INSERT INTO "{table.name}" FROM incoming')

    def _insert_packs(self, table: Table[Any], packs: Packs) -> None:
        if packs.counts:
            columns = (column.name for column in table.columns)
            wanted = ", ".join(
                f'unnest("{name}")' if name in table.packed else f'"{name}"' for name in columns
            )
            with self._given("incoming", packs_to_arrow(table, packs)):
                self._run(f'INSERT INTO "{table.name}" SELECT {wanted} FROM incoming')

    @contextmanager
    def _given(self, name: str, rows: Any) -> Iterator[None]:
        self._writing.register(name, rows)
        try:
            yield
        finally:
            self._writing.unregister(name)

    def _run(self, sql: str, values: list[Any] | None = None) -> None:
        self._writing.execute(sql, values).fetchall()


@contextmanager
def _transaction_of(connection: duckdb.DuckDBPyConnection, what: str) -> Iterator[None]:
    with told_apart(what):
        connection.execute("BEGIN TRANSACTION").fetchall()
        try:
            yield
            connection.execute("COMMIT").fetchall()
        except BaseException:
            with suppress(duckdb.Error):
                connection.execute("ROLLBACK").fetchall()
            raise
