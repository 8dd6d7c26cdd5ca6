"""Three servers on loopback, as deploy/ has them, and two coordinators on them: what a run with replicas needs.

A server that was killed is started again at the ports it had, on the store it had.
"""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chaos.lines import SocketLine
from command_line import Cli
from houses import environment_of
from nats_servers import CONFIGURATIONS, NODES, credentials_file, free_ports, passwords, variables
from receivers import until

from coord.events.errors import CoordError
from coord.events.streams import EVENTS
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.server.binary import find_binary
from coord.services.server.probe import get
from coord.services.server.process import end_child
from coord.services.settings import Settings

REPLICAS: Final = 3


@dataclass
class Node:
    """One server of the cluster."""

    name: str
    folder: Path
    command: Sequence[str]
    environment: Mapping[str, str]
    url: str
    monitor: str
    child: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, be it again."""
        with (self.folder / "said").open("ab") as said:
            self.child = subprocess.Popen(self.command, env=self.environment, stderr=said)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.child is not None
        self.child.kill()
        self.child.wait()

    def is_well(self) -> bool:
        """Tell whether it serves, and has caught up with the others."""
        answer = get(self.monitor, "/healthz")
        return answer is not None and answer[0] == 200


@dataclass
class Cluster:
    """Three servers and what runs on them."""

    root: Path
    nodes: list[Node]
    known: Mapping[str, str]
    coordinators: list[tuple[Folder, "subprocess.Popen[bytes]"]] = field(default_factory=list)

    def settings(self, node: int = 0, role: str = "core", replicas: int = REPLICAS) -> Settings:
        """Return the settings of a service that uses one of the servers first."""
        return Settings(
            data=self.root / "data", nats=self.nodes[node].url, nats_monitor=self.nodes[node].monitor,
            nats_credentials=credentials_file(self.root, role, self.known), replicas=replicas,
        )  # fmt: skip

    def environment(self, data: Path, node: int = 0, replicas: int = REPLICAS) -> dict[str, str]:
        """Return the environment of a `coord` on the cluster."""
        settings = self.settings(node, replicas=replicas)
        return environment_of(self.root, data) | {
            "COORD_NATS": str(settings.nats), "COORD_NATS_MONITOR": str(settings.nats_monitor),
            "COORD_NATS_CREDENTIALS": str(settings.nats_credentials), "COORD_REPLICAS": str(replicas),
            "COORD_RECLAIMS_MAX": "1000000",
        }  # fmt: skip

    def cli(self, data: Path, node: int = 0, replicas: int = REPLICAS) -> Cli:
        """Return a command line on the cluster."""
        return Cli(self.root, self.environment(data, node, replicas))

    def sockets(self) -> list[SocketLine]:
        """Return the sockets that a coordinator may listen on."""
        return [SocketLine(folder) for folder, _ in self.coordinators]

    def start_coordinator(self, node: int, stack: ExitStack, replicas: int = REPLICAS) -> None:
        """Start a coordinator of its own data folder."""
        data = self.root / f"coordinator-{len(self.coordinators)}"
        with (self.root / f"{data.name}.log").open("wb") as said:
            process = self.cli(data, node, replicas).start(
                "serve", "coordinator", stdout=subprocess.DEVNULL, stderr=said
            )
        self.coordinators.append((Folder(data), process))
        stack.callback(process.wait)
        stack.callback(process.kill)

    async def wait_until_led(self) -> int:
        """Wait until a coordinator answers; return which."""
        async with asyncio.timeout(30):
            while True:
                for number, line in enumerate(self.sockets()):
                    if await line.leader():
                        return number
                await asyncio.sleep(0.05)

    async def connect(self, number: int) -> Log:
        """Return a connection of the run's own."""
        settings = self.settings(number % len(self.nodes))
        return await Log.connect(settings, Folder(settings.data))

    async def strike(self, blow: str) -> float:
        """Kill the server that leads the log, and start it again when another does."""
        assert blow == "kill-leader"
        async with self.log() as log:
            leader = await self.leader_of(log)
            at = clock.monotonic()
            leader.kill()
            while await self.leader_of(log) is leader:
                await asyncio.sleep(0.05)
            leader.start()
            while not await asyncio.to_thread(leader.is_well):
                await asyncio.sleep(0.05)
            return at

    @asynccontextmanager
    async def log(self, node: int = 0) -> AsyncIterator[Log]:
        """Connect for as long as the context lasts."""
        log = await self.connect(node)
        try:
            yield log
        finally:
            await log.close()

    async def leader_of(self, log: Log, stream: str = EVENTS.name) -> Node:
        """Return the server that leads a stream's group, as soon as one does."""
        async with asyncio.timeout(30):
            while True:
                try:
                    told = json.loads(await log.request(f"$JS.API.STREAM.INFO.{stream}", b"{}", 2))
                    name = (told.get("cluster") or {}).get("leader")
                    if name:
                        return next(node for node in self.nodes if node.name == name)
                except CoordError:
                    await asyncio.sleep(0.05)


@contextmanager
def cluster(
    root: Path, configurations: Path = CONFIGURATIONS, known: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """Run three servers on ports that stay theirs."""
    known = known or passwords()
    ports = free_ports(3 * len(NODES))
    routes = ",".join(f"nats://127.0.0.1:{port}" for port in ports[:3])
    nodes = [
        _node(
            root / name,
            number,
            known,
            (ports[number], ports[3 + number], ports[6 + number]),
            routes,
            configurations,
        )
        for number, name in enumerate(NODES)
    ]
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            until(node.is_well, f"{node.name} serves")
        yield Cluster(root, nodes, known)
    finally:
        for node in nodes:
            if node.child is not None:
                end_child(node.child, 2.0)


def _node(
    folder: Path,
    number: int,
    known: Mapping[str, str],
    ports: tuple[int, int, int],
    routes: str,
    configurations: Path,
) -> Node:
    folder.mkdir(parents=True)
    route, client, monitor = ports
    command = (
        str(find_binary(Settings())), "-c", str(configurations / f"{NODES[number]}.conf"), "-p", str(client),
        "-m", str(monitor), "--cluster_listen", f"nats://127.0.0.1:{route}", "--routes", routes,
    )  # fmt: skip
    url, monitored = f"nats://127.0.0.1:{client}", f"http://127.0.0.1:{monitor}"
    return Node(f"coord-{number + 1}", folder, command, variables(folder / "store", known), url, monitored)
