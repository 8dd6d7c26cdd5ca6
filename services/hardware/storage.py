"""Disks: how full the local file systems are, and what the disks do.

Local file systems only: asking a network mount how full it is can hang for ever.
"""

import os
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from coord.services.hardware import files
from coord.services.hardware.metrics import Point
from coord.services.hardware.rates import Rates

MOUNTS_MAX: Final = 32
DISKS_MAX: Final = 32
DEVICE_LENGTH_MAX: Final = 64
_SECTOR_BYTES: Final = 512
_MS: Final = 1000.0
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
_IMAGES: Final = frozenset({"squashfs", "iso9660", "udf", "erofs", "cramfs"})
"""File systems that are always full: images, not disks."""
_POOLED: Final = frozenset({"zfs", "bcachefs", "overlay"})
"""Local file systems whose device is not a file in /dev; an overlay only as the root of a container."""

_READS, _SECTORS_READ, _WRITES, _SECTORS_WRITTEN, _BUSY_MS = 3, 5, 7, 9, 12


class Mount(NamedTuple):
    """A local file system."""

    path: str
    file_system: str
    device: str


def mounts(root: str) -> list[Mount]:
    """Return the local file systems, each once, at the shortest path it is mounted at."""
    found: dict[str, Mount] = {}
    for line in (files.read_text(f"{root}/proc/mounts") or "").splitlines():
        device, path, file_system = (_plain(part) for part in line.split()[:3])
        mount = Mount(path, file_system, device)
        if _is_local(mount) and (device not in found or len(path) < len(found[device].path)):
            found[device] = mount
    return sorted(found.values())[:MOUNTS_MAX]


def read_usage(root: str, _: Rates) -> Iterator[Point]:
    """Read how full each local file system is."""
    for mount in mounts(root):
        try:
            stat = os.statvfs(f"{root}{mount.path}")
        except OSError:
            continue
        if not stat.f_blocks:
            continue
        name = mount.path if len(mount.path) <= DEVICE_LENGTH_MAX else mount.device[:DEVICE_LENGTH_MAX]
        yield "disk_total_bytes", name, float(stat.f_blocks * stat.f_frsize)
        yield "disk_used_bytes", name, float((stat.f_blocks - stat.f_bfree) * stat.f_frsize)
        yield "disk_available_bytes", name, float(stat.f_bavail * stat.f_frsize)


def read_activity(root: str, rates: Rates) -> Iterator[Point]:
    """Read what each disk did since the last look: whole disks only, no partitions, loops or stacks."""
    disks = 0
    for line in (files.read(f"{root}/proc/diskstats") or b"").splitlines():
        fields = line.split()
        name = fields[2].decode()
        if disks == DISKS_MAX or not os.path.lexists(f"{root}/sys/block/{name}/device"):
            continue
        disks += 1
        for metric, place, scale in (
            ("disk_read_bytes_per_second", _SECTORS_READ, _SECTOR_BYTES),
            ("disk_write_bytes_per_second", _SECTORS_WRITTEN, _SECTOR_BYTES),
            ("disk_reads_per_second", _READS, 1),
            ("disk_writes_per_second", _WRITES, 1),
        ):
            rate = rates.per_second(metric, name, int(fields[place]) * scale)
            if rate is not None:
                yield metric, name, rate
        busy = rates.per_second("disk_busy_ratio", name, int(fields[_BUSY_MS]) / _MS)
        if busy is not None:
            yield "disk_busy_ratio", name, min(1.0, busy)


def _is_local(mount: Mount) -> bool:
    if mount.file_system in _IMAGES:
        return False
    if mount.file_system == "overlay":
        return mount.path == "/"
    return mount.device.startswith("/dev/") or mount.file_system in _POOLED


def _plain(part: str) -> str:
    """Undo the kernel's escapes for white space and backslashes in paths."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), part)
