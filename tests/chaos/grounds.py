"""Where a run takes place: a house with its server and services, and coordinators beside it that stand by."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import pytest
from chaos.lines import SocketLine
from chaos.nemesis import BLOWS
from command_line import Cli
from houses import House, running_house

from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings

LEASE_SECONDS: Final = 1.5
DISK_BYTES: Final = 512 << 20


class Ground(Protocol):
    """What a run needs of its place."""

    async def connect(self, number: int) -> Log:
        """Return a connection of the run's own, the n-th of several."""

    def sockets(self) -> list[SocketLine]:
        """Return the sockets that a coordinator may listen on."""

    async def strike(self, blow: str) -> float:
        """Deal a blow, and return once it is undone when it struck."""


@dataclass
class Standby:
    """A coordinator of its own data folder, on the house's log."""

    folder: Folder
    process: "subprocess.Popen[bytes]"


@dataclass
class OneNode:
    """A house with one server; beside it, coordinators that stand by."""

    house: House
    settings: Settings
    standbys: list[Standby] = field(default_factory=list)

    async def connect(self, number: int) -> Log:  # noqa: ARG002
        """Return a connection of the run's own: there is one server for all."""
        return await Log.connect(self.settings, self.house.folder)

    async def strike(self, blow: str) -> float:
        """Deal a blow, and return once it is undone when it struck."""
        return await BLOWS[blow](self)

    def sockets(self) -> list[SocketLine]:
        """Return the sockets that a coordinator may listen on."""
        return [SocketLine(self.house.folder), *(SocketLine(one.folder) for one in self.standbys)]

    def coordinators(self) -> list[int]:
        """Return the processes of the coordinators that live."""
        return [self.pid("coordinator"), *(one.process.pid for one in self.standbys)]

    def pid(self, name: str) -> int:
        """Return the process of a service, or of the `server`; 0 while there is none."""
        try:
            return self.house.pid(name)
        except (KeyError, TypeError):
            return 0

    def signal(self, name: str, how: signal.Signals) -> int:
        """Send a signal to a process of the house, and return its pid; one that has just gone gets none."""
        pid = self.pid(name)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        return pid


@contextmanager
def one_node(root: Path, standbys: int = 0, lease_seconds: float = LEASE_SECONDS) -> Iterator[OneNode]:
    """Run a house, and coordinators beside it."""
    root.mkdir(exist_ok=True)
    told = {
        "COORD_LEASE_SECONDS": str(lease_seconds),
        "COORD_SAMPLE_SECONDS": "5",
        "COORD_RECLAIMS_MAX": "1000000",
    }
    with (
        running_house(root, lambda home, environment: Cli(home, environment | told)) as house,
        ExitStack() as stack,
    ):
        ground = OneNode(house, Settings(data=house.folder.root))
        for number in range(standbys):
            ground.standbys.append(_standby(house, root / f"standby-{number}", stack))
        yield ground


def _standby(house: House, data: Path, stack: ExitStack) -> Standby:
    server = house.folder.read_json("server.json") or {}
    core = (house.folder.read_json("credentials.json") or {})["core"]
    data.mkdir(mode=0o700)
    credentials = data / "core.json"
    credentials.write_text(json.dumps({"user": core["user"], "password": core["password"]}))
    process = house.cli.start(
        "serve", "coordinator", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        environment={
            "COORD_DATA": str(data), "COORD_NATS": server["url"], "COORD_NATS_MONITOR": server["monitor"],
            "COORD_NATS_CREDENTIALS": str(credentials),
        },
    )  # fmt: skip
    stack.callback(process.wait)
    stack.callback(process.kill)
    return Standby(Folder(data), process)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of its own, which can run full; skips where that is not permitted."""
    folder.mkdir(exist_ok=True)
    options = f"size={DISK_BYTES},mode=0700"
    mounting = ["mount", "-t", "tmpfs", "-o", options, "coord-chaos", str(folder)]
    made = subprocess.run(mounting, capture_output=True, check=False)
    if made.returncode:
        pytest.skip("a disk that runs full needs a small file system, and mounting one needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
