"""The form of every projection: typed tables, and a pure fold from facts to changed rows.

A table has rows of one record type. With a key it holds one row a key; without, it only grows.
A fold never sees a table: it says beforehand which rows it may read (`reads`), is given those, and
works on a `Draft` that remembers what changed. Most is folded event by event, in the order of the log; what
is the same for every event, a batch at a time (`on_all`). So a batch gives at most one row a key, whatever
happened within it, and three laws hold for every projection: splitting a batch anywhere, replaying
it, and rebuilding from nothing give the same tables.

A fold believes the log and survives it: what does not fit is ignored and noted (see `oddities`).
"""

import typing
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

import msgspec
from msgspec.structs import astuple, replace

from coord.events.envelope import Recorded
from coord.events.streams import EVENTS
from coord.events.wire import RecordedSample

Key = tuple[Any, ...]
Columns = dict[str, list[Any]]
"""Rows by column: what an append-only table is given, and how rows travel to the store."""

Reads = Iterable[tuple["Table[Any]", Iterable[Key]]]
"""The rows a fold may look at because of some facts."""

Kind = Literal["text", "texts", "integer", "integers", "number", "flag"]
_KINDS: Final[dict[Any, Kind]] = {
    str: "text",
    tuple[str, ...]: "texts",
    int: "integer",
    tuple[int, ...]: "integers",
    float: "number",
    bool: "flag",
}

_UNTOUCHED: Final[Any] = object()
"""Stands for a row that a batch has not changed: None is one that is gone."""

SMALL_BYTES_MAX: Final = 512
"""Of a free value (a body, a result, a configuration) that is kept in a table."""


class Row(msgspec.Struct, gc=False):
    """What the record type of every table is: made and copied at a quarter of a dataclass's cost."""


R = TypeVar("R", bound=Row)
F = TypeVar("F", Recorded, RecordedSample)


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `optional` ones may be absent (NULL)."""

    name: str
    kind: Kind
    optional: bool


@dataclass(frozen=True, slots=True)
class Sealing:
    """Where what is old of a table that only grows goes: into sorted segments by `recorded_at_ns`."""

    view: str
    """Shows the table and its segments as one."""
    order: tuple[str, ...]
    """Of the rows in a segment."""


@dataclass(frozen=True, slots=True, eq=False)
class Table(Generic[R]):
    """One table: the record type of its rows says its columns."""

    name: str
    row: type[R]
    key: tuple[str, ...] = ()
    """None: the table only grows, and no row is ever looked up."""
    stream: str = EVENTS.name
    """Which stream its rows come from."""
    settled: bool = False
    """With a key: rows are looked up, and hardly ever replaced or dropped; there may be millions."""
    sealing: Sealing | None = None
    """None: all of its rows stay in it."""
    packed: tuple[str, ...] = ()
    """Columns whose values differ among rows that come together; what the others hold is then given once (`Packs`)."""
    columns: tuple[Column, ...] = field(init=False)
    key_of: Callable[[R], Key] = field(init=False)

    def __post_init__(self) -> None:
        """Read the columns off the record type."""
        names = self.row.__struct_fields__
        hints = typing.get_type_hints(self.row)
        object.__setattr__(self, "columns", tuple(_column(name, hints[name]) for name in names))
        object.__setattr__(self, "key_of", _tuple_getter(self.key))

    @property
    def whole(self) -> str:
        """What shows all of its rows: itself, or the view over its segments."""
        return self.sealing.view if self.sealing else self.name


class Previous(Protocol):
    """The rows as they were before a batch."""

    def row(self, table: Table[R], key: Key) -> R | None:
        """Return a row, or None when there is none. Only keys that the fold said it reads."""


@dataclass(slots=True)
class Packs:
    """Rows for a table that only grows, some together: what is equal within a pack stands once."""

    columns: Columns
    """A value a pack; of the columns that are `packed`, a value a row, pack after pack."""
    counts: list[int] = field(default_factory=list)
    """Rows of each pack."""


@dataclass(slots=True)
class Changes:
    """What a batch changes: at most one row a key."""

    rows: dict[str, dict[Key, Any]] = field(default_factory=dict)
    """By table and key: the row as it is now; None: it is gone."""
    appended: dict[str, Columns] = field(default_factory=dict)
    packs: dict[str, Packs] = field(default_factory=dict)

    def added(self) -> dict[str, int]:
        """Count the rows that tables grow by."""
        counts = {name: len(next(iter(columns.values()))) for name, columns in self.appended.items()}
        for name, packs in self.packs.items():
            counts[name] = counts.get(name, 0) + sum(packs.counts)
        return counts


class Draft:
    """A fold's work on one batch: the previous rows, seen through what the batch has changed so far."""

    def __init__(self, previous: Previous) -> None:
        self._previous = previous.row
        self._rows: defaultdict[str, dict[Key, Any]] = defaultdict(dict)
        self._grown: defaultdict[Table[Any], list[Any]] = defaultdict(list)
        self._columns: dict[str, Columns] = {}
        self._packs: dict[str, Packs] = {}

    def get(self, table: Table[R], *key: Any) -> R | None:
        """Return a row to look at."""
        row: R | None = self._rows[table.name].get(key, _UNTOUCHED)
        return self._previous(table, key) if row is _UNTOUCHED else row

    def change(self, table: Table[R], *key: Any) -> R | None:
        """Return a row to change in place; None when there is none."""
        rows = self._rows[table.name]
        row: R | None = rows.get(key, _UNTOUCHED)
        if row is not _UNTOUCHED:
            return row
        before = self._previous(table, key)
        if before is None:
            return None
        after = replace(before)
        rows[key] = after
        return after

    def put(self, table: Table[R], row: R) -> R:
        """Add a row under its key, or replace the one there."""
        self._rows[table.name][table.key_of(row)] = row
        return row

    def drop(self, table: Table[Any], *key: Any) -> None:
        """Remove a row."""
        self._rows[table.name][key] = None

    def append(self, table: Table[R], row: R) -> None:
        """Add a row, which is not changed from then on, to a table that only grows."""
        self._grown[table].append(row)

    def columns(self, table: Table[Any]) -> Columns:
        """Return the columns of what is appended, to be extended all alike: for many rows at once, and all of them."""
        found = self._columns.get(table.name)
        if found is None:
            found = self._columns[table.name] = _no_rows(table)
        return found

    def packs(self, table: Table[Any]) -> Packs:
        """Return the packs of what is appended, to be extended."""
        found = self._packs.get(table.name)
        if found is None:
            found = self._packs[table.name] = Packs(_no_rows(table))
        return found

    def changes(self) -> Changes:
        """Return what has changed, when all is folded."""
        grown = {table.name: columns_of(table, rows) for table, rows in self._grown.items()}
        assert not grown.keys() & self._columns.keys()
        return Changes(self._rows, grown | self._columns, self._packs)


@dataclass(frozen=True, slots=True)
class Projection(Generic[F]):
    """Some tables, and the pure functions that keep them."""

    name: str
    tables: tuple[Table[Any], ...]
    on: Mapping[type, Callable[[Draft, F, Any], None]]
    """By class of event or batch: what it does to the rows."""
    reads: Callable[[Sequence[F]], Reads]
    """Says which rows may be looked at because of facts of one class, or, where there is `on_all`, of any."""
    on_all: Callable[[Draft, Sequence[F]], None] | None = None
    """What facts of any class, in the order of the log, do to the rows; it looks at no other table than its own."""


def fold(projections: Iterable[Projection[F]], previous: Previous, facts: Sequence[F]) -> Changes:
    """Fold a batch of facts, in the order of the log, into changed rows."""
    every = tuple(projections)
    routes = routes_of(every)
    draft = Draft(previous)
    for fact in facts:
        what = fact.event if isinstance(fact, Recorded) else fact.batch
        for evolve in routes.get(type(what), ()):
            evolve(draft, fact, what)
    for projection in every:
        if projection.on_all is not None and facts:
            projection.on_all(draft, facts)
    return draft.changes()


def routes_of(
    projections: tuple[Projection[F], ...],
) -> dict[type, list[Callable[[Draft, F, Any], None]]]:
    """List, by class of event or batch, every function that wants it."""
    routes: dict[type, list[Callable[[Draft, F, Any], None]]] = {}
    for projection in projections:
        for kind, evolve in projection.on.items():
            routes.setdefault(kind, []).append(evolve)
    return routes


def unpacked(table: Table[Any], packs: Packs) -> Columns:
    """Return packs by column, a value a row."""
    return {
        name: values
        if name in table.packed
        else [value for value, count in zip(values, packs.counts, strict=True) for _ in range(count)]
        for name, values in packs.columns.items()
    }


def columns_of(table: Table[R], rows: Iterable[R]) -> Columns:
    """Return rows, at least one, by column."""
    columns = zip(*map(astuple, rows), strict=True)
    names = (column.name for column in table.columns)
    return {name: list(values) for name, values in zip(names, columns, strict=True)}


def json_text(value: Any) -> str | None:
    """Write a free value into a text column; None stays absent."""
    return None if value is None else msgspec.json.encode(value).decode()


def small_json(value: Any) -> tuple[str | None, int]:
    """Write a free value into a text column if it is small, and return its size in bytes with it.

    A large one stays in the log, where it is read one at a time: the engine rewrites 122,880 rows together,
    and rows of a quarter of a megabyte would not fit into any memory.
    """
    if value is None:
        return None, 0
    encoded = msgspec.json.encode(value)
    return (encoded.decode() if len(encoded) <= SMALL_BYTES_MAX else None), len(encoded)


def _no_rows(table: Table[Any]) -> Columns:
    return {column.name: [] for column in table.columns}


def _column(name: str, hint: Any) -> Column:
    parts = typing.get_args(hint)
    optional = type(None) in parts
    bare = next(part for part in parts if part is not type(None)) if optional else hint
    return Column(name, _KINDS[bare], optional)


def _tuple_getter(names: tuple[str, ...]) -> Callable[[Any], Key]:
    if len(names) == 1:
        get = attrgetter(names[0])
        return lambda row: (get(row),)
    return attrgetter(*names) if names else lambda _: ()
