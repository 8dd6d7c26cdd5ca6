"""The server in custody: what died is restarted, what cannot write is restarted when that can help."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from callers import connected
from conftest import Server

from coord.events.errors import FolderTaken, NoServer
from coord.services.folder import Folder
from coord.services.server import EmbeddedServer
from coord.services.server.process import wait_until
from coord.services.settings import Settings
from coord.services.supervisor.custody import SICK_POLLS, Custody

DISK_BYTES = 40 * 1024 * 1024
KILLS_MAX = 6
"""So often in a row a server may be killed until its custody lets it wait, on a machine that is slow."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 MiB of its own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "coord-test", disk],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("a disk that runs full needs a small file system, and mounting one needs root")
    yield disk
    subprocess.run(["umount", disk], check=True)


@contextmanager
def running(folder: Folder, settings: Settings) -> Iterator[Server]:
    embedded = EmbeddedServer(folder, settings)
    try:
        yield Server(folder, settings, embedded, embedded.start())
    finally:
        embedded.stop()


def publish(server: Server, count: int) -> list[int]:
    """Publish until one is not acknowledged; return the positions of those that were."""

    async def scene() -> list[int]:
        positions = []
        async with connected(server, server.credential("core")) as core:
            stream = core.client.jetstream()
            await stream.add_stream(name="EVENTS", subjects=["ev.*.*.*"])
            for _ in range(count):
                try:
                    positions.append(
                        (await stream.publish("ev.local.work.w-1", b"x" * 50_000, timeout=0.5)).seq
                    )
                except TimeoutError:
                    break
        return positions

    return asyncio.run(scene())


def test_a_healthy_server_is_left_alone(server: Server) -> None:
    said: list[str] = []
    custody = Custody(server.embedded, server.folder, said.append)
    assert [custody.look() for _ in range(SICK_POLLS + 1)] == [None] * (SICK_POLLS + 1)
    assert said == []


def test_a_server_that_died_is_restarted_where_it_was(server: Server) -> None:
    said: list[str] = []
    custody = Custody(server.embedded, server.folder, said.append)
    server.kill()
    assert wait_until(lambda: not server.embedded.is_running(), 5)
    address = custody.look()
    assert address is not None
    assert address.url == server.address.url
    assert server.embedded.healthy()
    assert custody.restarts == len(said) == 1
    assert "its process had ended" in said[0]


def test_a_server_that_keeps_dying_waits_longer_each_time(server: Server) -> None:
    said: list[str] = []
    custody = Custody(server.embedded, server.folder, said.append)

    def killed_and_looked_at() -> bool:
        server.kill()
        wait_until(lambda: not server.embedded.is_running(), 5)
        return custody.look() is not None

    assert killed_and_looked_at()
    assert not all(killed_and_looked_at() for _ in range(KILLS_MAX))
    assert wait_until(lambda: custody.look() is not None, 5)
    assert server.embedded.healthy()


def test_a_server_that_cannot_be_restarted_is_told_once(server: Server) -> None:
    said: list[str] = []
    custody = Custody(server.embedded, server.folder, said.append)
    server.kill()
    wait_until(lambda: not server.embedded.is_running(), 5)
    store = server.folder.path("nats", "store")
    store.rename(store.with_name("elsewhere"))
    store.write_text("no folder")
    assert custody.look() is None
    assert not wait_until(lambda: custody.look() is not None, 0.5)
    assert len(said) == 1
    assert "the server cannot be restarted" in said[0]
    with pytest.raises(FolderTaken):
        EmbeddedServer(server.folder, server.settings).start()
    store.unlink()
    store.with_name("elsewhere").rename(store)
    assert wait_until(lambda: custody.look() is not None, 5)


def test_a_disk_that_ran_full_is_told_and_the_server_writes_again_when_there_is_room(
    small_disk: Path,
) -> None:
    settings = Settings(data=small_disk / "coord")
    folder = Folder(settings.data)
    said: list[str] = []
    with running(folder, settings) as server:
        custody = Custody(server.embedded, folder, said.append)
        before = publish(server, 3)
        filler = small_disk / "filler"
        room = os.statvfs(small_disk)
        filler.write_bytes(b"x" * (room.f_bavail * room.f_frsize - 32_768))
        assert publish(server, 3) == []
        assert "no space left on device" in server.embedded.complaint()

        pid = server.embedded.pid
        assert [custody.look(), custody.look()] == [None, None]
        assert server.embedded.pid == pid
        assert len(said) == 1
        assert "the log cannot be written: the disk of the data folder" in said[0]

        filler.unlink()
        assert not server.embedded.healthy()
        assert custody.look() is not None
        assert server.embedded.healthy()
        assert "no space left on device" in said[1]
        assert publish(server, 1)[0] > before[-1]


def test_a_start_on_a_full_disk_is_one_sentence(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * (DISK_BYTES - 1024 * 1024))
    settings = Settings(data=small_disk / "coord")
    with pytest.raises(NoServer, match=r"has \d MiB free; the server needs 16 MiB\.") as caught:
        EmbeddedServer(Folder(settings.data), settings).start()
    assert "--data" in caught.value.hint
