"""The units, as systemd itself reads them, with the programs of this environment in place of /opt/coord."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from deployed import DEPLOY

UNITS: Final = DEPLOY / "systemd"
EXPOSURE_MAX: Final = 2.5
"""Of 10, by systemd-analyze security; 2.1 and less when this was written."""


@pytest.fixture
def analyze() -> str:
    path = shutil.which("systemd-analyze")
    if path is None:
        pytest.skip("systemd-analyze is not installed")
    return path


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The units on programs that exist here: systemd looks for them."""
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/opt/coord/bin", str(Path(sys.executable).parent))
        (tmp_path / unit.name).write_text(text)
    return tmp_path


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_systemd_finds_no_fault(analyze: str, here: Path) -> None:
    names = ["./coord.service", "./coord@coordinator.service", "./coord-nats.service", "./coord.target"]
    checked = run(here, analyze, "verify", "--man=no", *names)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_systemd_finds_a_fault_where_there_is_one(analyze: str, here: Path) -> None:
    unit = here / "coord.service"
    unit.write_text(unit.read_text().replace("ProtectHome=yes", "ProtectHom=yes"))
    assert "ProtectHom" in run(here, analyze, "verify", "--man=no", "./coord.service").stderr


@pytest.mark.parametrize("name", ["coord.service", "coord@.service", "coord-nats.service"])
def test_a_unit_is_exposed_little(name: str, analyze: str, here: Path) -> None:
    rated = run(here, analyze, "security", "--offline=true", "--no-pager", f"./{name}")
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", rated.stdout)
    assert found, rated.stderr
    assert float(found[1]) <= EXPOSURE_MAX


def test_no_unit_runs_as_root_and_each_writes_only_its_own_folder() -> None:
    for unit in UNITS.glob("*.service"):
        text = unit.read_text()
        assert re.search(r"^User=coord", text, re.MULTILINE), unit.name
        assert re.search(r"^StateDirectory=coord", text, re.MULTILINE), unit.name
        assert "\nProtectSystem=strict\n" in text
        assert "\nReadWritePaths=" not in text
