"""Sealed tables in Parquet, and back: of one of the store's files that nobody writes to meanwhile.

A sealed table's new rows go out by day of the broker's clock, at most `FILE_ROWS` or so a file, each file sorted.
Small tables of SAMPLES go out whole, as they stand at the same position. Back they come as segments.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

from coord.events.streams import SAMPLES
from coord.projections.folds.shape import Table
from coord.projections.intake import LEDGER, Mark
from coord.projections.store.engine import ROW_GROUP_ROWS
from coord.projections.store.parquet import Parquet, ParquetFault, export_query, files_sql, words_of
from coord.projections.store.schema import ALL_TABLES, META, SEALED, SEGMENTS, table_sql, view_sql
from coord.projections.store.segments import Kept, segment_of

FILE_ROWS: Final = 491_520
"""So many rows are sorted at once; four pieces of the engine's own measure."""
_GROUP_ROWS: Final = 122_880
_BUCKETS: Final = 16
"""A file's worth of positions is cut no finer: packed messages hold hundreds of rows, and all alike."""
_DAY_NS: Final = 86_400 * 1_000_000_000
_LEDGER: Final = frozenset(table.name for table in LEDGER)
STATE: Final = tuple(
    table for table in ALL_TABLES if table.name in _LEDGER or (table.stream == SAMPLES.name and table.key)
)
"""What, beside the rows of the sealed tables, a projection knows of SAMPLES."""


class Since(NamedTuple):
    """Which rows are new: behind a position, and recorded after a moment."""

    position: int
    recorded_ns: int

    @property
    def condition(self) -> str:
        """It as SQL."""
        return f"position > {self.position} AND recorded_at_ns > {self.recorded_ns}"


class Cut(NamedTuple):
    """The rows of one file."""

    day: int
    """Since 1970, of the broker's clock."""
    first: int
    last: int
    """Positions."""
    rows: int


class SealedFiles(Parquet):
    """An engine in memory, with one of the store's files beside it."""

    def __init__(self, file: Path, memory_mib: int, *, writable: bool = False) -> None:
        """Open the file.

        Raises:
            ParquetFault: it cannot be opened.
        """
        super().__init__(memory_mib)
        mode = f"ROW_GROUP_SIZE {ROW_GROUP_ROWS}" if writable else "READ_ONLY"
        try:
            self.do(f"ATTACH '{_quoted(file)}' AS tables ({mode})")
            self.do("USE tables")
        except BaseException:
            self.close()
            raise

    def fingerprint(self) -> str:
        """Return which version of tables and folds wrote the file."""
        found: str = self.do(f"SELECT fingerprint FROM {META}")[0][0]
        return found

    def mark(self) -> Mark | None:
        """Return how far SAMPLES is folded in."""
        found = self.do(f"FROM positions WHERE stream = '{SAMPLES.name}'")
        return Mark(*found[0]) if found else None

    def export(
        self, table: Table[Any], since: Since, path_of: Callable[[int, int], Path], computed: str
    ) -> tuple[int, int]:
        """Write what is new of a sealed table; returns the rows, and the files.

        Args:
            table: which.
            since: says what is new.
            path_of: names the file by its day and its number.
            computed: SQL of further columns.

        Raises:
            ParquetFault: it cannot be read, or the disk is full or fails; files may have been written.
        """
        assert table.sealing is not None
        order = ", ".join(f'"{name}"' for name in (*table.sealing.order, "position"))
        rows = files = 0
        for cut in self._cuts(table, since):
            where = (
                f"{since.condition} AND {_within(cut.day)} AND position BETWEEN {cut.first} AND {cut.last}"
            )
            query = f'SELECT *, {computed} FROM "{table.whole}" WHERE {where} ORDER BY {order}'
            rows += export_query(self._root, query, path_of(cut.day, files), _GROUP_ROWS)
            files += 1
        return rows, files

    def export_state(self, folder: Path) -> None:
        """Write the small tables of SAMPLES into a folder, a file each.

        Raises:
            ParquetFault: as with `export`.
        """
        for table in STATE:
            where = f"WHERE stream = '{SAMPLES.name}'" if table.name in _LEDGER else ""
            export_query(self._root, f'SELECT * FROM "{table.name}" {where}', _state_file(folder, table))

    def load_state(self, folder: Path) -> None:
        """Read the small tables of SAMPLES into a file that has none of them.

        Raises:
            ParquetFault: they cannot be read, or do not fit.
        """
        for table in STATE:
            self.do(f'INSERT INTO "{table.name}" BY NAME FROM {files_sql([_state_file(folder, table)])}')

    def load(self, table: Table[Any], kept: Kept, path: Path, from_ns: int) -> int:
        """Read a file's rows that were recorded from a moment on into their segments; returns how many.

        Raises:
            ParquetFault: they cannot be read, or do not fit.
        """
        span_ns, source = kept.span_ns, files_sql([path])
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        spans = f"SELECT DISTINCT recorded_at_ns // {span_ns} FROM {source} WHERE recorded_at_ns >= {from_ns}"
        rows = 0
        for (number,) in sorted(self.do(spans)):
            segment = segment_of(table, number * span_ns, span_ns)
            self._begin(table, segment.name, segment.first_ns, segment.end_ns)
            within = (
                f"recorded_at_ns >= {max(from_ns, segment.first_ns)} AND recorded_at_ns < {segment.end_ns}"
            )
            [(count,)] = self.do(
                f'INSERT INTO "{segment.name}" SELECT {columns} FROM {source} WHERE {within}'
            )
            rows += count
        return rows

    def show(self) -> None:
        """Show each sealed table as one again, and bring the file up to date."""
        for table in SEALED:
            found = self.do(
                f"SELECT name FROM \"{SEGMENTS}\" WHERE hot = '{table.name}' ORDER BY first_ns, end_ns"
            )
            self.do(view_sql(table, (name for (name,) in found)))
        self.do("CHECKPOINT tables")

    def do(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement of our own.

        Raises:
            ParquetFault: it failed.
        """
        try:
            return self._root.execute(sql).fetchall()
        except duckdb.Error as error:
            raise ParquetFault(f"readings cannot be read or written: {words_of(error)}.") from error

    def _begin(self, table: Table[Any], name: str, first_ns: int, end_ns: int) -> None:
        if not self.do(f"SELECT 1 FROM \"{SEGMENTS}\" WHERE name = '{name}'"):
            self.do(table_sql(table, name))
            self.do(f"INSERT INTO \"{SEGMENTS}\" VALUES ('{name}', '{table.name}', {first_ns}, {end_ns})")

    def _cuts(self, table: Table[Any], since: Since) -> Iterator[Cut]:
        """Divide what is new by days, and the rows of a day by positions."""
        days = self.do(
            f"SELECT recorded_at_ns // {_DAY_NS}, count(*), min(position), max(position)"
            f' FROM "{table.whole}" WHERE {since.condition} GROUP BY ALL ORDER BY ALL'
        )
        for day, rows, first, last in days:
            if rows <= FILE_ROWS:
                yield Cut(day, first, last, rows)
                continue
            width = max(1, (last - first + 1) * FILE_ROWS // (rows * _BUCKETS))
            counted = self.do(
                f'SELECT (position - {first}) // {width}, count(*) FROM "{table.whole}"'
                f" WHERE {since.condition} AND {_within(day)} GROUP BY ALL ORDER BY ALL"
            )
            yield from _joined(day, first, width, counted)


def _joined(day: int, first: int, width: int, counted: list[tuple[Any, ...]]) -> Iterator[Cut]:
    """Put buckets of positions together until they fill a file."""
    begins, rows = 0, 0
    for bucket, count in counted:
        if rows and rows + count > FILE_ROWS:
            yield Cut(day, first + begins * width, first + bucket * width - 1, rows)
            begins, rows = bucket, 0
        rows += count
    yield Cut(day, first + begins * width, first + (counted[-1][0] + 1) * width - 1, rows)


def _within(day: int) -> str:
    return f"recorded_at_ns >= {day * _DAY_NS} AND recorded_at_ns < {(day + 1) * _DAY_NS}"


def _state_file(folder: Path, table: Table[Any]) -> Path:
    return folder / f"{table.name}.parquet"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
