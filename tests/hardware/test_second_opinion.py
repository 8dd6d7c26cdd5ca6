"""This machine as psutil sees it: our own reading of the kernel's files must agree."""

import os
from pathlib import Path

import psutil
import pytest
from machines import by_series

from coord.services.hardware import inventory, storage
from coord.services.hardware.processes import Processes
from coord.services.hardware.rates import Rates
from coord.services.hardware.sampler import Sampler

MIB = 1024 * 1024


def test_memory_and_swap_agree() -> None:
    values = by_series(Sampler().look(1.0))
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    assert values["memory_total_bytes", ""] == memory.total
    assert values["memory_available_bytes", ""] == pytest.approx(memory.available, abs=512 * MIB)
    assert values.get(("swap_total_bytes", ""), 0) == swap.total


def test_the_processor_agrees() -> None:
    cpu = inventory.take(Path("/"), None).cpu
    assert cpu.cores_logical == psutil.cpu_count()
    assert cpu.cores_physical == psutil.cpu_count(logical=False)


def test_the_load_agrees() -> None:
    values = by_series(Sampler().look(1.0))
    assert values["load_average_15m", ""] == pytest.approx(psutil.getloadavg()[2], abs=0.2)


def test_every_disk_that_psutil_finds_is_told_with_its_size() -> None:
    images = {"squashfs", "iso9660", "udf", "erofs", "cramfs"}
    seen = {one.device: one for one in psutil.disk_partitions() if one.fstype not in images}
    values = by_series(list(storage.read_usage("", Rates())))
    sizes = {value for (metric, _), value in values.items() if metric == "disk_total_bytes"}
    assert sizes >= {float(psutil.disk_usage(one.mountpoint).total) for one in seen.values()}


def test_sensors_are_there_for_both_or_for_none() -> None:
    values = by_series(Sampler().look(1.0))
    ours = [value for (metric, _), value in values.items() if metric == "temperature_celsius"]
    theirs = psutil.sensors_temperatures()
    if not Path("/sys/class/hwmon").exists():
        assert not ours
    elif theirs:
        assert ours
    battery = psutil.sensors_battery()
    charge = [value for (metric, _), value in values.items() if metric == "battery_charge_ratio"]
    assert bool(charge) == (battery is not None)


def test_this_process_agrees() -> None:
    listing = Processes().look("", 1.0, {os.getpid(): 0})
    (ours,) = [one for one in listing.processes if one.pid == os.getpid()]
    theirs = psutil.Process()
    assert ours.name == theirs.name()[:15]
    assert ours.memory_bytes == pytest.approx(theirs.memory_info().rss, abs=16 * MIB)
    assert listing.total == pytest.approx(len(psutil.pids()), abs=50)
