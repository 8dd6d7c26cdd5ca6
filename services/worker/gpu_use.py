"""Which processes use a GPU, asked of the driver while some command shows no other work.

The driver is asked by a process of its own, as a call to it may never return; it is started when it is first needed, and
where it does not serve nobody asks it again. Its answer comes later, and counts at the next heartbeat.
"""

import json
import os
import subprocess
from typing import Final

from coord.services.hardware.gpu_library import COMMAND, library_loads
from coord.services.worker.loop import Loop

_QUESTION: Final = b"busy\n"
_CHUNK_BYTES: Final = 65_536
_ANSWER_BYTES_MAX: Final = 1024 * 1024


class GpuUse:
    """The process that asks the driver, if there is one."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._child: subprocess.Popen[bytes] | None = None
        self._is_useless = False
        self._is_asked = False
        self._received = b""
        self._seen: set[int] = set()

    def ask(self) -> None:
        """Ask, unless an answer is waited for."""
        if self._child is None and not self._is_useless:
            self._start()
        if self._child is not None and not self._is_asked:
            assert self._child.stdin is not None
            try:
                os.write(self._child.stdin.fileno(), _QUESTION)
                self._is_asked = True
            except OSError:
                self.close()

    def take(self) -> set[int]:
        """Return the processes that were seen to use a GPU since the last call."""
        seen, self._seen = self._seen, set()
        return seen

    def close(self) -> None:
        """Ask no more."""
        self._is_useless = True
        child, self._child = self._child, None
        if child is not None:
            assert child.stdin is not None
            assert child.stdout is not None
            self._loop.watch(child.stdout.fileno())
            child.stdin.close()
            child.stdout.close()
            child.kill()

    def _start(self) -> None:
        if not library_loads():
            self._is_useless = True
            return
        self._child = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0
        )
        assert self._child.stdout is not None
        self._loop.watch(self._child.stdout.fileno(), reads=self._hear)

    def _hear(self) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        chunk = os.read(self._child.stdout.fileno(), _CHUNK_BYTES)
        self._received += chunk
        if not chunk or len(self._received) > _ANSWER_BYTES_MAX:
            self.close()
        elif b"\n" in self._received:
            line, _, self._received = self._received.partition(b"\n")
            self._is_asked = False
            told = json.loads(line)
            self._seen.update(told.get("busy", ()))
            if "busy" not in told:
                self.close()
