"""The board of machines and GPUs: what they do, what holds them back, and what is about to break."""

from typing import Final

from boards.shape import FULL, GOOD_HIGH, NEUTRAL, NONE_WANTED, Board, Panel, Query, Row, counted

_GPU: Final = "{{host_name}} {{hw_id}}"
_TOP: Final = "In the terminal: coord nodes"


def _per_gpu(metric: str, more: str = "") -> tuple[Query, ...]:
    return (Query(f"max by (host_name, hw_id) ({metric}{{@NODE{more}}})", _GPU),)


_GPUS: Final = Row("GPUs", (
    Panel("Utilisation", f"Share of the time in which a kernel ran: a row a GPU. {_TOP}", "percentunit",
          _per_gpu("hw_gpu_utilization_ratio"), "strip", 12, 9, 0, 1, decimals=0),
    Panel("Memory in use", f"Share of the device memory: a row a GPU. {_TOP}", "percentunit",
          _per_gpu("hw_gpu_memory_utilization_ratio"), "strip", 12, 9, 0, 1, decimals=0),
    Panel("Memory", f"Device memory in use, and what there is. {_TOP}", "bytes",
          (*_per_gpu("hw_gpu_memory_usage_bytes"),
           Query("max by (host_name, hw_id) (hw_gpu_memory_limit_bytes{@NODE})", f"{_GPU} limit")), width=8, low=0),
    Panel("Memory busy", f"Share of the time in which device memory was read or written. {_TOP}", "percentunit",
          _per_gpu("coord_gpu_memory_busy_ratio"), width=8, low=0, high=1),
    Panel("Clocks", f"Present clock, and the highest. {_TOP}", "hertz",
          (Query("max by (host_name, hw_id, coord_clock) (coord_gpu_clock_hertz{@NODE})", f"{_GPU} {{{{coord_clock}}}}"),
           Query("max by (host_name, hw_id, coord_clock) (coord_gpu_clock_limit_hertz{@NODE})",
                 f"{_GPU} {{{{coord_clock}}}} limit")), width=8, low=0),
    Panel("Which GPUs", f"Model and driver of each. {_TOP}", "none",
          (Query("max by (host_name, hw_id, hw_name, hw_model, hw_vendor, hw_driver_version) (coord_gpu_info{@NODE})"),),
          "table", 24, 6),
))  # fmt: skip

_HEAT: Final = Row("Heat and power", (
    Panel("Temperature", f"Of each GPU and its memory, and where each slows down or is shut down. {_TOP}", "celsius",
          (Query('max by (host_name, hw_id, hw_sensor_location) (hw_temperature_celsius{@NODE, hw_type="gpu"})',
                 f"{_GPU} {{{{hw_sensor_location}}}}"),
           Query('min by (host_name, hw_limit_type) (hw_temperature_limit_celsius{@NODE, hw_type="gpu"})',
                 "{{host_name}} limit: {{hw_limit_type}}")), width=12, height=9),
    Panel("Power", f"Drawn by each GPU, and what it is held to. {_TOP}", "watt",
          (Query('max by (host_name, hw_id) (hw_power_watts{@NODE, hw_type="gpu"})', _GPU),
           Query("max by (host_name, hw_id) (coord_gpu_power_limit_watts{@NODE})", f"{_GPU} limit")),
          width=12, height=9, low=0),
    Panel("Clocks held down", "1 while they are, and by what: power is normal, thermal and power_brake are not. "
          "In the terminal: coord alerts", "percentunit",
          (Query("max by (host_name, hw_id, coord_throttle_reason) (coord_gpu_throttled_ratio{@NODE})",
                 f"{_GPU} {{{{coord_throttle_reason}}}}"),), "strip", 12, 8, 0, 1, decimals=0),
    Panel("Time lost", f"Share of the time lost to each limit. {_TOP}", "percentunit",
          (Query("max by (host_name, hw_id, coord_throttle_reason) (coord_gpu_violation_ratio{@NODE})",
                 f"{_GPU} {{{{coord_throttle_reason}}}}"),), width=12, low=0),
    Panel("Energy a day", f"Of the GPUs, from what they drew in the last 24 hours. {_TOP}", "kwatth",
          (Query('sum by (host_name) (avg_over_time(hw_power_watts{@NODE, hw_type="gpu"}[1d])) * 24 / 1000',
                 "{{host_name}}"),), "bars", 6, 8, 0, None, NEUTRAL),
    Panel("Fans", f"Of the board. {_TOP}", "rotrpm",
          (Query("max by (host_name, hw_id) (hw_fan_speed_rpm{@NODE})", _GPU),), width=6, low=0),
    Panel("GPU fans", f"Intended speed; may exceed 1. {_TOP}", "percentunit", _per_gpu("hw_fan_speed_ratio"), width=6, low=0),
    Panel("Other power", f"Processor packages, batteries and the board. {_TOP}", "watt",
          (Query('max by (host_name, hw_id, hw_type) (hw_power_watts{@NODE, hw_type!="gpu"})',
                 f"{_GPU} {{{{hw_type}}}}"),), width=6, low=0),
))  # fmt: skip

_FAULTS: Final = Row("What breaks", (
    Panel("State of the GPUs", "failed: lost to its driver. In the terminal: coord alerts", "short",
          (Query("sum by (hw_state) (hw_status{@NODE})", "{{hw_state}}"),), "bars", 6, 8, 0, decimals=0),
    Panel("Memory errors", "Of GPUs since their driver was loaded: uncorrected ones end programs. "
          "In the terminal: coord alerts", "short",
          (Query("max by (host_name, hw_id, error_type) (hw_errors_total{@NODE})", f"{_GPU} {{{{error_type}}}}"),),
          "lines", 6, 8, 0, decimals=0),
    Panel("Never corrected", f"Memory errors in a GPU's life. {_TOP}", "short",
          _per_gpu("coord_gpu_ecc_lifetime"), "bars", 4, 8, 0, None, NONE_WANTED, decimals=0),
    Panel("XID", "The last that the driver reported. In the terminal: coord alerts", "none",
          _per_gpu("coord_gpu_xid"), "lines", 4, 8, 0, decimals=0),
    Panel("Silent drivers", f"Times a driver did not answer, in the time shown. {_TOP}", "short",
          (Query(counted("coord_gpu_driver_timeouts_total", "host_name, hw_id", "@NODE"), _GPU),),
          "bars", 4, 8, 0, None, NONE_WANTED, decimals=0),
))  # fmt: skip

_MACHINES: Final = Row("Machines", (
    Panel("Nodes", "Active, stale (silent for now) or lost. In the terminal: coord nodes", "short",
          (Query("sum by (coord_node_status) (coord_node_count{@SITE})", "{{coord_node_status}}"),),
          "lines", 6, 8, 0, stacked=True, decimals=0),
    Panel("Silence", "Since each node's last readings. In the terminal: coord nodes", "s",
          (Query("max by (host_name) (coord_node_silence_seconds{@NODE})", "{{host_name}}"),), "lines", 6, 8, 0),
    Panel("Readings lost", f"Those a monitor could not send, in the time shown. {_TOP}", "short",
          (Query(counted("coord_node_readings_dropped_total", "host_name", "@NODE"), "{{host_name}}"),),
          "bars", 6, 8, 0, None, NONE_WANTED, decimals=0),
    Panel("Supply", f"1 on mains, 0 on battery, and how full a battery is. {_TOP}", "percentunit",
          (Query("max by (host_name, hw_id) (coord_node_mains_ratio{@NODE})", f"{_GPU} mains"),
           Query("max by (host_name, hw_id) (hw_battery_charge_ratio{@NODE})", f"{_GPU} charge")),
          "bars", 6, 8, 0, 1, GOOD_HIGH),
    Panel("CPU", f"Share of all cores' time by mode, idle left out. {_TOP}", "percentunit",
          (Query('sum by (host_name, cpu_mode) (system_cpu_utilization_ratio{@NODE, cpu_mode!="idle"})',
                 "{{host_name}} {{cpu_mode}}"),), "lines", 8, 8, 0, None),
    Panel("Each core", f"Share of its time spent working: a row a core. {_TOP}", "percentunit",
          (Query("max by (host_name, cpu_logical_number) (coord_node_cpu_core_utilization_ratio{@NODE})",
                 "{{host_name}} {{cpu_logical_number}}"),), "strip", 8, 8, 0, 1, decimals=0),
    Panel("Busiest core", f"Its share of time spent working: one at 1 holds up a loop that runs on one. {_TOP}", "percentunit",
          (Query("max by (host_name) (coord_node_cpu_core_busiest_ratio{@NODE})", "{{host_name}}"),), "lines", 4, 8, 0, 1),
    Panel("Busy cores", f"Those that worked more than nine tenths of the time. {_TOP}", "short",
          (Query("max by (host_name) (coord_node_cpu_core_busy{@NODE})", "{{host_name}}"),), "lines", 4, 8, 0),
    Panel("Load", f"Running or blocked tasks: means of 1, 5 and 15 minutes. {_TOP}", "short",
          (Query("max by (host_name) (system_cpu_load_average_1m{@NODE})", "{{host_name}} 1m"),
           Query("max by (host_name) (system_cpu_load_average_5m{@NODE})", "{{host_name}} 5m"),
           Query("max by (host_name) (system_cpu_load_average_15m{@NODE})", "{{host_name}} 15m")), "lines", 8, 8, 0),
    Panel("Pressure", f"Share of the last 10 s in which some or all tasks waited for cpu, memory, io or irq. {_TOP}",
          "percentunit", (Query("max by (host_name, coord_pressure_resource, coord_pressure_kind) "
                                "(coord_node_pressure_ratio{@NODE})",
                                "{{host_name}} {{coord_pressure_resource}} {{coord_pressure_kind}}"),), "lines", 8, 8, 0, 1),
    Panel("Clocks", f"Of the cores: mean and slowest. {_TOP}", "hertz",
          (Query("max by (host_name, coord_aggregation) (system_cpu_frequency_hertz{@NODE})",
                 "{{host_name}} {{coord_aggregation}}"),), "lines", 8, 8, 0),
    Panel("Tasks", f"Processes, and processes with threads: all, running, blocked. {_TOP}", "short",
          (Query("max by (host_name) (system_process_count{@NODE})", "{{host_name}} processes"),
           Query("max by (host_name, coord_task_state) (coord_node_tasks{@NODE})", "{{host_name}} {{coord_task_state}}")),
          "lines", 8, 8, 0),
    Panel("Board temperatures", f"Sensors that are no GPU's. {_TOP}", "celsius",
          (Query('max by (host_name, hw_id) (hw_temperature_celsius{@NODE, hw_type!="gpu"})', _GPU),), "lines", 8, 8),
    Panel("Memory", f"Share of the RAM that is used. {_TOP}", "percentunit",
          (Query('max by (host_name) (system_memory_utilization_ratio{@NODE, system_memory_state="used"})',
                 "{{host_name}}"),), "lines", 8, 8, 0, 1),
    Panel("Memory in bytes", f"Used, available without swapping, all of it, and swap in use. {_TOP}", "bytes",
          (Query('max by (host_name) (system_memory_usage_bytes{@NODE, system_memory_state="used"})', "{{host_name}} used"),
           Query("max by (host_name) (system_linux_memory_available_bytes{@NODE})", "{{host_name}} available"),
           Query("max by (host_name) (system_memory_limit_bytes{@NODE})", "{{host_name}} all"),
           Query('max by (host_name) (system_paging_usage_bytes{@NODE, system_paging_state="used"})', "{{host_name}} swap")),
          "lines", 12, 8, 0),
    Panel("File systems", f"Share that is used. {_TOP}", "percentunit",
          (Query("max by (host_name, system_filesystem_mountpoint) (system_filesystem_utilization_ratio{@NODE})",
                 "{{host_name}} {{system_filesystem_mountpoint}}"),), "bars", 6, 8, 0, 1, FULL),
    Panel("Room", f"Used, and free for an ordinary user, of each file system's size. {_TOP}", "bytes",
          (Query("max by (host_name, system_filesystem_mountpoint, system_filesystem_state) (system_filesystem_usage_bytes{@NODE})",
                 "{{host_name}} {{system_filesystem_mountpoint}} {{system_filesystem_state}}"),
           Query("max by (host_name, system_filesystem_mountpoint) (system_filesystem_limit_bytes{@NODE})",
                 "{{host_name}} {{system_filesystem_mountpoint}} size")), "bars", 6, 8, 0, None, NEUTRAL),
    Panel("Disks: bytes", f"Read from and written to each disk. {_TOP}", "Bps",
          (Query("max by (host_name, system_device, disk_io_direction) (coord_node_disk_io_rate_bytes_per_second{@NODE})",
                 "{{host_name}} {{system_device}} {{disk_io_direction}}"),), "lines", 8, 8, 0),
    Panel("Disks: operations", f"Finished reads and writes of each disk. {_TOP}", "ops",
          (Query("max by (host_name, system_device, disk_io_direction) (coord_node_disk_operation_rate_per_second{@NODE})",
                 "{{host_name}} {{system_device}} {{disk_io_direction}}"),), "lines", 8, 8, 0),
    Panel("Disks: busy", f"Share of the time in which a disk had work. {_TOP}", "percentunit",
          (Query("max by (host_name, system_device) (coord_node_disk_busy_ratio{@NODE})",
                 "{{host_name}} {{system_device}}"),), "lines", 8, 8, 0, 1),
    Panel("Network", f"Received and sent by each interface. {_TOP}", "Bps",
          (Query("max by (host_name, network_interface_name, network_io_direction) "
                 "(coord_node_network_io_rate_bytes_per_second{@NODE})",
                 "{{host_name}} {{network_interface_name}} {{network_io_direction}}"),), "lines", 12, 8, 0),
    Panel("Network faults", f"Packets a second with errors, and dropped. {_TOP}", "pps",
          (Query("max by (host_name, network_interface_name) (coord_node_network_error_rate_per_second{@NODE})",
                 "{{host_name}} {{network_interface_name}} errors"),
           Query("max by (host_name, network_interface_name) (coord_node_network_drop_rate_per_second{@NODE})",
                 "{{host_name}} {{network_interface_name}} dropped")), "lines", 12, 8, 0),
))  # fmt: skip

HARDWARE: Final = Board(
    "coord-hardware",
    "coord · Hardware",
    "Machines and GPUs: what they do, what holds them back, and what is about to break.",
    ("site", "host"),
    (_GPUS, _HEAT, _FAULTS, _MACHINES),
    "now-3h",
)
