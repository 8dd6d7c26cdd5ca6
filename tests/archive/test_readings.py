"""Readings as Parquet: each in one file over every break; compared with the log; and back into the tables."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Server
from histories import CREATED, SECOND_NS, START_NS, History, hardware
from projectors import log_on, say, until

from coord.events import work
from coord.events.errors import CoordError
from coord.events.wire import Stored
from coord.projections.intake import take_in
from coord.projections.snapshots import Snapshot, Standing, begin, finish
from coord.projections.store import (
    FINGERPRINT,
    KEEPING,
    Kept,
    Store,
    begin_store,
    digests_of_readings,
    keeping,
    open_store,
)
from coord.projections.store import sealed_files as exporting
from coord.projections.store.parquet import ParquetFault, export_query
from coord.services import clock
from coord.services.archive.exporting import Export
from coord.services.archive.readings_export import House, archive_readings, house_of, write_step
from coord.services.archive.readings_load import load_readings
from coord.services.archive.readings_place import (
    ReadingsStanding,
    archived_until_ns,
    clear_unfinished,
    read_readings_standing,
    readings_files,
    write_readings_standing,
)
from coord.services.archive.readings_verify import ReadingsVerdict, verify_readings
from coord.services.archive.status import READINGS_FILE
from coord.services.cli.archive_checks import check_archived_readings
from coord.services.folder import Folder
from coord.services.log.whole import read_whole
from coord.services.projector.rebuild import rebuild
from coord.services.settings import Settings

HOUR_NS = 3_600 * SECOND_NS
HOUSE = House("first", same=True)
OTHER_TAIL = House("first", same=False)


def said(hours: int, history: History | None = None, from_hour: int = 0) -> list[Stored]:
    """Write two messages an hour, of two minutes each, by turns of two machines."""
    history = history or History()
    for number in range(2 * from_hour, 2 * (from_hour + hours)):
        hour, part = divmod(number, 2)
        moments = [(number * 600_000 + step * 40_000, float(number + step)) for step in range(3)]
        batch = hardware(number, moments, metric=("load", "heat")[part])
        history.sample(f"n{part}", "hardware", batch, START_NS + hour * HOUR_NS + part * SECOND_NS)
    return history.samples


def of_two_days() -> History:
    """Write six messages on one day, and six on the next."""
    history = History()
    said(3, history)
    said(3, history, from_hour=20)
    return history


class Tables:
    """A store, and snapshots of it."""

    def __init__(self, root: Path, store: Store) -> None:
        self.root = root
        self.archive = root / "archive"
        self.store = store

    def fold(self, messages: list[Stored], seal_at_ns: int = 0) -> None:
        self.store.apply(take_in(CREATED, messages))
        while self.store.seal(seal_at_ns):
            """Another piece."""

    def snapshot(self) -> Snapshot:
        assert self.store.checkpoint()
        mark = self.store.mark("SAMPLES")
        standing = Standing(FINGERPRINT, {"SAMPLES": mark.position if mark else 0}, 0, clock.now_ns())
        return finish(begin(self.root / "snapshots", self.store.path), standing)

    def step(self, house: House = HOUSE) -> ReadingsStanding:
        before = read_readings_standing(self.archive)
        written = write_step(self.snapshot(), self.archive, "local", before, house)
        assert written is not None
        return written

    def readings(self) -> list[tuple[Any, ...]]:
        with self.store.reader() as reader:
            rows = reader.rows("SELECT node, metric, position, at_ns, value FROM readings ORDER BY ALL")
        return [tuple(row.values()) for row in rows]


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    """Empty tables, and no archive yet."""
    store = begin_store(tmp_path / "coord.duckdb", 256)
    yield Tables(tmp_path, store)
    store.close()


def archived(root: Path, what: str = "node, metric, position, at_ns, value", folder: str = "readings") -> Any:
    """Read the archive as anybody would."""
    source = f"read_parquet('{root}/{folder}/**/*.parquet', hive_partitioning = true)"
    return duckdb.connect().execute(f"SELECT {what} FROM {source} ORDER BY ALL").fetchall()


def test_each_step_writes_what_the_snapshot_has_and_the_steps_before_had_not(tables: Tables) -> None:
    messages = of_two_days().samples
    tables.fold(messages[:6], START_NS + 9 * HOUR_NS)
    first = tables.step()
    assert (first.step, first.position, first.readings) == (1, 6, 18)
    assert archived(tables.archive) == tables.readings()
    tables.fold(messages, START_NS + 40 * HOUR_NS)
    second = tables.step()
    assert (second.step, second.position, second.readings) == (2, 12, 36)
    assert archived(tables.archive) == tables.readings()
    days = archived(tables.archive, "DISTINCT site, day::VARCHAR, recorded_at::DATE::VARCHAR")
    assert days == [("local", f"2026-11-{day}", f"2026-11-{day}") for day in (18, 19)]
    with tables.store.reader() as reader:
        minutes = reader.value("SELECT count(*) FROM rollup_parts_all")
    assert archived(tables.archive, "count(*)", "rollups") == [(minutes,)]
    assert tables.step()[:3] == (3, 12, second.message_id)
    assert len(archived(tables.archive)) == 36


def test_a_day_of_many_rows_is_several_files(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "FILE_ROWS", 20)
    tables.fold(said(20))
    tables.step()
    assert archived(tables.archive) == tables.readings()
    sizes = [
        rows for _, rows in duckdb.connect().execute(
            f"SELECT filename, count(*) FROM read_parquet('{tables.archive}/readings/**/*.parquet') GROUP BY 1"
        ).fetchall()
    ]  # fmt: skip
    assert len(sizes) >= 6
    assert max(sizes) <= 20


def test_wherever_a_step_breaks_off_it_is_taken_out_and_written_once(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = of_two_days().samples
    tables.fold(messages[:6])
    tables.step()
    whole = archived(tables.archive)
    tables.fold(messages)
    for left in (0, 1, 4, 8, 99):
        counted = iter(range(left))

        def breaking(*given: Any, counted: Iterator[int] = counted) -> int:
            if next(counted, None) is None:
                raise ParquetFault("killed")
            return export_query(*given)

        monkeypatch.setattr(exporting, "export_query", breaking)
        try:
            tables.step()
            break
        except ParquetFault:
            (tables.archive / "readings/site=local/day=2026-11-18/.00000002-0000.parquet.7").write_bytes(b"x")
            clear_unfinished(tables.archive, 1)
            assert archived(tables.archive) == whole
            assert [one.name for one in (tables.archive / "state").iterdir()] == ["00000001"]
    assert left == 99
    assert archived(tables.archive) == tables.readings()


def test_where_positions_began_anew_what_is_new_is_told_by_the_clock(tables: Tables) -> None:
    history = History()
    messages = said(6, history)
    tables.fold(messages)
    tables.step()
    lost = History()
    lost.samples = messages[:9]
    again = said(3, lost, from_hour=20)[9:]
    mark = tables.store.mark("SAMPLES")
    assert mark is not None
    mark.position, mark.message_id = 9, ""
    tables.store.move_mark(mark)
    tables.fold(again)
    assert tables.step(OTHER_TAIL).readings == 18 * 3
    assert archived(tables.archive) == tables.readings()
    tables.fold(said(2, lost, from_hour=30)[15:])
    tables.step()
    assert archived(tables.archive) == tables.readings()


def loaded(tables: Tables, kept: dict[str, Kept] = KEEPING) -> Store:
    """Make new tables of the archive."""
    path = tables.root / "new.duckdb"
    begin_store(path, 256).close()
    standing = read_readings_standing(tables.archive)
    assert standing is not None
    load_readings(tables.archive, standing, path, kept, lambda *_: None)
    return open_store(path, 256).store


def digests(store: Store) -> dict[str, str]:
    with store.reader() as reader:
        return digests_of_readings(reader, {})


def test_the_tables_come_back_equal_and_go_on_equal(tables: Tables) -> None:
    history = of_two_days()
    messages = history.samples[:]
    said(2, history, from_hour=30)
    tables.fold(messages[:6], START_NS + 9 * HOUR_NS)
    tables.step()
    tables.fold(messages)
    tables.step()
    new = loaded(tables)
    try:
        assert digests(new) == digests(tables.store)
        assert new.mark("SAMPLES") == tables.store.mark("SAMPLES")
        for store in (new, tables.store):
            store.apply(take_in(CREATED, history.samples[10:]))
            while store.seal(START_NS + 60 * HOUR_NS):
                """Another piece."""
        assert digests(new) == digests(tables.store)
    finally:
        new.close()


def test_only_what_would_still_be_kept_comes_back(tables: Tables) -> None:
    tables.fold(of_two_days().samples)
    tables.step()
    new = loaded(tables, keeping(Kept(5 * 3_600, 1_000), Kept(400 * 86_400, 1_000)))
    try:
        with new.reader() as reader:
            assert reader.value("SELECT min(position) FROM readings") == 7
            assert reader.value("SELECT count(*) FROM rollup_parts_all") >= 6
    finally:
        new.close()


def test_what_is_not_archived_waits_and_goes_only_where_there_are_too_many(tables: Tables) -> None:
    tables.fold(said(6), START_NS + 20 * HOUR_NS)
    assert archived_until_ns(tables.archive) == 0
    old = Kept(3_600, 1_000, archived_until_ns(tables.archive))
    tables.store.keeping = keeping(old, old)
    assert tables.store.drop_segments(START_NS + 99 * HOUR_NS) == []
    tables.step()
    until_ns = archived_until_ns(tables.archive)
    assert until_ns == START_NS + 5 * HOUR_NS + SECOND_NS
    tables.store.keeping = keeping(old._replace(archived_ns=until_ns), old)
    assert len(tables.store.drop_segments(START_NS + 99 * HOUR_NS)) == 5
    tables.store.keeping = keeping(old._replace(rows_max=1), old)
    assert len(tables.store.drop_segments(START_NS + 99 * HOUR_NS)) == 1


def test_a_position_that_cannot_be_read_keeps_everything(tmp_path: Path) -> None:
    (tmp_path / "readings").mkdir()
    (tmp_path / "readings" / "_position.json").write_text('{"format": 9}')
    with pytest.raises(CoordError, match="form 9"):
        read_readings_standing(tmp_path)
    assert archived_until_ns(tmp_path) == 0


@pytest.mark.parametrize(
    ("told", "verdict", "words"),
    [
        ({"position": 7}, "ok", "12 readings, up to"),
        ({"position": 5}, "ok", "12 readings, up to"),
        ({"position": 5, "ago": 6_000}, "warn", "12 readings, up to"),
        ({"position": 5, "ago": 200_000}, "bad", "older ones wait for it"),
        ({"position": 7, "fault": "the disk is full."}, "bad", "the disk is full"),
        ({"position": 0, "until_ns": 0, "last": 0, "snapshot_ns": 0}, "ok", "no snapshot here"),
    ],
)
def test_doctor_tells_what_waits(tmp_path: Path, told: dict[str, Any], verdict: str, words: str) -> None:
    until_ns = clock.now_ns() - told.pop("ago", 60) * SECOND_NS
    known = {
        "pid": os.getpid(), "position": 7, "last": 7, "until_ns": until_ns, "readings": 12,
        "snapshot_ns": clock.now_ns(), "fault": "", "fault_since_ns": clock.now_ns(), **told,
    }  # fmt: skip
    (tmp_path / READINGS_FILE).write_text(json.dumps(known))
    (found,) = check_archived_readings(Folder(tmp_path), Settings(data=tmp_path, archive=tmp_path / "a"))
    assert (found.verdict, words in found.words) == (verdict, True), found
    assert list(check_archived_readings(Folder(tmp_path), Settings(data=tmp_path))) == []


async def told_to(server: Server, settings: Settings, root: Path) -> None:
    """Let the log hold readings, one message of them sent twice; fold it, and archive the snapshot."""
    async with log_on(server) as log:
        await say(log, "w-1", work.WorkSubmitted(title="one item"))
        batches = [hardware(number, [(number, 1.0), (number + 1, 2.0)]) for number in range(4)]
        for number in (0, 1, 2, 1, 3):
            await log.publish_sample("sample.local.n1.hardware", "hardware", batches[number])
        tables = Tables(
            server.folder.path("projection"),
            begin_store(server.folder.make("projection") / "coord.duckdb", 256),
        )
        for stream in ("EVENTS", "SAMPLES"):
            state = await log.stream_state(stream)
            async for stretch in read_whole(log, stream, 1, state.last):
                tables.store.apply(take_in(state.created_at, stretch.messages))
        tables.snapshot()
        tables.store.close()
        stop = asyncio.Event()
        task = asyncio.create_task(archive_readings(log, settings, server.folder, stop))
        await asyncio.to_thread(until, lambda: read_readings_standing(root))
        stop.set()
        await task
        export = Export(root)
        async for stretch in read_whole(log, "EVENTS", 1, 1):
            export.write(stretch.messages)
        export.close()


async def verdict_of(server: Server, root: Path) -> ReadingsVerdict:
    async with log_on(server) as log:
        found = await verify_readings(log, root, lambda *_: None)
    assert found is not None
    return found


def altered(path: Path, query: str) -> None:
    made = query.format(file=f"read_parquet('{path}')")
    duckdb.connect().execute(f"COPY ({made}) TO '{path}.new' (FORMAT parquet)")
    Path(f"{path}.new").replace(path)


def rebuilt(settings: Settings) -> dict[str, Any]:
    told: list[dict[str, Any]] = []
    rebuild(settings, told.append, from_archive=True)
    return told[-1]


def test_what_is_archived_equals_the_log_makes_equal_tables_and_is_seen_when_altered(
    server: Server, tmp_path: Path
) -> None:
    root = tmp_path / "archive"
    settings = server.settings.changed(archive=root, archive_seconds=0.1)
    asyncio.run(told_to(server, settings, root))
    equal = asyncio.run(verdict_of(server, root))
    assert (equal.equal, equal.messages, equal.compared, equal.archived, equal.told) == (True, 5, 8, 8, [])
    told = rebuilt(settings)
    assert (told["equal"], {"readings", "latest", "monitors"} < told["tables"].keys()) == (True, True), told

    (file,) = readings_files(root)
    whole = file.path.read_bytes()
    altered(file.path, "SELECT * REPLACE (value + 1 AS value) FROM {file} WHERE position <> 2")
    found = asyncio.run(verdict_of(server, root))
    assert found.faults == {"altered": 3, "missing": 2}, found.told
    assert "readings" in rebuilt(settings)["differing"]
    file.path.write_bytes(whole[:-9])
    assert asyncio.run(verdict_of(server, root)).faults["unreadable"] == 1
    with pytest.raises(CoordError, match="cannot be read"):
        rebuilt(settings)


def test_the_readings_of_another_log_are_left_as_they_are(server: Server, tmp_path: Path) -> None:
    other = ReadingsStanding(1, 9, "m", CREATED, 1, 0, "another", 9, 1)
    (tmp_path / "readings").mkdir()
    write_readings_standing(tmp_path, other)

    async def scene() -> None:
        async with log_on(server) as log:
            assert await house_of(log, tmp_path, None) is None
            await say(log, "w-1", work.WorkSubmitted(title="one item"))
            with pytest.raises(CoordError, match="another log"):
                await house_of(log, tmp_path, other)
            first = await house_of(log, tmp_path, None)
            assert first is not None
            ours = other._replace(house=first.first_id)
            assert await house_of(log, tmp_path, ours) == House(first.first_id, same=False)

    asyncio.run(scene())


def test_a_log_that_begins_meanwhile_is_nobodys(server: Server, tmp_path: Path, monkeypatch: Any) -> None:
    async def scene() -> House | None:
        async with log_on(server) as log:
            read_at = log.read_at

            async def late(*asked: Any) -> Stored | None:
                found = await read_at(*asked)
                await say(log, "w-1", work.WorkSubmitted(title="meanwhile"))
                return found

            monkeypatch.setattr(log, "read_at", late)
            return await house_of(log, tmp_path, ReadingsStanding(1, 0, "", "", 0, 0, "another", 0, 0))

    assert asyncio.run(scene()) is None
