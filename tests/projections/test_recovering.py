"""The store opens again whatever happened to its file: the rungs of the ladder, one by one."""

import errno
import os
import pickle
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import duckdb
import pytest
from histories import CREATED, History
from stores import MEMORY_MIB, caught_up, history, open_file, wal_of

from coord.events.errors import FolderTaken
from coord.events.wire import Stored
from coord.projections.intake import take_in
from coord.projections.snapshots import Snapshot, Standing, begin, copy_file, finish, snapshots
from coord.projections.store import Opened, StoreBroken, connection, open_store
from coord.projections.store.connection import SET_ASIDE_MAX
from coord.projections.store.faults import read_border, told_apart
from coord.projections.store.schema import FINGERPRINT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "coord.duckdb"


def test_a_file_that_another_process_holds_is_never_recovered_from(path: Path) -> None:
    open_file(path).store.close()
    script = (
        "import sys; from pathlib import Path; from coord.projections.store import open_store; "
        f"store = open_store(Path({str(path)!r}), {MEMORY_MIB}).store; print('open', flush=True); "
        "sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(FolderTaken, match=rf"in use by process {holder.pid}\."):
            open_file(path)
    finally:
        holder.communicate()
    assert not list(path.parent.glob("*.bad.*"))
    open_file(path).store.close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_is_held_though_its_process_copied_it(path: Path) -> None:
    """The engine's own lock is gone then: any process could open the file beside it."""
    opened = open_file(path)
    copy_file(path, path.with_name("copy"))
    script = f"from pathlib import Path; from coord.projections.store import open_store; open_store(Path({str(path)!r}), {MEMORY_MIB})"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert f"is in use by process {os.getpid()}." in other.stderr
    opened.store.close()


def _crashed(path: Path) -> list[Stored]:
    """Leave a file as kill -9 would: 40 messages in the file, the rest in its log of writes."""
    messages = history().messages
    script = (
        "import os, sys, pickle; from pathlib import Path; from coord.projections.store import open_store; "
        "from coord.projections.intake import take_in\n"
        "messages = pickle.load(sys.stdin.buffer)\n"
        f"store = open_store(Path({str(path)!r}), {MEMORY_MIB}).store\n"
        f"store.apply(take_in({CREATED!r}, messages[:40])); store.checkpoint()\n"
        f"store.apply(take_in({CREATED!r}, messages[40:60])); store.apply(take_in({CREATED!r}, messages[60:]))\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script], input=pickle.dumps(messages), check=False)
    assert wal_of(path).stat().st_size > 0
    return messages


def test_a_killed_writer_leaves_every_committed_batch(path: Path) -> None:
    messages = _crashed(path)
    opened = open_file(path)
    assert opened.how == "clean"
    mark = opened.store.mark("EVENTS")
    assert mark is not None
    assert mark.position == len(messages)
    assert caught_up(opened.store, messages)
    opened.store.close()


@pytest.mark.parametrize("where", [0.3, 0.9])
def test_a_damaged_log_of_writes_is_set_aside_and_the_stream_is_read_on(path: Path, where: float) -> None:
    messages = _crashed(path)
    raw = bytearray(wal_of(path).read_bytes())
    raw[int(len(raw) * where)] ^= 0xFF
    wal_of(path).write_bytes(raw)
    opened = open_file(path)
    assert opened.how == "wal_set_aside"
    assert "WAL" in opened.reason
    mark = opened.store.mark("EVENTS")
    assert mark is not None
    assert mark.position == 40
    assert wal_of(path).with_name(wal_of(path).name + ".bad.1").exists()
    assert caught_up(opened.store, messages)
    opened.store.close()


def test_a_file_that_is_none_is_set_aside_and_a_new_one_begun(path: Path) -> None:
    for number in range(SET_ASIDE_MAX + 2):
        path.write_bytes(b"this is no database" * 1000)
        opened = open_file(path)
        assert opened.how == "rebuilt"
        assert "not a valid DuckDB database" in opened.reason
        assert caught_up(opened.store, history().messages)
        opened.store.close()
        aside = list(path.parent.glob("*.bad.*"))
        assert len(aside) == min(number + 1, SET_ASIDE_MAX)


def test_a_deep_look_finds_a_flipped_byte_that_a_plain_one_may_miss(path: Path) -> None:
    store = open_file(path).store
    said = History()
    for number in range(400):
        said.submit(f"w-{number}", body="x" * (number % 7) * 50 + str(number))
    store.apply(take_in(CREATED, said.messages))
    store.checkpoint()
    store.close()
    whole = path.read_bytes()
    place = whole.index(b"do w-200")
    path.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
    opened = open_store(path, MEMORY_MIB, deep=True)
    assert opened.how == "rebuilt"
    assert caught_up(opened.store, said.messages)
    opened.store.close()


@pytest.mark.parametrize("border", [partial(told_apart, "the batch"), read_border])
def test_a_block_that_is_not_what_was_written_is_the_files_fault_and_no_messages(
    path: Path, border: Callable[[], AbstractContextManager[None]]
) -> None:
    """The engine's error is of no kind; taken for a message's it would set one after the other aside."""
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT md5(range::VARCHAR) AS text FROM range(200_000)")
    content = bytearray(path.read_bytes())
    for place in range(300_000, len(content), 100_000):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(StoreBroken), border(), duckdb.connect(str(path), read_only=True) as connection:
        connection.execute("SELECT max(text) FROM t").fetchall()


def _with_snapshots(path: Path, *counts: int) -> tuple[list[Stored], list[Snapshot]]:
    """Leave a file with 60 messages, and snapshots of it as it was before, the newest first."""
    said = History()
    for number in range(20):
        said.submit(f"w-{number}")
        said.complete(f"w-{number}", "ada", said.claim(f"w-{number}", "ada"))
    messages = said.messages
    store = open_file(path).store
    root = path.with_name("snapshots")
    for count in counts:
        store.apply(take_in(CREATED, messages[:count]))
        store.checkpoint()
        finish(begin(root, path), Standing(FINGERPRINT, {"EVENTS": count}, 0, 0))
    store.apply(take_in(CREATED, messages[:60]))
    store.close()
    return messages, snapshots(root)


def _spoil(file: Path) -> None:
    """Flip bytes all over a file: what it holds is read, wherever that stands."""
    raw = bytearray(file.read_bytes())
    for place in range(8, len(raw), 4_096):
        raw[place] ^= 0xFF
    file.write_bytes(raw)


def _recovered(path: Path, found: Sequence[Snapshot]) -> Opened:
    return open_store(path, MEMORY_MIB, snapshots=found)


def test_a_damaged_file_gives_way_to_the_newest_snapshot(path: Path) -> None:
    messages, found = _with_snapshots(path, 20, 40)
    _spoil(path)
    opened = _recovered(path, found)
    assert opened.how == "snapshot"
    assert opened.reason.endswith("; gone on from the snapshot of position 40")
    mark = opened.store.mark("EVENTS")
    assert (mark and mark.position) == 40
    assert path.with_name(path.name + ".bad.1").exists()
    assert caught_up(opened.store, messages)
    opened.store.close()
    assert _recovered(path, found).how == "clean"
    assert all(one.is_whole() for one in found)


def test_a_damaged_snapshot_gives_way_to_the_one_before_and_is_dropped(path: Path) -> None:
    _, found = _with_snapshots(path, 20, 40)
    _spoil(path)
    _spoil(found[0].file)
    opened = _recovered(path, found)
    assert (opened.how, opened.reason.endswith("position 20")) == ("snapshot", True)
    assert snapshots(path.with_name("snapshots")) == found[1:]
    opened.store.close()


def test_a_snapshot_that_was_taken_of_damage_is_not_gone_on_from(path: Path) -> None:
    _, found = _with_snapshots(path, 20, 40)
    path.write_bytes(path.read_bytes().replace(b"do w-7", b"do w-?"))
    plain = _recovered(path, [])
    assert plain.how == "clean"
    plain.store.close()
    spoilt = finish(begin(path.with_name("snapshots"), path), Standing(FINGERPRINT, {"EVENTS": 60}, 0, 0))
    assert spoilt.is_whole()
    opened = open_store(path, MEMORY_MIB, deep=True, snapshots=[spoilt, *found])
    assert (opened.how, opened.reason.endswith("position 40")) == ("snapshot", True)
    opened.store.close()


@pytest.mark.parametrize("spoil", [_spoil, lambda file: file.unlink()])
def test_where_no_snapshot_will_do_the_file_is_begun_anew(path: Path, spoil: Callable[[Path], None]) -> None:
    _, found = _with_snapshots(path, 20, 40)
    _spoil(path)
    for one in found:
        spoil(one.file)
    opened = _recovered(path, found)
    assert opened.how == "rebuilt"
    assert opened.store.mark("EVENTS") is None
    opened.store.close()


def test_a_file_that_is_gone_comes_back_from_a_snapshot(path: Path) -> None:
    _, found = _with_snapshots(path, 40)
    path.unlink()
    opened = _recovered(path, found)
    assert (opened.how, opened.reason) == (
        "snapshot",
        "the file was gone; gone on from the snapshot of position 40",
    )
    opened.store.close()


def test_a_snapshot_of_another_version_is_of_no_use(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = _with_snapshots(path, 40)
    monkeypatch.setattr("coord.projections.store.connection.FINGERPRINT", "another")
    opened = _recovered(path, found)
    assert (opened.how, opened.reason) == ("rebuilt", "it was written by another version")
    opened.store.close()


def test_a_disk_without_room_for_the_snapshot_is_said_and_the_snapshot_stays(path: Path) -> None:
    _, found = _with_snapshots(path, 40)
    _spoil(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        with pytest.raises(StoreBroken, match="cannot be copied: File too large"):
            _recovered(path, found)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    opened = _recovered(path, found)
    assert opened.how == "snapshot"
    opened.store.close()
    assert not list(path.parent.glob("*.copied"))


def test_what_was_set_aside_makes_room_for_the_snapshot(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = _with_snapshots(path, 40)
    _spoil(path)

    def full_while_both_are_there(source: Path, target: Path) -> None:
        if list(path.parent.glob("*.bad.*")):
            raise OSError(errno.ENOSPC, "No space left on device")
        copy_file(source, target)

    monkeypatch.setattr(connection, "copy_file", full_while_both_are_there)
    opened = _recovered(path, found)
    assert opened.how == "snapshot"
    opened.store.close()
    assert not list(path.parent.glob("*.bad.*"))


def test_a_file_of_another_version_is_built_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_file(path).store.close()
    monkeypatch.setattr("coord.projections.store.connection.FINGERPRINT", "another")
    opened = open_file(path)
    assert (opened.how, opened.reason) == ("rebuilt", "it was written by another version")
    opened.store.close()
    assert open_file(path).how == "clean"


def test_a_place_where_no_file_can_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreBroken, match="no projection can be kept at"):
        open_file(tmp_path / "not" / "there.duckdb")
