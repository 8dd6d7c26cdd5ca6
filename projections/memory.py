"""Tables in dictionaries: the whole projection without a database.

Shipped for two uses: the laws of the folds run on it over thousands of histories, and a fold's own test
says in three lines what the tables hold after some events. It keeps everything and is never trimmed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from msgspec.structs import astuple

from coord.projections.folds.catalog import TABLES
from coord.projections.folds.shape import Key, Row, Table, unpacked
from coord.projections.intake import LEDGER, Intake, changes_of, reads_of
from coord.projections.repeats import EVENT_IDS

R = TypeVar("R", bound=Row)
_ALL = {table.name: table for table in (*TABLES, *LEDGER, EVENT_IDS)}


@dataclass
class MemoryTables:
    """The tables, and the rows that a batch may look at."""

    keyed: dict[str, dict[Key, Any]] = field(default_factory=dict)
    grown: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)

    def apply(self, intake: Intake) -> None:
        """Fold an intake in."""
        declared = _Declared(self.keyed, reads_of(intake))
        changes = changes_of(declared, intake, self._last)
        for name, rows in changes.rows.items():
            for key, row in rows.items():
                self._set(_ALL[name], key, row)
        packs = {name: unpacked(_ALL[name], some) for name, some in changes.packs.items()}
        for name, columns in (*changes.appended.items(), *packs.items()):
            self.grown.setdefault(name, []).extend(zip(*columns.values(), strict=True))

    def rows(self, table: Table[R]) -> list[R]:
        """Return the rows of a table, by key or in the order they came."""
        if table.key:
            return [row for _, row in sorted(self.keyed.get(table.name, {}).items())]
        return [table.row(*values) for values in self.grown.get(table.name, [])]

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every table as it can be compared: values in words, so that NaN equals NaN."""
        return {
            name: sorted(tuple(map(repr, astuple(row))) for row in self.rows(table))
            for name, table in _ALL.items()
        }

    def _last(self, ids: Sequence[str]) -> Mapping[str, int]:
        return {one.id: one.position for one in self.rows(EVENT_IDS) if one.id in ids}

    def _set(self, table: Table[Any], key: Key, row: Any) -> None:
        rows = self.keyed.setdefault(table.name, {})
        if row is None:
            rows.pop(key, None)
            return
        assert table.key_of(row) == key
        rows[key] = row


@dataclass(frozen=True)
class _Declared:
    """The rows a fold said it reads; looking at another is a fault of the fold."""

    keyed: Mapping[str, Mapping[Key, Any]]
    wanted: Mapping[Table[Any], set[Key]]

    def row(self, table: Table[R], key: Key) -> R | None:
        assert key in self.wanted.get(table, ()), f"{table.name} {key} was not declared"
        found: R | None = self.keyed.get(table.name, {}).get(key)
        return found
