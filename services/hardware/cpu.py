"""Processor readings: time spent, frequency, load and task counts."""

from collections.abc import Iterator
from typing import Final

from coord.services.hardware import files
from coord.services.hardware.metrics import Point
from coord.services.hardware.rates import Rates

CORES_LISTED_MAX: Final = 32
"""On a machine with more cores than this, only their sum, their busiest and the number busy are sent."""
BUSY_RATIO: Final = 0.9
_FREQUENCIES_READ_MAX: Final = 64
_KHZ_PER_MHZ: Final = 1000.0

_SYSTEM, _IDLE, _IOWAIT, _STEAL = 2, 3, 4, 7
_FIELDS: Final = 8
"""user nice system idle iowait irq softirq steal; guest time is within user."""
_SHARES: Final = (("cpu_system_ratio", _SYSTEM), ("cpu_iowait_ratio", _IOWAIT), ("cpu_steal_ratio", _STEAL))


def read_times(root: str, rates: Rates) -> Iterator[Point]:
    """Read how the cores spent their time since the last look, and how many tasks run or wait."""
    raw = files.read(f"{root}/proc/stat")
    if raw is None:
        return
    cores = []
    for line in raw.splitlines():
        if line.startswith(b"cpu"):
            name, ticks = _times(line)
            if name == "cpu":
                yield from _whole(rates, ticks)
            elif (busy := _core(rates, name, ticks)) is not None:
                cores.append((name, busy))
        elif line.startswith(b"procs_running"):
            yield "tasks_running_count", "", float(line.split()[1])
        elif line.startswith(b"procs_blocked"):
            yield "tasks_blocked_count", "", float(line.split()[1])
    yield from _each(cores)


def read_load(root: str, _: Rates) -> Iterator[Point]:
    """Read the load averages and the number of tasks."""
    raw = files.read(f"{root}/proc/loadavg")
    if raw is None:
        return
    one, five, fifteen, tasks, *_last = raw.split()
    yield "load_average_1m", "", float(one)
    yield "load_average_5m", "", float(five)
    yield "load_average_15m", "", float(fifteen)
    yield "tasks_count", "", float(tasks.partition(b"/")[2])


def read_frequency(root: str, _: Rates) -> Iterator[Point]:
    """Read the present frequencies; absent where the machine does not govern them (most virtual ones)."""
    folder = f"{root}/sys/devices/system/cpu/cpufreq"
    policies = files.names(folder)[:_FREQUENCIES_READ_MAX]
    read = [files.read_number(f"{folder}/{policy}/scaling_cur_freq") for policy in policies]
    present = [khz / _KHZ_PER_MHZ for khz in read if khz]
    if present:
        yield "cpu_frequency_mhz", "", sum(present) / len(present)
        yield "cpu_frequency_mhz_min", "", min(present)


def _times(line: bytes) -> tuple[str, list[int]]:
    name, *ticks = line.split(None, _FIELDS + 1)
    return name.decode(), [int(tick) for tick in ticks[:_FIELDS]]


def _whole(rates: Rates, ticks: list[int]) -> Iterator[Point]:
    total = _total(rates, "", ticks)
    idle = _share(rates, "cpu_idle", "", ticks[_IDLE] + ticks[_IOWAIT], total)
    if idle is not None:
        yield "cpu_utilization_ratio", "", 1.0 - idle
    for metric, place in _SHARES:
        share = _share(rates, metric, "", ticks[place], total)
        if share is not None:
            yield metric, "", share


def _core(rates: Rates, core: str, ticks: list[int]) -> float | None:
    total = _total(rates, core, ticks)
    idle = _share(rates, "cpu_idle", core, ticks[_IDLE] + ticks[_IOWAIT], total)
    return None if idle is None else 1.0 - idle


def _total(rates: Rates, core: str, ticks: list[int]) -> float:
    change = rates.change("cpu", core, sum(ticks))
    return change[0] if change else 0.0


def _share(rates: Rates, name: str, core: str, ticks: int, total: float) -> float | None:
    change = rates.change(name, core, ticks)
    return min(1.0, change[0] / total) if change and total else None


def _each(cores: list[tuple[str, float]]) -> Iterator[Point]:
    if not cores:
        return
    yield "cpu_core_utilization_ratio_max", "", max(busy for _, busy in cores)
    yield "cpu_cores_busy_count", "", float(sum(busy > BUSY_RATIO for _, busy in cores))
    if len(cores) <= CORES_LISTED_MAX:
        for name, busy in cores:
            yield "cpu_core_utilization_ratio", name, busy
