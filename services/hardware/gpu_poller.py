"""The monitor's side of the process that talks to the NVIDIA driver: it asks, keeps the deadline, and kills.

    resting --(back-off over, none left to reap)--> busy(describe) --answer--> idle --ask--> busy
       ^                                               |                        |            |
       +-- back-off doubles ---------------------------+---- it ended ----------+-- overdue -+

Invariants: the monitor never waits for the driver; at most one child exists (one that does not die, because
its call is stuck in the kernel, is waited for and not replaced); while there is no answer, there are no
readings. Only a good reading puts the back-off back to its beginning.
"""

import asyncio
import contextlib
import json
import logging
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coord.services.clock import monotonic
from coord.services.hardware.gpu_library import COMMAND
from coord.services.hardware.metrics import Point

LINE_BYTES_MAX: Final = 256 * 1024
_CHUNK_BYTES: Final = 65_536
_DESCRIBE: Final = "describe"
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the driver may take, and how long the poller rests after it did not serve."""

    start_seconds: float = 30.0
    """The first answer: initialising a driver that nobody holds open can take long."""
    answer_seconds: float = 5.0
    rest_seconds_min: float = 1.0
    rest_seconds_max: float = 300.0


class GpuPoller:
    """One child at most, asked one thing at a time."""

    def __init__(
        self,
        deadlines: Deadlines | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.driver: str | None = None
        self.gpus: list[dict[str, Any]] = []
        """What the child last said of the GPUs; kept while it does not answer."""
        self.gpu_memory: dict[int, int] = {}
        """Device memory in bytes by pid, as last told."""
        self.timeouts = 0
        """Times the driver did not answer in time."""
        self.on_description: Callable[[], None] = lambda: None
        """Called when the child has said what the GPUs are."""
        self._deadlines = deadlines or Deadlines()
        self._environment = environment
        self._child: subprocess.Popen[bytes] | None = None
        self._asked: str | None = None
        self._wanted: list[str] = []
        self._received = bytearray()
        self._points: list[Point] = []
        self._devices: set[str] = set()
        self._deadline: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()
        self.rest_seconds = self._deadlines.rest_seconds_min
        """How long the next failure makes the poller rest."""
        self._resting_until = 0.0
        self._dying: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one that serves."""
        return self._child.pid if self._child else None

    def ask(self, *wanted: str) -> None:
        """Want answers; what is still unanswered is not asked twice. Never waits."""
        self._wanted += [one for one in wanted if one not in self._wanted and one != self._asked]
        if self._child is None:
            self._start()
        elif self._asked is None:
            self._ask_next()

    async def settle(self, seconds: float) -> None:
        """Wait until everything wanted is answered, or no child serves; at most so long."""
        if self._asked is None:
            return
        self._settled.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._settled.wait()

    def take(self) -> list[Point]:
        """Return the readings that came since the last call."""
        points, self._points = self._points, []
        return points

    def close(self) -> None:
        """End the child."""
        self._drop()
        if self._dying is not None:
            self._dying.kill()
            try:
                self._dying.wait(1.0)
            except subprocess.TimeoutExpired:
                _log.warning("the child %d is stuck in a driver call and could not be ended", self._dying.pid)

    def _start(self) -> None:
        if self._dying is not None and self._dying.poll() is None:
            return
        self._dying = None
        if monotonic() < self._resting_until:
            return
        self._child = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=None if self._environment is None else dict(self._environment),
        )
        assert self._child.stdout
        os.set_blocking(self._child.stdout.fileno(), False)
        asyncio.get_running_loop().add_reader(self._child.stdout, self._receive)
        self._wanted.insert(0, _DESCRIBE)
        self._ask_next(self._deadlines.start_seconds)

    def _ask_next(self, seconds: float | None = None) -> None:
        if not self._wanted or self._child is None:
            self._settled.set()
            return
        self._asked = self._wanted.pop(0)
        assert self._child.stdin
        try:
            os.write(self._child.stdin.fileno(), f"{self._asked}\n".encode())
        except OSError:
            self._fail("the child that reads the GPUs has ended")
            return
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(seconds or self._deadlines.answer_seconds, self._overdue)

    def _receive(self) -> None:
        assert self._child
        assert self._child.stdout
        chunk = os.read(self._child.stdout.fileno(), _CHUNK_BYTES)
        self._received += chunk
        if not chunk:
            self._fail("the child that reads the GPUs has ended")
        elif len(self._received) > LINE_BYTES_MAX:
            self._fail("the child that reads the GPUs says too much")
        elif self._received.endswith(b"\n"):
            self._answered()

    def _answered(self) -> None:
        try:
            answer = json.loads(self._received)
            if "fault" in answer:
                self._fail(f"the NVIDIA driver does not serve: {answer['fault']}")
                return
            self._keep(answer)
        except (ValueError, TypeError, KeyError):
            self._fail("the child that reads the GPUs is not understood")
            return
        self._received.clear()
        self._asked = None
        if self._deadline:
            self._deadline.cancel()
        self._ask_next()

    def _keep(self, answer: dict[str, Any]) -> None:
        if "points" in answer:
            self._points += [(metric, device, value) for metric, device, value in answer["points"]]
            self.rest_seconds = self._deadlines.rest_seconds_min
            self._notice({device for _, device, _ in answer["points"]}, bool(answer.get("renewed")))
        elif "processes" in answer:
            self.gpu_memory = {pid: memory for pid, memory in answer["processes"]}
        else:
            self.driver, self.gpus = answer["driver"], answer["gpus"]
            self._devices = {f"gpu{index}" for index in range(answer["count"])}
            self.on_description()

    def _notice(self, devices: set[str], renewed: bool) -> None:
        if renewed or devices != self._devices:
            self._devices = devices
            self._wanted.append(_DESCRIBE)

    def _overdue(self) -> None:
        self.timeouts += 1
        self._fail(f"the NVIDIA driver did not answer '{self._asked}' in time")

    def _fail(self, why: str) -> None:
        _log.warning("%s; next try in %g s", why, self.rest_seconds)
        self._drop()
        self._resting_until = monotonic() + self.rest_seconds
        self.rest_seconds = min(2 * self.rest_seconds, self._deadlines.rest_seconds_max)

    def _drop(self) -> None:
        self._asked = None
        self._wanted.clear()
        self._received.clear()
        self.gpu_memory = {}
        if self._deadline:
            self._deadline.cancel()
        self._settled.set()
        child, self._child = self._child, None
        if child is not None:
            assert child.stdin
            assert child.stdout
            asyncio.get_running_loop().remove_reader(child.stdout)
            child.stdin.close()
            child.stdout.close()
            child.kill()
            self._dying = child
