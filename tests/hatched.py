"""`coord` as a process that is forked by the incubator: for the tests it is like any other process that they start."""

import os
import select
import subprocess
from collections.abc import Sequence
from typing import Any, Final

from incubator import wish

IS_POSSIBLE: Final = hasattr(os, "pidfd_open")
_TRAINING: Final = ("coord.training_worker.main",)


def start(words: Sequence[str | bytes], **options: Any) -> "subprocess.Popen[bytes]":
    """Start a command line of coord as `Popen` does, forked where that is possible."""
    return (Hatched if IS_POSSIBLE else subprocess.Popen)(words, **options)


class Hatched(subprocess.Popen[bytes]):
    """A command line of coord: its pipes are those of any process, its parent is the incubator."""

    def _execute_child(self, *given: Any) -> None:
        words, home, environment, pipes, alone = given[0], given[5], given[6], given[10:16], given[21]
        into, _, _, out, _, error = pipes
        descriptors = [place if kept == -1 else kept for place, kept in enumerate((into, out, error))]
        self._modules = _TRAINING if words[1:2] == ["train"] else ()
        wished = [[os.fsdecode(word) for word in words], dict(environment), os.fspath(home or "."), alone]
        self.pid = wish("command", *wished, descriptors=descriptors, modules=self._modules)
        self._child_created = True
        self._ended = os.pidfd_open(self.pid)
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None and not select.select([self._ended], [], [], timeout)[0]:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return int(self._internal_poll())

    def _internal_poll(self, *_: Any, **__: Any) -> Any:
        if self.returncode is None and select.select([self._ended], [], [], 0)[0]:
            os.close(self._ended)
            self.returncode = wish("end", self.pid, modules=self._modules)
        return self.returncode
