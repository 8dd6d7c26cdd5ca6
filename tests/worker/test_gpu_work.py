"""A command that only waits for its GPU works: the driver says so (the double of NVIDIA's library plays it)."""

from itertools import count
from pathlib import Path

from desks import Desk, end_of
from hardware_driver import Driver, compile_library
from houses import until

from coord.services import clock


def test_using_a_gpu_is_work(desk: Desk, tmp_path: Path, marker: Path) -> None:
    driver = Driver(compile_library(tmp_path), tmp_path / "gpus")
    driver.show()
    item = desk.submit(stuck_seconds=3.0, lease_seconds=3.0)
    environment = {name: driver.environment[name] for name in ("LD_LIBRARY_PATH", "NVML_DOUBLE_STATE")}
    process = desk.start("--once", "--exec", f"echo $$ > {marker}; exec sleep 600", environment=environment)
    until(lambda: marker.exists() and marker.read_text().strip())
    desk.once(item, "claimed")
    times = count(1)
    end = clock.monotonic() + 4.5

    def uses() -> bool:
        driver.show(f"use gpu0 {marker.read_text().strip()} {next(times)} 50")
        return bool(desk.item(item)) and clock.monotonic() > end

    until(uses)
    assert not desk.item(item).get("stuck")
    until(lambda: desk.item(item).get("stuck"))
    desk.tell("cancel", item_id=item)
    assert end_of(process).code == 7
    assert [event["type"].split(".")[1] for event in desk.history(item)] == [
        "submitted",
        "claimed",
        "stuck",
        "cancelled",
    ]
