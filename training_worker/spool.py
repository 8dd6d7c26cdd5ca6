"""The spool: what a run has said and the log has not acknowledged, on disk.

    spool/LOCK             held by the one process that speaks for this run (and rank)
    spool/<number>.log     segments, append-only: frames (record.py), numbered through
    spool/acknowledged     number of the last record that the log acknowledged, and its position there

Every record is written here before it is sent, so that a process that is killed leaves what it had said to its
next life; a record that is acknowledged is passed by, and a segment of such is removed. Nothing is fsynced: a
killed process loses nothing that it wrote, and a power cut some seconds.

The spool is bounded. When it is full the oldest packs of metrics go, and their points are counted; single
events stay. A segment's torn end, left by a kill in the middle of a write, is cut off. Where the disk takes
nothing more, records wait in memory, under a smaller bound.
"""

import fcntl
import logging
import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Final
from zlib import crc32

from coord.events.errors import UsageError
from coord.events.streams import MIB
from coord.training_worker.record import Framed, Record, frame_of, frames_in

SPOOL_BYTES_MAX: Final = 256 * MIB
SEGMENT_BYTES_MAX: Final = 4 * MIB
MEMORY_BYTES_MAX: Final = 16 * MIB
"""What may wait in memory when the disk is full."""
_PID_DIGITS_MAX: Final = 20
_MARK: Final = Struct("<QQ")
_CRC: Final = Struct("<I")
_log: Final = logging.getLogger("coord.training")

assert SEGMENT_BYTES_MAX * 4 <= SPOOL_BYTES_MAX


@dataclass(slots=True, eq=False)
class Waiting:
    """One record that waits: where it is, and what must be known without reading it."""

    number: int
    id: str
    points: int
    size: int
    offset: int = 0
    segment: "Segment | None" = None
    record: Record | None = None
    """Itself, when it is in memory only."""
    doubted: bool = False
    """An earlier life may have sent it."""


@dataclass(slots=True, eq=False)
class Segment:
    """One file."""

    number: int
    path: Path
    descriptor: int
    size: int = 0
    waiting: int = 0
    """How many of its records wait."""

    def close(self, remove: bool) -> None:
        """Close the file, and remove it if nobody needs it any more."""
        os.close(self.descriptor)
        if remove:
            self.path.unlink(missing_ok=True)


class Spool:
    """The spool of one run in one process. Only one thread uses it."""

    def __init__(
        self, path: Path, bytes_max: int = SPOOL_BYTES_MAX, segment_bytes_max: int = SEGMENT_BYTES_MAX
    ) -> None:
        """Open a spool, or begin one.

        Raises:
            UsageError: another process speaks for this run, or the folder cannot be used.
        """
        self.path = path
        self.dropped_points = 0
        """So far, because the spool was full."""
        self.torn_bytes = 0
        """Cut off at the end of segments."""
        self.position = 0
        """Where the log has the last record that it acknowledged."""
        self._bytes_max = bytes_max
        self._segment_bytes_max = segment_bytes_max
        self._segments: deque[Segment] = deque()
        self._row: deque[Waiting] = deque()
        self._memory_bytes = 0
        self._number = 0
        self._lent: Waiting | None = None
        self._complained = False
        self._lock = _lock(path)
        try:
            self._mark = os.open(path / "acknowledged", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._load()
        except OSError as error:
            raise UsageError(f"the spool {path} cannot be used: {error.strerror}.") from error

    def __len__(self) -> int:
        return len(self._row)

    @property
    def size_bytes(self) -> int:
        """What the spool takes on disk."""
        return sum(segment.size for segment in self._segments)

    def append(self, record: Record) -> None:
        """Let a record wait, behind all others."""
        self._number += 1
        frame = frame_of(record, self._number)
        waiting = Waiting(self._number, record.id, record.points, len(frame))
        try:
            self._write(waiting, frame)
            self._complained = False
        except OSError as error:
            self._keep_in_memory(waiting, record, error)
        self._row.append(waiting)
        self._drop_oldest()

    def first(self) -> Waiting | None:
        """Return the oldest record that waits; it stays until it is `done`."""
        self._lent = self._row[0] if self._row else None
        return self._lent

    def read(self, waiting: Waiting) -> Record:
        """Return a waiting record itself.

        Raises:
            OSError: the disk does not give it back.
        """
        if waiting.record is not None:
            return waiting.record
        assert waiting.segment is not None
        raw = os.pread(waiting.segment.descriptor, waiting.size, waiting.offset)
        for framed in frames_in(raw):
            return framed.record
        raise OSError(f"{waiting.segment.path} has changed at {waiting.offset}")

    def done(self, waiting: Waiting, position: int | None) -> None:
        """Forget the oldest record: the log has it at a position, or nobody can send it (None)."""
        assert waiting is self._row[0]
        self._row.popleft()
        self._lent = None
        if position is not None:
            self.position = max(self.position, position)
        self._write_mark(waiting.number)
        self._forget(waiting)

    def waiting_ids(self) -> set[str]:
        """Return the ids of all events that wait."""
        return {waiting.id for waiting in self._row if not waiting.points}

    def close(self) -> None:
        """Give the spool back; what waits stays on disk."""
        for segment in self._segments:
            segment.close(remove=not self._row)
        self._segments.clear()
        os.close(self._mark)
        os.close(self._lock)

    def leave_to_parent(self) -> None:
        """In a process that was forked off: let go of the lock, which would outlive the one that holds it."""
        os.close(self._lock)

    def _load(self) -> None:
        acknowledged = self._read_mark()
        self._number = acknowledged
        for left in self.path.glob("*.new"):
            left.unlink()
        for path in sorted(self.path.glob("*.log")):
            segment = Segment(int(path.stem), path, os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC))
            self._segments.append(segment)
            for framed in frames_in(self._without_torn_end(segment)):
                self._number = max(self._number, framed.number)
                if framed.number > acknowledged:
                    doubted = not self._row or not acknowledged
                    self._row.append(_found(framed, segment, doubted))
                    segment.waiting += 1
        self._remove_idle()

    def _without_torn_end(self, segment: Segment) -> bytes:
        raw = segment.path.read_bytes()
        segment.size = sum(framed.size for framed in frames_in(raw))
        if torn := len(raw) - segment.size:
            os.ftruncate(segment.descriptor, segment.size)
            self.torn_bytes += torn
        return raw[: segment.size]

    def _write(self, waiting: Waiting, frame: bytes) -> None:
        segment = self._segment_for(len(frame))
        try:
            written = os.write(segment.descriptor, frame)
            if written < len(frame):
                raise OSError(28, "the disk is full")
        except OSError:
            os.ftruncate(segment.descriptor, segment.size)
            raise
        waiting.segment, waiting.offset = segment, segment.size
        segment.size += len(frame)
        segment.waiting += 1

    def _segment_for(self, size: int) -> Segment:
        if self._segments and self._segments[-1].size + size <= self._segment_bytes_max:
            return self._segments[-1]
        number = self._segments[-1].number + 1 if self._segments else 1
        path = self.path / f"{number:08d}.log"
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._segments.append(Segment(number, path, descriptor))
        return self._segments[-1]

    def _keep_in_memory(self, waiting: Waiting, record: Record, error: OSError) -> None:
        waiting.record = record
        self._memory_bytes += waiting.size
        if not self._complained:
            self._complained = True
            _log.warning("the spool %s cannot be written: %s; what is said waits in memory",
                         self.path, error.strerror)  # fmt: skip

    def _forget(self, waiting: Waiting) -> None:
        if waiting.segment is None:
            self._memory_bytes -= waiting.size
            return
        waiting.segment.waiting -= 1
        self._remove_idle()

    def _remove_idle(self) -> None:
        """Remove segments of which nothing waits; the last one stays while there is room in it."""
        for segment in [one for one in self._segments if not one.waiting]:
            if segment is not self._segments[-1] or segment.size >= self._segment_bytes_max // 4:
                segment.close(remove=True)
                self._segments.remove(segment)

    def _drop_oldest(self) -> None:
        if self._memory_bytes > MEMORY_BYTES_MAX:
            self._drop_from_memory()
        while self.size_bytes > self._bytes_max and self._drop_packs_of_a_segment():
            pass

    def _drop_from_memory(self) -> None:
        for waiting in [one for one in self._row if one.record and one.points and one is not self._lent]:
            if self._memory_bytes <= MEMORY_BYTES_MAX:
                return
            self._row.remove(waiting)
            self.dropped_points += waiting.points
            self._memory_bytes -= waiting.size

    def _drop_packs_of_a_segment(self) -> bool:
        """Write the oldest full segment that holds packs anew without them; tell whether there was one."""
        for segment in list(self._segments)[:-1]:
            inside = [one for one in self._row if one.segment is segment]
            packs = [one for one in inside if one.points and one is not self._lent]
            if packs:
                gone = set(packs)
                if not self._rewrite(segment, [one for one in inside if one not in gone]):
                    return False
                self._row = deque(one for one in self._row if one not in gone)
                self.dropped_points += sum(one.points for one in packs)
                self._remove_idle()
                return True
        return False

    def _rewrite(self, segment: Segment, kept: list[Waiting]) -> bool:
        """Leave only some records in a segment, whole or not at all; tell whether the disk took it."""
        try:
            if kept:
                frames = [os.pread(segment.descriptor, one.size, one.offset) for one in kept]
                beside = segment.path.with_suffix(".new")
                beside.write_bytes(b"".join(frames))
                beside.replace(segment.path)
                os.close(segment.descriptor)
                segment.descriptor = os.open(segment.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except OSError as error:
            _log.warning("the spool %s cannot be made smaller: %s", self.path, error.strerror)
            return False
        segment.size, segment.waiting = 0, len(kept)
        for one in kept:
            one.offset = segment.size
            segment.size += one.size
        return True

    def _read_mark(self) -> int:
        raw = os.pread(self._mark, _MARK.size + _CRC.size, 0)
        if (
            len(raw) < _MARK.size + _CRC.size
            or crc32(raw[: _MARK.size]) != _CRC.unpack_from(raw, _MARK.size)[0]
        ):
            return 0
        number, self.position = _MARK.unpack_from(raw)
        return int(number)

    def _write_mark(self, number: int) -> None:
        raw = _MARK.pack(number, self.position)
        os.pwrite(self._mark, raw + _CRC.pack(crc32(raw)), 0)


def _found(framed: Framed, segment: Segment, doubted: bool) -> Waiting:
    number, offset, size, record = framed
    return Waiting(number, record.id, record.points, size, offset, segment, doubted=doubted)


def _lock(path: Path) -> int:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path / "LOCK", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"the spool {path} cannot be made: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, _PID_DIGITS_MAX, 0).decode("ascii", "replace")
        os.close(descriptor)
        raise UsageError(
            f"process {holder or 'unknown'} speaks for the run {path.parent.name} already.",
            "End that one, or give this run another id.",
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor
