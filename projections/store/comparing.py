"""Rows that should be in Parquet files compared with those that are, position by position."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

from coord.projections.folds.shape import Columns, Table
from coord.projections.store.parquet import Parquet, ParquetFault, files_sql, words_of

MEMORY_MIB: Final = 256
_POSITIONS: Final = """
    SELECT position, recorded_at_ns, count(*) AS rows, sum(hash({columns})) AS hashes FROM {source} WHERE {where}
    GROUP BY position, recorded_at_ns"""
"""A tail that was lost and grew anew gives a position twice, at two moments."""
_DIFFERING: Final = """
    SELECT position, h.rows IS NULL FROM ({wanted}) w LEFT JOIN ({here}) h USING (position, recorded_at_ns)
    WHERE h.rows IS DISTINCT FROM w.rows OR h.hashes IS DISTINCT FROM w.hashes ORDER BY position"""
_NOT_ELSEWHERE: Final = """
    SELECT DISTINCT position FROM incoming w ANTI JOIN {files} h ON {same} AND h.position < w.position
    WHERE list_contains($1, w.position)"""
_NONE: Final = "SELECT NULL::BIGINT AS position, NULL::BIGINT AS recorded_at_ns, NULL::BIGINT AS rows, NULL::HUGEINT AS hashes WHERE false"
_WHO_SENT: Final = ("position", "recorded_at_ns")
"""What differs in a message that is sent again."""


class Found(NamedTuple):
    """What a comparison of some messages found."""

    rows: int
    """Of the messages whose rows are there as they should be."""
    altered: Sequence[int]
    """Positions whose rows differ, or are not all there, or there twice."""
    missing: Sequence[int]
    """Positions whose rows are in no file, under no other position either."""


class Comparing(Parquet):
    """Some files of one table, compared batch by batch."""

    def __init__(
        self, table: Table[Any], files: Sequence[Path], fault: Callable[[ParquetFault], None]
    ) -> None:
        """Look at the files; `fault` is told of each that cannot be read, whose rows are then missing."""
        super().__init__(MEMORY_MIB)
        self._table = table
        self._columns = ", ".join(f'"{column.name}"' for column in table.columns)
        self._files: list[tuple[Path, int, int]] = []
        self.count = 0
        """In the files."""
        for path in files:
            try:
                [(rows, first, last)] = self.rows([path], "count(*), min(position), max(position)")
            except ParquetFault as error:
                fault(error)
                continue
            self.count += rows
            self._files.append((path, first, last))

    def compare(self, columns: Columns) -> Found:
        """Compare what messages, in the order of their positions, should be with what is in the files.

        Raises:
            ParquetFault: a file cannot be read.
        """
        positions = columns["position"]
        if not positions:
            return Found(0, (), ())
        try:
            with self._given(self._table, columns):
                return self._compare(positions[0], positions[-1], len(positions))
        except duckdb.Error as error:
            raise ParquetFault(f"readings cannot be compared: {words_of(error)}.") from error

    def _compare(self, first: int, last: int, rows: int) -> Found:
        near = [path for path, begins, ends in self._files if begins <= last and ends >= first]
        here = self._positions(files_sql(near), f"position BETWEEN {first} AND {last}") if near else _NONE
        wanted = self._positions("incoming", "true")
        differing = self._all(_DIFFERING.format(wanted=wanted, here=here))
        absent = [position for position, is_absent in differing if is_absent]
        missing = self._nowhere(absent, last)
        altered = [position for position, is_absent in differing if not is_absent]
        gone = self._all("SELECT count(*) FROM incoming WHERE list_contains($1, position)", absent + altered)
        return Found(rows - gone[0][0], altered, missing)

    def _positions(self, source: str, where: str) -> str:
        return _POSITIONS.format(columns=self._columns, source=source, where=where)

    def _nowhere(self, absent: list[int], last: int) -> list[int]:
        """Return those whose rows do not stand at an earlier position either."""
        earlier = [path for path, begins, _ in self._files if begins <= last]
        if not absent or not earlier:
            return absent
        names = (column.name for column in self._table.columns if column.name not in _WHO_SENT)
        same = " AND ".join(f'h."{name}" = w."{name}"' for name in names)
        found = self._all(_NOT_ELSEWHERE.format(files=files_sql(earlier), same=same), absent)
        return sorted(position for (position,) in found)

    def _all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._root.execute(sql, list(values)).fetchall()
