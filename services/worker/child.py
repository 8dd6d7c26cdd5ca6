"""The process group that runs a command: it is started, heard, asked to end, and never left behind.

    running --it exits--> whatever it left in its group is killed; its output is read to the end; the code is told
       `--end--> SIGTERM, and SIGKILL if it runs on

It is started from a process of one thread, with nothing between fork and exec but what is needed: its keeper is told,
and the kernel is asked to kill it should its parent die.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from coord.services.worker.keeper import KILL_SECONDS, Keeper, kill_group, told
from coord.services.worker.loop import Loop, Timer
from coord.services.worker.outcome import RESULT_BYTES_MAX, TAIL_BYTES
from coord.services.worker.passing import Outlet, Stream, last_bytes, last_line

_SET_PARENT_DEATH_SIGNAL: Final = 1


class Outlets:
    """Where the output of commands goes."""

    def __init__(self, stdout: Outlet, stderr: Outlet) -> None:
        self.stdout = stdout
        self.stderr = stderr


class Child:
    """One command, running."""

    def __init__(
        self,
        loop: Loop,
        keeper: Keeper,
        words: Sequence[str],
        environment: Mapping[str, str],
        stdin: int,
        outlets: Outlets,
        mark: bytes,
        until: float,
        ended: Callable[[int], object],
    ) -> None:
        """Start a command.

        Args:
            loop: of this process.
            keeper: who ends the group when this process cannot.
            words: the program and its arguments.
            environment: all of its variables.
            stdin: a descriptor; whoever opened it closes it.
            outlets: where its output goes.
            mark: what each line of its output begins with.
            until: when its lease runs out, as far as is known.
            ended: called with its exit code, or minus the signal that ended it.

        Raises:
            OSError: it cannot be started.
        """
        self._loop = loop
        self._keeper = keeper
        self._ended = ended
        self._timer: Timer | None = None
        self._process = subprocess.Popen(
            list(words),
            env=dict(environment),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
            preexec_fn=_before(keeper.descriptor, until),  # noqa: PLW1509  (one thread, see above)
        )
        self.group = self._process.pid
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        out, err = (os.dup(pipe.fileno()) for pipe in (self._process.stdout, self._process.stderr))
        self._process.stdout.close()
        self._process.stderr.close()
        self.stdout = Stream(loop, out, outlets.stdout, mark, last_line(RESULT_BYTES_MAX))
        self.stderr = Stream(loop, err, outlets.stderr, mark, last_bytes(TAIL_BYTES))

    def end(self) -> None:
        """Ask the group to end, and kill it if it does not."""
        if self._timer is None:
            kill_group(self.group, signal.SIGTERM)
            kill_group(self.group, signal.SIGCONT)
            self._timer = self._loop.after(KILL_SECONDS, lambda: kill_group(self.group, signal.SIGKILL))

    def look(self) -> bool:
        """See whether it has exited, and tidy up behind it if so."""
        if os.waitid(os.P_PID, self.group, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return False
        if self._timer is not None:
            self._timer.cancel()
        kill_group(self.group, signal.SIGKILL)
        self._keeper.forget(self.group)
        code = self._process.wait()
        self.stdout.finish()
        self.stderr.finish()
        self._ended(code)
        return True


def _before(keeper: int, until: float) -> Callable[[], None]:
    """Return what runs in the child before its command does."""
    parent = os.getpid()
    prctl: Any = getattr(ctypes.CDLL(None), "prctl", None)

    def run() -> None:
        with contextlib.suppress(OSError):
            os.write(keeper, told(os.getpid(), until))
        if prctl is not None:
            prctl(_SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL))
        if os.getppid() != parent:
            os._exit(1)

    return run


def written_result(path: Path) -> bytes:
    """Return what a command wrote into its result file; of more than is taken, one byte more."""
    try:
        with path.open("rb") as file:
            return file.read(RESULT_BYTES_MAX + 1)
    except OSError:
        return b""
