"""nats-server started on the configuration in deploy/nats, as an operator would start it."""

import json
import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nats_confs import variable_of
from receivers import until

from coord.services.server.binary import find_binary
from coord.services.server.credentials import ROLES
from coord.services.server.embedded import Address
from coord.services.server.probe import get
from coord.services.server.process import end_child
from coord.services.settings import Settings

CONFIGURATIONS: Final = Path(__file__).resolve().parent.parent / "deploy" / "nats"
NODES: Final = ("node-1", "node-2", "node-3")


@dataclass
class Running:
    """A server that runs, and where."""

    child: "subprocess.Popen[bytes]"
    folder: Path
    address: Address


def passwords() -> dict[str, str]:
    """Make the variables that users.conf and the nodes name."""
    wanted = (*map(variable_of, ROLES), variable_of("route"))
    return {name: f"p{secrets.token_hex(16)}" for name in wanted}


def variables(store: Path, known: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a server."""
    return {"PATH": os.environ["PATH"], "NATS_STORE": str(store), **known}


def credentials_file(folder: Path, role: str, known: Mapping[str, str]) -> Path:
    """Write the file that `nats_credentials` names."""
    path = folder / f"{role}.json"
    path.write_text(json.dumps({"user": f"~{role}", "password": known[variable_of(role)]}))
    return path


def read_by_server(
    name: str, known: Mapping[str, str], folder: Path, configurations: Path = CONFIGURATIONS
) -> "subprocess.CompletedProcess[str]":
    """Have nats-server itself read a configuration."""
    command = [str(find_binary(Settings())), "-t", "-c", str(configurations / f"{name}.conf")]
    environment = variables(folder / "store", known)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@contextmanager
def running_server(
    folder: Path, known: Mapping[str, str], configuration: Path = CONFIGURATIONS / "nats.conf"
) -> Iterator[Running]:
    """Run one server on free ports."""
    folder.mkdir(exist_ok=True)
    running = _started(folder, known, configuration, ())
    try:
        _settle([running])
        yield running
    finally:
        end_child(running.child)


@contextmanager
def running_cluster(folder: Path, known: Mapping[str, str]) -> Iterator[list[Running]]:
    """Run the three nodes on free ports; their routes lead to one another."""
    routes = [f"nats://127.0.0.1:{port}" for port in free_ports(len(NODES))]
    running = []
    try:
        for name, route in zip(NODES, routes, strict=True):
            (folder / name).mkdir(parents=True)
            flags = ("--cluster_listen", route, "--routes", ",".join(routes))
            running.append(_started(folder / name, known, CONFIGURATIONS / f"{name}.conf", flags))
        _settle(running)
        yield running
    finally:
        for one in running:
            end_child(one.child)


def cut(running: Running) -> None:
    """End a server as a power cut would."""
    running.child.send_signal(signal.SIGKILL)
    running.child.wait()


def _started(folder: Path, known: Mapping[str, str], configuration: Path, flags: Sequence[str]) -> Running:
    ports = ("-p", "-1", "-m", "-1", "--ports_file_dir", str(folder))
    command = [str(find_binary(Settings())), "-c", str(configuration), *ports, *flags]
    with (folder / "said").open("wb") as said:
        child = subprocess.Popen(command, env=variables(folder / "store", known), stderr=said)
    return Running(child, folder, Address("", ""))


def _settle(running: Sequence[Running]) -> None:
    """Wait until every server says where it is, and that it is well."""
    for one in running:
        told = json.loads(until(lambda one=one: _announced(one)))  # type: ignore[misc]
        one.address = Address(told["nats"][0], told["monitoring"][0])
    for one in running:
        until(lambda one=one: (get(one.address.monitor, "/healthz") or (0, b""))[0] == 200)  # type: ignore[misc]


def _announced(one: Running) -> str:
    assert one.child.poll() is None, (one.folder / "said").read_text()
    path = one.folder / f"nats-server_{one.child.pid}.ports"
    text = path.read_text() if path.exists() else ""
    return text if text.endswith("}") else ""


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()
