"""What each table is in SQL, derived from its record type; and one fingerprint of all."""

import hashlib
from typing import Any, Final

from coord.projections.folds.catalog import TABLES, VERSION
from coord.projections.folds.shape import Kind, Table
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
