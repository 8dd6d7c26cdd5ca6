"""The data folder: closed to others, held by one, and its files whole or not there."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from coord.events.errors import CoordError, Exit, FolderTaken, UsageError
from coord.services.folder import Folder, bind_socket, is_alive, open_socket


def mode_of(path: Path) -> int:
    """Return the permission bits of a path."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A data folder that is not made yet."""
    return Folder(tmp_path / "deep" / "data")


def test_the_folder_and_what_is_in_it_belong_to_their_owner_alone(folder: Folder) -> None:
    folder.make("agents", "a")
    folder.write_json({"password": "x"}, "credentials.json")
    assert (
        mode_of(folder.root) == mode_of(folder.path("agents")) == mode_of(folder.path("agents", "a")) == 0o700
    )
    assert mode_of(folder.path("credentials.json")) == 0o600


def test_a_loose_umask_changes_nothing(folder: Folder) -> None:
    before = os.umask(0)
    try:
        folder.make("agents")
        folder.write_json({}, "server.json")
        os.close(folder.lock())
        sock = bind_socket(folder, "a.sock")
    finally:
        os.umask(before)
    sock.close()
    assert mode_of(folder.path("agents")) == 0o700
    assert (
        mode_of(folder.path("server.json"))
        == mode_of(folder.path("LOCK"))
        == mode_of(folder.path("a.sock"))
        == 0o600
    )


def test_an_empty_folder_and_one_of_ours_are_closed_to_others(folder: Folder) -> None:
    folder.root.mkdir(parents=True, mode=0o755)
    os.close(folder.lock())
    assert mode_of(folder.root) == 0o700
    folder.root.chmod(0o755)
    folder.make()
    assert mode_of(folder.root) == 0o700


def test_somebodys_own_folder_named_by_mistake_is_left_as_it_is(folder: Folder) -> None:
    folder.root.mkdir(parents=True)
    folder.root.chmod(0o755)
    folder.path("thesis.txt").write_text("my only copy")
    for use in (folder.make, folder.lock, lambda: folder.make("agents")):
        with pytest.raises(UsageError, match="holds other files") as refused:
            use()
        assert "--data" in refused.value.hint
    assert mode_of(folder.root) == 0o755
    assert os.listdir(folder.root) == ["thesis.txt"]


def test_a_folder_that_cannot_be_made_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (
        tmp_path / "file",
        tmp_path / "file" / "data",
        Path("/proc/nothing"),
        tmp_path / ("x" * 300),
    ):
        with pytest.raises(UsageError, match=r"cannot be made: \w"):
            Folder(root).make()


def test_one_process_holds_the_folder_and_the_next_is_told_who(folder: Folder) -> None:
    held = folder.lock()
    with pytest.raises(FolderTaken, match=f"is in use by process {os.getpid()}") as refused:
        folder.lock()
    assert refused.value.exit_code == Exit.NO_SERVER
    os.close(held)
    os.close(folder.lock())


def test_a_child_that_inherits_the_lock_holds_it_until_it_ends(folder: Folder) -> None:
    held = folder.lock()
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(held,))
    os.close(held)
    with pytest.raises(FolderTaken):
        folder.lock()
    child.communicate(timeout=10)
    os.close(folder.lock())


def test_a_process_that_is_killed_lets_the_folder_go(folder: Folder) -> None:
    takes = "import sys; from pathlib import Path; from coord.services.folder import Folder\n"
    takes += "held = Folder(Path(sys.argv[1])).lock(); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", takes, str(folder.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderTaken, match=f"process {holder.pid}"):
            folder.lock()
        holder.kill()
        holder.wait(10)
        os.close(folder.lock())


def test_what_was_written_is_read_back(folder: Folder) -> None:
    folder.make()
    value = {"url": "nats://127.0.0.1:4222", "name": "Zażółć", "pid": 7, "none": None}
    folder.write_json(value, "server.json")
    assert folder.read_json("server.json") == value
    folder.write_json([], "server.json")
    assert folder.read_json("server.json") == []


@pytest.mark.parametrize("raw", [b"", b"{", b'{"a":1', b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_not_whole_reads_as_absent(folder: Folder, raw: bytes) -> None:
    folder.make()
    assert folder.read_json("server.json") is None
    folder.path("server.json").write_bytes(raw)
    assert folder.read_json("server.json") is None


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(folder: Folder) -> None:
    folder.make()
    folder.path("agents").mkdir()
    folder.path("agents", "server.json").mkdir()
    with pytest.raises(CoordError, match=r"server.json cannot be written: \w"):
        folder.write_json({"new": 1}, "agents", "server.json")
    assert os.listdir(folder.path("agents")) == ["server.json"]


def test_a_full_disk_is_a_sentence_and_the_old_file_stays(folder: Folder) -> None:
    folder.make()
    folder.write_json({"old": 1}, "server.json")
    writes = (
        "import resource, signal, sys; from pathlib import Path; from coord.services.folder import Folder\n"
    )
    writes += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    writes += "Folder(Path(sys.argv[1])).write_json({'new': 'x' * 1000}, 'server.json')"
    done = subprocess.run(
        [sys.executable, "-c", writes, str(folder.root)],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "CoordError: " in done.stderr
    assert "server.json cannot be written: File too large. Nothing was changed." in done.stderr
    assert folder.read_json("server.json") == {"old": 1}
    assert os.listdir(folder.root) == ["server.json"]


def test_a_socket_works_in_a_folder_whose_path_is_longer_than_an_address(tmp_path: Path) -> None:
    folder = Folder(tmp_path / ("d" * 120) / ("e" * 120))
    with bind_socket(folder, "projector.sock") as listening, open_socket(folder, "projector.sock") as caller:
        answering, _ = listening.accept()
        with answering:
            caller.sendall(b"ask")
            assert answering.recv(3) == b"ask"
    assert os.listdir(folder.root) == ["projector.sock"]


def test_a_new_listener_takes_the_place_of_the_old_one(folder: Folder) -> None:
    with (
        bind_socket(folder, "a.sock"),
        bind_socket(folder, "a.sock") as second,
        open_socket(folder, "a.sock"),
    ):
        second.settimeout(5)
        second.accept()[0].close()


def test_a_socket_nobody_listens_on_is_an_error_of_the_system(folder: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        open_socket(folder, "a.sock")
    bind_socket(folder, "a.sock").close()
    with pytest.raises(ConnectionRefusedError):
        open_socket(folder, "a.sock")


def test_sockets_are_not_left_open_when_a_connection_fails(folder: Folder) -> None:
    folder.make()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        with pytest.raises(FileNotFoundError):
            open_socket(folder, "a.sock")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_process_is_alive_until_it_is_gone() -> None:
    child = subprocess.Popen(["true"])
    child.wait(10)
    assert not is_alive(child.pid)
    assert is_alive(os.getpid())
    assert is_alive(1)
    assert not any(is_alive(pid) for pid in (0, -1, 2**31 - 1, 2**64))
