"""The tables of the archive: as they were in the tables, of what is finished alone, and of nothing else on the disk."""

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from histories import CREATED, SECOND_NS, START_NS, History, hardware

from coord.events.errors import CoordError, Refused, UsageError
from coord.events.wire import Stored
from coord.projections.intake import take_in
from coord.projections.snapshots import Snapshot, Standing, begin, finish
from coord.projections.store import FINGERPRINT, begin_store
from coord.services.archive.exporting import Export
from coord.services.archive.place import standing_of, write_standing
from coord.services.archive.readings_export import House, write_step
from coord.services.archive.readings_place import READINGS_FOLDER, file_at
from coord.services.cli.query_verbs import EVERY_READING, QUERY
from coord.services.query import process, running
from coord.services.query.wanted import Wanted
from coord.services.settings import Settings

HOUR_NS = 3_600 * SECOND_NS
POSITION = 4
Row = list[Any]
BODIES = (b'{"title": "a"}', b"\xff no UTF-8", b"{no JSON", b'{"title": "d"}', b'{"title": "later"}')


class Made(NamedTuple):
    """An archive, and the tables that it was made of."""

    archive: Path
    tables: Path


def told() -> list[Stored]:
    """Return what two machines told on two days: three readings an hour, over two minutes."""
    history = History()
    for number in range(30):
        moments = [(number * 600_000 + step * 40_000, float(number + step)) for step in range(3)]
        batch = hardware(number, moments, metric=("load", "heat")[number % 2])
        history.sample(f"n{number % 2}", "hardware", batch, START_NS + number * HOUR_NS)
    return history.samples


def event(number: int, body: bytes) -> Stored:
    headers = {"ce-type": "work.submitted.v5", "ce-id": f"id-{number}", "cx-actor": "ada"}
    return Stored(
        "EVENTS", number, START_NS + number * 20 * HOUR_NS, f"ev.local.work.w-{number}", headers, body
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Events of four days, and readings of two."""
    root = tmp_path_factory.mktemp("archived")
    with closing(Export(root / "archive")) as export:
        events = [event(number, body) for number, body in enumerate(BODIES, 1)]
        export.write(events)
    write_standing(root / "archive", standing_of("id-1", events[-1], 0))
    write_step(snapshot_of(root, told()), root / "archive", "local", None, House("id-1", same=True))
    return Made(root / "archive", root / "coord.duckdb")


def snapshot_of(root: Path, messages: list[Stored]) -> Snapshot:
    store = begin_store(root / "coord.duckdb", 256)
    store.apply(take_in(CREATED, messages))
    assert store.checkpoint()
    snapshot = finish(
        begin(root / "snapshots", store.path), Standing(FINGERPRINT, {"SAMPLES": len(messages)}, 0, 0)
    )
    store.close()
    return snapshot


class Asking:
    """Asks statements as the process does, in this one."""

    def __init__(self, made: Made, root: Path) -> None:
        self._made, self._root = made, root
        self.lines: list[dict[str, Any]] = []
        """What the last one said."""

    def __call__(self, sql: str, archive: Path | None = None, **fields: Any) -> list[Row]:
        own = self._root / "own" / "coord.duckdb"
        own.parent.mkdir()
        shutil.copyfile(self._made.tables, own)
        settings = Settings(data=self._root, archive=archive or self._made.archive)
        self.lines = list(process.answer(Wanted(settings, str(own), POSITION, sql, 1_000, **fields)))
        return [row for line in self.lines if line["kind"] == "rows" for row in line["rows"]]


@pytest.fixture
def ask(made: Made, tmp_path: Path) -> Asking:
    """Somebody with a statement."""
    return Asking(made, tmp_path)


@pytest.mark.parametrize("table", ["readings", "rollup_parts_all"])
def test_what_was_in_the_tables_is_in_those_of_the_archive(ask: Asking, table: str) -> None:
    here = "readings" if table == "readings" else "rollups"
    columns = "node, metric, device, at_ns, value, recorded_at_ns, position"
    if here == "rollups":
        columns = "node, metric, device, minute_ns, readings, total, lowest, highest, last, last_at_ns"
    before = ask(f"SELECT {columns} FROM {table} ORDER BY ALL")
    assert ask(f"SELECT {columns} FROM {here}_archive ORDER BY ALL") == before != []


def test_a_condition_on_the_day_leaves_other_days_unopened(ask: Asking) -> None:
    sql = "SELECT count(*) FROM readings_archive WHERE day = '2026-11-19' AND site = 'local'"
    assert ask(sql) == [[51]]
    assert "Scanning Files: 1/2" in ask(f"EXPLAIN {sql}")[0][1]


def test_readings_of_the_tables_and_older_ones_are_each_there_once_when_they_are_joined(ask: Asking) -> None:
    assert EVERY_READING in QUERY[0].more
    assert ask(f"SELECT count(*), count(DISTINCT (position, at_ns)) FROM ({EVERY_READING})") == [[90, 90]]


def test_events_are_those_up_to_the_position_and_what_is_no_json_has_no_data(ask: Asking) -> None:
    found = ask(
        "SELECT position, type, entity, actor, id, data->>'$.title', day::VARCHAR FROM events_archive ORDER BY 1"
    )
    assert [row[0] for row in found] == [1, 2, 3, 4]
    assert found[0] == [1, "work.submitted.v5", "w-1", "ada", "id-1", "a", "2026-11-19"]
    assert [row[5] for row in found] == ["a", None, None, "d"]
    assert ask.lines[0]["archive"] == "events up to position 5"


def test_of_a_past_moment_only_what_was_recorded_by_then_is_there(ask: Asking) -> None:
    until_ns = START_NS + 3 * HOUR_NS
    assert ask("SELECT count(*), max(recorded_at_ns) FROM readings_archive", until_ns=until_ns) == [
        [12, until_ns]
    ]
    assert ask.lines[0]["archive"].startswith("readings up to 2026-11-19T")


def test_what_is_not_finished_is_not_shown(ask: Asking, made: Made, tmp_path: Path) -> None:
    copy = tmp_path / "archive"
    shutil.copytree(made.archive, copy)
    whole = next((copy / READINGS_FOLDER).rglob("*.parquet"))
    later = file_at(copy, READINGS_FOLDER, "local", 20_000, 2, 0)
    later.parent.mkdir(parents=True)
    shutil.copyfile(whole, later)
    assert ask("SELECT count(*) FROM readings_archive", copy) == [[90]]


def test_a_file_that_is_damaged_is_told_of_and_a_table_without_files_is_empty(
    ask: Asking, made: Made, tmp_path: Path
) -> None:
    copy = tmp_path / "archive"
    shutil.copytree(made.archive, copy)
    shutil.rmtree(copy / "rollups")
    assert ask("SELECT count(*), typeof(max(minute_ns)) FROM rollups_archive", copy) == [[0, "BIGINT"]]
    file = next((copy / READINGS_FOLDER).rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(CoordError, match=r"the archive cannot be read: .*parquet.*coord archive verify"):
        ask("SELECT sum(value) FROM readings_archive", copy)


def test_the_process_itself_reads_the_archive_and_writes_its_rows_as_parquet(
    made: Made, tmp_path: Path
) -> None:
    own, file = tmp_path / "own" / "coord.duckdb", tmp_path / "rows.parquet"
    own.parent.mkdir()
    shutil.copyfile(made.tables, own)
    sql = "SELECT node, count(*) AS n FROM readings_archive JOIN events_archive e ON e.position = 1 GROUP BY ALL"
    settings = Settings(data=tmp_path, archive=made.archive)
    list(running.ask(Wanted(settings, str(own), POSITION, f"{sql} ORDER BY ALL"), file))
    assert duckdb.execute(f"FROM '{file}'").fetchall() == [("n0", 45), ("n1", 45)]


@pytest.mark.parametrize("table", ["events_archive", "readings_archive", "rollups_archive"])
def test_without_an_archive_it_is_said_what_to_do(ask: Asking, tmp_path: Path, table: str) -> None:
    with pytest.raises(
        Refused, match=r"nothing of that is in the archive .* coord archive says how far it is\."
    ):
        ask(f"FROM {table}", tmp_path / "none")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM readings_archive, read_parquet('{file}')",
        "SELECT * FROM readings_archive, '{file}'",
        "SELECT filename FROM readings_archive",
        "SELECT * FROM readings_archive, glob('{folder}/**')",
        "COPY (SELECT * FROM readings_archive) TO '{file}'",
        "WITH x AS (COPY (SELECT 1) TO '{file}') SELECT * FROM x, readings_archive",
        "FROM main.readings_archive, system.main.readings_archive",
    ],
)
def test_no_statement_names_a_file_of_the_archive_or_writes_there(ask: Asking, made: Made, sql: str) -> None:
    file = next((made.archive / READINGS_FOLDER).rglob("*.parquet"))
    before = file.read_bytes()
    with pytest.raises((Refused, UsageError)):
        ask(sql.format(file=file, folder=made.archive))
    assert file.read_bytes() == before
