"""The embedded server: it serves at once, holds its folder, ends with its parent, keeps what was acknowledged."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from callers import connected
from conftest import Server
from standing_still import stop

from coord.events.errors import FolderTaken, NoServer, SettingsError, UsageError
from coord.events.streams import EVENTS, SAMPLES
from coord.services.folder import Folder
from coord.services.server import EmbeddedServer
from coord.services.server.probe import get, log_in
from coord.services.server.process import Identity, identity_of, wait_until
from coord.services.settings import Settings

PARENT = """
import sys, time
from pathlib import Path
from coord.services.folder import Folder
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings
settings = Settings(data=Path(sys.argv[1]))
server = EmbeddedServer(Folder(settings.data), settings)
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


def accepts(server: Server) -> bool:
    core = server.credential("core")
    return log_in(server.address.url, core["user"], core["password"]).accepted


def varz(server: Server) -> dict[str, object]:
    answer = get(server.address.monitor, "/varz")
    assert answer is not None
    state: dict[str, object] = json.loads(answer[1])
    return state


def test_it_serves_and_says_that_it_is_healthy(server: Server) -> None:
    assert server.embedded.is_running()
    assert server.embedded.healthy()
    assert accepts(server)


def test_it_is_found_without_path(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    embedded = EmbeddedServer(Folder(settings.data), settings)
    embedded.start()
    embedded.stop()


def test_it_takes_as_much_memory_as_the_environment_says(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOGC", "200")
    embedded = EmbeddedServer(Folder(settings.data), settings)
    embedded.start()
    given = Path(f"/proc/{embedded.pid}/environ").read_bytes().split(b"\0")
    embedded.stop()
    assert {b"GOGC=200", b"GOMEMLIMIT=400MiB"} <= {*given}


def test_it_fsyncs_every_message_and_listens_on_loopback_only(server: Server) -> None:
    state = varz(server)
    assert state["jetstream"]["config"]["sync_always"] is True  # type: ignore[index]
    assert state["host"] == state["http_host"] == "127.0.0.1"


def test_it_holds_the_streams_as_defined(server: Server) -> None:
    async def scene() -> int:
        async with connected(server, server.credential("core")) as core:
            stream = core.client.jetstream()
            for definition in (EVENTS, SAMPLES):
                await stream.add_stream(
                    name=definition.name,
                    subjects=list(definition.subjects),
                    max_bytes=definition.max_bytes,
                    max_msg_size=definition.message_bytes_max,
                )
            full = b"x" * (EVENTS.message_bytes_max - 100)
            return (await stream.publish("ev.local.work.w-1", full)).seq

    assert asyncio.run(scene()) == 1


def test_everything_in_the_folder_is_its_owners_alone(server: Server) -> None:
    root = server.folder.root
    assert root.stat().st_mode & 0o777 == 0o700
    secret = [root / "credentials.json", root / "nats" / "users.conf", root / "nats" / "server.conf"]
    assert [path.stat().st_mode & 0o777 for path in secret] == [0o600] * 3
    assert [path for path in root.rglob("*") if path.stat().st_mode & 0o007 and path.parent == root] == []


def test_no_secret_shows_in_the_process_table(server: Server) -> None:
    shown = b"".join(
        Path(f"/proc/{server.embedded.pid}/{name}").read_bytes() for name in ("cmdline", "environ")
    )
    assert server.credential("core")["password"].encode() not in shown


def test_acknowledged_messages_survive_a_kill(server: Server) -> None:
    async def publish() -> int:
        async with connected(server, server.credential("core")) as core:
            stream = core.client.jetstream()
            await stream.add_stream(name="EVENTS", subjects=["ev.*.*.*"])
            return (await stream.publish("ev.local.work.w-1", b"x")).seq

    async def read(position: int) -> bytes | None:
        async with connected(server, server.credential("core")) as core:
            return (await core.client.jetstream().get_msg("EVENTS", position)).data

    position = asyncio.run(publish())
    server.kill()
    server.restart()
    assert asyncio.run(read(position)) == b"x"


def test_after_a_restart_clients_find_it_where_it_was(server: Server) -> None:
    before, credential = server.address.url, server.credential("core")
    server.restart()
    assert server.address.url == before
    assert server.credential("core") == credential
    assert accepts(server)


def test_stopping_twice_changes_nothing(server: Server) -> None:
    server.embedded.stop()
    server.embedded.stop()
    assert not server.embedded.is_running()
    assert not server.embedded.healthy()
    assert server.folder.read_json("server.json") is None


def test_a_second_one_on_the_folder_is_refused_and_told_by_whom(server: Server) -> None:
    with pytest.raises(FolderTaken, match=rf"in use by process {os.getpid()}\."):
        EmbeddedServer(server.folder, server.settings).start()
    assert accepts(server)


def test_it_ends_when_its_parent_is_killed_and_the_next_finds_the_folder_free(settings: Settings) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(settings.data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child = identity_of(int(parent.stdout.readline()))
        assert child is not None
        parent.kill()
    assert wait_until(lambda: not child.is_alive(), 5)
    embedded = EmbeddedServer(Folder(settings.data), settings)
    embedded.start()
    embedded.stop()


@contextmanager
def in_the_group_of(process: Identity) -> Iterator[None]:
    """Keep a living parent for a process group: in one that has none, the kernel wakes and ends whoever is stopped."""
    with subprocess.Popen(["sleep", "100"], process_group=process.pid) as anchor:
        yield
        anchor.kill()


def test_an_orphan_that_does_not_end_holds_the_folder_and_is_ended(settings: Settings) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(settings.data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        orphan = identity_of(int(parent.stdout.readline()))
        assert orphan is not None
        with in_the_group_of(orphan):
            stop(orphan.pid)
            parent.kill()
            parent.wait()
            assert orphan.is_alive()
            with pytest.raises(FolderTaken):
                Folder(settings.data).lock()
    embedded = EmbeddedServer(Folder(settings.data), settings)
    embedded.start()
    embedded.stop()
    assert not orphan.is_alive()


def test_a_process_that_took_over_a_pid_is_nobody_we_know() -> None:
    me = identity_of(os.getpid())
    assert me is not None
    assert me.is_alive()
    assert not Identity(me.pid, "1").is_alive()


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(data=tmp_path / "coord", server_port=port)
        with pytest.raises(NoServer, match=rf"port {port} on 127\.0\.0\.1 is in use"):
            EmbeddedServer(Folder(settings.data), settings).start()


def test_a_port_lost_to_somebody_else_is_replaced(settings: Settings) -> None:
    folder = Folder(settings.data)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        folder.make("nats")
        folder.write_json({"port": port}, "nats", "port.json")
        embedded = EmbeddedServer(folder, settings)
        try:
            assert not embedded.start().url.endswith(f":{port}")
        finally:
            embedded.stop()


def test_a_folder_with_an_odd_name_serves(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / 'it\'s a "folder" $HOME # \\ ü {')
    embedded = EmbeddedServer(Folder(settings.data), settings)
    try:
        embedded.start()
        assert embedded.healthy()
    finally:
        embedded.stop()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(data=tmp_path / "file" / "coord")
    with pytest.raises(UsageError, match=r"the data folder .* cannot be made: Not a directory\.") as caught:
        EmbeddedServer(Folder(settings.data), settings).start()
    assert "--data" in caught.value.hint


def test_a_folder_that_cannot_be_written_is_one_sentence(settings: Settings) -> None:
    folder = Folder(settings.data)
    folder.make()
    folder.path("LOCK").mkdir()
    with pytest.raises(UsageError, match=r"LOCK cannot be opened: Is a directory\."):
        EmbeddedServer(folder, settings).start()


@pytest.mark.parametrize("content", [None, "not a program"], ids=["missing", "not executable"])
def test_a_server_binary_that_cannot_be_run_is_named(tmp_path: Path, content: str | None) -> None:
    binary = tmp_path / "nats-server"
    if content:
        binary.write_text(content)
    settings = Settings(data=tmp_path / "coord", server_binary=binary)
    with pytest.raises(SettingsError, match=r"server_binary is '.*nats-server'"):
        EmbeddedServer(Folder(settings.data), settings).start()


def test_a_server_that_does_not_start_says_why_and_frees_the_folder(tmp_path: Path) -> None:
    binary = tmp_path / "nats-server"
    binary.write_text("#!/bin/sh\necho 'nats-server: the moon is full' >&2\nexit 1\n")
    binary.chmod(0o700)
    settings = Settings(data=tmp_path / "coord", server_binary=binary)
    embedded = EmbeddedServer(Folder(settings.data), settings)
    for _ in range(2):
        with pytest.raises(NoServer, match=r"did not start: .*the moon is full\.") as caught:
            embedded.start()
        assert "server.log" in caught.value.hint


def test_a_broken_store_is_told_in_the_servers_words(server: Server) -> None:
    server.embedded.stop()
    store = server.folder.path("nats", "store", "jetstream")
    store.rename(store.with_name("elsewhere"))
    store.write_text("no folder")
    with pytest.raises(NoServer, match=r"nats-server did not start: .*(not a directory|JetStream)"):
        server.embedded.start()


def test_a_killed_server_is_noticed(server: Server) -> None:
    server.kill()
    assert wait_until(lambda: not server.embedded.is_running(), 5)
    assert not server.embedded.healthy()


def test_a_stopped_server_counts_as_unhealthy(server: Server) -> None:
    assert server.embedded.pid is not None
    stop(server.embedded.pid)
    try:
        assert not server.embedded.healthy()
    finally:
        os.kill(server.embedded.pid, signal.SIGCONT)
    assert server.embedded.healthy()
