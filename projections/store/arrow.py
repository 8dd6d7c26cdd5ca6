"""Rows in Arrow's form: how DuckDB is given many at once. The only door to nanoarrow.

pyarrow could do the same and is no faster, but its libraries, with numpy behind them, take 35 MB of a process.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

import nanoarrow

from coord.projections.folds.shape import Column, Columns, Key, Kind, Table

_FLAT: Final[dict[Kind, Any]] = {
    "text": nanoarrow.string(),
    "integer": nanoarrow.int64(),
    "number": nanoarrow.float64(),
    "flag": nanoarrow.bool_(),
}
_OFFSET: Final = nanoarrow.int32()
_LISTS: Final[dict[Kind, Any]] = {"texts": nanoarrow.string(), "integers": nanoarrow.int64()}
"""By what stands in the lists."""


def to_arrow(table: Table[Any], columns: Columns) -> Any:
    """Write rows, at least one, as something that DuckDB can insert.

    Raises:
        ValueError: a value does not fit its column.
    """
    return _rows(table.columns, [columns[column.name] for column in table.columns])


def keys_to_arrow(table: Table[Any], keys: Sequence[Key]) -> Any:
    """Write keys, at least one, as something that DuckDB can join with."""
    by_name = {column.name: column for column in table.columns}
    return _rows([by_name[name] for name in table.key], list(zip(*keys, strict=True)))


def _rows(columns: Sequence[Column], values: Sequence[Sequence[Any]]) -> Any:
    schema = nanoarrow.struct({column.name: _type(column.kind) for column in columns})
    children = [_column(column.kind, given) for column, given in zip(columns, values, strict=True)]
    rows = nanoarrow.c_array_from_buffers(
        schema, len(values[0]), [None], null_count=0, children=children, move=True
    )
    return nanoarrow.Array(rows)


def _type(kind: Kind) -> Any:
    return nanoarrow.list_(_LISTS[kind]) if kind in _LISTS else _FLAT[kind]


def _column(kind: Kind, values: Sequence[Any]) -> Any:
    if kind not in _LISTS:
        return nanoarrow.c_array(values, _FLAT[kind])
    inner = nanoarrow.c_array([one for value in values if value for one in value], _LISTS[kind])
    ends = accumulate((len(value or ()) for value in values), initial=0)
    here = nanoarrow.c_buffer([value is not None for value in values], _FLAT["flag"])
    buffers = [here, nanoarrow.c_buffer(list(ends), _OFFSET)]
    return nanoarrow.c_array_from_buffers(_type(kind), len(values), buffers, children=[inner], move=True)
