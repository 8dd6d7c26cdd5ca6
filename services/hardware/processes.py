"""The processes that matter most: by CPU, by memory, by device memory.

Read from /proc/<pid>/stat alone: one small file a process. Kernel threads and what has ended but was not reaped
are counted, and not listed.
"""

import os
from collections.abc import Mapping
from typing import Final, NamedTuple

from coord.services.hardware import files

LISTED_EACH_MAX: Final = 8
"""So many by each of the three measures."""
_KERNEL_PARENT: Final = 2
_ENDED: Final = b"Z"
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

_STATE, _PARENT, _USER, _SYSTEM, _START, _PAGES = 0, 1, 11, 12, 19, 21


class Process(NamedTuple):
    """One process at one look."""

    pid: int
    name: str
    cpu_ratio: float
    """Share of one core since the last look; zero at the first."""
    memory_bytes: int
    gpu_memory_bytes: int | None


class Listing(NamedTuple):
    """One look at all processes."""

    processes: tuple[Process, ...]
    """The biggest, by any of the three measures; by CPU, then memory."""
    total: int


class Processes:
    """What the processes had used at the last look."""

    def __init__(self) -> None:
        self._ticks: dict[tuple[int, int], int] = {}
        self._at: float | None = None

    def look(self, root: str, now: float, gpu_memory: Mapping[int, int]) -> Listing:
        """List the processes at a moment of the monotonic clock; `gpu_memory` is in bytes by pid."""
        ticks: dict[tuple[int, int], int] = {}
        found = []
        total = 0
        for name in os.listdir(f"{root}/proc"):
            if not name.isdigit() or (raw := files.read(f"{root}/proc/{name}/stat")) is None:
                continue
            total += 1
            process = self._process(int(name), raw, now, ticks, gpu_memory)
            if process is not None:
                found.append(process)
        self._ticks, self._at = ticks, now
        return Listing(_biggest(found), total)

    def _process(
        self,
        pid: int,
        raw: bytes,
        now: float,
        ticks: dict[tuple[int, int], int],
        gpu_memory: Mapping[int, int],
    ) -> Process | None:
        name, _, rest = raw.partition(b"(")[2].rpartition(b")")
        fields = rest.split(None, _PAGES + 1)
        if len(fields) <= _PAGES or fields[_STATE] == _ENDED or _KERNEL_PARENT in (pid, int(fields[_PARENT])):
            return None
        key = (pid, int(fields[_START]))
        used = ticks[key] = int(fields[_USER]) + int(fields[_SYSTEM])
        return Process(
            pid,
            name.decode("utf-8", "replace") or "?",
            self._cpu_ratio(key, used, now),
            int(fields[_PAGES]) * _PAGE_BYTES,
            gpu_memory.get(pid),
        )

    def _cpu_ratio(self, key: tuple[int, int], used: int, now: float) -> float:
        before = self._ticks.get(key)
        if self._at is None or now <= self._at:
            return 0.0
        return max(0, used - (before or 0)) / _TICKS_PER_SECOND / (now - self._at)


def _biggest(found: list[Process]) -> tuple[Process, ...]:
    by_cpu = sorted(found, key=lambda process: process.cpu_ratio, reverse=True)[:LISTED_EACH_MAX]
    by_memory = sorted(found, key=lambda process: process.memory_bytes, reverse=True)[:LISTED_EACH_MAX]
    on_gpu = [process for process in found if process.gpu_memory_bytes is not None]
    by_gpu = sorted(on_gpu, key=lambda process: process.gpu_memory_bytes or 0, reverse=True)[:LISTED_EACH_MAX]
    chosen = {process.pid: process for process in (*by_cpu, *by_memory, *by_gpu)}
    return tuple(sorted(chosen.values(), key=lambda p: (p.cpu_ratio, p.memory_bytes), reverse=True))
