"""From the driver's library to the directive: everything is real but libnvidia-ml.so.1, which a double plays.

No trace of a GPU that throttles, is lost or hangs was at hand; what the double shows is made up.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from conftest import Server
from hardware_driver import QUICK, Driver, compile_library
from told_runs import ToldRun
from told_steps import STEPS_TO_WARM
from watchdogs import Loop, in_loop, until

from coord.services.hardware.gpu_poller import GpuPoller
from coord.services.hardware.monitor import Monitor
from coord.services.tasks import end
from coord.services.watchdog.watch import Watch

HARDWARE_THERMAL = str(0x40 | 0x8)
SOFTWARE_THERMAL = str(0x20)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The double, compiled."""
    return compile_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def driver(library: Path, tmp_path: Path) -> Driver:
    """A healthy driver with two GPUs."""
    driver = Driver(library, tmp_path / "gpus")
    driver.show()
    return driver


@contextlib.asynccontextmanager
async def monitor(loop: Loop, driver: Driver) -> AsyncIterator[ToldRun]:
    """Let the real monitor read the driver, and a run run on its node, for as long as the context lasts."""
    settings = loop.settings.changed(node="n-1", sample_seconds=0.25)
    task = asyncio.create_task(
        Monitor(settings, loop.server.folder, GpuPoller(QUICK, driver.environment)).run()
    )
    run = ToldRun(loop.log, "r-1", node="n-1")
    try:
        await run.start()
        await run.steps(STEPS_TO_WARM)
        yield run
    finally:
        await end(task)


async def until_in_story(loop: Loop, *wanted: str) -> None:
    """Wait until all this was decided, in this order."""

    async def is_in() -> bool:
        told = [one for one in await loop.story() if one in wanted]
        return told == list(wanted)

    await until(is_in)


async def has_read(loop: Loop, watch: Watch) -> None:
    """Wait until the healthy GPUs were read, and the watchdog knows of them and the run."""
    await until(lambda: _gpus_are_registered(loop))
    await until(lambda: watch.run("r-1") and "n-1" in watch.nodes())


async def _gpus_are_registered(loop: Loop) -> bool:
    return any(one.event.inventory.gpus for one in await loop.events("node"))  # type: ignore[attr-defined]


def test_throttle_bits_are_an_alert_and_slow_steps_halve_the_micro_batch(
    server: Server, driver: Driver
) -> None:
    async def body(loop: Loop) -> None:
        async with loop.watchdog() as watch, monitor(loop, driver) as run:
            await has_read(loop, watch)
            await run.steps(10, seconds=0.5)
            driver.show(gpu1__reasons=SOFTWARE_THERMAL, gpu1__temperature="86")
            await until_in_story(
                loop, "raised gpu-throttled warning", "raised gpu-too-hot warning", "asked halve_micro_batch"
            )
            alert = next(one for one in await loop.events("alert"))
            assert alert.event.entity == "n-1"  # type: ignore[attr-defined]
            assert "gpu1" in alert.event.summary  # type: ignore[attr-defined]

    in_loop(server, body)


def test_near_the_shutdown_the_run_is_saved_and_paused(server: Server, driver: Driver) -> None:
    async def body(loop: Loop) -> None:
        async with loop.watchdog() as watch, monitor(loop, driver):
            await has_read(loop, watch)
            driver.show(gpu0__temperature="90", gpu0__reasons=HARDWARE_THERMAL)
            await until_in_story(loop, "raised gpu-too-hot critical", "asked checkpoint_now", "asked pause")

    in_loop(server, body)


def test_a_lost_gpu_is_an_alert_and_the_run_is_saved(server: Server, driver: Driver) -> None:
    async def body(loop: Loop) -> None:
        async with loop.watchdog() as watch, monitor(loop, driver):
            await has_read(loop, watch)
            driver.show("lost gpu1")
            await until_in_story(loop, "raised gpu-lost critical", "asked checkpoint_now")

    in_loop(server, body)


def test_a_driver_that_hangs_is_an_alert_and_the_run_is_saved(server: Server, driver: Driver) -> None:
    async def body(loop: Loop) -> None:
        async with loop.watchdog() as watch, monitor(loop, driver):
            await has_read(loop, watch)
            driver.show("hang nvmlDeviceGetTemperature")
            await until_in_story(loop, "raised gpu-unresponsive warning", "asked checkpoint_now")

    in_loop(server, body)
