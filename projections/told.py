"""What machines had told by a moment: rows for tables that were folded from EVENTS alone up to there.

    latest      from the readings that are kept: of each series the newest that was recorded by then
    the others  a row of the live tables that says nothing later; else what the newest messages by then say

They equal those of a projection that read SAMPLES up to the moment (a law, under test), but for what no answer looks at:
minutes that are open, and which numbers of a writer were seen. Three things may differ: of two readings of a series
that are of the same moment and message either may be the newest; a message that was sent again, or cannot be read,
hides the one before it; and of agents only those are heard that the newest presence names. The rows are put in for one question and taken out again: no copy holds them.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from coord.events.streams import EVENTS
from coord.events.wire import Stored
from coord.projections.folds.samples import LATEST, MONITORS, PRESENCE, PROCESSES, Monitor
from coord.projections.folds.samples import Latest as LatestRow
from coord.projections.folds.shape import Columns, Table, columns_of
from coord.projections.intake import DEAD_LETTERS, DeadLetterRow, take_in
from coord.projections.memory import MemoryTables
from coord.projections.store import Reader

WINDOW_NS: Final = 600_000_000_000
"""Most series are told far more often than this; for the others all readings are looked through."""
DEAD_LETTERS_MAX: Final = 10_000
"""The newest ones that are put in."""
_HEARD: Final[tuple[Table[Any], ...]] = (MONITORS, PROCESSES, PRESENCE)
_UNNAMED: Final = "-"

Told = dict[str, Columns]
"""Rows by the name of their table, column by column."""

_STILL: Final = """
    SELECT node, metric, device, value, at_ns, recorded_at_ns, position FROM latest
    WHERE recorded_at_ns <= $known_ns"""
_SINCE_THEN: Final = "SELECT node, metric, device FROM latest WHERE recorded_at_ns > $known_ns"
_BY_THEN: Final = """
    SELECT node, metric, device, newest.value, newest.at_ns, newest.recorded_at_ns, newest.position
    FROM (SELECT node, metric, device,
                 arg_max({'value': value, 'at_ns': at_ns, 'recorded_at_ns': recorded_at_ns, 'position': position},
                         (at_ns, position)) AS newest
          FROM readings
          SEMI JOIN (SELECT unnest($nodes::VARCHAR[]) AS node, unnest($metrics::VARCHAR[]) AS metric,
                            unnest($devices::VARCHAR[]) AS device) USING (node, metric, device)
          WHERE recorded_at_ns <= $known_ns AND recorded_at_ns > $since_ns
          GROUP BY node, metric, device)"""
_LETTERS: Final = """
    SELECT * FROM dead_letters WHERE stream <> $events AND recorded_at_ns <= $known_ns
    ORDER BY recorded_at_ns DESC, position DESC LIMIT $limit"""
_COUNT: Final = "SELECT count(*) FROM readings"
_OLDEST_SEGMENT: Final = (
    "SELECT name FROM segments WHERE hot = 'readings_hot' ORDER BY first_ns, end_ns LIMIT 1"
)
_OLDEST: Final = 'SELECT min(recorded_at_ns) AS since_ns FROM "{name}"'


class Kept(NamedTuple):
    """From when on, by the broker's clock, there are readings and minutes; None: there are none."""

    readings_ns: int | None
    minutes_ns: int | None
    readings: int
    """How many."""


def kept_since(reader: Reader) -> Kept:
    """Return from when on readings and their minutes are there; minutes that are not over yet are minutes, too."""
    oldest = reader.rows(_OLDEST_SEGMENT)
    name = oldest[0]["name"] if oldest else "readings"
    readings_ns = reader.value(_OLDEST.format(name=name))
    minutes_ns = reader.value(_OLDEST.format(name="rollup_parts_all"))
    open_ns = reader.value(_OLDEST.format(name="latest"))
    known = [one for one in (readings_ns, minutes_ns, open_ns) if one is not None]
    return Kept(readings_ns, min(known, default=None), reader.value(_COUNT))


def told_by(reader: Reader, known_ns: int, newest: Sequence[Stored]) -> Told:
    """Return what was told by a moment.

    Args:
        reader: of the live tables, into which all that was recorded by then is folded.
        known_ns: the moment, by the broker's clock.
        newest: of each subject of SAMPLES the newest message by then.
    """
    latest = _latest(reader, known_ns)
    rows: dict[Table[Any], list[Any]] = {LATEST: latest, DEAD_LETTERS: _letters(reader, known_ns)}
    said = MemoryTables()
    if newest:
        said.apply(take_in("", sorted(newest, key=lambda one: one.position)))
    for table in _HEARD:
        rows[table] = _rows_of(reader, table, known_ns, said)
    named = {monitor.node for monitor in rows[MONITORS] if monitor.hardware_at_ns is not None}
    rows[MONITORS] += _monitors(latest, named)
    return {table.name: columns_of(table, some) for table, some in rows.items() if some}


def _rows_of(reader: Reader, table: Table[Any], known_ns: int, said: MemoryTables) -> list[Any]:
    """Return the rows of a table that say nothing later, and for the other keys what the messages say."""
    where = f'SELECT * FROM "{table.name}" WHERE recorded_at_ns <= $known_ns'
    still = [table.row(**row) for row in reader.rows(where, known_ns=known_ns)]
    keys = {table.key_of(row) for row in still}
    return [*still, *(row for row in said.rows(table) if table.key_of(row) not in keys)]


def _latest(reader: Reader, known_ns: int) -> list[LatestRow]:
    found = reader.rows(_STILL, known_ns=known_ns)
    later = {tuple(row.values()) for row in reader.rows(_SINCE_THEN, known_ns=known_ns)}
    for since_ns in (known_ns - WINDOW_NS, 0):
        if not later:
            break
        nodes, metrics, devices = map(list, zip(*later, strict=True))
        asked = {"nodes": nodes, "metrics": metrics, "devices": devices, "known_ns": known_ns}
        more = reader.rows(_BY_THEN, **asked, since_ns=since_ns)
        found += more
        later -= {(row["node"], row["metric"], row["device"]) for row in more}
    return [_as_latest(row) for row in found]


def _as_latest(row: dict[str, Any]) -> LatestRow:
    """Make the row of a series; its open minute is looked at by no answer."""
    value, at_ns = row["value"], row["at_ns"]
    return LatestRow(
        **row,
        minute_ns=0,
        readings=0,
        total=0.0,
        total_squares=0.0,
        lowest=value,
        highest=value,
        last=value,
        last_at_ns=at_ns,
    )


def _letters(reader: Reader, known_ns: int) -> list[DeadLetterRow]:
    asked = {"events": EVENTS.name, "known_ns": known_ns, "limit": DEAD_LETTERS_MAX}
    return [DeadLetterRow(**row) for row in reader.rows(_LETTERS, **asked)]


def _monitors(latest: Sequence[LatestRow], named: set[str]) -> list[Monitor]:
    """Say when machines were heard whose messages the log does not hold any more: by their readings."""
    heard: dict[str, LatestRow] = {}
    for row in sorted(latest, key=lambda one: one.recorded_at_ns):
        if row.node not in named:
            heard[row.node] = row
    return [
        Monitor(node, _UNNAMED, (), row.recorded_at_ns, 0, row.recorded_at_ns, row.position)
        for node, row in heard.items()
    ]
