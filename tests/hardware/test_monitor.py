"""The whole monitor on a real server: what it sends, what it survives, how it ends."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from conftest import Server
from hardware_driver import Driver
from machines import Machine

from coord.events.model import Event
from coord.events.node import NodeReadingsDropped, NodeRegistered
from coord.events.samples import Batch, HardwareSample, ProcessesSample, decode_sample
from coord.events.streams import SAMPLES
from coord.events.tokens import split_subject
from coord.events.wire import read_event
from coord.services.hardware import packer, registration
from coord.services.hardware.files import ROOT
from coord.services.hardware.gpu_poller import Deadlines, GpuPoller
from coord.services.hardware.metrics import METRICS
from coord.services.hardware.monitor import Monitor
from coord.services.log import Log, declare_streams
from coord.services.ready import READY_LINE, READY_VARIABLE
from coord.services.settings import Settings

PATIENT_SECONDS = 30.0
QUICK = Deadlines(start_seconds=20, answer_seconds=0.3, rest_seconds_min=0.05, rest_seconds_max=0.2)
Body = Callable[[Log], Awaitable[None]]


def program_of(settings: Settings) -> str:
    return (
        "from coord.services.hardware.main import run; from coord.services.settings import Settings; "
        f"from pathlib import Path; run(Settings(data=Path({str(settings.data)!r}), node='forge'))"
    )


@contextmanager
def monitor_process(
    settings: Settings, environment: Mapping[str, str] | None = None
) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A monitor as the supervisor starts it, and the descriptor on which it tells that it is ready."""
    ready, told = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", program_of(settings)],
        env={**(environment or os.environ), READY_VARIABLE: str(told)},
        pass_fds=[told],
    )
    os.close(told)
    try:
        yield child, ready
    finally:
        child.kill()
        child.wait()
        os.close(ready)


def is_ready(descriptor: int) -> bool:
    return (
        bool(select.select([descriptor], [], [], PATIENT_SECONDS)[0])
        and os.read(descriptor, 64) == READY_LINE
    )


def with_log(server: Server, body: Body) -> None:
    """Run a test's body with a connection, after the streams were declared."""

    async def main() -> None:
        log = await Log.connect(server.settings, server.folder)
        await declare_streams(log, server.settings)
        try:
            async with asyncio.timeout(PATIENT_SECONDS):
                await body(log)
        finally:
            await log.close()

    asyncio.run(main())


@asynccontextmanager
async def watching(
    server: Server, poller: GpuPoller | None = None, root: str = ROOT, seconds: float = 0.1
) -> AsyncIterator["asyncio.Task[None]"]:
    """A monitor inside the test."""
    settings = server.settings.changed(node="forge", sample_seconds=seconds)
    task = asyncio.create_task(Monitor(settings, server.folder, poller, root).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def samples(log: Log) -> AsyncIterator[Batch]:
    """Everything that monitors send, from the first message on, for ever."""
    async for batch in log.pull(SAMPLES.name, 1):
        for stored in batch:
            _, node, kind = split_subject(stored.subject, "sample")
            assert node == "forge"
            yield decode_sample(kind, stored.body)


async def first_sample(log: Log, condition: Callable[[HardwareSample], bool]) -> HardwareSample:
    async for batch in samples(log):
        if isinstance(batch, HardwareSample) and condition(batch):
            return batch
    raise AssertionError("the stream ended")


def metrics_of(batch: HardwareSample) -> set[str]:
    return {series.metric for series in batch.series}


async def said_of_the_node(log: Log) -> list[Event]:
    """Return what monitors told in the log."""
    return [read_event(one).event for one in await log.read_subject("ev.local.node.forge")]


async def registrations(log: Log, wanted: int) -> list[NodeRegistered]:
    """Wait until the node was registered so many times."""
    while len(events := await said_of_the_node(log)) < wanted:
        await asyncio.sleep(0.02)
    return [event for event in events if isinstance(event, NodeRegistered)]


def test_a_monitor_registers_its_node_sends_readings_and_stops_when_told(server: Server) -> None:
    with monitor_process(server.settings) as (child, ready):

        async def body(log: Log) -> None:
            assert await asyncio.to_thread(is_ready, ready)
            batch = await first_sample(log, lambda batch: "cpu_utilization_ratio" in metrics_of(batch))
            assert metrics_of(batch) <= METRICS.keys()
            assert metrics_of(batch) >= {"memory_used_bytes", "load_average_1m"}
            if not Path("/sys/class/hwmon").exists():
                assert not [
                    metric for metric in metrics_of(batch) if "temperature" in metric or "fan" in metric
                ]
            (registered,) = await registrations(log, 1)
            assert registered.inventory.cpu.cores_logical == os.cpu_count()
            assert registered.sample_seconds == 1.0
            child.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(child.wait, PATIENT_SECONDS) == 0

        with_log(server, body)


def test_the_processes_that_matter_most_follow_soon(server: Server) -> None:
    with monitor_process(server.settings) as _:

        async def body(log: Log) -> None:
            async for batch in samples(log):
                if isinstance(batch, ProcessesSample):
                    assert batch.total > len(batch.processes) > 0
                    assert all(process.cpu_ratio >= 0 for process in batch.processes)
                    assert all(process.memory_bytes > 0 for process in batch.processes)
                    return

        with_log(server, body)


def test_a_monitor_with_gpus_finds_the_library_and_sends_what_they_show(
    server: Server, driver: Driver
) -> None:
    driver.show(gpu__temperature="64")
    with monitor_process(server.settings, driver.environment) as (child, _):

        async def body(log: Log) -> None:
            batch = await first_sample(log, lambda batch: "gpu_temperature_celsius" in metrics_of(batch))
            shown = {
                one.device: set(one.values) for one in batch.series if one.metric == "gpu_temperature_celsius"
            }
            assert shown == {"gpu0": {64.0}, "gpu1": {64.0}}
            registered = (await registrations(log, 1))[-1]
            assert [gpu.model for gpu in registered.inventory.gpus] == ["Double H200"] * 2
            assert registered.inventory.gpu_driver == "999.1"
            assert registered.inventory.capacity.memory_bytes == 150754820096

        with_log(server, body)
        (poller,) = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        child.terminate()
        assert child.wait(PATIENT_SECONDS) == 0
        assert not Path(f"/proc/{poller}").exists()


def test_while_the_driver_hangs_the_other_readings_go_on_and_its_come_back(
    server: Server, driver: Driver
) -> None:
    async def body(log: Log) -> None:
        async with watching(server, GpuPoller(QUICK, driver.environment)):
            await first_sample(log, lambda batch: "gpu_temperature_celsius" in metrics_of(batch))
            driver.show("hang nvmlDeviceGetTemperature")
            stuck = await first_sample(log, hung)
            assert "cpu_utilization_ratio" in metrics_of(stuck)
            assert not [series for series in stuck.series if series.device.startswith("gpu")]
            driver.show()
            await first_sample(
                log, lambda batch: hung_once(batch) and "gpu_temperature_celsius" in metrics_of(batch)
            )

    def hung_once(batch: HardwareSample) -> bool:
        counts = [one.values for one in batch.series if one.metric == "gpu_driver_timeouts_count"]
        return max(counts[0]) >= 1

    def hung(batch: HardwareSample) -> bool:
        return hung_once(batch) and "gpu_temperature_celsius" not in metrics_of(batch)

    with_log(server, body)


def test_another_gpu_is_registered_as_a_change(
    server: Server, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "BETWEEN_SECONDS", 0.01)
    driver.show(count="1")

    async def body(log: Log) -> None:
        async with watching(server, GpuPoller(QUICK, driver.environment)):
            (first,) = await registrations(log, 1)
            driver.show(count="2")
            second = (await registrations(log, 2))[1]
        assert [len(one.inventory.gpus) for one in (first, second)] == [1, 2]

    with_log(server, body)


def test_the_measured_disk_is_registered_as_a_change(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "BETWEEN_SECONDS", 0.01)
    monkeypatch.setattr(registration, "MEASURE_AFTER_SECONDS", 0.5)

    async def body(log: Log) -> None:
        async with watching(server):
            first, second = await registrations(log, 2)
        measured = [disk for disk in second.inventory.disks if disk.write_bytes_per_second]
        assert not [disk for disk in first.inventory.disks if disk.write_bytes_per_second]
        assert len(measured) == 1
        assert measured[0].read_bytes_per_second

    with_log(server, body)


def test_a_second_start_registers_again_and_measures_nothing(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "BETWEEN_SECONDS", 0.01)
    monkeypatch.setattr(registration, "MEASURE_AFTER_SECONDS", 0.0)

    async def body(log: Log) -> None:
        async with watching(server):
            await first_sample(log, lambda _: server.folder.path("bandwidth.json").exists())
            before = (await registrations(log, 1))[-1]
            while not before.inventory.disks[0].write_bytes_per_second:
                before = (await registrations(log, 1))[-1]
        so_far = len(await registrations(log, 1))
        async with watching(server):
            *_, again = await registrations(log, so_far + 1)
        assert again == before

    with_log(server, body)


def test_readings_wait_while_the_server_is_away_and_none_is_missing(server: Server) -> None:
    async def body(log: Log) -> None:
        async with watching(server):
            await first_sample(log, lambda batch: batch.writer_sequence >= 2)
            await asyncio.to_thread(server.restart)
            sequences: list[int] = []
            async for batch in samples(log):
                sequences.append(batch.writer_sequence)
                if len(set(sequences)) >= 8:
                    break
            assert sorted(set(sequences)) == list(range(1, len(set(sequences)) + 1))

    with_log(server, body)


def test_readings_that_cannot_wait_are_dropped_and_the_log_is_told_how_many(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packer, "WAITING_BYTES_MAX", 1)

    async def body(log: Log) -> None:
        async with watching(server):
            while not (
                told := [one for one in await said_of_the_node(log) if isinstance(one, NodeReadingsDropped)]
            ):
                await asyncio.sleep(0.02)
            (dropped,) = told
            assert dropped.readings == dropped.readings_total > 0
            assert (await log.stream_state(SAMPLES.name)).messages == 0

    with_log(server, body)


def test_a_monitor_that_starts_before_its_server_sends_what_it_saw_meanwhile(server: Server) -> None:
    server.embedded.stop()

    async def main() -> None:
        async with watching(server), asyncio.timeout(PATIENT_SECONDS):
            await asyncio.sleep(0)
            await asyncio.to_thread(server.embedded.start)
            log = await Log.connect(server.settings, server.folder)
            await declare_streams(log, server.settings)
            batch = await first_sample(log, lambda _: True)
            assert batch.writer_sequence == 1
            await log.close()

    asyncio.run(main())


def test_a_monitor_without_a_server_stops_at_once_when_told(settings: Settings) -> None:
    with monitor_process(settings) as (child, _):
        wait_until_it_catches_signals(child.pid)
        child.send_signal(signal.SIGTERM)
        assert child.wait(PATIENT_SECONDS) == 0


def wait_until_it_catches_signals(pid: int) -> None:
    wanted = 1 << (signal.SIGTERM - 1)
    while True:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        if any(line.startswith("SigCgt:") and int(line.split()[1], 16) & wanted for line in lines):
            return


def test_a_monitor_ends_whenever_it_is_told(server: Server) -> None:
    async def body(log: Log) -> None:
        sent = 0
        for milliseconds in range(0, 100, 5):
            async with watching(server):
                async with asyncio.timeout(PATIENT_SECONDS):
                    while (now := (await log.stream_state(SAMPLES.name)).last) == sent:
                        await asyncio.sleep(0.001)
                sent = now
                await asyncio.sleep(milliseconds / 1000)

    with_log(server, body)


def test_a_machine_that_shows_nothing_sends_nothing_and_is_registered(
    server: Server, machine: Machine
) -> None:
    machine.write("/proc/loadavg", "0.50 1.25 2.00 3/412 9999\n")

    async def body(log: Log) -> None:
        async with watching(server, root=machine.root):
            batch = await first_sample(log, lambda _: True)
            assert metrics_of(batch) == {
                "load_average_1m",
                "load_average_5m",
                "load_average_15m",
                "tasks_count",
            }
            (registered,) = await registrations(log, 1)
            assert registered.inventory.memory_bytes == 0

    with_log(server, body)
