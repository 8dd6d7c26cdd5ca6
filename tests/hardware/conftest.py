"""The parts that the hardware's tests share: a pretended machine, and the double of NVIDIA's library."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hardware_driver import Driver, compile_library
from machines import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that shows nothing at all."""
    (tmp_path / "machine").mkdir()
    return Machine(tmp_path / "machine")


@pytest.fixture(scope="session")
def compile_double(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Compile the double; skips where there is no C compiler."""
    built: dict[str, Path] = {}

    def compile_(flag: str) -> Path:
        if flag not in built:
            built[flag] = compile_library(tmp_path_factory.mktemp("nvml"), flag)
        return built[flag]

    return compile_


@pytest.fixture
def driver(compile_double: Callable[[str], Path], tmp_path: Path) -> Driver:
    """A healthy driver with two GPUs."""
    driver = Driver(compile_double("PRESENT_DRIVER"), tmp_path / "gpus")
    driver.show()
    return driver


@pytest.fixture
def old_driver(compile_double: Callable[[str], Path], tmp_path: Path) -> Driver:
    """The same from before NVIDIA named clocks event reasons."""
    driver = Driver(compile_double("OLD_DRIVER"), tmp_path / "gpus")
    driver.show()
    return driver
