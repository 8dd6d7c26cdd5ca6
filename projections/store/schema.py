"""What each table is in SQL and in Arrow, derived from its record type; and one fingerprint of all."""

import hashlib
from typing import Any, Final

import pyarrow as pa

from coord.projections.folds.catalog import TABLES, VERSION
from coord.projections.folds.shape import Columns, Key, Kind, Table
from coord.projections.intake import LEDGER
from coord.projections.views import VIEWS

ALL_TABLES: Final[tuple[Table[Any], ...]] = (*TABLES, *LEDGER)
BY_NAME: Final = {table.name: table for table in ALL_TABLES}
META: Final = "store_meta"

_SQL: Final[dict[Kind, str]] = {
    "text": "VARCHAR",
    "texts": "VARCHAR[]",
    "integer": "BIGINT",
    "integers": "BIGINT[]",
    "number": "DOUBLE",
    "flag": "BOOLEAN",
}
_ARROW: Final[dict[Kind, pa.DataType]] = {
    "text": pa.string(),
    "texts": pa.list_(pa.string()),
    "integer": pa.int64(),
    "integers": pa.list_(pa.int64()),
    "number": pa.float64(),
    "flag": pa.bool_(),
}


def _table_sql(table: Table[Any]) -> str:
    columns = (
        f'"{column.name}" {_SQL[column.kind]}{"" if column.optional else " NOT NULL"}'
        for column in table.columns
    )
    return f'CREATE TABLE "{table.name}" ({", ".join(columns)})'


STATEMENTS: Final = (
    *map(_table_sql, ALL_TABLES),
    *(f'CREATE VIEW "{name}" AS {sql}' for name, sql in VIEWS.items()),
)
FINGERPRINT: Final = hashlib.sha256("\n".join((str(VERSION), *STATEMENTS)).encode()).hexdigest()
"""Changes with any table or view, and with what the folds mean: a file of another one is built anew."""

_ARROW_SCHEMAS: Final = {
    table.name: pa.schema([(column.name, _ARROW[column.kind]) for column in table.columns])
    for table in ALL_TABLES
}


def to_arrow(table: Table[Any], columns: Columns) -> pa.Table:
    """Write rows as Arrow, to be inserted.

    Raises:
        OverflowError, UnicodeError, pa.ArrowException: a value does not fit its column.
    """
    schema = _ARROW_SCHEMAS[table.name]
    return pa.Table.from_arrays(
        [pa.array(columns[field.name], field.type) for field in schema], schema=schema
    )


def keys_to_arrow(table: Table[Any], keys: list[Key]) -> pa.Table:
    """Write keys as Arrow, to be joined with."""
    schema = _ARROW_SCHEMAS[table.name]
    return pa.table(
        {
            name: pa.array([key[place] for key in keys], schema.field(name).type)
            for place, name in enumerate(table.key)
        }
    )
