"""The sandbox: a copy of the file, opened so that a statement can do nothing but read it.

    opened    for reading only, and then without a path: the copy's name is removed, so no statement can name it
    locked    no files, no extensions, no secrets, no names of this process, no spilling, and no setting of it back
    asked     one admitted statement, row by row up to a limit

What a statement may be is the gate's; memory, time and whatever the engine gets wrong are bounded by the process
that this runs in (services/query), which holds nothing else.
"""

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb

from coord.events.errors import CoordError, NoServer, Refused, UsageError
from coord.projections.folds.shape import Table, columns_of
from coord.projections.store.arrow import to_arrow
from coord.projections.store.engine import SETTINGS
from coord.projections.store.faults import NO_MEMORY, is_corrupt
from coord.projections.store.gate import Admitted, told
from coord.projections.store.schema import META, SEGMENTS

ROWS_AT_ONCE: Final = 1_000
_AS_THEY_ARE: Final = frozenset((
    "boolean", "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint",
    "uhugeint", "float", "double", "varchar",
))  # fmt: skip
_NESTED: Final = frozenset(("list", "struct", "map", "array", "union", "variant"))
_NUMBERS: Final = _AS_THEY_ARE - {"boolean", "varchar"} | {"decimal"}
_DAMAGE: Final = ("corrupt", "checksum", "not a valid duckdb database", "serializ")
_INTEGER_MIN: Final = -(2**63)
_INTEGER_MAX: Final = 2**63 - 1
_BARE: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?(nan)|(-?inf)(?:inity)?', re.IGNORECASE | re.DOTALL)
"""A text of JSON, to pass it over; or what the engine writes there of a number that JSON cannot have."""


class Damaged(NoServer):
    """The copy is damaged."""


class ColumnTold(NamedTuple):
    """One column of an answer."""

    name: str
    type: str
    """As the engine calls it."""
    number: bool
    nested: bool
    """Whether its values are JSON."""


@dataclass(frozen=True, slots=True)
class Held:
    """One table or view of the file."""

    name: str
    view: bool
    columns: tuple[tuple[str, str], ...]
    """Name and type."""


class Sandbox:
    """One copy, opened. Used from one thread."""

    def __init__(self, file: Path, memory_mib: int) -> None:
        self._memory_mib = memory_mib
        with self._border():
            self._connection = duckdb.connect(str(file), read_only=True, config=dict(SETTINGS))
        with contextlib.suppress(OSError):
            file.unlink()
            file.parent.rmdir()

    def held(self) -> list[Held]:
        """List the tables and views of the file, by name, without what is of the store's own making.

        Raises:
            Damaged: it cannot be read.
        """
        with self._border():
            rows = self._connection.execute(_HELD).fetchall()
            inner = {META, SEGMENTS}
            if any(row[0] == SEGMENTS for row in rows):
                inner |= {
                    row[0] for row in self._connection.execute(f"SELECT name FROM {SEGMENTS}").fetchall()
                }
        return [
            Held(name, view, tuple(zip(columns, types, strict=True)))
            for name, view, columns, types in rows
            if name not in inner
        ]

    def add(self, table: Table[Any], rows: Sequence[Any]) -> None:
        """Add rows of a table that is not in the file; it is there from the first call on, also without rows."""
        with self._border():
            self._connection.execute(_created(table)).fetchall()
            if rows:
                self._connection.register("incoming", to_arrow(table, columns_of(table, rows)))
                self._connection.execute(f'INSERT INTO "{table.name}" FROM incoming').fetchall()
                self._connection.unregister("incoming")

    def run(self, sql: str) -> None:
        """Run a statement of our own, before the sandbox is locked."""
        with self._border():
            self._connection.execute(sql).fetchall()

    def lock(self, output: Path | None = None, folders: Sequence[Path] = ()) -> None:
        """Take from the engine what it could reach; it cannot be given back.

        `output` alone may be written, and files in `folders` be read by views of our own: no statement can name them.
        """
        with self._border():
            for name, value in (
                ("memory_limit", f"'{self._memory_mib}MiB'"),
                ("temp_directory", "''"),
                ("max_temp_directory_size", "'0GB'"),
                *((("allowed_paths", f"['{output}']"),) if output else ()),
                *((("allowed_directories", _listed(folders)),) if folders else ()),
                ("enable_external_access", "false"),
                ("lock_configuration", "true"),
            ):
                self._connection.execute(f"SET GLOBAL {name} = {value}").fetchall()

    def ask(self, admitted: Admitted, limit: int) -> "Asked":
        """Begin a statement; its rows are read with `Asked.rows`.

        Raises:
            UsageError: it cannot be understood, or a value of it is wrong.
            Refused: it takes more memory than it may.
            Damaged: the copy cannot be read.
        """
        with self._border():
            if not admitted.selects:
                result = self._connection.execute(admitted.sql)
                return Asked(self, result, _columns(result.description or ()), limit)
            relation = self._connection.sql(admitted.sql)
            columns = _columns(list(zip(relation.columns, relation.types, strict=True)))
            shown = ", ".join(_shown(place, one) for place, one in enumerate(columns, 1))
            result = self._connection.execute(f"SELECT {shown} FROM (\n{admitted.sql}\n) LIMIT {limit + 1}")
            return Asked(self, result, columns, limit)

    def write_parquet(self, admitted: Admitted, limit: int, output: Path) -> tuple[int, bool]:
        """Write the rows of a SELECT as Parquet; returns how many, and whether there are more.

        Raises:
            UsageError, Refused, Damaged: as `ask`.
        """
        inner = f"(\n{admitted.sql}\n)"
        with self._border():
            copy = (
                f"COPY (SELECT * FROM {inner} LIMIT {limit}) TO '{output}' (FORMAT parquet, COMPRESSION zstd)"
            )
            (count,) = self._connection.execute(copy).fetchall()[0]
            more = f"SELECT count(*) FROM (SELECT 1 FROM {inner} LIMIT 1 OFFSET {limit})"
            beyond = count >= limit and self._connection.execute(more).fetchall()[0][0] > 0
        return count, beyond

    def close(self) -> None:
        """Let go of the copy."""
        self._connection.close()

    @contextlib.contextmanager
    def _border(self) -> Iterator[None]:
        """Say what went wrong as somebody would who was asked a question."""
        try:
            yield
        except CoordError:
            raise
        except NO_MEMORY as error:
            raise Refused(
                f"the statement was ended: it takes more memory than the {self._memory_mib} MiB it may.",
                "Ask for less, or set query_memory_mib.",
            ) from error
        except duckdb.Error as error:
            raise self._worded(error) from error

    def _worded(self, error: duckdb.Error) -> CoordError:
        words = str(error).lower()
        of_files = duckdb.IOException | duckdb.SerializationException | duckdb.FatalException
        if is_corrupt(error) or (isinstance(error, of_files) and any(word in words for word in _DAMAGE)):
            return Damaged(f"the snapshot cannot be read: {told(error)}")
        if isinstance(error, duckdb.InvalidInputException | duckdb.IOException) and ".parquet" in words:
            return CoordError(
                f"the archive cannot be read: {told(error)}", "coord archive verify names what is damaged."
            )
        if isinstance(error, duckdb.PermissionException | duckdb.IOException):
            return Refused(f"the statement was refused: {told(error)}")
        return UsageError(told(error))


class Asked:
    """The rows of one statement, read as they come."""

    def __init__(self, sandbox: Sandbox, result: Any, columns: list[ColumnTold], limit: int) -> None:
        self.columns = columns
        self.truncated = False
        """Whether there are more rows than were wanted; known when all are read."""
        self.count = 0
        self._sandbox = sandbox
        self._result = result
        self._limit = limit

    def rows(self) -> Iterator[list[list[Any]]]:
        """Yield the rows, some at a time.

        Raises:
            UsageError, Refused, Damaged: as `Sandbox.ask`.
        """
        while not self.truncated:
            with self._sandbox._border():
                found = self._result.fetchmany(ROWS_AT_ONCE)
            if not found:
                return
            self.truncated = self.count + len(found) > self._limit
            found = found[: self._limit - self.count]
            self.count += len(found)
            nested = [column.nested for column in self.columns]
            yield [
                [_proper(value) if inner else _plain(value) for value, inner in zip(row, nested, strict=True)]
                for row in found
            ]


_HELD: Final = """
    SELECT t.name, t.view, list(c.column_name ORDER BY c.column_index), list(c.data_type ORDER BY c.column_index)
    FROM (SELECT table_name AS name, false AS view FROM duckdb_tables() WHERE NOT internal AND NOT temporary
          UNION ALL SELECT view_name, true FROM duckdb_views() WHERE NOT internal AND NOT temporary) t
    JOIN duckdb_columns() c ON c.table_name = t.name AND NOT c.internal
    GROUP BY t.name, t.view ORDER BY t.name"""


def _listed(folders: Sequence[Path]) -> str:
    quoted = ("'{}'".format(str(folder).replace("'", "''")) for folder in folders)
    return f"[{', '.join(quoted)}]"


def _created(table: Table[Any]) -> str:
    types = {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "flag": "BOOLEAN"}
    columns = ", ".join(f'"{column.name}" {types[column.kind]}' for column in table.columns)
    return f'CREATE TEMP TABLE IF NOT EXISTS "{table.name}" ({columns})'


def _columns(described: Sequence[Any]) -> list[ColumnTold]:
    """Name the columns, each differently: rows may be read by name."""
    told: list[ColumnTold] = []
    for name, type_, *_ in described:
        id_ = str(getattr(type_, "id", type_)).lower()
        taken = {column.name for column in told}
        free = next(
            one for one in (name, *(f"{name}_{n}" for n in range(1, len(described) + 1))) if one not in taken
        )
        told.append(ColumnTold(free, str(type_), id_ in _NUMBERS, id_ in _NESTED or str(type_) == "JSON"))
    return told


def _shown(place: int, column: ColumnTold) -> str:
    """Write a column so that Python has its values without a library for each of their types."""
    id_ = column.type.lower().partition("(")[0]
    if id_ in _AS_THEY_ARE:
        return f"#{place}"
    if id_ == "decimal":
        return f"#{place}::DOUBLE"
    return f"to_json(#{place})::VARCHAR" if column.nested and column.type != "JSON" else f"#{place}::VARCHAR"


def _plain(value: Any) -> Any:
    """Write a value as JSON can have it: what is no number there is a text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if _INTEGER_MIN <= value <= _INTEGER_MAX else str(value)
    return str(value)


def _proper(value: Any) -> Any:
    """Write a value of lists and structs as JSON can have it: what is no number there is a text, as it is by itself."""
    return _BARE.sub(_quoted, value) if isinstance(value, str) else _plain(value)


def _quoted(found: re.Match[str]) -> str:
    return f'"{found[found.lastindex].lower()}"' if found.lastindex else found[0]
