"""NVIDIA GPUs, through the real nvidia-ml-py on a compiled double of the driver's library: what is read."""

import json
import subprocess
import sys

import pynvml
import pytest
from hardware_driver import Driver, look, look_until, of, poll

from coord.events.node import Gpu
from coord.services.hardware import gpu_child
from coord.services.hardware.gpu_library import COMMAND
from coord.services.hardware.gpu_poller import GpuPoller
from coord.services.hardware.metrics import METRICS


def test_every_value_of_a_healthy_gpu_arrives(driver: Driver) -> None:
    driver.show("xid 1 gpu0 79")

    async def body(poller: GpuPoller) -> None:
        await look(poller)
        values = await look(poller)
        assert {device for _, device in values} == {"gpu0", "gpu1"}
        assert of("gpu0", values).keys() | {"gpu_xid_code"} == {
            metric
            for metric, what in METRICS.items()
            if what.device == "gpu" and not metric.startswith(("gpu_violation_r", "gpu_violation_b"))
        } - {"gpu_driver_timeouts_count"}
        shown = of("gpu1", values)
        assert shown["gpu_temperature_celsius"] == 61
        assert shown["gpu_memory_temperature_celsius"] == 71
        assert shown["gpu_temperature_slowdown_celsius"] == 87
        assert shown["gpu_temperature_shutdown_celsius"] == 92
        assert shown["gpu_temperature_max_celsius"] == 83
        assert shown["gpu_power_watts"] == 312.5
        assert shown["gpu_power_limit_watts"] == 700
        assert shown["gpu_utilization_ratio"] == 0.97
        assert shown["gpu_memory_utilization_ratio"] == 0.41
        assert shown["gpu_memory_used_bytes"] == 1 << 30
        assert shown["gpu_memory_total_bytes"] == 150754820096
        assert (shown["gpu_sm_clock_mhz"], shown["gpu_sm_clock_mhz_max"]) == (1755, 1980)
        assert (shown["gpu_memory_clock_mhz"], shown["gpu_memory_clock_mhz_max"]) == (3100, 3201)
        assert shown["gpu_fan_ratio"] == 0.3
        assert shown["gpu_lost_ratio"] == 0
        assert shown["gpu_throttle_reasons_bits"] == 0

    poll(driver, body)


def test_what_changes_seldom_is_read_only_when_asked_for(driver: Driver) -> None:
    async def body(poller: GpuPoller) -> None:
        shown = of("gpu0", await look(poller, "read"))
        assert "gpu_temperature_celsius" in shown
        assert "gpu_temperature_slowdown_celsius" not in shown
        assert "gpu_ecc_corrected_errors" not in shown

    poll(driver, body)


def test_the_gpus_are_described_for_the_inventory(driver: Driver) -> None:
    async def body(poller: GpuPoller) -> None:
        await look(poller)
        assert poller.driver == "999.1"
        assert Gpu(**poller.gpus[1]) == Gpu(
            index=1,
            uuid="GPU-00000000-0000-0000-0000-000000000001",
            model="Double H200",
            memory_bytes=150754820096,
            compute_capability="9.0",
            power_limit_watts=700,
            temperature_slowdown_celsius=87,
            temperature_shutdown_celsius=92,
        )

    poll(driver, body)


@pytest.mark.parametrize(
    ("reasons", "raised"),
    [
        (pynvml.nvmlClocksEventReasonGpuIdle, set()),
        (pynvml.nvmlClocksEventReasonSwPowerCap, {"power"}),
        (pynvml.nvmlClocksEventReasonSwThermalSlowdown, {"thermal"}),
        (
            pynvml.nvmlClocksEventReasonHwThermalSlowdown | pynvml.nvmlClocksEventReasonHwSlowdown,
            {"thermal", "hardware"},
        ),
        (
            pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown | pynvml.nvmlClocksEventReasonHwSlowdown,
            {"power_brake", "hardware"},
        ),
    ],
)
def test_a_throttled_gpu_says_why(driver: Driver, reasons: int, raised: set[str]) -> None:
    driver.show(gpu0__reasons=str(reasons))

    async def body(poller: GpuPoller) -> None:
        values = await look(poller, "read")
        assert of("gpu0", values)["gpu_throttle_reasons_bits"] == reasons
        for why in ("power", "thermal", "power_brake", "hardware"):
            assert of("gpu0", values)[f"gpu_throttle_{why}_ratio"] == float(why in raised)
        assert of("gpu1", values)["gpu_throttle_thermal_ratio"] == 0

    poll(driver, body)


def test_an_old_driver_says_why_it_throttles_too(old_driver: Driver) -> None:
    old_driver.show(gpu0__reasons=str(pynvml.nvmlClocksThrottleReasonSwPowerCap))

    async def body(poller: GpuPoller) -> None:
        assert of("gpu0", await look(poller, "read"))["gpu_throttle_power_ratio"] == 1

    poll(old_driver, body)


def test_violation_is_the_share_of_the_time_between_two_looks(driver: Driver) -> None:
    driver.show(gpu0__violation_thermal="0.25")

    async def body(poller: GpuPoller) -> None:
        assert "gpu_violation_thermal_ratio" not in of("gpu0", await look(poller))
        values = of("gpu0", await look(poller))
        assert values["gpu_violation_thermal_ratio"] == pytest.approx(0.25, abs=0.1)
        assert values["gpu_violation_power_ratio"] == 0

    poll(driver, body)


def test_ecc_errors_arrive_by_kind(driver: Driver) -> None:
    driver.show(gpu0__ecc_corrected="12", gpu0__ecc_uncorrected="1", gpu0__ecc_uncorrected_lifetime="3")

    async def body(poller: GpuPoller) -> None:
        values = await look(poller)
        assert of("gpu0", values)["gpu_ecc_corrected_errors"] == 12
        assert of("gpu0", values)["gpu_ecc_uncorrected_errors"] == 1
        assert of("gpu0", values)["gpu_ecc_uncorrected_errors_lifetime"] == 3
        assert of("gpu1", values)["gpu_ecc_corrected_errors"] == 0

    poll(driver, body)


def test_an_xid_is_told_once(driver: Driver) -> None:
    async def body(poller: GpuPoller) -> None:
        assert "gpu_xid_code" not in of("gpu1", await look(poller))
        driver.show("xid 1 gpu1 79")
        assert of("gpu1", await look(poller))["gpu_xid_code"] == 79
        assert "gpu_xid_code" not in of("gpu1", await look(poller))

    poll(driver, body)


def test_the_last_xid_of_a_gpu_that_fell_off_the_bus_is_told(driver: Driver) -> None:
    async def body(poller: GpuPoller) -> None:
        await look(poller)
        driver.show("lost gpu1", "xid 1 gpu1 79")
        assert of("gpu1", await look(poller)) == {"gpu_lost_ratio": 1, "gpu_xid_code": 79}

    poll(driver, body)


def test_a_lost_gpu_says_only_that_and_the_other_goes_on(driver: Driver) -> None:
    async def body(poller: GpuPoller) -> None:
        healthy = await look(poller)
        driver.show("lost gpu1")
        values = await look(poller)
        assert of("gpu1", values) == {"gpu_lost_ratio": 1}
        assert of("gpu0", values).keys() >= of("gpu0", healthy).keys()
        driver.show()
        assert of("gpu1", await look(poller))["gpu_lost_ratio"] == 0

    poll(driver, body)


def test_after_a_gpu_was_lost_nvml_is_initialised_anew_to_see_it_again(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.show("lost gpu1")
    program = f"from {gpu_child.__name__} import main; import {gpu_child.__name__} as c; c.RENEW_SECONDS = 0; main()"
    monkeypatch.setattr("coord.services.hardware.gpu_poller.COMMAND", (sys.executable, "-c", program))

    async def body(poller: GpuPoller) -> None:
        await look(poller)
        assert [gpu["index"] for gpu in poller.gpus] == [0]
        driver.show()
        await look_until(poller, lambda _: len(poller.gpus) == 2)

    poll(driver, body)


def test_what_this_gpu_does_not_have_is_absent(driver: Driver) -> None:
    driver.show(
        "unsupported nvmlDeviceGetFanSpeed",
        "unsupported nvmlDeviceGetTotalEccErrors",
        "unsupported nvmlDeviceRegisterEvents",
        "unsupported nvmlDeviceGetFieldValues",
        "unsupported nvmlDeviceGetViolationStatus",
        "xid 1 gpu0 79",
    )

    async def body(poller: GpuPoller) -> None:
        await look(poller)
        shown = of("gpu0", await look(poller))
        assert not [metric for metric in shown if "ecc" in metric or "fan" in metric or "xid" in metric]
        assert "gpu_memory_temperature_celsius" not in shown
        assert not [metric for metric in shown if "violation" in metric]
        assert shown["gpu_temperature_celsius"] == 61

    poll(driver, body)


def test_a_sensor_that_answers_zero_without_being_there_is_absent(driver: Driver) -> None:
    driver.show(gpu__memory_temperature="0")

    async def body(poller: GpuPoller) -> None:
        assert "gpu_memory_temperature_celsius" not in of("gpu0", await look(poller))

    poll(driver, body)


def test_processes_tell_their_device_memory_over_all_gpus(driver: Driver) -> None:
    driver.show("process gpu0 4711 1024", "process gpu1 4711 1000", "process gpu1 4712 4096")

    async def body(poller: GpuPoller) -> None:
        await look(poller, "processes")
        assert poller.gpu_memory == {4712: 4096, 4711: 2024}

    poll(driver, body)


def test_processes_that_use_a_gpu_are_told_once_for_each_use(driver: Driver) -> None:
    driver.show("use gpu0 4711 1000 30", "use gpu1 4712 900 0", "use gpu1 4713 950 1")
    told = subprocess.Popen(
        COMMAND, env=driver.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with told:
        assert told.stdin is not None
        assert told.stdout is not None

        def ask() -> list[int]:
            assert told.stdin is not None
            assert told.stdout is not None
            told.stdin.write("busy\n")
            told.stdin.flush()
            return list(json.loads(told.stdout.readline())["busy"])

        assert ask() == [4711, 4713]
        assert ask() == []
        driver.show("use gpu0 4711 1000 30", "use gpu0 4711 2000 30")
        assert ask() == [4711]
        driver.show("unsupported nvmlDeviceGetProcessUtilization")
        assert ask() == []


def test_another_number_of_gpus_is_noticed_and_described(driver: Driver) -> None:
    driver.show(count="1")

    async def body(poller: GpuPoller) -> None:
        told: list[int] = []
        poller.on_description = lambda: told.append(len(poller.gpus))
        await look(poller)
        driver.show(count="2")
        values = await look(poller)
        assert {device for _, device in values} == {"gpu0", "gpu1"}
        assert told == [1, 2]

    poll(driver, body)
