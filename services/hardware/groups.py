"""Which process groups have worked since the last look: evidence that a command is not only there.

A group counts with the processes that its members started, wherever those are now. It worked when their computing time
grew, that of children they collected included, or when one of them is new. Read from /proc/<pid>/stat alone.
"""

import os
from collections.abc import Collection
from typing import Final

from coord.services.hardware import files

_PARENT, _GROUP, _USED = 1, 2, slice(11, 15)
_FIELDS: Final = 15


class Groups:
    """What process groups had used at the last look."""

    def __init__(self) -> None:
        self._used: dict[int, int] = {}
        self._members: dict[int, frozenset[int]] = {}

    def worked(self, groups: Collection[int], root: str = files.ROOT) -> set[int]:
        """Return those that worked since the last look; at the first, those that have worked at all."""
        processes = _processes(root) if groups else {}
        used = dict.fromkeys(groups, 0)
        members: dict[int, set[int]] = {group: set() for group in groups}
        for pid, (_, _, ticks) in processes.items():
            group = _group_of(pid, processes, used)
            if group is not None:
                used[group] += ticks
                members[group].add(pid)
        found = {group for group in groups if self._has_worked(group, used[group], members[group])}
        self._used, self._members = used, {group: frozenset(pids) for group, pids in members.items()}
        return found

    def owners(self, pids: Collection[int]) -> set[int]:
        """Return the groups that had one of these processes at the last look."""
        wanted = frozenset(pids)
        return {group for group, members in self._members.items() if wanted & members}

    def _has_worked(self, group: int, used: int, members: set[int]) -> bool:
        before = self._members.get(group)
        new = before is not None and bool(members - before)
        return new or used > self._used.get(group, 0)


_Process = tuple[int, int, int]
"""Parent, group, and ticks used, with those of the children it has collected."""


def _processes(root: str) -> dict[int, _Process]:
    found = {}
    for name in os.listdir(f"{root}/proc"):
        if name.isdigit() and (raw := files.read(f"{root}/proc/{name}/stat")) is not None:
            fields = raw.rpartition(b")")[2].split(None, _FIELDS + 1)
            if len(fields) > _FIELDS:
                ticks = sum(map(int, fields[_USED]))
                found[int(name)] = (int(fields[_PARENT]), int(fields[_GROUP]), ticks)
    return found


def _group_of(pid: int, processes: dict[int, _Process], groups: Collection[int]) -> int | None:
    """Return the group that a process belongs to, by its own or by that of whoever started it."""
    seen: set[int] = set()
    while pid in processes and pid not in seen:
        parent, group, _ = processes[pid]
        if group in groups:
            return group
        seen.add(pid)
        pid = parent
    return None
