"""The process that runs a statement: what it may not do, what ends it, and what is left of it."""

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Server
from projectors import log_on, say, say_raw

from coord.events import work
from coord.events.catalog import kind_of
from coord.events.errors import CoordError, NoServer, Refused, UsageError
from coord.projections.store.sandbox import Sandbox
from coord.services.query import log_events, read_only, running
from coord.services.query.running import ask
from coord.services.query.wanted import Wanted
from coord.services.settings import Settings

WAIT_SECONDS = 20


@pytest.fixture
def wanted(tables: Path, tmp_path: Path) -> Callable[..., Wanted]:
    """Make what the process is asked for, on a copy of its own."""

    def make(sql: str, limit: int = 100, **settings: Any) -> Wanted:
        own = tmp_path / "own" / "coord.duckdb"
        own.parent.mkdir(exist_ok=True)
        shutil.copyfile(tables, own)
        return Wanted(Settings(data=tmp_path, **settings), str(own), 16, sql, limit)

    return make


def lines_of(wanted: Wanted) -> list[dict[str, Any]]:
    return list(ask(wanted))


def test_a_statement_is_answered_and_the_copy_has_no_name_any_more(wanted: Callable[..., Wanted]) -> None:
    asked = wanted("SELECT count(*) AS n FROM work")
    running_, columns, rows, done = lines_of(asked)
    assert running_["kind"] == "running"
    assert (columns["columns"][0]["name"], rows["rows"]) == ("n", [[12]])
    assert (done["rows"], done["truncated"]) == (1, False)
    assert not Path(asked.file).parent.exists()


@pytest.mark.parametrize(
    ("sql", "settings", "words"),
    [
        (
            "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r) SELECT max(a) FROM r",
            {"query_seconds": 0.1},
            "takes longer than the 0.1 s it may",
        ),
        ("SELECT repeat('x', 3000000000)", {}, "takes more memory than the 1024 MiB it may"),
    ],
)
def test_what_takes_too_much_is_ended_with_a_sentence(
    wanted: Callable[..., Wanted], sql: str, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        lines_of(wanted(sql, **settings))


def test_lines_are_put_together_from_parts_and_none_may_be_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LINE_BYTES_MAX", 8)
    lines = running._Lines()
    assert [lines.whole(part) for part in (b"ab", b"c\nd\n", b"e", b"\n\nf")] == [
        [],
        [b"abc", b"d"],
        [],
        [b"e", b""],
    ]
    with pytest.raises(Refused, match="the rows are too large to be shown"):
        lines.whole(b"12345678")


def test_a_process_that_dies_is_told_of(
    wanted: Callable[..., Wanted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_MODULE", "no_such_module")
    with pytest.raises(CoordError, match=r"ended with 1: .*No module named no_such_module"):
        lines_of(wanted("SELECT 1"))
    run = running._Run(wanted("SELECT 1"))
    run._process.kill()
    with pytest.raises(Refused, match="ended by signal 9: it takes more than the 1024 MiB of memory"):
        raise run._died()
    run._end()


def test_parquet_is_written_whole_or_not_at_all(wanted: Callable[..., Wanted], tmp_path: Path) -> None:
    file = tmp_path / "rows.parquet"
    lines = list(ask(wanted("SELECT id, capabilities FROM work ORDER BY id -- all", limit=5), file))
    assert (lines[-1]["rows"], lines[-1]["truncated"]) == (5, True)
    found = duckdb.execute(f"SELECT id, capabilities FROM '{file}'").fetchall()
    assert found[0] == ("w-0", ["gpu", "python"])
    assert len(found) == 5
    before = file.read_bytes()
    with pytest.raises(UsageError, match="only what a SELECT gives can be written"):
        list(ask(wanted("DESCRIBE work"), file))
    with pytest.raises(UsageError, match="cannot be written: "):
        list(ask(wanted("SELECT 1"), tmp_path / "no" / "rows.parquet"))
    assert file.read_bytes() == before
    assert not list(tmp_path.glob(".rows.parquet.*"))


_BOUND = """
import os, sys
from coord.services.query.process import bound
from coord.services.settings import Settings
bound(Settings(data="/tmp"))
try:
    with open(sys.argv[1], "wb") as file:
        file.write(b"x")
except OSError as error:
    print(error.strerror)
try:
    bytearray(4 * 2**30)
except MemoryError:
    print("no memory")
print(os.nice(0))
"""


def test_the_process_can_write_no_file_and_take_no_more_memory_than_it_may(tmp_path: Path) -> None:
    file = tmp_path / "written"
    ran = subprocess.run(
        [sys.executable, "-c", _BOUND, str(file)], capture_output=True, text=True, check=True
    )
    refused, memory, niceness, *_ = ran.stdout.split("\n")
    assert refused in ("File too large", "Permission denied")
    assert memory == "no memory"
    assert int(niceness) >= 5
    assert not file.exists() or file.stat().st_size == 0


_READ_ONLY = """
import os, sys
from coord.services.query.read_only import write_no_files
bound = write_no_files()
for path, how in ((sys.argv[1], "wb"), (sys.argv[1], "r+b"), (sys.argv[1] + ".new", "xb")):
    try:
        open(path, how).close()
        print(how)
    except OSError as error:
        print(error.strerror)
pipe = os.pipe()
with open(f"/dev/fd/{pipe[1]}", "wb") as file:
    file.write(b"x")
print(bound, os.read(pipe[0], 1).decode(), open(sys.argv[1]).read())
"""


def test_nothing_that_is_there_can_be_emptied_and_a_pipe_can_be_written(tmp_path: Path) -> None:
    file = tmp_path / "archived"
    file.write_text("kept")
    command = [sys.executable, "-c", _READ_ONLY, str(file)]
    *refused, last = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    if last.startswith("False"):
        pytest.skip("this kernel has no Landlock")
    assert (refused, last) == (["Permission denied"] * 3, "True x kept")


def test_on_another_system_no_call_of_linux_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", None)
    assert not read_only.write_no_files()


_ASKING = """
import sys
from coord.services.query.running import ask
from coord.services.query.wanted import Wanted
from coord.services.settings import Settings
sql = "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r) SELECT max(a) FROM r"
for line in ask(Wanted(Settings(data=sys.argv[1]), sys.argv[2], 16, sql)):
    print(line["kind"], flush=True)
"""


def test_the_process_ends_with_whoever_started_it(wanted: Callable[..., Wanted], tmp_path: Path) -> None:
    asked = wanted("")
    command = [sys.executable, "-c", _ASKING, str(tmp_path), asked.file]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "running\n"
        (child,) = Path(f"/proc/{asking.pid}/task/{asking.pid}/children").read_text().split()
        asking.send_signal(signal.SIGKILL)
        asking.wait()
    until = time.monotonic() + WAIT_SECONDS
    while os.path.exists(f"/proc/{child}") and not _is_over(child):
        assert time.monotonic() < until
        time.sleep(0.01)


def _is_over(pid: str) -> bool:
    """Tell whether a process has ended and is only not collected yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def test_events_are_those_of_the_log_up_to_the_position(
    server: Server, tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def publish() -> None:
        async with log_on(server) as log:
            for number in range(3):
                await say(log, f"w-{number}", work.WorkSubmitted(title="x"))
            await say_raw(log, "ev.local.work.w-1", b'{"title": "\xff"', {"ce-id": "odd"})
            await say(log, "w-9", work.WorkSubmitted(title="too late"))

    asyncio.run(publish())

    def rows(until: int) -> tuple[int, list[Any]]:
        own = tmp_path / f"own-{until}" / "coord.duckdb"
        own.parent.mkdir()
        shutil.copyfile(tables, own)
        sandbox = Sandbox(own, 256)
        first = log_events.add_events(sandbox, server.settings, until)
        sql = "SELECT position, type, entity, data->>'$.title', recorded_at > '2026-01-01' FROM events ORDER BY 1"
        found = sandbox._connection.execute(sql).fetchall()
        sandbox.close()
        return first, found

    type_ = kind_of(work.WorkSubmitted(title="x")).type
    submitted = [(n + 1, type_, f"w-{n}", "x", True) for n in range(3)]
    assert rows(0) == (1, [])
    assert rows(4) == (1, [*submitted, (4, "", "w-1", None, True)])
    monkeypatch.setattr(log_events, "EVENTS_MAX", 2)
    assert rows(3) == (2, submitted[1:])
    monkeypatch.setattr(log_events, "_WAIT_SECONDS", 0.1)
    with pytest.raises(NoServer, match="EVENTS cannot be read up to 9 now"):
        rows(9)
