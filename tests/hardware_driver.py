"""The double of NVIDIA's library: what it shows, and how a process comes to load it."""

import os
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent / "hardware/nvml_double.c"
HEALTHY = {
    "count": "2",
    "gpu.temperature": "61",
    "gpu.memory_temperature": "71",
    "gpu.slowdown": "87",
    "gpu.shutdown": "92",
    "gpu.max": "83",
    "gpu.memory_max": "95",
    "gpu.power_mw": "312500",
    "gpu.power_limit_mw": "700000",
    "gpu.memory_total": "150754820096",
    "gpu.memory_used": "1073741824",
    "gpu.utilization_percent": "97",
    "gpu.memory_utilization_percent": "41",
    "gpu.fan_percent": "30",
    "gpu.sm_mhz": "1755",
    "gpu.sm_mhz_max": "1980",
    "gpu.memory_mhz": "3100",
    "gpu.memory_mhz_max": "3201",
    "gpu.reasons": "0",
    "gpu.violation_power": "0",
    "gpu.violation_thermal": "0",
    "gpu.ecc_corrected": "0",
    "gpu.ecc_uncorrected": "0",
    "gpu.ecc_uncorrected_lifetime": "0",
}


@dataclass
class Driver:
    """NVIDIA's library, as `nvml_double.c` plays it: what it shows is set line by line."""

    library: Path
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to load this library in place of any other."""
        library_path = {"LD_LIBRARY_PATH": str(self.library.parent)}
        return {**os.environ, **library_path, "NVML_DOUBLE_STATE": str(self.state)}

    def show(self, *lines: str, **values: str) -> None:
        """Show healthy GPUs, but for these values (`gpu0__temperature="95"`) and these lines."""
        changed = {name.replace("__", "."): value for name, value in values.items()}
        shown = [f"{name} {value}" for name, value in {**HEALTHY, **changed}.items()]
        beside = self.state.with_suffix(".new")
        beside.write_text("\n".join([*shown, *lines]) + "\n")
        beside.replace(self.state)
