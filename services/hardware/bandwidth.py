"""The disk's measured bandwidth: a short sequential write and read in the data folder.

The write counts until the disk has it (fdatasync every few MiB); the read goes around the page cache where
the file system lets it. Each is bounded in bytes and in time. A result is kept for a day in the folder, so
that a restart does not measure again; where there is too little room, nothing is measured.
"""

import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from coord.services import clock
from coord.services.folder import Folder

FILE: Final = "bandwidth.json"
BYTES_MAX: Final = 32 * 1024 * 1024
BLOCK_BYTES: Final = 4 * 1024 * 1024
SECONDS_MAX: Final = 0.3
"""For each of the two; one block more may be under way."""
ROOM_BYTES_MIN: Final = 1024 * 1024 * 1024
FRESH_NS: Final = 24 * 3600 * 1_000_000_000


class Bandwidth(NamedTuple):
    """Bytes a second, measured in one go."""

    write_bytes_per_second: float
    read_bytes_per_second: float


def recall(folder: Folder) -> Bandwidth | None:
    """Return the last measurement when it is fresh and of the same file system."""
    kept: Any = folder.read_json(FILE)
    try:
        age_ns = clock.now_ns() - kept["measured_at_ns"]
        if 0 <= age_ns < FRESH_NS and kept["device"] == folder.root.stat().st_dev:
            return Bandwidth(float(kept["write"]), float(kept["read"]))
    except (TypeError, KeyError, ValueError, OSError):
        return None
    return None


def measure(folder: Folder) -> Bandwidth | None:
    """Measure and keep the result; None when there is too little room or the disk refuses. Blocks."""
    path = folder.path(f".bandwidth.{os.getpid()}")
    try:
        room = os.statvfs(folder.root)
        if room.f_bavail * room.f_frsize < ROOM_BYTES_MIN:
            return None
        measured = Bandwidth(_write(path), _read(path))
        folder.write_json(_kept(measured, folder), FILE)
    except OSError:
        return None
    finally:
        path.unlink(missing_ok=True)
    return measured


def _kept(measured: Bandwidth, folder: Folder) -> dict[str, Any]:
    return {
        "measured_at_ns": clock.now_ns(),
        "device": folder.root.stat().st_dev,
        "write": measured.write_bytes_per_second,
        "read": measured.read_bytes_per_second,
    }


def _write(path: Path) -> float:
    block = os.urandom(BLOCK_BYTES)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write_block() -> int:
        written = os.write(descriptor, block)
        os.fdatasync(descriptor)
        return written

    try:
        return _timed(write_block)
    finally:
        os.close(descriptor)


def _read(path: Path) -> float:
    descriptor, block = _open_uncached(path), mmap.mmap(-1, BLOCK_BYTES)
    try:
        return _timed(lambda: os.readv(descriptor, [block]))
    finally:
        block.close()
        os.close(descriptor)


def _open_uncached(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
    except OSError:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        return descriptor


def _timed(move_block: Callable[[], int]) -> float:
    began = clock.monotonic()
    moved, passed = 0, 0.0
    while moved < BYTES_MAX and passed < SECONDS_MAX:
        block = move_block()
        if not block:
            break
        moved += block
        passed = clock.monotonic() - began
    return moved / passed if passed else 0.0
