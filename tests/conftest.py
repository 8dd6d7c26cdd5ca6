"""The parts that tests share: a data folder, and a real server on it."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from coord.services.folder import Folder
from coord.services.server import Address, EmbeddedServer
from coord.services.server.credentials import role_credentials
from coord.services.settings import Settings

STEPS = (
    "agents",
    "asking",
    "dashboards",
    "exports",
    "health",
    "items",
    "mistakes",
    "oversight",
    "planning",
    "proofs",
    "requests",
    "rivers",
    "runs",
    "safekeeping",
    "tables",
    "waiting",
)

pytest_plugins = (
    "coverage_summary",
    "coord.services.verification.plugin",
    *(f"features.steps.{subject}" for subject in STEPS),
)

# A shell that starts the tests in the background has SIGINT ignored, and what is ignored is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is the machine's business: a test has a time limit as a whole.
hypothesis.settings.register_profile("coord", deadline=None)
hypothesis.settings.load_profile("coord")

# pytest-xdist tells its workers how wide the terminal is; what the tests start would believe it of its own.
for told in ("COLUMNS", "LINES"):
    os.environ.pop(told, None)


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a good part of the tests wait for processes that they started."""
    return len(os.sched_getaffinity(0)) + 1


@dataclass
class Server:
    """A running nats-server on a data folder of its own."""

    folder: Folder
    settings: Settings
    embedded: EmbeddedServer
    address: Address

    def restart(self) -> None:
        """Stop the server if it runs, and start it again on the same data."""
        self.address = self.embedded.restart()

    def credential(self, role: str) -> dict[str, str]:
        """Return user, password and inbox prefix of a role."""
        return role_credentials(self.folder)[role]

    def kill(self) -> None:
        """End the server's process as a crash would."""
        assert self.embedded.pid is not None
        os.kill(self.embedded.pid, signal.SIGKILL)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings on a data folder that nobody used before."""
    return Settings(data=tmp_path / "coord")


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    """A running embedded server; stopped after the test."""
    folder = Folder(settings.data)
    embedded = EmbeddedServer(folder, settings)
    try:
        yield Server(folder, settings, embedded, embedded.start())
    finally:
        embedded.stop()
