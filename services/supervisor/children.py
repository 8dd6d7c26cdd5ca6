"""The services' processes: each is forked, in its own process group, and ends with its supervisor.

Forked, not executed anew: the supervisor has imported what all services share, once. Measured on 2 cores
with three services: ready after 0.69 s instead of 0.99 s, 101 MB of memory instead of 138 MB.

    waiting -> starting -> serving
       ^          |           |
       `--------- ended <-----'      and waits as long as its brake says
"""

import contextlib
import fcntl
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NoReturn

from coord.events.errors import CoordError
from coord.services.clock import monotonic
from coord.services.folder import Folder
from coord.services.ready import READY_VARIABLE
from coord.services.server.process import end_with_parent
from coord.services.supervisor.brake import Brake

LOG_BYTES_MAX: Final = 4 * 1024 * 1024
"""Where a log is set aside as NAME.log.1, in place of the one before."""

_LAST_LINE_BYTES: Final = 2000
_KEPT_DESCRIPTORS: Final = 4
"""stdin, stdout, stderr and the one on which a service says that it serves."""

State = Literal["waiting", "starting", "serving"]


class Child:
    """One service's process, over all its lives."""

    def __init__(self, name: str, work: Callable[[], None], folder: Folder) -> None:
        self.name = name
        self.log = folder.path("log", f"{name}.log")
        self.state: State = "waiting"
        self.served = False
        """In any of its lives."""
        self.pid: int | None = None
        self.restarts = 0
        self.start_at = 0.0
        """On the monotonic clock; when waiting."""
        self.started_at = 0.0
        self.status = 0
        """How the last life ended: an exit status, or minus the signal."""
        self.ready_descriptor: int | None = None
        self._work = work
        self._brake = Brake()

    def start(self) -> None:
        """Start a life of this service."""
        self.ready_descriptor, told = os.pipe()
        os.set_blocking(self.ready_descriptor, False)
        output = _opened(self.log)
        first = end_with_parent(signal.SIGKILL)
        self.state, self.started_at = "starting", monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            _live(first, self._work, output, told)
        os.close(output)
        os.close(told)

    def hear(self) -> bool:
        """Tell whether the service says just now, for the first time in this life, that it serves."""
        if self.ready_descriptor is None:
            return False
        try:
            said = os.read(self.ready_descriptor, 64)
        except BlockingIOError:
            return False
        self._close()
        if not said:
            return False
        self.state, self.served = "serving", True
        return True

    def collect(self) -> bool:
        """Tell whether the process ended; its next life waits as long as the brake says."""
        if self.pid is None:
            return False
        ended, status = os.waitpid(self.pid, os.WNOHANG)
        if not ended:
            return False
        self.hear()
        self._close()
        self.status = os.waitstatus_to_exitcode(status)
        self.pid, self.state = None, "waiting"
        self.restarts += 1
        now = monotonic()
        self.start_at = now + self._brake.after(now - self.started_at)
        return True

    def signal(self, how: signal.Signals) -> None:
        """Send a signal to the process, if it runs."""
        if self.pid is not None:
            os.kill(self.pid, how)

    @property
    def quick_ends(self) -> int:
        """How often in a row it ended soon after its start."""
        return self._brake.quick_ends

    def last_line(self) -> str:
        """Return the last line of its log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - _LAST_LINE_BYTES))
                lines = file.read().decode("utf-8", "replace").split("\n")
        except OSError:
            return ""
        return printable(next((line.strip() for line in reversed(lines) if line.strip()), ""))

    def _close(self) -> None:
        if self.ready_descriptor is not None:
            os.close(self.ready_descriptor)
            self.ready_descriptor = None


def printable(text: str) -> str:
    """Return the text with nothing in it that a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _opened(log: Path) -> int:
    """Open a log to append; on a disk too full for that, nowhere."""
    try:
        return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)


def set_aside(log: Path) -> None:
    """Set a log aside when it is too large; who writes to it goes on in an empty file."""
    with contextlib.suppress(OSError):
        if log.stat().st_size > LOG_BYTES_MAX:
            log.with_name(log.name + ".1").write_bytes(log.read_bytes())
            os.truncate(log, 0)


def _live(first: Callable[[], None], work: Callable[[], None], output: int, told: int) -> NoReturn:
    """Become the service; never returns into the supervisor's code."""
    status = 1
    try:
        first()
        _separate(output, told)
        work()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except CoordError as error:
        sys.stderr.write(f"{error}\n")
        status = int(error.exit_code)
    except BaseException:  # noqa: BLE001 - the border of the process: it becomes its log and its exit status
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _separate(output: int, told: int) -> None:
    """Take leave of the supervisor: its signals, process group, descriptors and output."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setpgid(0, 0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    wanted = (nothing, output, output, told)
    kept = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _KEPT_DESCRIPTORS) for descriptor in wanted]
    for place, descriptor in enumerate(kept):
        os.dup2(descriptor, place, inheritable=place < _KEPT_DESCRIPTORS - 1)
    for descriptor in sorted(int(name) for name in os.listdir("/proc/self/fd")):
        if descriptor >= _KEPT_DESCRIPTORS:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w", buffering=1), open(2, "w", buffering=1)  # noqa: SIM115
    os.environ[READY_VARIABLE] = str(_KEPT_DESCRIPTORS - 1)
