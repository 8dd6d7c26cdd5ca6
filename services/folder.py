"""The data folder: where everything of one coord lives on this machine, and who holds it.

    LOCK              held by whoever runs the server on this folder, and names it (nats-server itself locks nothing)
    up.json           the supervisor: pid, start, services
    server.json       where the server is: url, monitor, pid, embedded
    credentials.json  a credential per role (0600)
    agents/           a credential per agent (0600)
    nats/             the server's store, configuration and ports file
    log/              one log a process
    coordinator.sock  commands
    projector.sock    questions
    projection/       the DuckDB file, and what recovery set aside
    fences/           the fences this machine's agents were given: agent/incarnation/item

Standard library only: the light commands use it.
"""

import fcntl
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coord.events.errors import FolderTaken, UsageError

_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_PID_DIGITS_MAX: Final = 20
COORDINATOR_SOCKET: Final = "coordinator.sock"
PROJECTOR_SOCKET: Final = "projector.sock"


@dataclass(frozen=True, slots=True)
class Folder:
    """The paths of one data folder."""

    root: Path

    def path(self, *names: str) -> Path:
        """Return a path inside the folder."""
        return self.root.joinpath(*names)

    def make(self, *names: str) -> Path:
        """Make a folder inside, readable by its owner alone, and return it.

        Raises:
            UsageError: it cannot be made here.
        """
        path = self.path(*names)
        try:
            path.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
            if not names:
                path.chmod(_FOLDER_MODE)
        except OSError as error:
            raise UsageError(
                f"the data folder {path} cannot be made: {error.strerror}.",
                "Choose another with --data or COORD_DATA.",
            ) from error
        return path

    def write_json(self, value: Any, *names: str) -> Path:
        """Write a small file whole or not at all, readable by its owner alone."""
        return self.write_text(json.dumps(value), *names)

    def write_text(self, text: str, *names: str) -> Path:
        """Write a small text file whole or not at all, readable by its owner alone."""
        path = self.path(*names)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        return path

    def read_json(self, *names: str) -> Any | None:
        """Read a small file; None when it is not there or not whole."""
        try:
            return json.loads(self.path(*names).read_text())
        except (OSError, ValueError):
            return None

    def lock(self) -> int:
        """Take the folder; the descriptor holds it, and a child that inherits it holds it too.

        Raises:
            FolderTaken: somebody else holds it; the message says who, as far as known.
        """
        self.make()
        descriptor = os.open(self.path("LOCK"), os.O_RDWR | os.O_CREAT, _FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, _PID_DIGITS_MAX, 0).decode("ascii", "replace")
            os.close(descriptor)
            raise FolderTaken(
                f"the data folder {self.root} is in use by process {holder or 'unknown'}.",
                "Stop that one, or choose another folder with --data.",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return descriptor


def open_socket(folder: Folder, name: str) -> socket.socket:
    """Connect to a service's socket in the folder.

    The path goes through /proc/self/fd, because a socket's address holds 107 bytes and a folder's path
    may be longer.

    Raises:
        OSError: nobody listens.
    """
    return _through_folder(folder, name, lambda sock, address: sock.connect(address))


def bind_socket(folder: Folder, name: str) -> socket.socket:
    """Listen on a socket in the folder, in place of whoever listened there before."""
    folder.make()
    beside = f".{name}.{os.getpid()}"
    folder.path(beside).unlink(missing_ok=True)

    def bind(sock: socket.socket, address: str) -> None:
        sock.bind(address)
        sock.listen(1024)

    sock = _through_folder(folder, beside, bind)
    folder.path(beside).chmod(_FILE_MODE)
    folder.path(beside).replace(folder.path(name))
    return sock


def _through_folder(folder: Folder, name: str, use: Any) -> socket.socket:
    directory = os.open(folder.root, os.O_RDONLY | os.O_DIRECTORY)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        use(sock, f"/proc/self/fd/{directory}/{name}")
    except BaseException:
        sock.close()
        raise
    finally:
        os.close(directory)
    return sock


def is_alive(pid: int) -> bool:
    """Tell whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
