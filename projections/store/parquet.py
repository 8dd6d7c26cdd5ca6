"""Parquet: an independent copy that any DuckDB or Spark reads. A file is whole and flushed, or not there.

export_query   what a query gives, as one file
Parquet        an engine without a file: rows from here into files, and files' rows back
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import duckdb

from coord.events.errors import CoordError, visible
from coord.projections.folds.shape import Columns, Table
from coord.projections.store.arrow import to_arrow
from coord.projections.store.engine import SETTINGS

SUFFIX: Final = ".parquet"
_CONFIG: Final = SETTINGS | {"threads": "1"}
_COPY: Final = "COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {rows})"
GROUP_ROWS: Final = 10_000
"""Of which a reader that wants few rows reads all: a hundred days of a small house are one group a file."""


class ParquetFault(CoordError):
    """A Parquet file cannot be written, or cannot be read."""


def export_query(
    connection: duckdb.DuckDBPyConnection, query: str, path: Path, group_rows: int = GROUP_ROWS
) -> int:
    """Write what a query gives into a file, in its order, in place of one that may be there; return the rows.

    A crash leaves the file as it was, or as it is to be. The connection must be allowed to write there: where
    `enable_external_access` is off, the folder stands in `allowed_directories`.

    Raises:
        ParquetFault: the query fails, or the disk is full or fails; the file is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    written = str(beside).replace("'", "''")
    try:
        done = connection.execute(_COPY.format(query=query, path=written, rows=group_rows)).fetchall()
        _flush(beside)
        beside.replace(path)
        _flush(path.parent)
    except (duckdb.Error, OSError) as error:
        raise ParquetFault(f"{path} cannot be written: {words_of(error)}.") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return int(done[0][0])


class Parquet:
    """An engine in memory that writes rows into files and reads them."""

    def __init__(self, memory_mib: int) -> None:
        self._root = duckdb.connect(":memory:", config=dict(_CONFIG))
        for name, value in (("memory_limit", f"{memory_mib}MiB"), ("temp_directory", "")):
            self._root.execute(f"SET GLOBAL {name} = '{value}'").fetchall()

    def write(
        self, path: Path, table: Table[Any], columns: Columns, computed: str = "", before: str = ""
    ) -> int:
        """Write rows, at least one, into a file; return how many it has then.

        Args:
            path: of the file.
            table: says what the columns are.
            columns: the rows.
            computed: SQL of further columns, made of these.
            before: a condition on the rows of the file as it is, which stand before the new ones; empty: none do.
        """
        query = f"SELECT *{', ' + computed if computed else ''} FROM incoming"
        if before:
            query = f"SELECT * FROM {files_sql([path])} WHERE {before} UNION ALL BY NAME {query}"
        with self._given(table, columns):
            return export_query(self._root, query, path)

    def cut(self, path: Path, condition: str) -> int:
        """Keep only the rows of a file for which a condition holds; return how many those are."""
        return export_query(self._root, f"SELECT * FROM {files_sql([path])} WHERE {condition}", path)

    def value(self, path: Path, what: str) -> Any:
        """Return one value of a file, such as `count(*)`."""
        return self.rows([path], what)[0][0]

    def rows(self, paths: Sequence[Path], what: str, rest: str = "") -> list[tuple[Any, ...]]:
        """Return rows of files.

        Raises:
            ParquetFault: one of them cannot be read.
        """
        try:
            return self._root.execute(f"SELECT {what} FROM {files_sql(paths)} {rest}").fetchall()
        except duckdb.Error as error:
            raise ParquetFault(f"{_name_of(paths)} cannot be read: {words_of(error)}.") from error

    def close(self) -> None:
        """End the engine."""
        self._root.close()

    @contextmanager
    def _given(self, table: Table[Any], columns: Columns) -> Iterator[None]:
        self._root.register("incoming", to_arrow(table, columns))
        try:
            yield
        finally:
            self._root.unregister("incoming")


def files_sql(paths: Sequence[Path]) -> str:
    """Name files as a source of rows."""
    quoted = ", ".join("'{}'".format(str(path).replace("'", "''")) for path in paths)
    return f"read_parquet([{quoted}], hive_partitioning = false)"


def _name_of(paths: Sequence[Path]) -> str:
    return str(paths[0]) if len(paths) == 1 else f"one of {len(paths)} files from {paths[0]} on"


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def words_of(error: BaseException) -> str:
    """Say in a few words what went wrong, without a full stop."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition("\n")[0]
    return visible(text, 300).rstrip(".")
