"""The tables of the archive: views over its Parquet files, made when a statement names them.

    events_archive      every archived event up to the copy's position, in the columns of `events`
    readings_archive    every archived reading, in the columns of `readings`
    rollups_archive     archived minutes, in the columns of `rollups`; what late readings left in parts is put together

The first two have the partition beside: `site` and `day`, of the broker's clock in UTC. A condition on the day leaves the
files of other days unopened. Of a copy of a past moment only what was recorded by then is shown. Files are read where
they are, so the process may be as small as ever; they are the only ones that the engine is left with.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple

from coord.events.errors import Refused, visible
from coord.projections.folds.samples import READINGS_HOT, ROLLUP_PARTS
from coord.projections.store.sandbox import Sandbox
from coord.services import clock
from coord.services.query import log_events
from coord.services.query.wanted import Wanted

Columns = tuple[tuple[str, str], ...]

_PARTITION: Final[Columns] = (("site", "VARCHAR"), ("day", "DATE"))
_SECONDS_SHOWN: Final = len("2026-11-30T07:00:00")


class Archived(NamedTuple):
    """One table of the archive."""

    columns: Columns
    """As people see them."""
    what: str
    sql: str
    """Of its rows, from `{files}`, as far as `{known}` says."""


TABLES: Final = {
    "events_archive": Archived(
        (*log_events.COLUMNS, *_PARTITION),
        "Every event in the archive, with site and day; those of `events` that are archived are among them.",
        """
        SELECT position, make_timestamp(recorded_at_ns // 1000) AS recorded_at, recorded_at_ns, coalesce(type, '') AS type,
               aggregate, entity, coalesce(actor, '') AS actor, coalesce(id, '') AS id,
               CASE WHEN json_valid(body) THEN body END AS data, site, day
        FROM {files} WHERE {known}""",
    ),
    "readings_archive": Archived(
        (
            ("node", "VARCHAR"), ("metric", "VARCHAR"), ("device", "VARCHAR"), ("at_ns", "BIGINT"),
            ("value", "DOUBLE"), ("recorded_at_ns", "BIGINT"), ("position", "BIGINT"), *_PARTITION,
        ),
        "Every reading in the archive, with site and day; those of `readings` that are archived are among them.",
        """
        SELECT node, metric, device, at_ns, value, recorded_at_ns, position, site, day
        FROM {files} WHERE {known}""",
    ),
    "rollups_archive": Archived(
        (
            ("node", "VARCHAR"), ("metric", "VARCHAR"), ("device", "VARCHAR"), ("minute_ns", "BIGINT"),
            ("readings", "BIGINT"), ("total", "DOUBLE"), ("total_squares", "DOUBLE"), ("lowest", "DOUBLE"),
            ("highest", "DOUBLE"), ("last", "DOUBLE"), ("last_at_ns", "BIGINT"),
        ),
        "Readings in the archive by the minute: count, sum, lowest, highest and last.",
        """
        SELECT node, metric, device, minute_ns, sum(readings)::BIGINT AS readings, sum(total) AS total,
               sum(total_squares) AS total_squares, min(lowest) AS lowest, max(highest) AS highest,
               arg_max(last, last_at_ns) AS last, max(last_at_ns) AS last_at_ns
        FROM {files} WHERE {known} GROUP BY node, metric, device, minute_ns""",
    ),
}  # fmt: skip


class Added(NamedTuple):
    """What a sandbox was given."""

    folders: list[Path]
    """Which it must be able to read."""
    told: str
    """Up to where the archive is."""


class _Source(NamedTuple):
    """The finished files of a table, and which of their rows are known."""

    files: list[Path]
    known: str
    told: str


def add_archived(sandbox: Sandbox, wanted: Wanted, names: Collection[str]) -> Added:
    """Make the views that a statement names.

    Raises:
        UsageError: no archive is set.
        Refused: nothing is archived.
        CoordError: the archive cannot be read.
    """
    from coord.services.archive.place import known_archive

    root = known_archive(wanted.settings)
    sources = {name: _source(root, wanted, name) for name in TABLES if name in names}
    for name, source in sources.items():
        sandbox.run(f"CREATE TEMP VIEW {name} AS {_sql(TABLES[name], source)}")
    folders = dict.fromkeys(path.parents[2] for source in sources.values() for path in source.files[:1])
    return Added(list(folders), ", ".join(dict.fromkeys(source.told for source in sources.values())))


def _sql(table: Archived, source: _Source) -> str:
    if not source.files:
        empty = ", ".join(f'NULL::{type_} AS "{name}"' for name, type_ in table.columns)
        return f"SELECT {empty} WHERE false"
    quoted = ", ".join("'{}'".format(str(path).replace("'", "''")) for path in source.files)
    files = (
        f"read_parquet([{quoted}], hive_partitioning = true, hive_types = {{'site': VARCHAR, 'day': DATE}})"
    )
    return table.sql.format(files=files, known=source.known)


def _source(root: Path, wanted: Wanted, name: str) -> _Source:
    return _events(root, wanted) if name == "events_archive" else _readings(root, wanted, name)


def _events(root: Path, wanted: Wanted) -> _Source:
    from coord.services.archive.place import files_of, read_standing

    standing = read_standing(root)
    if standing is None:
        raise _nothing(root)
    last = min(standing.position, wanted.position)
    files = [found.path for found in files_of(root) if found.first <= last]
    return _Source(files, f"position <= {last}", f"events up to position {standing.position}")


def _readings(root: Path, wanted: Wanted, name: str) -> _Source:
    from coord.services.archive.readings_place import FOLDERS, read_readings_standing, readings_files

    standing = read_readings_standing(root)
    if standing is None:
        raise _nothing(root)
    hot = READINGS_HOT.name if name == "readings_archive" else ROLLUP_PARTS.name
    files = [found.path for found in readings_files(root, FOLDERS[hot]) if found.step <= standing.step]
    known = f"recorded_at_ns <= {wanted.until_ns}" if wanted.until_ns else "true"
    moment = clock.rfc3339(standing.recorded_at_ns)[:_SECONDS_SHOWN]
    return _Source(files, known, f"readings up to {moment}Z")


def _nothing(root: Path) -> Refused:
    return Refused(
        f"nothing of that is in the archive {visible(str(root), 200)} yet.",
        "coord archive says how far it is.",
    )
