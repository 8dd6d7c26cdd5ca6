"""Rows as a stream of Arrow (IPC): what notebooks, pandas, polars and DuckDB read without parsing text."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Final, Literal, NamedTuple

import nanoarrow
from nanoarrow.ipc import StreamWriter

Kind = Literal["text", "integer", "number", "flag"]

_TYPES: Final[dict[Kind, Any]] = {
    "text": nanoarrow.string(),
    "integer": nanoarrow.int64(),
    "number": nanoarrow.float64(),
    "flag": nanoarrow.bool_(),
}


class Column(NamedTuple):
    """One column, with a value for each row; None where there is none."""

    kind: Kind
    values: Sequence[Any]


def to_ipc(columns: Mapping[str, Column], metadata: Mapping[str, str]) -> bytes:
    """Write columns of one length as a stream of one batch.

    Raises:
        ValueError: a value does not fit its column.
    """
    rows = max((len(column.values) for column in columns.values()), default=0)
    fields = nanoarrow.struct({name: _TYPES[column.kind] for name, column in columns.items()})
    schema = nanoarrow.Schema(fields, metadata=metadata)
    children = [nanoarrow.c_array(column.values, _TYPES[column.kind]) for column in columns.values()]
    batch = nanoarrow.c_array_from_buffers(schema, rows, [None], null_count=0, children=children, move=True)
    out = BytesIO()
    with StreamWriter.from_writable(out) as writer:
        writer.write_stream(batch)
    return out.getvalue()
