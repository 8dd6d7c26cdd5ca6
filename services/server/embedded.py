"""The embedded server: one nats-server on one data folder, a child of this process that ends with it.

    start   take the folder -> end what an earlier parent left behind -> configure -> spawn -> wait until it serves
    stop    ask it to end -> kill it after a while -> give the folder back

It listens on 127.0.0.1 only, on the port it had before when that is free: connected clients find it again.
A descriptor of the folder's lock is open in the child too, so that an orphan still holds the folder.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from coord.events.errors import CoordError, FolderTaken, NoServer
from coord.events.streams import MIB
from coord.services.clock import monotonic
from coord.services.folder import Folder
from coord.services.server.binary import find_binary
from coord.services.server.configuration import GO_COLLECT_PERCENT, GO_MEMORY, write_configuration
from coord.services.server.credentials import agent_credentials
from coord.services.server.probe import get
from coord.services.server.process import (
    POLL_SECONDS,
    Identity,
    end_child,
    end_stranger,
    identity_from,
    identity_of,
    spawn,
    wait_until,
)
from coord.services.settings import Settings

READY_SECONDS: Final = 60.0
"""How long recovery of a large store may take."""

DISK_FREE_BYTES_MIN: Final = 16 * MIB
_PASSED: Final = ("TMPDIR", "GOMAXPROCS", "GOGC", "GOMEMLIMIT")
"""Of the environment, what the server is given too."""
_HANDOVER_SECONDS: Final = 5.0
"""How long the kernel may take to close what a process that ended had open, the lock among it."""

_LOG_TAIL_BYTES: Final = 2000
_COMPLAINT_LENGTH_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: for clients, and for who watches it."""

    url: str
    monitor: str


class EmbeddedServer:
    """A nats-server on a data folder. Start it from the main thread: it ends when that thread does."""

    def __init__(self, folder: Folder, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._lock: int | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self.address: Address | None = None

    @property
    def pid(self) -> int | None:
        """The server's process; None before it started."""
        return self._child.pid if self._child else None

    def start(self) -> Address:
        """Start the server, wait until it serves, and write server.json; in place of one that died.

        Raises:
            FolderTaken: another process holds the folder.
            NoServer: it cannot run here; the message says why.
            UsageError: the folder cannot be made, or `server_binary` is none.
        """
        binary = find_binary(self._settings)
        with _said_of(self._folder):
            held = self._lock is not None
            if not held:
                self._lock = _take(self._folder)
            try:
                return self._start(binary)
            except BaseException:
                if held:
                    self._end()
                else:
                    self.stop()
                raise

    def restart(self) -> Address:
        """Stop the server, keep the folder, and start it again."""
        self._end()
        return self.start()

    def stop(self) -> None:
        """Stop the server and give the folder back; nothing happens when it does not run."""
        self._end()
        if self._lock is not None:
            self._folder.path("server.json").unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None

    def is_running(self) -> bool:
        """Tell whether the server's process runs."""
        return self._child is not None and self._child.poll() is None

    def healthy(self) -> bool:
        """Tell whether the server serves and every stream can be written."""
        return not self.complaint()

    def complaint(self) -> str:
        """Return what is wrong, in the words of the full /healthz; empty: nothing.

        A full disk or a failed fsync shows here and nowhere else.
        """
        if self.address is None or not self.is_running():
            return "its process has ended"
        answer = get(self.address.monitor, "/healthz")
        if answer is None:
            return "it does not answer"
        return "" if answer[0] == 200 else _said_by(answer[1])

    def _start(self, binary: Path) -> Address:
        if fault := disk_fault(self._folder):
            raise NoServer(fault, "Make room, or choose another folder with --data.")
        wanted = self._settings.server_port or _port_before(self._folder)
        if wanted and not _is_free(wanted):
            if self._settings.server_port:
                raise NoServer(
                    f"port {wanted} on 127.0.0.1 is in use.",
                    "Choose another with server_port, or 0 for any free one.",
                )
            wanted = 0
        configuration = write_configuration(self._folder, self._settings, wanted)
        for stale in self._folder.path("nats", "ports").glob("*.ports"):
            stale.unlink()
        self._child = self._spawn(binary, configuration)
        self.address = self._wait_until_ready()
        self._write_address()
        return self.address

    def _spawn(self, binary: Path, configuration: str) -> "subprocess.Popen[bytes]":
        assert self._lock is not None
        passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
        environment = {"GOMEMLIMIT": GO_MEMORY, "GOGC": GO_COLLECT_PERCENT, **passed}
        output = os.open(self._output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            child = spawn([str(binary), "-c", configuration], environment, output, keep=[self._lock])
        except OSError as error:
            raise NoServer(f"{binary} cannot be run: {error.strerror}.") from error
        finally:
            os.close(output)
        _write_child(self._folder, child.pid)
        return child

    @property
    def _output(self) -> Path:
        return self._folder.path("log", "server.out")

    def _wait_until_ready(self) -> Address:
        found: list[Address] = []

        def ready() -> bool:
            if not self.is_running():
                return True
            found[:] = self._announced()
            answer = get(found[0].monitor, "/healthz?js-server-only=true") if found else None
            return answer is not None and answer[0] == 200

        in_time = wait_until(ready, READY_SECONDS)
        if not self.is_running() or not in_time or not found:
            raise NoServer(f"nats-server did not start: {self._last_words()}", self._where_to_look())
        return found[0]

    def _announced(self) -> list[Address]:
        assert self._child is not None
        for path in self._folder.path("nats", "ports").glob(f"*_{self._child.pid}.ports"):
            try:
                ports = json.loads(path.read_text())
                return [Address(ports["nats"][0], ports["monitoring"][0])]
            except (OSError, ValueError, KeyError, IndexError):
                continue
        return []

    def _last_words(self) -> str:
        lines = [line for path in (self._output, self._log) for line in _tail(path)]
        fatal = [line for line in lines if "[FTL]" in line or "nats-server: " in line]
        said = (fatal or lines or ["it said nothing."])[-1]
        return said.rpartition("[FTL]")[2].strip().rstrip(".") + "."

    @property
    def _log(self) -> Path:
        return self._folder.path("log", "server.log")

    def _where_to_look(self) -> str:
        return f"Its log is {self._log}."

    def _write_address(self) -> None:
        assert self.address is not None
        record = {
            "url": self.address.url,
            "monitor": self.address.monitor,
            "pid": self.pid,
            "embedded": True,
            "site": self._settings.site,
        }
        self._folder.write_json(record, "server.json")
        for name, credential in agent_credentials(self._folder).items():
            if credential.get("url") != self.address.url:
                self._folder.write_json({**credential, "url": self.address.url}, "agents", f"{name}.json")
        self._folder.write_json({"port": int(self.address.url.rpartition(":")[2])}, "nats", "port.json")

    def _end(self) -> None:
        if self._child is not None:
            end_child(self._child)
            self._folder.path("nats", "child.json").unlink(missing_ok=True)
        self._child = None


def _take(folder: Folder) -> int:
    """Take the folder, from a server that an earlier parent left behind if need be."""
    try:
        return folder.lock()
    except FolderTaken:
        orphan = _orphan(folder)
        if orphan is None:
            raise
        end_stranger(orphan)
    deadline = monotonic() + _HANDOVER_SECONDS
    while True:
        try:
            return folder.lock()
        except FolderTaken:
            if monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def _orphan(folder: Folder) -> Identity | None:
    record = folder.read_json("nats", "child.json") or {}
    parent = identity_from(record.get("parent"))
    return None if parent is not None and parent.is_alive() else identity_from(record)


def _write_child(folder: Folder, pid: int) -> None:
    child, parent = identity_of(pid), identity_of(os.getpid())
    if child is not None and parent is not None:
        record = {
            "pid": child.pid,
            "started": child.started,
            "parent": {"pid": parent.pid, "started": parent.started},
        }
        folder.write_json(record, "nats", "child.json")


def disk_fault(folder: Folder) -> str:
    """Say that the folder's disk has too little room for a server; empty: it has enough."""
    room = os.statvfs(folder.root)
    free = room.f_bavail * room.f_frsize
    if free >= DISK_FREE_BYTES_MIN:
        return ""
    return (
        f"the disk of the data folder {folder.root} has {free // MIB} MiB free;"
        f" the server needs {DISK_FREE_BYTES_MIN // MIB} MiB."
    )


def _port_before(folder: Folder) -> int:
    record = folder.read_json("nats", "port.json") or {}
    port = record.get("port", 0)
    return port if isinstance(port, int) and 0 < port < 65_536 else 0


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _said_by(body: bytes) -> str:
    try:
        told = json.loads(body)
        return str(told["error"])[:_COMPLAINT_LENGTH_MAX] or "it is not well"
    except (ValueError, KeyError, TypeError):
        return "it is not well"


def _tail(path: Path) -> list[str]:
    try:
        raw = path.read_bytes()[-_LOG_TAIL_BYTES:]
    except OSError:
        return []
    return [line for line in raw.decode("utf-8", "replace").splitlines() if line.strip()]


@contextmanager
def _said_of(folder: Folder) -> Iterator[None]:
    """Turn what the operating system refuses into one sentence about the folder."""
    try:
        yield
    except CoordError:
        raise
    except OSError as error:
        raise NoServer(
            f"the data folder {folder.root} cannot be used: {error.strerror}.",
            "Make room or give leave to write there, or choose another folder with --data.",
        ) from error
