"""Memory readings: RAM, swap, and the pressure stall information of the kernel."""

from collections.abc import Iterator
from typing import Final

from coord.services.hardware import files
from coord.services.hardware.metrics import METRICS, Point
from coord.services.hardware.rates import Rates

_KIB: Final = 1024.0
_WANTED: Final = (b"MemTotal:", b"MemAvailable:", b"SwapTotal:", b"SwapFree:")
_RESOURCES: Final = ("cpu", "memory", "io", "irq")


def read_memory(root: str, _: Rates) -> Iterator[Point]:
    """Read what is used of RAM and swap; a machine without swap has no swap readings."""
    found = meminfo(root)
    total, available = found.get("MemTotal"), found.get("MemAvailable")
    if total is not None and available is not None:
        yield "memory_available_bytes", "", available
        yield "memory_used_bytes", "", total - available
    swap, free = found.get("SwapTotal"), found.get("SwapFree")
    if swap and free is not None:
        yield "swap_used_bytes", "", swap - free


def read_totals(root: str, _: Rates) -> Iterator[Point]:
    """Read how much RAM and swap there is."""
    found = meminfo(root)
    for metric, name in (("memory_total_bytes", "MemTotal"), ("swap_total_bytes", "SwapTotal")):
        if total := found.get(name):
            yield metric, "", total


def meminfo(root: str) -> dict[str, float]:
    """Return the totals of /proc/meminfo in bytes, by the kernel's names; only those that are there."""
    found = {}
    for line in (files.read(f"{root}/proc/meminfo") or b"").splitlines():
        if line.startswith(_WANTED):
            name, kib = line.split()[:2]
            found[name[:-1].decode()] = float(kib) * _KIB
    return found


def read_pressure(root: str, _: Rates) -> Iterator[Point]:
    """Read the shares of the last ten seconds in which tasks stalled, as the kernel averages them."""
    for resource in _RESOURCES:
        for line in (files.read(f"{root}/proc/pressure/{resource}") or b"").splitlines():
            kind, average = line.split()[:2]
            metric = f"{resource}_pressure_{kind.decode()}_ratio"
            if metric in METRICS:
                yield metric, "", float(average.partition(b"=")[2]) / 100.0
