"""The inventory: what the machine is made of, what should fit on it, and how fast its disk is."""

import os
from pathlib import Path
from typing import Any

import pytest
from machines import Machine

from coord.events.node import Inventory
from coord.services.folder import Folder
from coord.services.hardware import bandwidth, capacity, inventory
from coord.services.hardware.bandwidth import Bandwidth

GIB = 1 << 30
GPU = {
    "index": 0,
    "uuid": "GPU-1",
    "model": "NVIDIA H200 (SXM)",
    "memory_bytes": 140 * GIB,
    "compute_capability": "9.0",
}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "coord")
    folder.make()
    return folder


def fill(machine: Machine) -> None:
    machine.write("/proc/cpuinfo", "processor : 0\nmodel name : Pretended 9000\n\nprocessor : 1\n")
    machine.write("/proc/meminfo", f"MemTotal: {64 * GIB // 1024} kB\nSwapTotal: 1024 kB\nSwapFree: 0 kB\n")
    machine.write("/proc/sys/kernel/hostname", "forge\n")
    machine.write("/proc/mounts", "/dev/sda1 / ext4 rw 0 0\n")
    machine.write("/etc/os-release", 'NAME="Pretended"\nPRETTY_NAME="Pretended Linux 7"\n')
    cpus = "/sys/devices/system/cpu"
    for core, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        machine.write(f"{cpus}/cpu{core}/topology/thread_siblings_list", f"{siblings}\n")
    machine.write(f"{cpus}/cpu0/cpufreq/cpuinfo_max_freq", "3700000\n")
    for index, (level, kind, size) in enumerate((("1", "Data", "32K"), ("3", "Unified", "32M"))):
        machine.write(f"{cpus}/cpu0/cache/index{index}/level", level)
        machine.write(f"{cpus}/cpu0/cache/index{index}/type", kind)
        machine.write(f"{cpus}/cpu0/cache/index{index}/size", size)
    machine.write("/sys/class/power_supply/AC/type", "Mains")
    machine.write("/sys/class/power_supply/AC/online", "1")


def test_the_parts_of_a_machine_are_told(machine: Machine, folder: Folder) -> None:
    fill(machine)
    found = inventory.take(folder.root, Bandwidth(123_456_789, 987_654_321), [GPU], "570.1", machine.root)
    assert (found.hostname, found.operating_system) == ("forge", "Pretended Linux 7")
    assert (found.cpu.model, found.cpu.cores_physical, found.cpu.cores_logical) == ("Pretended 9000", 2, 4)
    assert found.cpu.frequency_mhz_max == 3700.0
    assert found.cpu.cache_bytes == {"L1d": 32 * 1024, "L3": 32 << 20}
    assert (found.memory_bytes, found.swap_bytes) == (64 * GIB, 1024 * 1024)
    assert [(disk.mount, disk.file_system) for disk in found.disks] == [("/", "ext4")]
    assert found.disks[0].write_bytes_per_second == 120_000_000
    assert found.disks[0].read_bytes_per_second == 990_000_000
    assert (found.gpus[0].compute_capability, found.gpu_driver) == ("9.0", "570.1")
    assert found.power_mode == "mains"
    assert found.capacity.memory_bytes == 140 * GIB
    assert found.labels["gpu"] == "NVIDIA-H200-SXM-"
    assert found.labels["compute_capability"] == "9.0"
    assert Inventory.model_validate_json(found.model_dump_json()) == found


def test_a_machine_that_tells_nothing_still_has_an_inventory(machine: Machine, folder: Folder) -> None:
    found = inventory.take(folder.root, None, root=machine.root)
    assert (found.memory_bytes, found.gpus, found.disks, found.power_mode) == (0, (), (), None)
    assert found.capacity.train_parameters_max == 0
    assert found.cpu.cores_physical is None


def test_a_disk_that_was_not_measured_has_no_bandwidth(machine: Machine, folder: Folder) -> None:
    fill(machine)
    (disk,) = inventory.take(folder.root, None, root=machine.root).disks
    assert (disk.write_bytes_per_second, disk.read_bytes_per_second) == (None, None)


def test_looking_twice_at_this_machine_finds_no_change(folder: Folder) -> None:
    assert inventory.take(folder.root, None) == inventory.take(folder.root, None)


def test_this_machine_has_the_cores_that_the_system_counts(folder: Folder) -> None:
    assert inventory.take(folder.root, None).cpu.cores_logical == os.cpu_count()


def test_the_largest_model_just_fits() -> None:
    memory = 80 * GIB
    fitting = capacity.estimate(memory).train_parameters_max

    def needed(parameters: float) -> float:
        return 16 * parameters + capacity.activation_bytes(parameters)

    assert needed(fitting) <= 0.9 * memory < needed(fitting * 1.001)


def test_activations_follow_the_published_formula() -> None:
    """A model of the assumed shape: 40 layers, hidden 5120, 40 heads: 12*40*5120*5120 parameters."""
    sequence, hidden, heads, layers = 1024, 5120, 40, 40
    published = layers * sequence * hidden * (34 + 5 * heads * sequence / hidden)
    assert capacity.activation_bytes(12 * layers * hidden**2) == pytest.approx(published)


def test_the_reference_batch_fills_the_rest() -> None:
    found = capacity.estimate(80 * GIB)
    a_sequence = capacity.activation_bytes(found.reference_parameters)
    rest = 0.9 * 80 * GIB - 16 * found.reference_parameters
    assert found.reference_batch_max == int(rest / a_sequence) > 0


def test_a_memory_too_small_for_the_reference_has_no_batch() -> None:
    assert capacity.estimate(8 * GIB).reference_batch_max == 0


def test_the_disk_is_measured_once_a_day(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bandwidth.recall(folder) is None
    measured = bandwidth.measure(folder)
    assert measured is not None
    assert min(measured) > 0
    assert bandwidth.recall(folder) == measured
    assert [path.name for path in folder.root.iterdir()] == [bandwidth.FILE]
    monkeypatch.setattr(bandwidth, "FRESH_NS", 0)
    assert bandwidth.recall(folder) is None


def test_a_measurement_of_another_file_system_is_not_recalled(folder: Folder) -> None:
    bandwidth.measure(folder)
    kept: Any = folder.read_json(bandwidth.FILE)
    folder.write_json({**kept, "device": -1}, bandwidth.FILE)
    assert bandwidth.recall(folder) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"measured_at_ns": "x"}', "7"])
def test_a_spoilt_measurement_is_not_recalled(folder: Folder, text: str) -> None:
    folder.path(bandwidth.FILE).write_text(text)
    assert bandwidth.recall(folder) is None


def test_a_disk_with_too_little_room_is_not_measured(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bandwidth, "ROOM_BYTES_MIN", 1 << 62)
    assert bandwidth.measure(folder) is None
    assert not list(folder.root.iterdir())


def test_a_folder_that_cannot_be_written_is_not_measured(folder: Folder) -> None:
    assert bandwidth.measure(Folder(folder.root / "missing")) is None
