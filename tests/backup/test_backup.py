"""A house in one file and out of it again: every message as it was, or a sentence and nothing."""

import asyncio
import os
import resource
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Server
from projectors import log_on, sample, say

from coord.events import work
from coord.events.errors import CoordError, FolderTaken, NoServer, Refused, UsageError
from coord.events.wire import Stored
from coord.services.api.tokens import make_token
from coord.services.backup.container import check, parts, writing
from coord.services.backup.framing import Unpacked
from coord.services.backup.restoring import restore
from coord.services.backup.taking import back_up, settings_text
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.log.answering import Asked, answer_requests
from coord.services.log.snapshots import _check_whole, _given
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings, load_settings

EVENTS = 40


def quiet(*_: object) -> None:
    """Nobody listens."""


async def fill(server: Server, events: int = EVENTS) -> None:
    async with log_on(server) as log:
        for number in range(events):
            await say(log, f"w-{number}", work.WorkSubmitted(title=f"item {number}"))
        for number in range(1, 6):
            await sample(log, number)


async def read_all(settings: Settings) -> dict[str, list[Stored]]:
    """Read both streams to their ends."""
    log = await Log.connect(settings, Folder(settings.data))
    found: dict[str, list[Stored]] = {}
    for stream in ("EVENTS", "SAMPLES"):
        state = await log.stream_state(stream)
        messages = found[stream] = []
        async for batch in log.pull(stream, 1):
            messages += batch
            if not messages or messages[-1].position >= state.last:
                break
    await log.close()
    return found


def taken(server: Server, path: Path, events_only: bool = False) -> Path:
    """Back up the house that runs, or the one that is down."""
    back_up(server.settings, {"site": "local", "lease_seconds": 45.0}, path, events_only, quiet)
    return path


@pytest.fixture
def filled(server: Server) -> Server:
    """A server whose log holds something."""
    asyncio.run(fill(server))
    return server


@contextmanager
def writing_on(server: Server) -> Iterator[Callable[[], int]]:
    """Append without end; gives out a function that returns the last position that was acknowledged."""
    over, last = threading.Event(), [0]

    async def write() -> None:
        async with log_on(server) as log:
            while not over.is_set():
                last[0] = await say(log, "busy", work.WorkSubmitted(title="one more"))

    thread = threading.Thread(target=lambda: asyncio.run(write()))
    thread.start()
    try:
        while not last[0]:
            over.wait(0.01)
        yield lambda: last[0]
    finally:
        over.set()
        thread.join()


def test_what_was_acknowledged_before_is_there_with_its_position_time_and_bytes(
    filled: Server, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    with writing_on(filled) as last:
        before = last()
        document = back_up(filled.settings, {}, tmp_path / "b.tar", False, lambda *one: told.append(one))
    assert document["streams"]["EVENTS"]["state"]["last_seq"] >= before
    assert {name for name, *_ in told} == {"EVENTS", "SAMPLES", "checking EVENTS"}
    assert (tmp_path / "b.tar").stat().st_mode & 0o077 == 0
    original = asyncio.run(read_all(filled.settings))
    there = filled.settings.changed(data=tmp_path / "new")
    assert restore(there, tmp_path / "b.tar", quiet) == document
    copy = EmbeddedServer(Folder(there.data), there)
    copy.start()
    try:
        restored = asyncio.run(read_all(there))
    finally:
        copy.stop()
    assert len(restored["EVENTS"]) == document["streams"]["EVENTS"]["state"]["messages"]
    assert restored["SAMPLES"] == original["SAMPLES"]
    for one, other in zip(restored["EVENTS"], original["EVENTS"], strict=False):
        assert (one, dict(one.headers)) == (other, dict(other.headers))


def test_a_house_that_is_down_is_backed_up_and_its_folder_comes_along(filled: Server, tmp_path: Path) -> None:
    filled.folder.make("fences", "ada", "7")
    filled.folder.write_text("9", "fences", "ada", "7", "w-1")
    make_token(filled.folder, "grafana", "read", 1)
    left = filled.folder.read_json("server.json")
    filled.embedded.stop()
    filled.folder.write_json(left, "server.json")  # as after a kill
    path = taken(filled, tmp_path / "b.tar", events_only=True)
    root = tmp_path / "new"
    root.mkdir()
    told = restore(filled.settings.changed(data=root), path, quiet)
    assert list(told["streams"]) == ["EVENTS"]
    assert (root / "fences" / "ada" / "7" / "w-1").read_text() == "9"
    assert Folder(root).read_json("api", "tokens.json") == filled.folder.read_json("api", "tokens.json")
    assert Folder(root).read_json("credentials.json") == filled.folder.read_json("credentials.json")
    assert load_settings(environment={}, file=str(root / "coord.toml")).settings.lease_seconds == 45.0
    assert root.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_settings_come_along_but_not_where_things_are_here() -> None:
    given = {"site": "x", "alert_command": 'say "é"\\', "replicas": 1, "data": "/d", "nats": "nats://a:b@c:1"}
    assert settings_text(given) == 'site = "x"\nalert_command = "say \\"é\\"\\\\"\nreplicas = 1\n'


def flipped(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)


def place_of(path: Path, name: str) -> int:
    with tarfile.open(path) as tar:
        return tar.getmember(name).offset_data


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte of a stream": (lambda path: flipped(path, place_of(path, "EVENTS/00000001") + 9), "EVENTS/00000001"),
    "a byte of what it says": (lambda path: flipped(path, place_of(path, "backup.json") + 3), "backup.json"),
    "a byte of a digest": (lambda path: flipped(path, place_of(path, "SHA256SUMS")), "digests are damaged"),
    "a byte of a name": (lambda path: flipped(path, place_of(path, "SAMPLES/00000001") - 512), "EVENTS/00000001"),
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:4_000]), "cut short"),
    "cut to nothing": (lambda path: path.write_bytes(b""), "no backup"),
    "something else": (lambda path: path.write_bytes(b"PK\3\4" * 500), "no backup"),
}  # fmt: skip


def test_a_damaged_file_is_refused_with_what_is_wrong_and_nothing_is_made(
    filled: Server, tmp_path: Path
) -> None:
    whole = taken(filled, tmp_path / "whole.tar").read_bytes()
    there = filled.settings.changed(data=tmp_path / "new")
    for name, (damage, words) in DAMAGE.items():
        path = tmp_path / "damaged.tar"
        path.write_bytes(whole)
        damage(path)
        with pytest.raises(UsageError) as refused:
            restore(there, path, quiet)
        assert words in refused.value.message, name
        assert not (tmp_path / "new").exists(), name


def test_a_file_with_a_part_that_its_digests_do_not_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.tar"
    with writing(path) as writer:
        writer.add("backup.json", b'{"format": 2}')
    with pytest.raises(UsageError, match="form 2"):
        check(path, quiet)
    path.unlink()
    with writing(path) as writer:
        writer.add("backup.json", b'{"format": 1}')
        writer._add("EVENTS/00000001", b"slipped in")
    with pytest.raises(UsageError, match="EVENTS/00000001"):
        check(path, quiet)
    path.unlink()
    with tarfile.open(path, "w") as tar:
        tar.addfile(tarfile.TarInfo("../../escaped"))
    assert list(parts(path)) == []


def test_a_file_that_is_there_and_a_folder_that_is_not_empty_are_left_as_they_are(
    filled: Server, tmp_path: Path
) -> None:
    path = taken(filled, tmp_path / "b.tar")
    whole = path.read_bytes()
    with pytest.raises(UsageError, match="there already"):
        taken(filled, path)
    assert path.read_bytes() == whole
    with pytest.raises(UsageError, match="no folder"):
        taken(filled, tmp_path / "nowhere" / "b.tar")
    with pytest.raises(FolderTaken, match="in use"):
        restore(filled.settings, path, quiet)
    filled.embedded.stop()
    with pytest.raises(UsageError, match="not empty"):
        restore(filled.settings, path, quiet)
    with pytest.raises(UsageError, match="nats names another"):
        restore(filled.settings.changed(nats="nats://127.0.0.1:1"), path, quiet)
    with pytest.raises(NoServer, match="holds no log"):
        back_up(Settings(data=tmp_path / "none"), {}, tmp_path / "c.tar", False, quiet)


def test_a_disk_that_takes_no_more_leaves_one_sentence_and_no_file(filled: Server, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        with pytest.raises(CoordError, match=r"cannot be written: File too large\."):
            taken(filled, tmp_path / "b.tar")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["coord"]


def test_what_a_killed_restore_left_is_removed_by_the_next(filled: Server, tmp_path: Path) -> None:
    path = taken(filled, tmp_path / "b.tar")
    left = tmp_path / ".new.restoring" / "nats"
    left.mkdir(parents=True, mode=0o700)
    left.parent.chmod(0o700)
    held = Folder(left.parent).lock()
    with pytest.raises(FolderTaken):
        restore(filled.settings.changed(data=tmp_path / "new"), path, quiet)
    os.close(held)
    assert left.is_dir()
    restore(filled.settings.changed(data=tmp_path / "new"), path, quiet)
    assert not left.parent.exists()
    assert (tmp_path / "new" / "nats" / "store").is_dir()


def test_a_position_that_the_disk_has_lost_is_named_and_all_others_are_kept(
    filled: Server, tmp_path: Path
) -> None:
    filled.embedded.stop()
    (block,) = filled.folder.path("nats", "store").rglob("EVENTS/msgs/*.blk")
    flipped(block, block.read_bytes().index(b"item 20") + 5)
    document = back_up(filled.settings, {}, tmp_path / "b.tar", False, quiet)
    assert document["streams"]["EVENTS"]["lost"] == [[21, 21]]
    there = filled.settings.changed(data=tmp_path / "new")
    restore(there, tmp_path / "b.tar", quiet)
    copy = EmbeddedServer(Folder(there.data), there)
    copy.start()
    try:
        restored = asyncio.run(read_all(there))["EVENTS"]
    finally:
        copy.stop()
    assert [one.position for one in restored] == [*range(1, 21), *range(22, EVENTS + 1)]


def test_what_comes_out_otherwise_than_it_went_in_is_refused(filled: Server, tmp_path: Path) -> None:
    path = taken(filled, tmp_path / "b.tar", events_only=True)
    with writing(tmp_path / "more.tar") as writer:
        for name, content in parts(path):
            if name != "SHA256SUMS":
                writer.add(name, content.replace(b'"messages": 40', b'"messages": 41'))
    with pytest.raises(Refused, match="EVENTS came out with messages 40, and went in with 41"):
        restore(filled.settings.changed(data=tmp_path / "new"), tmp_path / "more.tar", quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "coord", "more.tar"]


def test_a_piece_is_sent_again_while_nobody_is_known_to_take_it(filled: Server) -> None:
    """A server of a cluster hears a moment later that another one takes them."""
    where = "cmd.main.somebody.take"

    async def said(asked: Asked) -> bytes:
        return asked.body

    async def scene() -> bytes:
        giving, taking = [
            await Log.connect(filled.settings, filled.folder, name=name) for name in ("giving", "taking")
        ]
        try:
            piece = asyncio.create_task(_given(giving, where, b"piece"))
            with pytest.raises(NoServer):
                await giving.request(where, b"nobody yet")
            assert not piece.done()
            async with answer_requests(taking, where, said):
                return await piece
        finally:
            await giving.close()
            await taking.close()

    assert asyncio.run(scene()) == b"piece"


def test_a_snapshot_that_the_server_gave_up_is_none() -> None:
    for status in ({"Status": "408", "Description": "No Flow Response"}, {"Status": "500"}):
        with pytest.raises(CoordError, match="cannot send EVENTS whole"):
            _check_whole("EVENTS", status)
    for status in ({"Status": "204"}, {}):
        _check_whole("EVENTS", status)


def test_how_far_it_is_is_counted_over_pieces_that_are_cut_anywhere() -> None:
    packed = b"\x00" + (9).to_bytes(3, "little") + b"sum." + b"\xac\x02" + b"xyz"
    plain = b"\x01" + (24).to_bytes(3, "little") + b"sum." + b"p" * 20
    data = (
        b"\xff\x06\x00\x00S2sTwO"
        + packed
        + plain
        + b"\xfe\x05\x00\x00"
        + b"....."
        + packed
        + b"\xfe\x01\0\0."
    )
    for step in (1, 7, 100):
        counted = Unpacked()
        for at in range(0, len(data), step):
            counted.add(data[at : at + step])
        assert counted.bytes == 300 + 20 + 300, step
