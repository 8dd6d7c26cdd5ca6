"""The whole house: the server and every service as processes, driven through the command line."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli
from hatched import IS_POSSIBLE
from incubator import start_house

from coord.services import clock
from coord.services.folder import Folder

WAIT_SECONDS = 30


@dataclass
class House:
    """A running house and its command line."""

    cli: Cli
    folder: Folder

    def ask(self, *words: str) -> Any:
        """Run a command that must work and return its JSON."""
        ran = self.cli.run(*words, "--json")
        assert ran.code == 0, (words, ran)
        return ran.document

    def pid(self, name: str) -> int:
        """Return the process of a service, or of the `server`."""
        up = self.folder.read_json("up.json") or {}
        if name == "server":
            return int((self.folder.read_json("server.json") or {})["pid"])
        return int(up["services"][name])

    def kill(self, name: str) -> None:
        """End a process as a crash would."""
        os.kill(self.pid(name), signal.SIGKILL)


def until(condition: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
    """Ask until something holds, and return it; each asking takes its time, so nothing sleeps."""
    end = clock.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert clock.monotonic() < end, "it did not come about in time"


def environment_of(home: Path, data: Path) -> dict[str, str]:
    """Return an environment in which only the data folder is said."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COORD_", "OTEL_", "PYTHON"))
    }
    return kept | {"HOME": str(home), "COORD_DATA": str(data), "LANG": "C.UTF-8"}


@contextmanager
def running_house(
    root: Path, cli: Callable[[Path, dict[str, str]], Cli] = Cli, hatched: bool = True
) -> Iterator[House]:
    """Run a house on the folder `data` below `root`, and take it down at the end.

    Unless `hatched` it is started as a user starts it, with `coord up --detach`, and so is every command.
    """
    home = root / "home"
    home.mkdir()
    told = cli(home, environment_of(home, root / "data"))
    told.hatched = hatched and IS_POSSIBLE
    try:
        if told.hatched:
            failed = start_house(told.environment, home)
            assert not failed, failed
        else:
            up = told.run("up", "--detach")
            assert up.code == 0, up
        yield House(told, Folder(root / "data"))
    finally:
        told.run("down")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house that is up; it is taken down after the test."""
    with running_house(tmp_path) as running:
        yield running
