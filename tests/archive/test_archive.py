"""EVENTS as Parquet: every message in one file, over every kill; and a comparison that sees what is wrong."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from command_line import Cli
from conftest import Server
from houses import environment_of
from projectors import log_on, say, say_raw, until

from coord.events import work
from coord.events.errors import CoordError, FolderTaken, NothingThere
from coord.events.wire import Stored
from coord.projections.archive import COLUMNS, NO_SITE, partition_of, row_of, stored_of
from coord.projections.store.parquet import Parquet, ParquetFault
from coord.services.archive import main as archive_service
from coord.services.archive.exporting import Export, is_due
from coord.services.archive.main import archive
from coord.services.archive.place import Standing, check_identity, files_of, holding, read_standing
from coord.services.archive.status import read_status
from coord.services.archive.verifying import Verdict, verify
from coord.services.cli.archive_checks import check_archive
from coord.services.log import Log
from coord.services.settings import Settings
from coord.services.supervisor.serve import started_here

DAY_NS = 86_400 * 10**9
NOON_NS = 1_795_953_600 * 10**9
"""2026-11-29T12:00:00Z."""
HOSTILE = (
    b'{"title":"\\u0000 \xc3\xa9 ' + b"x" * 300 + b'"}',
    b"\xff\xfe no UTF-8",
    b"",
    b'{"nul":"\0"}',
    '{"wide":"𐍈 שלום"}'.encode(),
)


def quiet(*_: object) -> None:
    """Nobody listens."""


def message(position: int, ns: int = NOON_NS, site: str = "local", body: bytes = b"{}") -> Stored:
    headers = {"ce-type": "work.submitted.v4", "ce-id": f"id-{position}", "Nats-Msg-Id": f"id-{position}"}
    return Stored("EVENTS", position, ns, f"ev.{site}.work.w-{position}", headers, body)


def positions(root: Path) -> list[int]:
    """Read the archive as anybody would."""
    return sorted(row[0] for row in asked("SELECT position FROM {all}", root))


def asked(query: str, root: Path) -> list[tuple[Any, ...]]:
    """Ask the archive with an engine that knows nothing of coord."""
    everything = f"read_parquet('{root}/events/**/*.parquet', hive_partitioning = true)"
    return duckdb.connect().execute(query.format(all=everything)).fetchall()


@pytest.fixture
def export(tmp_path: Path) -> Iterator[Export]:
    """The writing end of a new archive."""
    made = Export(tmp_path / "archive")
    yield made
    made.close()


@asynccontextmanager
async def archiving(server: Server, root: Path) -> AsyncIterator[tuple[Log, Settings]]:
    """Archive what the log holds, beside the test."""
    settings = server.settings.changed(archive=root, archive_seconds=0.1)
    stop = asyncio.Event()
    async with log_on(server) as log:
        task = asyncio.create_task(archive(log, settings, server.folder, stop))
        try:
            yield log, settings
        finally:
            stop.set()
            await task


async def archived(root: Path, position: int) -> None:
    """Wait until the archive says that it has a position."""
    await asyncio.to_thread(until, lambda: (read_standing(root) or (0,))[0] >= position)


async def fill(log: Log, count: int = 12) -> int:
    for number in range(count):
        await say(log, f"w-{number}", work.WorkSubmitted(title=f"item {number}"))
    for body in HOSTILE:
        last = await say_raw(log, "ev.local.wo/rk.w=x", body, {"ce-type": "work.claimed.v2", "x": "é, \\"})
    return last


def test_a_message_comes_back_as_it_was_whatever_is_in_it() -> None:
    for number, body in enumerate(HOSTILE, 1):
        stored = message(number, body=body)
        row = row_of(stored)
        assert stored_of([getattr(row, name) for name in COLUMNS.split(", ")]) == stored


def test_a_partition_is_a_site_and_a_day_of_the_brokers_clock() -> None:
    assert partition_of(message(1)).folder == "events/site=local/day=2026-11-29"
    assert partition_of(message(1, NOON_NS + DAY_NS // 2)).day == "2026-11-30"
    assert partition_of(message(1, site="../..")).site == NO_SITE


def test_it_is_written_when_there_is_much_or_long_enough_after() -> None:
    few = [message(1)]
    assert not is_due([], 0, 99, 1)
    assert not is_due(few, 2, 0.5, 1)
    assert is_due(few, 2, 1.0, 1)
    assert is_due(few, 16 * 2**20, 0, 1)
    assert is_due(few * 20_000, 2, 0, 1)


def test_a_file_grows_while_it_is_small_and_every_partition_has_its_own(
    export: Export, tmp_path: Path
) -> None:
    root = tmp_path / "archive"
    export.write([message(1), message(2, site="other"), message(3)])
    export.write([message(4), message(5, NOON_NS + DAY_NS)])
    assert [str(found.path.relative_to(root / "events")) for found in files_of(root)] == [
        "site=local/day=2026-11-29/000000000001.parquet",
        "site=other/day=2026-11-29/000000000002.parquet",
        "site=local/day=2026-11-30/000000000005.parquet",
    ]
    rows = asked("SELECT position, site, day, recorded_at FROM {all} ORDER BY position", root)
    assert [row[:2] for row in rows] == [(1, "local"), (2, "other"), (3, "local"), (4, "local"), (5, "local")]
    assert str(rows[4][2]) == "2026-11-30"
    assert str(rows[0][3]) == "2026-11-29 12:00:00"


def test_a_large_file_is_followed_by_another(
    export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coord.services.archive.exporting.WHOLE_ROWS", 3)
    for position in range(1, 8, 2):
        export.write([message(position), message(position + 1)])
    assert [found.first for found in files_of(tmp_path / "archive")] == [1, 5]
    assert positions(tmp_path / "archive") == list(range(1, 9))


def test_what_was_not_finished_is_taken_out_and_written_once(export: Export, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    export.write([message(1), message(2)])
    before = (root / "events" / "_position.json").read_bytes()
    export.write([message(3), message(4, site="other")])
    (root / "events" / "_position.json").write_bytes(before)
    left = root / "events" / "site=local" / "day=2026-11-29" / ".000000000001.parquet.7"
    left.write_bytes(b"half a file")
    again = Export(root)
    again.standing = read_standing(root)
    again.clear()
    assert (positions(root), left.exists()) == ([1, 2], False)
    again.write([message(3), message(4, site="other"), message(5)])
    assert positions(root) == [1, 2, 3, 4, 5]
    again.close()


def test_a_disk_that_takes_nothing_leaves_the_file_as_it_was(export: Export, tmp_path: Path) -> None:
    export.write([message(1)])
    (path,) = (found.path for found in files_of(tmp_path / "archive"))
    whole = path.read_bytes()
    path.with_name(f".{path.name}.{os.getpid()}").mkdir()
    with pytest.raises(ParquetFault, match="cannot be written"):
        export.write([message(2)])
    assert (path.read_bytes(), export.position) == (whole, 1)


def test_two_do_not_write_to_one_archive(tmp_path: Path) -> None:
    with holding(tmp_path), pytest.raises(FolderTaken, match="somebody else"), holding(tmp_path):
        raise AssertionError("both hold it")


def test_all_of_the_log_is_archived_and_equals_it(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "archive"

    async def scene() -> Verdict:
        async with archiving(server, root) as (log, settings):
            with pytest.raises(NothingThere):
                await verify(log, root, quiet)
            last = await fill(log)
            await archived(root, last)
            told: list[tuple[int, int]] = []
            found = await verify(log, root, lambda *one: told.append(one))
            assert told[-1] == (last, last)
            await asyncio.to_thread(until, lambda: read_status(server.folder).get("behind") == 0)
            (finding,) = check_archive(server.folder, settings, last)
            assert (finding.verdict, f"at position {last}, 0 behind" in finding.words) == ("ok", True)
            return found

    verdict = asyncio.run(scene())
    assert (verdict.equal, verdict.messages, verdict.told) == (True, 12 + len(HOSTILE), [])


def rewritten(path: Path, what: str) -> None:
    engine = duckdb.connect()
    query = what.format(file=f"read_parquet('{path}')")
    engine.execute(f"COPY ({query}) TO '{path}.new' (FORMAT parquet)")
    Path(f"{path}.new").replace(path)


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20:-8] = b"\xff" * 12
    path.write_bytes(content)


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a body": (
        lambda path: rewritten(path, "SELECT * REPLACE (CASE position WHEN 3 THEN '{{}}' ELSE body END AS body) FROM {file}"),
        "altered: position 3 differs from the log in body",
    ),
    "a header": (
        lambda path: rewritten(path, "SELECT * REPLACE (replace(headers, 'ce-', 'CE-') AS headers) FROM {file}"),
        "altered: position 1 differs from the log in headers",
    ),
    "rows": (lambda path: rewritten(path, "FROM {file} WHERE position NOT BETWEEN 2 AND 4"), "missing: positions 2 to 4"),
    "a row twice": (
        lambda path: rewritten(path, "FROM {file} UNION ALL FROM {file} WHERE position = 5"),
        "twice: position 5 is there again",
    ),
    "a file": (lambda path: path.unlink(), "missing: positions 1 to 17"),
    "what a file says of itself": (spoil, "unreadable: "),
}  # fmt: skip


def test_what_is_missing_or_altered_is_named(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "archive"

    async def scene() -> None:
        async with archiving(server, root) as (log, _):
            await archived(root, await fill(log))
        async with log_on(server) as log:
            path = files_of(root)[0].path
            whole = path.read_bytes()
            for name, (damage, words) in DAMAGE.items():
                damage(path)
                verdict = await verify(log, root, quiet)
                assert not verdict.equal, name
                assert any(one.startswith(words) for one in verdict.told), (name, verdict.told)
                path.write_bytes(whole)
            assert (await verify(log, root, quiet)).equal

    asyncio.run(scene())


def test_an_archive_of_another_log_is_left_as_it_is_and_told(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "archive"
    other = Export(root)
    other.write([message(1), message(2)])
    other.close()

    async def scene() -> None:
        async with archiving(server, root) as (log, settings):
            await fill(log)
            fault = await asyncio.to_thread(until, lambda: (read_status(server.folder) or {}).get("fault"))
            assert "is of another log" in fault
            with pytest.raises(CoordError, match="another log"):
                await verify(log, root, quiet)
            (finding,) = check_archive(server.folder, settings, 17)
            assert (finding.verdict, "another log" in finding.words) == ("bad", True)

    asyncio.run(scene())
    assert positions(root) == [1, 2]


def test_a_log_that_begins_during_the_look_is_not_taken_for_one_that_lost_its_beginning(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        async with log_on(server) as log:
            read_at = log.read_at

            async def late(stream: str, position: int) -> Stored | None:
                found = await read_at(stream, position)
                await say(log, f"w-{position}", work.WorkSubmitted(title="meanwhile"))
                return found

            monkeypatch.setattr(log, "read_at", late)
            with pytest.raises(CoordError, match="another log, or of a longer one"):
                await check_identity(log, tmp_path, Standing(2, "other-2", "other-1", NOON_NS))

    asyncio.run(scene())


_SERVICE = """
import sys
from coord.services.archive.main import run
from coord.services.settings import Settings
from coord.services.supervisor.serve import started_here
run(Settings(data=sys.argv[1], archive=sys.argv[2], archive_seconds=0.1))
"""


@contextmanager
def service(server: Server, root: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run the service as a process; it is killed at the end."""
    command = [sys.executable, "-P", "-c", _SERVICE, str(server.folder.root), str(root)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_over_a_kill_every_message_is_in_one_file(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "archive"

    async def scene() -> int:
        async with log_on(server) as log:
            last = 0
            with service(server, root) as process:
                for entry in range(120):
                    last = await say(log, f"w-{entry}", work.WorkSubmitted(title=f"item {entry}"))
                    if entry == 40:
                        await archived(root, last - 20)
                process.send_signal(signal.SIGKILL)
                await asyncio.to_thread(process.wait)
            with service(server, root) as process:
                await archived(root, last)
                process.terminate()
                assert await asyncio.to_thread(process.wait) == 0
            assert (await verify(log, root, quiet)).equal
            return last

    last = asyncio.run(scene())
    assert positions(root) == list(range(1, last + 1))


def test_an_archive_that_is_moved_aside_meanwhile_is_written_anew_from_the_first_event(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `coord archive verify` advises: what came before must not be missing for good."""
    monkeypatch.setattr(archive_service, "AGAIN_SECONDS", 0.05)
    root = tmp_path / "archive"

    async def scene() -> int:
        async with archiving(server, root) as (log, _):
            await archived(root, await fill(log))
            root.rename(tmp_path / "aside")
            last = await say(log, "w-later", work.WorkSubmitted(title="later"))
            await archived(root, last)
            return last

    last = asyncio.run(scene())
    assert positions(root) == list(range(1, last + 1))


def test_the_command_tells_and_compares_with_an_exit_code(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "archive"

    async def scene() -> int:
        async with archiving(server, root) as (log, _):
            last = await fill(log)
            await archived(root, last)
            return last

    cli = Cli(tmp_path, environment_of(tmp_path, server.folder.root))
    last = asyncio.run(scene())
    unset = cli.run("archive", "--json").document
    cli.environment["COORD_ARCHIVE"] = str(root)
    told = cli.run("archive", "--json").document
    assert unset == told, "the data folder knows where the archive is, however that was set"
    assert (told["position"], told["files"], told["running"]) == (last, 1, True), told
    files_of(root)[0].path.unlink()
    wrong = cli.run("archive", "verify")
    assert (wrong.code, wrong.out.startswith("missing: positions 1 to ")) == (7, True), wrong


def test_up_starts_it_where_a_folder_is_set(tmp_path: Path) -> None:
    assert "archive" not in started_here(Settings(data=tmp_path))
    assert "archive" in started_here(Settings(data=tmp_path, archive=tmp_path))


def test_a_query_is_exported_whole_or_not_at_all(tmp_path: Path) -> None:
    engine = Parquet(64)
    with pytest.raises(ParquetFault, match="cannot be read"):
        engine.value(tmp_path / "none.parquet", "count(*)")
    with pytest.raises(ParquetFault, match="cannot be written"):
        engine.cut(tmp_path / "none.parquet", "true")
    assert list(tmp_path.iterdir()) == []
    engine.close()
