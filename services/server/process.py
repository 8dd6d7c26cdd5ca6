"""A child that ends when its parent ends, and the record by which a later start finds one that did not.

The kernel signals the child when the *thread* that started it ends: start children from the main thread.
A process is known by pid and start time together, so that a reused pid is never signalled.
"""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coord.services.clock import monotonic

STOP_SECONDS: Final = 10.0
"""How long a child may take to end by itself before it is killed."""

POLL_SECONDS: Final = 0.003
_PR_SET_PDEATHSIG: Final = 1
_START_TIME_FIELD: Final = 19
"""Place of the start time in /proc/PID/stat, counted behind the command's closing parenthesis."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One process: its pid, and when it started in clock ticks since boot."""

    pid: int
    started: str

    def is_alive(self) -> bool:
        """Tell whether this very process still runs; one that only waits to be collected does not."""
        return started_of(self.pid) == self.started


def started_of(pid: int) -> str | None:
    """Return when a process started; None when there is none, or it has ended and not been collected."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[_START_TIME_FIELD]


def identity_of(pid: int) -> Identity | None:
    """Return the identity of a running process."""
    started = started_of(pid)
    return None if started is None else Identity(pid, started)


def identity_from(record: Any) -> Identity | None:
    """Read an identity from a record on disk; None when it is none."""
    if not isinstance(record, dict):
        return None
    pid, started = record.get("pid"), record.get("started")
    return Identity(pid, started) if isinstance(pid, int) and isinstance(started, str) else None


def spawn(
    command: Sequence[str],
    environment: Mapping[str, str],
    output: int,
    keep: Sequence[int] = (),
    on_parent_death: signal.Signals = signal.SIGTERM,
) -> "subprocess.Popen[bytes]":
    """Start a child in its own process group, with `output` as stdout and stderr.

    The descriptors in `keep` stay open in it. It gets `on_parent_death` when this thread ends.
    """
    return subprocess.Popen(
        list(command),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=tuple(keep),
        process_group=0,
        preexec_fn=end_with_parent(on_parent_death),  # noqa: PLW1509  (one thread, see above)
    )


def end_with_parent(how: signal.Signals) -> Callable[[], None]:
    """Return what a child of this process runs first, so that the kernel signals it when this thread ends."""
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()
    return lambda: _end_with(prctl, parent, how)


def end_with(parent: int, how: signal.Signals) -> None:
    """Have the kernel signal this process when the thread that started it ends; for a child that was executed.

    A process of many threads starts children this way: nothing runs between fork and exec.
    """
    _end_with(ctypes.CDLL(None).prctl, parent, how)


def _end_with(prctl: Any, parent: int, how: signal.Signals) -> None:
    prctl(_PR_SET_PDEATHSIG, int(how))
    if os.getppid() != parent:
        os._exit(1)


def end_child(child: "subprocess.Popen[bytes]", seconds: float = STOP_SECONDS) -> int:
    """Ask a child to end, kill it when it does not, and return its exit status."""
    if child.poll() is None:
        child.terminate()
        try:
            return child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
    return child.wait()


def end_stranger(process: Identity, seconds: float = STOP_SECONDS) -> None:
    """End a process that is not our child; it is asked first and killed after `seconds`."""
    for how, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, seconds)):
        if not process.is_alive():
            return
        os.kill(process.pid, how)
        os.kill(process.pid, signal.SIGCONT)
        wait_until(lambda: not process.is_alive(), patience)


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds; False when it did not within `seconds`."""
    deadline = monotonic() + seconds
    while not true():
        if monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
