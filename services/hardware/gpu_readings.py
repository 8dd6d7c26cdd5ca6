"""What NVML is asked for, GPU by GPU. Runs in the child only: any call may hang, and then the child is killed.

Each reading stands alone: one that this GPU or driver does not have is absent and costs the others nothing.
A lost GPU has one reading, that it is lost.
"""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pynvml

from coord.services.clock import monotonic
from coord.services.hardware.metrics import Point

PROCESSES_MAX: Final = 256
XIDS_A_LOOK_MAX: Final = 16

_PERCENT: Final = 100.0
_MILLI: Final = 1e-3
_NANO: Final = 1e-9

_LIMITS: Final = (
    ("gpu_temperature_slowdown_celsius", pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN),
    ("gpu_temperature_shutdown_celsius", pynvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN),
    ("gpu_temperature_max_celsius", pynvml.NVML_TEMPERATURE_THRESHOLD_GPU_MAX),
    ("gpu_memory_temperature_max_celsius", pynvml.NVML_TEMPERATURE_THRESHOLD_MEM_MAX),
)
_CLOCKS: Final = (("gpu_sm_clock_mhz", pynvml.NVML_CLOCK_SM), ("gpu_memory_clock_mhz", pynvml.NVML_CLOCK_MEM))
_REASONS: Final = (
    ("gpu_throttle_power_ratio", pynvml.nvmlClocksEventReasonSwPowerCap),
    (
        "gpu_throttle_thermal_ratio",
        pynvml.nvmlClocksEventReasonSwThermalSlowdown | pynvml.nvmlClocksEventReasonHwThermalSlowdown,
    ),
    ("gpu_throttle_power_brake_ratio", pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown),
    ("gpu_throttle_hardware_ratio", pynvml.nvmlClocksEventReasonHwSlowdown),
)
_VIOLATIONS: Final = (
    ("gpu_violation_power_ratio", pynvml.NVML_PERF_POLICY_POWER),
    ("gpu_violation_thermal_ratio", pynvml.NVML_PERF_POLICY_THERMAL),
    ("gpu_violation_reliability_ratio", pynvml.NVML_PERF_POLICY_RELIABILITY),
    ("gpu_violation_board_ratio", pynvml.NVML_PERF_POLICY_BOARD_LIMIT),
)
_ECC: Final = (
    ("gpu_ecc_corrected_errors", pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED, pynvml.NVML_VOLATILE_ECC),
    ("gpu_ecc_uncorrected_errors", pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC),
    (
        "gpu_ecc_uncorrected_errors_lifetime",
        pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
        pynvml.NVML_AGGREGATE_ECC,
    ),
)
_NOT_AVAILABLE: Final = pynvml.NVML_VALUE_NOT_AVAILABLE_uint.value


class Gpus:
    """The GPUs of this machine, as long as NVML is initialised.

    Raises:
        pynvml.NVMLError: the driver does not serve.
    """

    def __init__(self) -> None:
        pynvml.nvmlInit()
        self._count = pynvml.nvmlDeviceGetCount()
        self._violations: dict[tuple[str, int], tuple[float, float]] = {}
        self._events: Any = None
        self._asked_for_xids: set[int] = set()
        self._index_by_address: dict[int, int] = {}
        self._used_until_us: dict[int, int] = {}
        """The driver's time of the last use that was told, by GPU."""
        self.lost = 0
        """How many were lost at the last look."""

    def close(self) -> None:
        """Leave NVML, so that a new start sees what the driver has by then."""
        pynvml.nvmlShutdown()

    def describe(self) -> dict[str, Any]:
        """Return the driver and, of every GPU that answers, what an inventory says of it."""
        described = (_describe(index) for index in range(self._count))
        return {
            "driver": _ask(pynvml.nvmlSystemGetDriverVersion),
            "count": self._count,
            "gpus": [gpu for gpu in described if gpu is not None],
        }

    def read(self, with_seldom: bool) -> list[Point]:
        """Read every GPU; `with_seldom` adds what changes seldom or costs more: limits, totals, ECC."""
        self._count = pynvml.nvmlDeviceGetCount()
        self.lost = 0
        points: list[Point] = []
        for index in range(self._count):
            name = f"gpu{index}"
            points += [(metric, name, float(value)) for metric, value in self._read_one(index, with_seldom)]
        return points + self._xids()

    def processes(self) -> list[tuple[int, int]]:
        """Return the device memory in bytes of each process, the biggest first, over all GPUs."""
        used: dict[int, int] = {}
        for index in range(self._count):
            for pid, memory in _processes_on(index).items():
                used[pid] = used.get(pid, 0) + memory
        return sorted(used.items(), key=lambda one: one[1], reverse=True)[:PROCESSES_MAX]

    def busy(self) -> list[int]:
        """Return the processes that have used a GPU since the last call; where the driver cannot say, none."""
        found: set[int] = set()
        for index in range(self._count):
            since_us = self._used_until_us.get(index, 0)
            for one in _uses_of(index, since_us):
                self._used_until_us[index] = max(self._used_until_us.get(index, 0), one.timeStamp)
                if one.timeStamp > since_us and (one.smUtil or one.memUtil or one.encUtil or one.decUtil):
                    found.add(one.pid)
        return sorted(found)[:PROCESSES_MAX]

    def _read_one(self, index: int, with_seldom: bool) -> list[tuple[str, float]]:
        try:
            gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
            self._ask_for_xids(index, gpu)
            pairs = [*_state(gpu), *self._violated(index, gpu)]
            if with_seldom:
                pairs += _seldom(gpu)
        except pynvml.NVMLError_GpuIsLost:
            self.lost += 1
            return [("gpu_lost_ratio", 1.0)]
        except pynvml.NVMLError:
            return []
        return [("gpu_lost_ratio", 0.0), *pairs]

    def _violated(self, index: int, gpu: Any) -> Iterator[tuple[str, float]]:
        for metric, policy in _VIOLATIONS:
            status = _ask(pynvml.nvmlDeviceGetViolationStatus, gpu, policy)
            if status is None:
                continue
            now, seconds = monotonic(), status.violationTime * _NANO
            before = self._violations.get((metric, index))
            self._violations[metric, index] = (now, seconds)
            if before and now > before[0] and seconds >= before[1]:
                yield metric, min(1.0, (seconds - before[1]) / (now - before[0]))

    def _ask_for_xids(self, index: int, gpu: Any) -> None:
        """Ask once for each GPU that its XIDs be told; many GPUs and drivers cannot."""
        if index in self._asked_for_xids:
            return
        self._asked_for_xids.add(index)
        events = self._events or _ask(pynvml.nvmlEventSetCreate)
        try:
            pynvml.nvmlDeviceRegisterEvents(gpu, pynvml.nvmlEventTypeXidCriticalError, events)
        except pynvml.NVMLError:
            return
        self._events = events
        self._index_by_address[_address(gpu)] = index

    def _xids(self) -> list[Point]:
        points: list[Point] = []
        while self._events is not None and len(points) < XIDS_A_LOOK_MAX:
            try:
                event = pynvml.nvmlEventSetWait(self._events, 0)
            except pynvml.NVMLError:
                break
            index = self._index_by_address.get(_address(event.device))
            if index is not None:
                points.append(("gpu_xid_code", f"gpu{index}", float(event.eventData)))
        return points


def _address(gpu: Any) -> int:
    """Return what tells one handle from another: a lost GPU can no longer be asked for its index."""
    return ctypes.cast(gpu, ctypes.c_void_p).value or 0


def _ask(question: Callable[..., Any], *arguments: Any) -> Any | None:
    """Ask NVML; None when this GPU or driver cannot say.

    Raises:
        NVMLError_GpuIsLost: a lost GPU can say nothing at all.
    """
    try:
        return question(*arguments)
    except pynvml.NVMLError_GpuIsLost:
        raise
    except (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError):
        return None


def _state(gpu: Any) -> Iterator[tuple[str, float]]:
    yield from _scaled(
        1.0, gpu, ("gpu_temperature_celsius", pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU)
    )
    yield from _scaled(_MILLI, gpu, ("gpu_power_watts", pynvml.nvmlDeviceGetPowerUsage))
    yield from _scaled(_MILLI, gpu, ("gpu_power_limit_watts", pynvml.nvmlDeviceGetEnforcedPowerLimit))
    yield from _scaled(1 / _PERCENT, gpu, ("gpu_fan_ratio", pynvml.nvmlDeviceGetFanSpeed))
    for metric, clock in _CLOCKS:
        yield from _scaled(1.0, gpu, (metric, pynvml.nvmlDeviceGetClockInfo, clock))
    yield from _memory(gpu)
    rates = _ask(pynvml.nvmlDeviceGetUtilizationRates, gpu)
    if rates is not None:
        yield "gpu_utilization_ratio", rates.gpu / _PERCENT
        yield "gpu_memory_utilization_ratio", rates.memory / _PERCENT
    yield from _throttled(gpu)


def _memory(gpu: Any) -> Iterator[tuple[str, float]]:
    memory = _ask(pynvml.nvmlDeviceGetMemoryInfo, gpu)
    if memory is not None:
        yield "gpu_memory_used_bytes", memory.used
    fields = _ask(pynvml.nvmlDeviceGetFieldValues, gpu, [pynvml.NVML_FI_DEV_MEMORY_TEMP])
    # Boards without the sensor answer zero and call it a success.
    if fields and fields[0].nvmlReturn == pynvml.NVML_SUCCESS and fields[0].value.uiVal:
        yield "gpu_memory_temperature_celsius", fields[0].value.uiVal


def _throttled(gpu: Any) -> Iterator[tuple[str, float]]:
    bits = _ask(pynvml.nvmlDeviceGetCurrentClocksEventReasons, gpu)
    if bits is None:
        bits = _ask(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons, gpu)
    if bits is not None:
        yield "gpu_throttle_reasons_bits", bits
        for metric, mask in _REASONS:
            yield metric, float(bool(bits & mask))


def _seldom(gpu: Any) -> Iterator[tuple[str, float]]:
    for metric, limit in _LIMITS:
        yield from _scaled(1.0, gpu, (metric, pynvml.nvmlDeviceGetTemperatureThreshold, limit))
    for metric, clock in _CLOCKS:
        yield from _scaled(1.0, gpu, (f"{metric}_max", pynvml.nvmlDeviceGetMaxClockInfo, clock))
    for metric, kind, counter in _ECC:
        yield from _scaled(1.0, gpu, (metric, pynvml.nvmlDeviceGetTotalEccErrors, kind, counter))
    memory = _ask(pynvml.nvmlDeviceGetMemoryInfo, gpu)
    if memory is not None:
        yield "gpu_memory_total_bytes", memory.total


def _scaled(scale: float, gpu: Any, asked: tuple[Any, ...]) -> Iterator[tuple[str, float]]:
    metric, question, *arguments = asked
    value = _ask(question, gpu, *arguments)
    if value is not None and value != _NOT_AVAILABLE:
        yield metric, value * scale


def _processes_on(index: int) -> dict[int, int]:
    on_this: dict[int, int] = {}
    try:
        gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
        for lists in (
            pynvml.nvmlDeviceGetComputeRunningProcesses,
            pynvml.nvmlDeviceGetGraphicsRunningProcesses,
        ):
            for one in _ask(lists, gpu) or ():
                if one.usedGpuMemory is not None:
                    on_this[one.pid] = max(on_this.get(one.pid, 0), one.usedGpuMemory)
    except pynvml.NVMLError:
        return {}
    return on_this


def _uses_of(index: int, since_us: int) -> Sequence[Any]:
    try:
        gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
        return _ask(pynvml.nvmlDeviceGetProcessUtilization, gpu, since_us) or ()
    except pynvml.NVMLError:
        return ()


def _describe(index: int) -> dict[str, Any] | None:
    try:
        return _described(index, pynvml.nvmlDeviceGetHandleByIndex(index))
    except pynvml.NVMLError:
        return None


def _described(index: int, gpu: Any) -> dict[str, Any]:
    capability = _ask(pynvml.nvmlDeviceGetCudaComputeCapability, gpu)
    limit = _ask(pynvml.nvmlDeviceGetEnforcedPowerLimit, gpu)
    slowdown = _ask(pynvml.nvmlDeviceGetTemperatureThreshold, gpu, pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN)
    shutdown = _ask(pynvml.nvmlDeviceGetTemperatureThreshold, gpu, pynvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN)
    return {
        "index": index,
        "uuid": pynvml.nvmlDeviceGetUUID(gpu),
        "model": pynvml.nvmlDeviceGetName(gpu),
        "memory_bytes": pynvml.nvmlDeviceGetMemoryInfo(gpu).total,
        "compute_capability": None if capability is None else ".".join(str(part) for part in capability),
        "power_limit_watts": None if limit is None else limit * _MILLI,
        "temperature_slowdown_celsius": slowdown,
        "temperature_shutdown_celsius": shutdown,
    }
