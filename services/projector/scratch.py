"""The scratch database: the tables as they were at a past position, and a few files to go on from.

    keyframes   copies at positions evenly apart; when there are too many, every other one goes
    near        the last copies made a little before where somebody wanted to stand: a step back is a short way

    to stand at N:  the open file, if it is at or before N and no copy is nearer; else the nearest copy at or
    before N; else an empty file; and from there forward, event by event of the log

A file is one of this log and this version of the tables, or it goes. The copies outlast the process that made
them, so that it can rest; the projector removes them when it starts and when it ends.
"""

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from coord.events.errors import NoServer
from coord.events.streams import EVENTS, GIB, MIB
from coord.events.wire import Stored
from coord.projections.intake import Gap, Mark
from coord.projections.store import Store, StoreBroken, begin_store, open_store, remove_file
from coord.services.projector.keeper import fold_batch

STRIDE: Final = 4_096
"""Positions between two keyframes, to begin with; doubled when there are too many or they are too large."""
KEYFRAMES_MAX: Final = 48
KEYFRAMES_BYTES_MAX: Final = GIB
NEAR: Final = 256
"""How far before a wanted position a copy is left on the way to it."""
NEAR_MAX: Final = 4
FREE_BYTES_MIN: Final = 256 * MIB
"""Left on the disk, whatever is asked."""

_SUFFIX: Final = ".duckdb"


class Scratch:
    """One open file of the past, and the copies beside it. Used from one thread at a time."""

    def __init__(self, root: Path, memory_mib: int) -> None:
        self.position = 0
        """Of the last event that is folded into the open file."""
        self._root = root
        self._memory_mib = memory_mib
        self._created_at = ""
        self._stride = STRIDE
        self._store: Store | None = None
        self._copies: dict[int, Path] = {}
        self._near: list[int] = []

    def begin(self, created_at: str, last: int) -> None:
        """Take the log as it is now: when its stream was made, and where it ends. Copies of another one go.

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
                self._find_copies(last)
        else:
            self.clear()
        self._created_at = created_at

    def stand_before(self, position: int) -> None:
        """Open the nearest file at or before a position.

        Raises:
            StoreBroken: no file can be made here.
        """
        nearest = max((one for one in self._copies if one <= position), default=0)
        if self._store is not None and nearest <= self.position <= position:
            return
        self.close()
        if nearest:
            self._open(nearest)
        if self._store is None:
            self._store, self.position = begin_store(self._path(), self._memory_mib), 0

    def stops(self, until: int) -> list[int]:
        """Return where to stop on the way to a position: at keyframes, a little before it, and at it."""
        keyframes = range(self.position - self.position % self._stride + self._stride, until, self._stride)
        near = until - NEAR
        return sorted({*keyframes, *((near,) if near > self.position else ()), until})

    def fold(self, messages: Sequence[Stored], gaps: Sequence[Gap]) -> None:
        """Fold messages in, which follow what is folded in already.

        Raises:
            StoreBroken: the file or engine failed.
        """
        fold_batch(self.store, self._created_at, messages, gaps)
        self.position = messages[-1].position

    def keep(self, until: int) -> None:
        """Leave a copy of the open file as it is, if it stands where one belongs on the way to `until`."""
        if self.position in self._copies or self.position in (0, until):
            return
        if self.position % self._stride == 0:
            self._copy()
            while self._too_many():
                self._thin_out()
        elif self.position == until - NEAR and self._copy():
            self._near.append(self.position)
            if len(self._near) > NEAR_MAX:
                self._drop(self._near.pop(0))

    @property
    def store(self) -> Store:
        """The open file."""
        assert self._store is not None
        return self._store

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

    def clear(self) -> None:
        """Remove everything."""
        self.close()
        for file in self._root.glob(f"*{_SUFFIX}*"):
            file.unlink(missing_ok=True)
        self._copies.clear()
        self._near.clear()
        self._stride = STRIDE

    def _path(self) -> Path:
        return self._root / f"scratch{_SUFFIX}"

    def _find_copies(self, last: int) -> None:
        """Find what an earlier process left; whether it fits is seen when it is opened."""
        named = [
            (int(path.stem), path) for path in self._root.glob(f"[0-9]*{_SUFFIX}") if path.stem.isdecimal()
        ]
        self._copies = {position: path for position, path in sorted(named) if position <= last}
        self._near = [position for position in self._copies if position % STRIDE]
        while self._too_many():
            self._thin_out()

    def _open(self, position: int) -> None:
        """Open a copy of a copy; when it does not fit, it goes, and all others with it."""
        shutil.copyfile(self._copies[position], self._path())
        opened = open_store(self._path(), self._memory_mib)
        self._store, self.position = opened.store, position
        mark = self.mark()
        if (
            opened.how != "clean"
            or mark is None
            or (mark.created_at, mark.position) != (self._created_at, position)
        ):
            self.clear()

    def _copy(self) -> bool:
        """Copy the open file, if the disk has room for that and for the next."""
        self.store.checkpoint()
        size = self._path().stat().st_size
        if shutil.disk_usage(self._root).free < 2 * size + FREE_BYTES_MIN:
            return False
        path = self._root / f"{self.position}{_SUFFIX}"
        beside = path.with_suffix(".new")
        shutil.copyfile(self._path(), beside)
        beside.replace(path)
        self._copies[self.position] = path
        return True

    def _too_many(self) -> bool:
        """Tell whether the keyframes take more than they may; the last of them always stays."""
        keyframes = [path for position, path in self._copies.items() if position not in self._near]
        size = sum(path.stat().st_size for path in keyframes)
        return len(keyframes) > KEYFRAMES_MAX or (len(keyframes) > 1 and size > KEYFRAMES_BYTES_MAX)

    def _thin_out(self) -> None:
        self._stride *= 2
        for position in list(self._copies):
            if position % self._stride and position not in self._near:
                self._drop(position)

    def _drop(self, position: int) -> None:
        self._copies.pop(position).unlink(missing_ok=True)
