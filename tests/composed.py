"""The services of deploy/compose.yaml as processes: its own commands, environment and credentials, no container.

What only a container has is put in its place: the paths of volumes and secrets, and the names of the other services.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from command_line import Cli
from deployed import DEPLOY, loaded
from made_secrets import made_secrets, variables_in
from nats_servers import running_server
from receivers import until

from coord.services.server.embedded import Address
from coord.services.server.process import end_child

SERVICES: Final[dict[str, Any]] = {
    name: one for name, one in loaded(DEPLOY / "compose.yaml")["services"].items() if "command" in one and name != "nats"
    and one["image"].startswith("coord:")
}  # fmt: skip


EXPORT_MILLISECONDS: Final = "500"
"""A test waits for several exports of metrics; a user's are ten seconds apart."""


@dataclass
class Composed:
    """What runs, and a command line inside the coordinator's container, so to speak."""

    cli: Cli
    children: dict[str, "subprocess.Popen[bytes]"]
    folder: Path

    def serves(self, name: str) -> bool:
        """Tell whether a service has said that it serves."""
        assert self.children[name].poll() is None, (self.folder / f"{name}.log").read_text()
        return (self.folder / f"{name}.ready").read_text() == "ready\n"


@contextmanager
def composed(folder: Path, receiver: str) -> Iterator[Composed]:
    """Run the server and every service, the exporter towards a receiver; end them in order."""
    made = made_secrets(folder)
    with running_server(folder / "server", variables_in(made / "nats.env")) as server:
        environments = {name: _environment(name, folder, made, server.address, receiver) for name in SERVICES}
        children: dict[str, subprocess.Popen[bytes]] = {}
        running = Composed(Cli(folder, environments["coordinator"]), children, folder)
        try:
            for name in SERVICES:
                children[name] = _started(name, environments[name], folder)
            yield running
        finally:
            for child in children.values():
                end_child(child)


def wait_until_all_serve(running: Composed) -> None:
    """Wait until every service says that it serves."""
    for name in SERVICES:
        until(lambda name=name: running.serves(name))  # type: ignore[misc]


def _started(name: str, environment: Mapping[str, str], folder: Path) -> "subprocess.Popen[bytes]":
    command = ["sh", str(DEPLOY / "container" / "serve"), *SERVICES[name]["command"]]
    with (folder / f"{name}.log").open("wb") as said:
        (folder / f"{name}.ready").touch()
        return subprocess.Popen(command, env=environment, stderr=said, stdout=said)


def _environment(name: str, folder: Path, made: Path, server: Address, receiver: str) -> dict[str, str]:
    told = SERVICES[name]["environment"]
    places = {
        "nats://nats:4222": server.url,
        "http://nats:8222": server.monitor,
        "http://otel-collector:4318": receiver,
        "/run/secrets": str(made),
        "/tmp/coord": str(folder / name),
        "/var/lib/archive": str(folder / "archive"),
    }
    replaced = {key: _put(re.sub(r"\$\{\w+:-(.*)\}", r"\1", value), places) for key, value in told.items()}
    return {
        "COORD_DATA": str(folder / "data"),
        **replaced,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "OTEL_METRIC_EXPORT_INTERVAL": EXPORT_MILLISECONDS,
        "READY_FILE": str(folder / f"{name}.ready"),
    }


def _put(value: str, places: Mapping[str, str]) -> str:
    for place, ours in places.items():
        value = value.replace(place, ours)
    return value
