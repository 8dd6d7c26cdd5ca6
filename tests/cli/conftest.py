"""The command line on a data folder of its own, and scripted services to answer it."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Cli
from scripted_service import Answering, Service

from coord.services.folder import COORDINATOR_SOCKET, PROJECTOR_SOCKET, Folder, bind_socket

ENDS_SECONDS = 10


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that exists, and that nobody serves."""
    path = tmp_path / "data"
    Folder(path).make()
    return path


@pytest.fixture(scope="session")
def make_cli() -> Callable[[Path, Path], Cli]:
    """Make a command line with a home and a data folder, and nothing else of this process's settings."""

    def make(home: Path, data: Path) -> Cli:
        home.mkdir()
        ours = {"HOME": str(home), "COORD_DATA": str(data), "LANG": "C.UTF-8", "TZ": "UTC"}
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("COORD_", "PYTHON"))
        }
        return Cli(home, kept | ours)

    return make


@pytest.fixture
def cli(tmp_path: Path, data: Path, make_cli: Callable[[Path, Path], Cli]) -> Cli:
    """`coord` without a server."""
    return make_cli(tmp_path / "home", data)


@pytest.fixture
def service(data: Path) -> Iterator[Callable[..., Service]]:
    """Start a service that answers by a function, or always the same."""
    started: list[tuple[Service, threading.Thread]] = []

    def start(answer: Answering | bytes | None, socket_name: str = COORDINATOR_SOCKET) -> Service:
        answering = answer if callable(answer) else lambda _: answer
        made = Service(answering, bind_socket(Folder(data), socket_name))
        thread = threading.Thread(target=made.serve, daemon=True)
        thread.start()
        started.append((made, thread))
        return made

    yield start
    for made, thread in started:
        made.stop()
        thread.join(ENDS_SECONDS)
        made.close()


@pytest.fixture
def projector(service: Callable[..., Service]) -> Callable[..., Service]:
    """Start a projector that answers by a function, or always the same."""
    return lambda answer: service(answer, PROJECTOR_SOCKET)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path) -> Path:
    """Make this process the command line's: its environment names the data folder and nothing else."""
    for name in list(os.environ):
        if name.startswith("COORD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COORD_DATA", str(data))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return data
