"""A projector as its own process, and a log to feed it with."""

import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from command_line import COORD
from conftest import Server
from hatched import start

from coord.events import samples
from coord.events.catalog import kind_of
from coord.events.envelope import Envelope
from coord.events.errors import CoordError, NothingThere
from coord.events.model import Event
from coord.services import client, clock
from coord.services.folder import PROJECTOR_SOCKET
from coord.services.log import Log, declare_streams

PATIENCE_SECONDS = 20.0


def until(
    condition: Callable[[], Any], what: str = "the condition", seconds: float = PATIENCE_SECONDS
) -> Any:
    """Wait until a condition is true, and return what it is."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come true in {seconds:g} s"
        time.sleep(0.01)


@dataclass
class Projector:
    """One projector on the server's data folder."""

    server: Server
    process: subprocess.Popen[bytes] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The projection's file."""
        return self.server.folder.path("projection", "coord.duckdb")

    @property
    def wal(self) -> Path:
        """Its log of writes."""
        return self.file.with_name(self.file.name + ".wal")

    def start(self) -> "Projector":
        """Start it and wait until it answers and reads the log, if there is one."""
        self.process = self.spawn()
        until(lambda: self.how() == ("answering" if self.server.embedded.is_running() else "log away"))
        return self

    def spawn(self) -> "subprocess.Popen[bytes]":
        """Start a process, without waiting."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COORD_")}
        told = {"COORD_DATA": str(self.server.folder.root), "COORD_LOG_LEVEL": "warning"}
        return start([COORD, "serve", "projector"], env=kept | told, stderr=subprocess.PIPE)

    def how(self) -> str:
        """Return how it says it is, or nothing when it does not answer; fails when it has ended."""
        assert self.process is not None
        assert self.process.poll() is None, self.process.communicate()[1].decode()
        try:
            how = client.health(self.server.folder, PROJECTOR_SOCKET, 5)
        except CoordError:
            return ""
        return "" if how["status"] == "answering" and not how["over_nats"] else str(how["status"])

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Tell it to stop; returns its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(number)
        self.said += process.communicate(timeout=PATIENCE_SECONDS)[1].decode().splitlines()
        return process.returncode

    def ask(self, question: str, **fields: Any) -> dict[str, Any]:
        """Ask on the socket; again for as long as the past that is asked for is not ready."""
        while True:
            try:
                return client.ask(self.server.folder, question, fields, 20)
            except NothingThere as error:
                if (error.reply or {}).get("code") != "not_yet":
                    raise

    def lines(self, method: str, path: str, seconds: float = 20) -> Sequence[dict[str, Any]]:
        """Ask for lines on the socket, and return all of them."""
        found = client.lines(self.server.folder, PROJECTOR_SOCKET, method, path, seconds)
        return [json.loads(line) for line in found]

    def position(self) -> int:
        """Return how far the log is folded in."""
        position: int = self.ask("state")["as_of"]["position"]
        return position

    def until_folded(self, position: int) -> None:
        """Wait until a position is folded in."""
        until(lambda: self.position() >= position, f"position {position}")

    def rebuild(self) -> dict[str, Any]:
        """Rebuild, and return the last line told."""
        return self.lines("POST", "/v1/rebuild")[-1]


@asynccontextmanager
async def log_on(server: Server) -> AsyncIterator[Log]:
    """Connect to the log, with its streams declared."""
    log = await Log.connect(server.settings, server.folder)
    try:
        await declare_streams(log, server.settings)
        yield log
    finally:
        await log.close()


async def say(log: Log, entity: str, event: Event) -> int:
    """Publish one event and return its position."""
    kind = kind_of(event)
    envelope = Envelope(clock.new_id(), kind.type, "/tests", clock.rfc3339(clock.now_ns()))
    return await log.publish(f"ev.local.{kind.aggregate}.{entity}", envelope, event)


async def say_raw(log: Log, subject: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    """Publish anything at all; returns its position."""
    reply = json.loads(await log.request(subject, body, headers=headers))
    assert "error" not in reply, reply
    return int(reply["seq"])


async def sample(log: Log, sequence: int, value: float = 1.0, node: str = "n1", writer: str = "m-1") -> None:
    """Publish one packed reading."""
    batch = samples.HardwareSample(
        writer=writer,
        writer_sequence=sequence,
        started_at_ns=clock.now_ns(),
        series=(samples.Series(metric="load_average_1m", offsets_ms=(0,), values=(value,)),),
    )
    await log.publish_sample(f"sample.local.{node}.hardware", "hardware", batch)
