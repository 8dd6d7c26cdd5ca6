"""The writer: one intake, one transaction with rows, dead letters, gaps and position together."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb

from coord.events.streams import MIB
from coord.projections.folds.shape import Changes, Columns, Key, Table, columns_of
from coord.projections.intake import POSITIONS, Gap, Intake, Mark, changes_of, reads_of
from coord.projections.store.arrow import keys_to_arrow, to_arrow
from coord.projections.store.faults import read_border, told_apart
from coord.projections.store.reader import Reader
from coord.projections.store.rows import HotRows
from coord.projections.store.schema import BY_NAME

CHECKPOINT_BYTES: Final = 4 * MIB
"""So much of messages is folded between two checkpoints: emptying the log of writes takes several times the
memory of what it holds."""


class Store:
    """An open file. One thread at a time may write; `reader` may be used from any."""

    def __init__(self, path: Path, root: duckdb.DuckDBPyConnection) -> None:
        self.path = path
        self._root = root
        self._cursors = threading.Lock()
        self._writing = root.cursor()
        self._hot = HotRows(self._writing)
        self._written_bytes = 0

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
            changes = changes_of(self._hot, intake)
            self._write(changes)
        self._hot.take(changes)
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

    def drop_readings(self, before_ns: int) -> None:
        """Drop readings that the broker recorded before a moment."""
        with self._transaction("old readings cannot be dropped"):
            self._run("DELETE FROM readings_hot WHERE recorded_at_ns < $1", [before_ns])

    def checkpoint(self) -> None:
        """Write what the log of writes holds into the file; costs according to what changed."""
        with told_apart("the file cannot be brought up to date"):
            self._run("CHECKPOINT")
            self._written_bytes = 0

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Read one snapshot; from any thread.

        Raises:
            StoreBroken: the file or engine failed.
        """
        with read_border():
            with self._cursors:
                cursor = self._root.cursor()
            try:
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                yield Reader(cursor)
            finally:
                cursor.close()

    def close(self) -> None:
        """Close the file, in order; readers must have ended."""
        with told_apart("the file cannot be closed in order"):
            self._writing.close()
            self._root.close()

    @contextmanager
    def _transaction(self, what: str) -> Iterator[None]:
        with told_apart(what):
            self._run("BEGIN TRANSACTION")
            try:
                yield
                self._run("COMMIT")
            except BaseException:
                self._hot.forget()
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        try:
            self._run("ROLLBACK")
        except duckdb.Error:
            """There may be nothing left to roll back; the error that led here is the one to tell."""

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

    def _delete(self, table: Table[Any], keys: list[Key]) -> None:
        if keys:
            same = " AND ".join(f't."{name}" = gone."{name}"' for name in table.key)
            with self._given("gone", keys_to_arrow(table, keys)):
                self._run(f'DELETE FROM "{table.name}" t USING gone WHERE {same}')

    def _insert(self, table: Table[Any], columns: Columns) -> None:
        if columns[table.columns[0].name]:
            with self._given("incoming", to_arrow(table, columns)):
                self._run(f'INSERT INTO "{table.name}" FROM incoming')

    @contextmanager
    def _given(self, name: str, rows: Any) -> Iterator[None]:
        self._writing.register(name, rows)
        try:
            yield
        finally:
            self._writing.unregister(name)

    def _run(self, sql: str, values: list[Any] | None = None) -> None:
        self._writing.execute(sql, values).fetchall()
