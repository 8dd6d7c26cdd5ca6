"""What this machine is made of, for `node.registered`: looked up, never guessed.

A part that the machine does not tell is absent. Labels are for scheduling: words to match, not figures.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from coord.events.node import Cpu, Disk, Gpu, Inventory
from coord.services.hardware import capacity, files, memory, power, storage
from coord.services.hardware.bandwidth import Bandwidth

_NAME_LENGTH_MAX: Final = 200
_CACHES_MAX: Final = 16
_KHZ_PER_MHZ: Final = 1000.0
_GIB: Final = 1 << 30
_UNITS: Final = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_CACHE_SUFFIX: Final = {"Data": "d", "Instruction": "i"}
_CORE_FOLDER: Final = re.compile(r"cpu\d+")
_UNLABELLED: Final = re.compile(r"[^A-Za-z0-9_.-]+")


def take(
    data_folder: Path,
    measured: Bandwidth | None,
    gpus: Sequence[Mapping[str, Any]] = (),
    gpu_driver: str | None = None,
    root: str = files.ROOT,
) -> Inventory:
    """Look up what the machine is made of; `measured` belongs to the disk that holds the data folder."""
    cpu = _cpu(root)
    ram = int(memory.meminfo(root).get("MemTotal", 0))
    boards = tuple(Gpu(**gpu) for gpu in gpus)
    kernel = os.uname()
    return Inventory(
        hostname=_name(files.read_text(f"{root}/proc/sys/kernel/hostname") or kernel.nodename),
        operating_system=_operating_system(root),
        kernel=_name(files.read_text(f"{root}/proc/sys/kernel/osrelease") or kernel.release),
        architecture=kernel.machine,
        cpu=cpu,
        memory_bytes=ram,
        swap_bytes=int(memory.meminfo(root).get("SwapTotal", 0)),
        gpus=boards,
        gpu_driver=gpu_driver,
        disks=_disks(root, data_folder, measured),
        power_mode=power.power_mode(root),
        capacity=capacity.estimate(max((gpu.memory_bytes for gpu in boards), default=ram)),
        labels=_labels(kernel.machine, cpu, ram, boards),
    )


def _cpu(root: str) -> Cpu:
    folder = f"{root}/sys/devices/system/cpu"
    cores = [name for name in files.names(folder) if _CORE_FOLDER.fullmatch(name)]
    siblings = {files.read_text(f"{folder}/{core}/topology/thread_siblings_list") for core in cores} - {None}
    highest = files.read_number(f"{folder}/cpu0/cpufreq/cpuinfo_max_freq")
    return Cpu(
        model=_name(_cpu_model(root)),
        cores_physical=len(siblings) or None,
        cores_logical=len(cores) or os.cpu_count() or 1,
        frequency_mhz_max=highest / _KHZ_PER_MHZ if highest else None,
        cache_bytes=_caches(f"{folder}/cpu0/cache"),
    )


def _cpu_model(root: str) -> str:
    """Find what names the processor: x86 says "model name", ARM and others use other words or none."""
    found: dict[str, str] = {}
    for line in (files.read_text(f"{root}/proc/cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        if value.strip():
            found.setdefault(key.strip().lower(), value.strip())
    model = files.read_text(f"{root}/sys/firmware/devicetree/base/model")
    return (
        found.get("model name") or found.get("cpu model") or found.get("cpu") or model or os.uname().machine
    )


def _caches(folder: str) -> dict[str, int]:
    found = {}
    for index in files.names(folder)[:_CACHES_MAX]:
        level = files.read_text(f"{folder}/{index}/level")
        size = files.read_text(f"{folder}/{index}/size")
        kind = files.read_text(f"{folder}/{index}/type") or ""
        if level and size and size[:-1].isdigit() and size[-1] in _UNITS:
            found[f"L{level}{_CACHE_SUFFIX.get(kind, '')}"] = int(size[:-1]) * _UNITS[size[-1]]
    return found


def _operating_system(root: str) -> str:
    for line in (files.read_text(f"{root}/etc/os-release") or "").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return _name(value.strip("\"'"))
    return _name(os.uname().sysname)


def _disks(root: str, data_folder: Path, measured: Bandwidth | None) -> tuple[Disk, ...]:
    measured_on = _file_system_of(data_folder)
    disks = []
    for mount in storage.mounts(root):
        try:
            stat = os.statvfs(f"{root}{mount.path}")
        except OSError:
            continue
        here = measured is not None and _file_system_of(Path(f"{root}{mount.path}")) == measured_on
        disks.append(
            Disk(
                mount=mount.path[:512],
                file_system=mount.file_system[:64],
                total_bytes=stat.f_blocks * stat.f_frsize,
                write_bytes_per_second=_rounded(measured.write_bytes_per_second)
                if here and measured
                else None,
                read_bytes_per_second=_rounded(measured.read_bytes_per_second) if here and measured else None,
            )
        )
    return tuple(disks)


def _file_system_of(path: Path) -> int | None:
    try:
        return path.stat().st_dev
    except OSError:
        return None


def _rounded(bytes_per_second: float) -> float:
    """A measured bandwidth is good to two digits; more would call every start a change."""
    return float(f"{bytes_per_second:.2g}")


def _labels(architecture: str, cpu: Cpu, ram: int, gpus: Sequence[Gpu]) -> dict[str, str]:
    labels = {
        "architecture": architecture,
        "cores": str(cpu.cores_logical),
        "memory_gib": str(ram // _GIB),
        "gpus": str(len(gpus)),
    }
    if gpus:
        best = max(gpus, key=lambda gpu: gpu.memory_bytes)
        labels["gpu"] = _UNLABELLED.sub("-", best.model)
        labels["gpu_memory_gib"] = str(best.memory_bytes // _GIB)
        if best.compute_capability:
            labels["compute_capability"] = best.compute_capability
    return labels


def _name(text: str) -> str:
    return text[:_NAME_LENGTH_MAX] or "unknown"
