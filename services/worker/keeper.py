"""A process of its own that ends the commands when their worker cannot.

    the worker was killed (its pipe ends)                       every group it told of is killed at once
    the worker hangs or is stopped, and a lease has run out     that group is killed, some seconds after

So no command outlives its worker, and none goes on for long under a claim that somebody else may have by now. A process
that has left its command's group is out of reach; the command itself also gets the kernel's signal of a parent's death.
"""

import contextlib
import os
import select
import signal
from typing import Final, NoReturn

from coord.services import clock

KILL_SECONDS: Final = 5.0
"""How long a group may take to end by itself, after SIGTERM or after its lease has run out."""
_CHUNK_BYTES: Final = 65_536


class Keeper:
    """The worker's side: it tells which groups there are, and until when each may live."""

    def __init__(self) -> None:
        reading, self.descriptor = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.descriptor)
            _become(reading)
        os.close(reading)
        os.set_blocking(self.descriptor, False)

    def guard(self, group: int, until: float) -> None:
        """Have a group ended when this process has ended, or some seconds after `until`; said again, it is put off."""
        self._say(told(group, until))

    def forget(self, group: int) -> None:
        """The group is gone; its number may be somebody else's soon."""
        self._say(told(group, 0.0))

    def close(self) -> None:
        """Let it end."""
        os.close(self.descriptor)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _say(self, line: bytes) -> None:
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(self.descriptor, line)


def told(group: int, until: float) -> bytes:
    """Write what the keeper is told; short enough to be read in one piece."""
    return f"{group} {until:.3f}\n".encode()


def _become(reading: int) -> NoReturn:
    """Be the keeper, and nothing else of what was forked."""
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        _let_go(reading)
        _keep(reading)
    finally:
        os._exit(0)


def _let_go(reading: int) -> None:
    """Hold no terminal and no pipe that others wait for the end of."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    os.closerange(3, reading)
    os.closerange(reading + 1, max(nowhere, reading) + 64)


def _keep(reading: int) -> None:
    groups: dict[int, float] = {}
    rest = b""
    while True:
        nearest = min(groups.values(), default=None)
        seconds = None if nearest is None else max(nearest + KILL_SECONDS - clock.monotonic(), 0.0)
        if select.select([reading], [], [], seconds)[0]:
            chunk = os.read(reading, _CHUNK_BYTES)
            if not chunk:
                break
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                _note(groups, line)
        now = clock.monotonic()
        for group in [group for group, until in groups.items() if until + KILL_SECONDS <= now]:
            del groups[group]
            kill_group(group, signal.SIGKILL)
    for group in groups:
        kill_group(group, signal.SIGKILL)


def _note(groups: dict[int, float], line: bytes) -> None:
    group, until = line.split()
    groups.pop(int(group), None)
    if float(until):
        groups[int(group)] = float(until)


def kill_group(group: int, how: signal.Signals) -> None:
    """Send a signal to a process group, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, how)
