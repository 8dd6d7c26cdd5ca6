"""The rows that folds look at: read from the file in bulk before a batch, kept while they are hot.

A table whose rows are all kept is never asked again: what is not here is not there. The others are
asked once a batch for the keys that are missing. After an error everything is forgotten.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

import duckdb

from coord.projections.folds.shape import Changes, Key, Kind, Row, Table
from coord.projections.store.arrow import keys_to_arrow
from coord.projections.store.schema import ALL_TABLES, BY_NAME

ROWS_MAX: Final = 10_000
"""Rows kept a table."""
_LISTS: Final[frozenset[Kind]] = frozenset({"texts", "integers"})

R = TypeVar("R", bound=Row)


class HotRows:
    """The rows as they were before the batch at hand."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._kept: dict[str, dict[Key, Any]] = {}
        self._whole: set[str] = set()

    def row(self, table: Table[R], key: Key) -> R | None:
        """Return a row as it is in the file; it was loaded before."""
        found: R | None = self._kept[table.name].get(key)
        return found

    def load(self, wanted: Mapping[Table[Any], set[Key]]) -> None:
        """Read what is wanted and not here."""
        for table, keys in wanted.items():
            kept = self._kept.get(table.name)
            if kept is None:
                kept = self._kept[table.name] = self._begin(table)
            if table.name in self._whole:
                continue
            missing = [key for key in keys if key not in kept]
            if missing:
                kept.update(self._look_up(table, missing))

    def take(self, changes: Changes) -> None:
        """Keep what a committed batch changed."""
        for name, rows in changes.rows.items():
            kept = self._kept.setdefault(name, {})
            for key, row in rows.items():
                kept.pop(key, None)
                if row is not None:
                    kept[key] = row
        for name in self._kept:
            self._trim(name)

    def forget(self) -> None:
        """Forget everything: the next batch reads the file."""
        self._kept.clear()
        self._whole.clear()

    def _begin(self, table: Table[Any]) -> dict[Key, Any]:
        (count,) = self._connection.execute(f'SELECT count(*) FROM "{table.name}"').fetchall()[0]
        if count > ROWS_MAX:
            return {}
        self._whole.add(table.name)
        return self._read(table, f'SELECT * FROM "{table.name}"')

    def _look_up(self, table: Table[Any], keys: list[Key]) -> dict[Key, Any]:
        self._connection.register("wanted", keys_to_arrow(table, keys))
        try:
            return self._read(
                table, f'SELECT t.* FROM "{table.name}" t SEMI JOIN wanted USING ({_names(table)})'
            )
        finally:
            self._connection.unregister("wanted")

    def _read(self, table: Table[Any], sql: str) -> dict[Key, Any]:
        lists = [place for place, column in enumerate(table.columns) if column.kind in _LISTS]
        rows: dict[Key, Any] = {}
        for values in self._connection.execute(sql).fetchall():
            row = table.row(*(_tuples(values, lists) if lists else values))
            rows[table.key_of(row)] = row
        return rows

    def _trim(self, name: str) -> None:
        kept = self._kept[name]
        if len(kept) <= ROWS_MAX:
            return
        self._whole.discard(name)
        for key in list(kept)[: len(kept) - ROWS_MAX]:
            del kept[key]


def _tuples(values: tuple[Any, ...], lists: list[int]) -> Iterator[Any]:
    """Give lists as tuples: rows are compared and never changed from outside."""
    for place, value in enumerate(values):
        yield tuple(value) if place in lists and value is not None else value


def _names(table: Table[Any]) -> str:
    return ", ".join(f'"{name}"' for name in table.key)


assert all(not table.settled or table.key for table in ALL_TABLES)
assert set(BY_NAME) == {table.name for table in ALL_TABLES}
