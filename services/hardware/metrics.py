"""Every metric a monitor may send: its unit and what it means. A name that is not here is never sent.

Units stand last in the names. A ratio is 0 to 1, except where its meaning says otherwise.
`device` names what was read: empty for the machine itself, else a core, disk, mount, interface, sensor or GPU.
"""

from typing import Final, NamedTuple


class Metric(NamedTuple):
    """What one metric is."""

    unit: str
    meaning: str
    device: str = ""
    """What kind of device its series are of; empty: the machine itself."""


Point = tuple[str, str, float]
"""One reading: metric, device, value."""

_RATIO: Final = "ratio"
_BYTES: Final = "bytes"
_BYTES_RATE: Final = "bytes/s"
_CELSIUS: Final = "celsius"
_WATTS: Final = "watts"
_COUNT: Final = "count"
_MHZ: Final = "MHz"

_MACHINE: Final[dict[str, Metric]] = {
    "cpu_utilization_ratio": Metric(_RATIO, "share of all cores' time spent working"),
    "cpu_system_ratio": Metric(_RATIO, "share spent in the kernel"),
    "cpu_iowait_ratio": Metric(_RATIO, "share idle while input or output was awaited"),
    "cpu_steal_ratio": Metric(_RATIO, "share wanted here and given to other virtual machines"),
    "cpu_core_utilization_ratio": Metric(_RATIO, "share of one core's time spent working", "core"),
    "cpu_core_utilization_ratio_max": Metric(_RATIO, "the busiest core's"),
    "cpu_cores_busy_count": Metric(_COUNT, "cores that worked more than nine tenths of the time"),
    "cpu_frequency_mhz": Metric(_MHZ, "mean present frequency over the cores"),
    "cpu_frequency_mhz_min": Metric(_MHZ, "the slowest core's"),
    "load_average_1m": Metric("tasks", "running or blocked tasks, mean of a minute"),
    "load_average_5m": Metric("tasks", "the same over five minutes"),
    "load_average_15m": Metric("tasks", "the same over fifteen minutes"),
    "tasks_count": Metric(_COUNT, "processes and threads that exist"),
    "tasks_running_count": Metric(_COUNT, "of these, running or ready to run"),
    "tasks_blocked_count": Metric(_COUNT, "of these, blocked on input or output"),
    "processes_count": Metric(_COUNT, "processes that exist"),
    "memory_total_bytes": Metric(_BYTES, "RAM"),
    "memory_used_bytes": Metric(_BYTES, "RAM that a new program could not have"),
    "memory_available_bytes": Metric(_BYTES, "RAM that a new program could have without swapping"),
    "swap_total_bytes": Metric(_BYTES, "swap space; absent on a machine without any"),
    "swap_used_bytes": Metric(_BYTES, "swap space in use"),
}

_PRESSURE: Final[dict[str, Metric]] = {
    "cpu_pressure_some_ratio": Metric(_RATIO, "share of the last 10 s in which a task waited for a core"),
    "cpu_pressure_full_ratio": Metric(_RATIO, "in which no task could run for want of a core"),
    "memory_pressure_some_ratio": Metric(_RATIO, "in which a task waited for memory"),
    "memory_pressure_full_ratio": Metric(_RATIO, "in which no task could run for want of memory"),
    "io_pressure_some_ratio": Metric(_RATIO, "in which a task waited for input or output"),
    "io_pressure_full_ratio": Metric(_RATIO, "in which no task could run for want of input or output"),
    "irq_pressure_full_ratio": Metric(_RATIO, "in which interrupts kept a task from running"),
}

_STORAGE: Final[dict[str, Metric]] = {
    "disk_total_bytes": Metric(_BYTES, "size of a local file system", "mount"),
    "disk_used_bytes": Metric(_BYTES, "what is used of it", "mount"),
    "disk_available_bytes": Metric(_BYTES, "what an ordinary user may still write", "mount"),
    "disk_read_bytes_per_second": Metric(_BYTES_RATE, "read from a disk", "disk"),
    "disk_write_bytes_per_second": Metric(_BYTES_RATE, "written to a disk", "disk"),
    "disk_reads_per_second": Metric("1/s", "finished reads", "disk"),
    "disk_writes_per_second": Metric("1/s", "finished writes", "disk"),
    "disk_busy_ratio": Metric(_RATIO, "share of the time in which a disk had work", "disk"),
    "network_receive_bytes_per_second": Metric(_BYTES_RATE, "received", "interface"),
    "network_transmit_bytes_per_second": Metric(_BYTES_RATE, "sent", "interface"),
    "network_errors_per_second": Metric("1/s", "packets received or sent with errors", "interface"),
    "network_drops_per_second": Metric("1/s", "packets dropped, received or sent", "interface"),
}

_SENSORS: Final[dict[str, Metric]] = {
    "temperature_celsius": Metric(_CELSIUS, "of a sensor of the board", "chip/sensor"),
    "temperature_high_celsius": Metric(_CELSIUS, "where its maker calls it hot", "chip/sensor"),
    "temperature_critical_celsius": Metric(_CELSIUS, "where its maker calls it critical", "chip/sensor"),
    "fan_revolutions_per_minute": Metric("1/min", "of a fan; zero is a standing fan", "chip/sensor"),
    "sensor_power_watts": Metric(_WATTS, "drawn, as a sensor of the board measures it", "chip/sensor"),
    "package_power_watts": Metric(_WATTS, "drawn by a processor package or its parts (RAPL)", "domain"),
    "power_mains_ratio": Metric(_RATIO, "1 on mains, 0 on battery", "supply"),
    "battery_charge_ratio": Metric(_RATIO, "how full a battery is", "supply"),
    "battery_power_watts": Metric(_WATTS, "into or out of a battery, as it reports", "supply"),
}

_GPU: Final[dict[str, Metric]] = {
    "gpu_temperature_celsius": Metric(_CELSIUS, "of the GPU itself", "gpu"),
    "gpu_temperature_slowdown_celsius": Metric(_CELSIUS, "where the hardware slows down", "gpu"),
    "gpu_temperature_shutdown_celsius": Metric(_CELSIUS, "where the hardware shuts down", "gpu"),
    "gpu_temperature_max_celsius": Metric(_CELSIUS, "the highest it is meant to work at", "gpu"),
    "gpu_memory_temperature_celsius": Metric(_CELSIUS, "of its memory", "gpu"),
    "gpu_memory_temperature_max_celsius": Metric(_CELSIUS, "the highest its memory is meant for", "gpu"),
    "gpu_power_watts": Metric(_WATTS, "drawn by the board", "gpu"),
    "gpu_power_limit_watts": Metric(_WATTS, "what it is held to at present", "gpu"),
    "gpu_utilization_ratio": Metric(_RATIO, "share of the time in which a kernel ran", "gpu"),
    "gpu_memory_utilization_ratio": Metric(_RATIO, "share in which its memory was read or written", "gpu"),
    "gpu_memory_used_bytes": Metric(_BYTES, "device memory in use", "gpu"),
    "gpu_memory_total_bytes": Metric(_BYTES, "device memory", "gpu"),
    "gpu_sm_clock_mhz": Metric(_MHZ, "of its processors", "gpu"),
    "gpu_sm_clock_mhz_max": Metric(_MHZ, "the highest they can have", "gpu"),
    "gpu_memory_clock_mhz": Metric(_MHZ, "of its memory", "gpu"),
    "gpu_memory_clock_mhz_max": Metric(_MHZ, "the highest it can have", "gpu"),
    "gpu_fan_ratio": Metric(_RATIO, "intended fan speed; may exceed 1", "gpu"),
    "gpu_throttle_reasons_bits": Metric("bits", "NVML's clocks event reasons, as a number", "gpu"),
    "gpu_throttle_power_ratio": Metric(_RATIO, "1 while clocks are held down by the power limit", "gpu"),
    "gpu_throttle_thermal_ratio": Metric(_RATIO, "1 while they are held down by temperature", "gpu"),
    "gpu_throttle_power_brake_ratio": Metric(_RATIO, "1 while the power supply's brake holds them", "gpu"),
    "gpu_throttle_hardware_ratio": Metric(
        _RATIO, "1 while the hardware slows down, whatever the cause", "gpu"
    ),
    "gpu_violation_power_ratio": Metric(_RATIO, "share of the time lost to the power limit", "gpu"),
    "gpu_violation_thermal_ratio": Metric(_RATIO, "share lost to temperature", "gpu"),
    "gpu_violation_reliability_ratio": Metric(_RATIO, "share lost to the reliability voltage", "gpu"),
    "gpu_violation_board_ratio": Metric(_RATIO, "share lost to the board's limit", "gpu"),
    "gpu_ecc_corrected_errors": Metric(_COUNT, "memory errors corrected since the driver was loaded", "gpu"),
    "gpu_ecc_uncorrected_errors": Metric(_COUNT, "memory errors not corrected since then", "gpu"),
    "gpu_ecc_uncorrected_errors_lifetime": Metric(_COUNT, "memory errors never corrected in its life", "gpu"),
    "gpu_xid_code": Metric("code", "an XID the driver reported at this moment; no reading: none", "gpu"),
    "gpu_lost_ratio": Metric(
        _RATIO, "1 when the driver says that the GPU is lost, 0 while it answers", "gpu"
    ),
    "gpu_driver_timeouts_count": Metric(_COUNT, "times the driver did not answer since the monitor started"),
}

METRICS: Final[dict[str, Metric]] = {**_MACHINE, **_PRESSURE, **_STORAGE, **_SENSORS, **_GPU}
"""By name."""
