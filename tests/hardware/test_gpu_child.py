"""The child that talks to the NVIDIA driver: when it hangs, ends or talks nonsense, only its readings miss."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from hardware_driver import PATIENT_SECONDS, QUICK, Driver, gone, is_running, look, look_until, of, poll

from coord.services.hardware.gpu_library import COMMAND
from coord.services.hardware.gpu_poller import Deadlines, GpuPoller


@pytest.mark.parametrize("call", ["nvmlDeviceGetTemperature", "nvmlDeviceGetCount_v2"])
def test_a_call_that_never_returns_costs_the_child_and_nothing_else(driver: Driver, call: str) -> None:
    async def body(poller: GpuPoller) -> None:
        assert await look(poller)
        stuck = poller.pid
        assert stuck
        driver.show(f"hang {call}")
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await look(poller) == {}
        assert loop.time() - began < 2 * QUICK.answer_seconds
        assert poller.timeouts == 1
        await gone(stuck)
        driver.show()
        values = await look_until(poller, bool)
        assert of("gpu0", values)["gpu_temperature_celsius"] == 61
        assert poller.pid != stuck

    poll(driver, body)


def test_asking_never_waits_for_a_driver_that_hangs_from_the_start(driver: Driver) -> None:
    driver.show("hang nvmlInitWithFlags")

    async def body(poller: GpuPoller) -> None:
        loop = asyncio.get_running_loop()
        poller.ask("read")
        first = poller.pid
        began = loop.time()
        for _ in range(1000):
            poller.ask("read", "processes")
        await poller.settle(0.01)
        assert loop.time() - began < 0.2
        assert (poller.pid, poller.take()) == (first, [])

    poll(driver, body)


def test_a_driver_that_keeps_hanging_is_tried_less_and_less(driver: Driver) -> None:
    driver.show("hang nvmlDeviceGetTemperature")
    deadlines = Deadlines(20, 0.05, rest_seconds_min=0.02, rest_seconds_max=30)

    async def body(poller: GpuPoller) -> None:
        async with asyncio.timeout(PATIENT_SECONDS):
            while poller.timeouts < 4:
                await look(poller)
                await asyncio.sleep(0.005)
        assert poller.rest_seconds == 0.02 * 2**4

    poll(driver, body, deadlines)


def test_a_driver_that_is_not_loaded_is_a_reason_and_no_reading(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    driver.show("fault nvmlInitWithFlags 9")

    async def body(poller: GpuPoller) -> None:
        assert await look(poller) == {}
        assert "the NVIDIA driver does not serve: Driver Not Loaded" in caplog.text
        driver.show()
        assert await look_until(poller, bool)

    poll(driver, body)


def test_a_child_that_was_killed_is_replaced(driver: Driver) -> None:
    async def body(poller: GpuPoller) -> None:
        await look(poller)
        first = poller.pid
        assert first
        os.kill(first, signal.SIGKILL)
        await gone(first)
        await look_until(poller, lambda values: bool(values) and poller.pid != first)

    poll(driver, body)


@pytest.mark.parametrize("says", ["print('words')", "print('x' * 300_000)", "print('{\"points\": [[1]]}')"])
def test_a_child_that_is_not_understood_is_ended(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    program = f"{says}; import sys; sys.stdout.flush(); sys.stdin.read()"
    monkeypatch.setattr("coord.services.hardware.gpu_poller.COMMAND", (sys.executable, "-c", program))

    async def body(poller: GpuPoller) -> None:
        poller.ask("read")
        child = poller.pid
        assert child
        await poller.settle(PATIENT_SECONDS)
        await gone(child)
        assert poller.take() == []

    poll(driver, body)


def test_the_child_ends_with_its_input(driver: Driver) -> None:
    child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=driver.environment)
    said, _ = child.communicate(b"describe\nread\n", timeout=PATIENT_SECONDS)
    assert (len(said.splitlines()), child.returncode) == (2, 0)


def test_a_child_in_a_call_that_never_returns_ends_with_its_parent(driver: Driver) -> None:
    driver.show("hang nvmlDeviceGetTemperature")
    program = (
        "import subprocess, sys; "
        f"child = subprocess.Popen({COMMAND!r}, stdin=subprocess.PIPE, stdout=subprocess.PIPE); "
        "child.stdin.write(b'describe\\nread\\n'); child.stdin.flush(); "
        "child.stdout.readline(); sys.stdout.write(f'{child.pid}\\n'); sys.stdout.flush(); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=driver.environment,
    )
    assert parent.stdout
    grandchild = int(parent.stdout.readline())
    assert is_running(grandchild)
    parent.kill()
    parent.communicate()
    asyncio.run(gone(grandchild))
