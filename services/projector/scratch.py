"""The scratch database: the tables as they were at a past position, and a few files to go on from.

    to stand at N:  the open file, if it is at or before N and no copy is nearer; else the nearest copy at or
    before N; else an empty file; and from there forward, event by event of the log

A file is one of this log and this version of the tables, or it goes. Which copies there are stands in `copies`.
"""

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from coord.events.errors import NoServer
from coord.events.streams import EVENTS, MIB
from coord.events.wire import Stored
from coord.projections.intake import Gap, Mark
from coord.projections.snapshots import copy_file
from coord.projections.store import Store, StoreBroken, begin_store, open_store, remove_file
from coord.projections.store.connection import OTHER_VERSION
from coord.services.projector.copies import APART_MIN, SUFFIX, Copies, Copy, Policy
from coord.services.projector.folding import fold_batch

NEAR: Final = 256
"""How far before a wanted position a copy is left on the way to it."""
BAD_MAX: Final = 3
"""After so many that could not be opened, no other is tried."""
COPIES_OUT_MAX: Final = 2
"""Copies for somebody else that are kept; whoever asked for one links it at once."""
FREE_BYTES_MIN: Final = 256 * MIB
"""Left on the disk, whatever is asked."""


class Scratch:
    """One open file of the past, and the copies beside it. Used from one thread at a time."""

    def __init__(self, root: Path, memory_mib: int, policy: Policy | None = None) -> None:
        self.position = 0
        """Of the last event that is folded into the open file."""
        self.copies = Copies(root, policy or Policy())
        self._at_ns = 0
        """When that was recorded."""
        self._end_ns = 0
        self._ends: set[int] = set()
        """Positions at which an hour or a day ended."""
        self._root = root
        self._memory_mib = memory_mib
        self._created_at = ""
        self._store: Store | None = None

    def begin(self, created_at: str, last: int, end_ns: int = 0) -> None:
        """Take the log as it is now: when its stream was made, where it ends, and now. Copies of another one go.

        Raises:
            NoServer: the disk has no room for a scratch database.
        """
        free = shutil.disk_usage(self._root).free
        if free < FREE_BYTES_MIN:
            raise NoServer(
                f"the past is not folded: the disk of {self._root} has {free // MIB} MiB left,"
                f" and {FREE_BYTES_MIN // MIB} must stay free.",
                "Make room, and ask again.",
            )
        if self._created_at in ("", created_at) and self.position <= last:
            if not self._created_at:
                self.copies.find(last)
        else:
            self.clear()
        self._created_at = created_at
        self._end_ns = end_ns

    def stand_before(self, position: int) -> None:
        """Open the nearest file at or before a position.

        Raises:
            StoreBroken: no file can be made here.
        """
        nearest = self.copies.nearest(position)
        if self._store is not None and (nearest.position if nearest else 0) <= self.position <= position:
            return
        self.close()
        for _ in range(BAD_MAX):
            if nearest is None or self._open(nearest):
                break
            nearest = self.copies.nearest(position)
        else:
            self.clear()
        if self._store is None:
            self._store, self.position, self._at_ns = begin_store(self._path(), self._memory_mib), 0, 0

    def stops(self, until: int) -> list[int]:
        """Return where to stop on the way to a position: at even ones, a little before it, and at it."""
        stride = self.copies.stride
        even = range(self.position - self.position % stride + stride, until, stride)
        near = until - NEAR
        return sorted({*even, *((near,) if near > self.position else ()), until})

    def ends_in(self, messages: Sequence[Stored]) -> list[int]:
        """Return at which positions of what comes next, and before it, an hour or a day ends of which a copy is kept."""
        nearest = self.copies.nearest(messages[-1].position)
        last = nearest.position if nearest else 0
        before_ns, before, found = self._at_ns, self.position, []
        for message in messages:
            if before - last >= APART_MIN and self.copies.is_wanted(
                before_ns, message.recorded_at_ns, self._end_ns
            ):
                found.append(before)
                last = before
            before_ns, before = message.recorded_at_ns, message.position
        self._ends = set(found)
        return found

    def fold(self, messages: Sequence[Stored], gaps: Sequence[Gap]) -> None:
        """Fold messages in, which follow what is folded in already.

        Raises:
            StoreBroken: the file or engine failed.
        """
        fold_batch(self.store, self._created_at, messages, gaps)
        self.position, self._at_ns = messages[-1].position, messages[-1].recorded_at_ns

    def keep(self, until: int) -> None:
        """Leave a copy of the open file as it is, if it stands where one belongs on the way to `until`."""
        if self.position in self.copies or self.position in (0, until):
            return
        if self.position % self.copies.stride == 0 or self.position in self._ends:
            self._copy(near=False)
        elif self.position == until - NEAR:
            self._copy(near=True)

    @property
    def store(self) -> Store:
        """The open file."""
        assert self._store is not None
        return self._store

    def copy_out(self) -> Path:
        """Copy the open file as it is, for somebody else.

        Raises:
            NoServer: the disk has no room for that.
        """
        self.store.checkpoint()
        path = self._root / f"asked-{self.position}{SUFFIX}"
        if not self._copied(path):
            raise NoServer("the disk has no room for a copy of the past.", "Make room, and ask again.")
        out = sorted(self._root.glob(f"asked-*{SUFFIX}"), key=lambda one: one.stat().st_mtime_ns)
        for older in out[:-COPIES_OUT_MAX]:
            older.unlink(missing_ok=True)
        return path

    def mark(self) -> Mark | None:
        """Return what the open file says about where it stands."""
        return self.store.mark(EVENTS.name)

    def close(self) -> None:
        """Close the open file and remove it; the copies stay."""
        store, self._store, self.position = self._store, None, 0
        if store is not None:
            with contextlib.suppress(StoreBroken):
                store.close()
        remove_file(self._path())
        for file in self._root.glob(f"{self._path().name}.bad.*"):
            file.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove everything."""
        self.close()
        for file in self._root.glob(f"*{SUFFIX}*"):
            file.unlink(missing_ok=True)
        self.copies.forget()

    def _path(self) -> Path:
        return self._root / f"scratch{SUFFIX}"

    def _open(self, copy: Copy) -> bool:
        """Open a copy of a copy. One that is damaged goes; if it is of another log or version, all others do, too."""
        copy_file(copy.path, self._path())
        opened = open_store(self._path(), self._memory_mib)
        self._store, self.position, self._at_ns = opened.store, copy.position, copy.at_ns
        mark = self.mark() if opened.how == "clean" else None
        if mark is not None and (mark.created_at, mark.position) == (self._created_at, copy.position):
            return True
        if mark is not None or OTHER_VERSION in opened.reason:
            self.clear()
            return False
        self.close()
        self.copies.drop(copy.position)
        return False

    def _copy(self, *, near: bool) -> None:
        """Copy the open file, if the disk has room for that and for the next."""
        self.store.checkpoint()
        if self._copied(self.copies.path_of(self.position, self._at_ns)):
            self.copies.add(self.position, self._at_ns, near=near)

    def _copied(self, path: Path) -> bool:
        size = self._path().stat().st_size
        if shutil.disk_usage(self._root).free < 2 * size + FREE_BYTES_MIN:
            return False
        beside = path.with_suffix(".new")
        copy_file(self._path(), beside)
        beside.replace(path)
        return True
