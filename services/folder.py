"""The data folder: where everything of one coord lives on this machine, and who holds it.

    LOCK              held by whoever runs the server on this folder, and names it (nats-server itself locks nothing)
    hardware.lock     held by the one monitor of this folder
    up.json           the supervisor: pid, start, services
    server.json       where the server is: url, monitor, pid, embedded
    credentials.json  a credential per role (0600)
    http.json         where questions are answered over HTTP, and by which process
    api/              digests of the tokens of that
    agents/           a credential per agent (0600)
    nats/             the server's store, configuration and ports file
    log/              one log a process
    coordinator.sock  commands
    projector.sock    questions
    projection/       the DuckDB file, what recovery set aside, snapshots/ to go back to, and past/: tables of past moments,
                      while asked for
    watchdog/         up to where alerts were told to people
    archive.json      how the export to Parquet is going; archive_readings.json: that of readings
    exporter/         how exporting is going, and what no receiver takes
    jobs/             what the commands of a running worker read and write: pid of the worker/item
    working/          which processes hold claims for commands under an agent's name: a file an agent, which they lock
    fences/           the fences this machine's agents were given: agent/incarnation/item

Standard library only, and of that little: the light commands use it. They name files as text (`where`), as pathlib is
slow to import.
"""

import fcntl
import json
import os
import socket
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from coord.events.errors import CoordError, FolderTaken, UsageError

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER_MODE: Final = 0o700
_OPEN_TO_OTHERS: Final = 0o077
_FILE_MODE: Final = 0o600
_PID_DIGITS_MAX: Final = 20
_LOCK: Final = "LOCK"
_ELSEWHERE: Final = "Choose another with --data or COORD_DATA."
COORDINATOR_SOCKET: Final = "coordinator.sock"
PROJECTOR_SOCKET: Final = "projector.sock"
HTTP_PLACE: Final = "http.json"


class Folder:
    """The paths of one data folder."""

    __slots__ = ("_place",)

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self._place = os.fspath(root)

    @property
    def root(self) -> "Path":
        """The folder itself."""
        return self.path()

    def where(self, *names: str) -> str:
        """Write a path inside the folder, or its own."""
        return "/".join((self._place, *names))

    def path(self, *names: str) -> "Path":
        """Return a path inside the folder, or its own."""
        from pathlib import Path

        return Path(self._place, *names)

    def make(self, *names: str) -> "Path":
        """Make a folder inside, readable by its owner alone, and return it.

        A root that is there already is closed to others only if it is empty or ours: somebody's own
        folder, named by mistake, is left as it is.

        Raises:
            UsageError: it cannot be made here.
        """
        try:
            self._make_root()
            for depth in range(1, len(names) + 1):
                self.path(*names[:depth]).mkdir(exist_ok=True, mode=_FOLDER_MODE)
        except OSError as error:
            raise UsageError(
                f"the data folder {self.root} cannot be made: {error.strerror}.", _ELSEWHERE
            ) from error
        return self.path(*names)

    def _make_root(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True, mode=_FOLDER_MODE)
        if not stat.S_IMODE(self.root.stat().st_mode) & _OPEN_TO_OTHERS:
            return
        names = set(os.listdir(self.root))
        if names and _LOCK not in names:
            raise UsageError(
                f"the data folder {self.root} is open to others and holds other files than coord's.",
                _ELSEWHERE,
            )
        self.root.chmod(_FOLDER_MODE)

    def write_json(self, value: Any, *names: str) -> "Path":
        """Write a small file whole or not at all, readable by its owner alone."""
        return self.write_text(json.dumps(value), *names)

    def write_text(self, text: str, *names: str) -> "Path":
        """Write a small text file whole or not at all, readable by its owner alone; it outlasts a power cut.

        Raises:
            CoordError: it cannot be written, for example because the disk is full.
        """
        from threading import get_ident

        path = self.path(*names)
        beside = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
        try:
            _write_new(beside, text.encode())
            beside.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise CoordError(
                f"{path} cannot be written: {error.strerror}.", "Nothing was changed."
            ) from error
        return path

    def read_json(self, *names: str) -> Any | None:
        """Read a small file; None when it is not there or not whole."""
        try:
            with open(self.where(*names), encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError, RecursionError):
            return None

    def lock(self) -> int:
        """Take the folder; the descriptor holds it, and a child that inherits it holds it too.

        Raises:
            FolderTaken: somebody else holds it; the message says who, as far as known.
            UsageError: the folder cannot be made or locked here.
        """
        return self._hold(_LOCK, f"the data folder {self.root} is in use")

    def hold(self, service: str) -> int:
        """Be the only one of a service on this folder, for as long as the descriptor is open.

        Raises:
            FolderTaken: there is one; the message says which process.
            UsageError: the folder cannot be made or locked here.
        """
        return self._hold(
            f"{service}.lock", f"the service {service} of the data folder {self.root} is run already"
        )

    def _hold(self, name: str, taken: str) -> int:
        self.make()
        try:
            descriptor = os.open(self.path(name), os.O_RDWR | os.O_CREAT, _FILE_MODE)
        except OSError as error:
            raise UsageError(f"{self.path(name)} cannot be opened: {error.strerror}.", _ELSEWHERE) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, _PID_DIGITS_MAX, 0).decode("ascii", "replace")
            os.close(descriptor)
            raise FolderTaken(
                f"{taken} by process {holder or 'unknown'}.",
                "Stop that one, or choose another folder with --data.",
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return descriptor


def _write_new(path: "Path", content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(path: "Path") -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_socket(folder: Folder, name: str, waits: bool = True) -> socket.socket:
    """Connect to a service's socket in the folder; where it does not wait, it never blocks, now and later.

    The path goes through /proc/self/fd, because a socket's address holds 107 bytes and a folder's path
    may be longer.

    Raises:
        OSError: nobody listens, or too many are waiting to be heard.
    """

    def connect(sock: socket.socket, address: str) -> None:
        sock.setblocking(waits)
        sock.connect(address)

    return _through_folder(folder, name, connect)


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
    directory = os.open(folder.where(), os.O_RDONLY | os.O_DIRECTORY)
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
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
