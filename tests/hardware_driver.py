"""The double of NVIDIA's library: what it shows, how a process comes to load it, and how it is looked at."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from machines import Values, by_series

from coord.services.hardware.gpu_poller import Deadlines, GpuPoller

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


def compile_library(folder: Path, flag: str = "PRESENT_DRIVER") -> Path:
    """Compile the double into a folder; skips where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is not installed: the double of libnvidia-ml.so.1 cannot be compiled")
    library = folder / "libnvidia-ml.so.1"
    options = ["-Wall", "-Werror", "-O1", "-shared", "-fPIC", f"-D{flag}"]
    subprocess.run([compiler, *options, "-o", library, SOURCE], check=True)
    return library


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


QUICK = Deadlines(start_seconds=20, answer_seconds=0.5, rest_seconds_min=0.02, rest_seconds_max=0.1)
PATIENT_SECONDS = 20.0
Body = Callable[[GpuPoller], Awaitable[None]]


def poll(driver: Driver, body: Body, deadlines: Deadlines = QUICK) -> None:
    """Run a test's body with a poller whose children load this driver."""

    async def main() -> None:
        poller = GpuPoller(deadlines, driver.environment)
        try:
            await body(poller)
        finally:
            poller.close()

    asyncio.run(main())


async def look(poller: GpuPoller, *wanted: str) -> Values:
    """Ask once, and return what is answered before nothing more is awaited."""
    poller.ask(*(wanted or ("read seldom",)))
    await poller.settle(PATIENT_SECONDS)
    return by_series(poller.take())


async def look_until(poller: GpuPoller, condition: Callable[[Values], bool]) -> Values:
    """Look until a look shows what is awaited."""
    async with asyncio.timeout(PATIENT_SECONDS):
        while not condition(values := await look(poller)):
            await asyncio.sleep(0.01)
        return values


def of(gpu: str, values: Values) -> dict[str, float]:
    return {metric: value for (metric, device), value in values.items() if device == gpu}


async def gone(pid: int) -> None:
    """Wait until a process runs no more."""
    async with asyncio.timeout(PATIENT_SECONDS):
        while is_running(pid):
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
