"""CPU seconds of processes and all below them, from /proc: what a cycle costs however busy the machine is."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PARENT, _OWN, _CHILDREN_END = 1, 11, 15
"""Where they stand in /proc/PID/stat behind the name: four numbers from _OWN are own and reaped children's time."""


def cpu_seconds(roots: Iterable[int]) -> float:
    """Sum what these processes, those below them, and those that these have reaped have used so far."""
    parents, used = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(folder.name)] = int(words[_PARENT])
            used[int(folder.name)] = sum(map(int, words[_OWN:_CHILDREN_END]))
    wanted = set(roots)
    found = {pid for pid in used if _is_below(pid, wanted, parents)}
    return sum(used[pid] for pid in found) / _TICKS_A_SECOND


def _is_below(pid: int, roots: set[int], parents: dict[int, int]) -> bool:
    while pid in parents:
        if pid in roots:
            return True
        pid = parents[pid]
    return False


def process_of(*words: str) -> int | None:
    """Return the first process in whose command line all of these stand; None: there is none."""
    for folder in sorted(Path("/proc").iterdir(), key=lambda one: (len(one.name), one.name)):
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                line = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if all(word in line for word in words):
                return int(folder.name)
    return None
