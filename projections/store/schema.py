"""What each table is in SQL, derived from its record type; the views over sealed tables; and one fingerprint of all."""

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from coord.projections.folds.catalog import TABLES, VERSION
from coord.projections.folds.shape import Kind, Table
from coord.projections.intake import LEDGER
from coord.projections.repeats import EVENT_IDS
from coord.projections.store.engine import ROW_GROUP_ROWS
from coord.projections.views import VIEWS

ALL_TABLES: Final[tuple[Table[Any], ...]] = (*TABLES, *LEDGER, EVENT_IDS)
BY_NAME: Final = {table.name: table for table in ALL_TABLES}
SEALED: Final = tuple(table for table in ALL_TABLES if table.sealing)
META: Final = "store_meta"
SEGMENTS: Final = "segments"
"""Which sealed tables there are, of what, and which span of the broker's time each is for."""

_SQL: Final[dict[Kind, str]] = {
    "text": "VARCHAR",
    "texts": "VARCHAR[]",
    "integer": "BIGINT",
    "integers": "BIGINT[]",
    "number": "DOUBLE",
    "flag": "BOOLEAN",
}
_UNALIKE: Final = {(EVENT_IDS.name, "id"): " USING COMPRESSION uncompressed"}
"""Columns in which no two values are alike: to look for a way of making them smaller takes longer than to write them."""


def table_sql(table: Table[Any], name: str = "") -> str:
    """Say how a table, or a segment of it, is made."""
    columns = (
        f'"{column.name}" {_SQL[column.kind]}{"" if column.optional else " NOT NULL"}'
        f"{_UNALIKE.get((table.name, column.name), '')}"
        for column in table.columns
    )
    return f'CREATE TABLE "{name or table.name}" ({", ".join(columns)})'


def view_sql(table: Table[Any], segments: Iterable[str] = ()) -> str:
    """Say how the view over a table and its segments is made."""
    parts = " UNION ALL ".join(f'SELECT * FROM "{name}"' for name in (table.name, *segments))
    return f'CREATE OR REPLACE VIEW "{table.whole}" AS {parts}'


STATEMENTS: Final = (
    *map(table_sql, ALL_TABLES),
    f'CREATE TABLE "{SEGMENTS}" (name VARCHAR, hot VARCHAR, first_ns BIGINT, end_ns BIGINT)',
    *map(view_sql, SEALED),
    *(f'CREATE VIEW "{name}" AS {sql}' for name, sql in VIEWS.items()),
)
FINGERPRINT: Final = hashlib.sha256(
    "\n".join((str(VERSION), str(ROW_GROUP_ROWS), *STATEMENTS)).encode()
).hexdigest()
"""Changes with any table or view, and with what the folds mean: a file of another one is built anew."""
