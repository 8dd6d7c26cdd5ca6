"""The reader: one question, one cursor, one snapshot of all tables."""

from typing import Any

import duckdb

from coord.projections.intake import Mark
from coord.projections.store.schema import ALL_TABLES


class Reader:
    """A snapshot. Every result is read to its end."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Run a named query; `$name` stands for a value."""
        result = self._cursor.execute(sql, values)
        names = [str(column[0]) for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def value(self, sql: str, **values: Any) -> Any:
        """Run a query that gives one value."""
        return self._cursor.execute(sql, values).fetchall()[0][0]

    def mark(self, stream: str) -> Mark | None:
        """Return how far a stream is folded in."""
        found = self.rows("SELECT * FROM positions WHERE stream = $stream", stream=stream)
        return Mark(**found[0]) if found else None

    def counts(self) -> dict[str, int]:
        """Return how many rows each table holds; of one with segments, by the name of its view, those in them too."""
        return {table.whole: self.value(f'SELECT count(*) FROM "{table.whole}"') for table in ALL_TABLES}
