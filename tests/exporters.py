"""Exporters as processes on a test's server, and a log to feed them with: many items at once, as coordinators append."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from command_line import COORD
from conftest import Server
from hatched import start
from receivers import until

from coord.events import work
from coord.events.catalog import kind_of
from coord.events.envelope import Envelope
from coord.events.model import Event
from coord.services import clock
from coord.services.log import Append, Log, declare_streams

WAIT_SECONDS = 30
BATCH = 900


class Exporter:
    """`coord serve exporter` on the test's server."""

    def __init__(self, server: Server, url: str, **variables: str) -> None:
        self.folder = server.folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COORD_", "OTEL_"))}
        self._environment = kept | {
            "COORD_DATA": str(server.folder.root),
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_METRICS_EXPORTER": "none",
            **variables,
        }
        self.log: Path = server.folder.path(f"exporter-{clock.new_id()[-6:]}.txt")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Exporter":
        """Start it and wait until it has made its consumers."""
        status = self.folder.path("exporter", "status.json")
        with self.log.open("ab") as output:
            self._process = process = start(
                [COORD, "serve", "exporter"],
                env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

        def begun() -> bool:
            assert process.poll() is None, self.log.read_text()
            return status.exists() and self.status().get("pid") == process.pid

        try:
            until(begun)
        except AssertionError:
            self.kill()
            raise
        return self

    def status(self) -> dict[str, Any]:
        """Return what it last said of itself."""
        told: Any = self.folder.read_json("exporter", "status.json")
        return told or {}

    def signal_status(self, signal_name: str) -> dict[str, Any]:
        """Return what it last said of one signal."""
        found: dict[str, Any] = self.status()["signals"][signal_name]
        return found

    def cpu_seconds(self) -> float:
        """Return what it has used of a core so far."""
        assert self._process is not None
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """End it as its supervisor does; return its exit status."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(WAIT_SECONDS)
        finally:
            self.kill()


def envelope(event: Event, traceparent: str = "") -> Envelope:
    """Make an envelope for an event."""
    moment = clock.rfc3339(clock.now_ns())
    return Envelope(clock.new_id(), kind_of(event).type, "/tests", moment, traceparent=traceparent)


async def say(log: Log, entity: str, event: Event, traceparent: str = "") -> int:
    """Publish one event and return its position."""
    subject = f"ev.local.{kind_of(event).aggregate}.{entity}"
    return await log.publish(subject, envelope(event, traceparent), event)


async def end_items(log: Log, names: Iterable[str], team: str = "blue") -> None:
    """Let many items be submitted, claimed and completed; each step is appended for many at once."""
    left = list(names)
    while left:
        batch, left = left[:BATCH], left[BATCH:]
        at = [0] * len(batch)
        claims: list[int] = []
        for step in range(3):
            events: list[Event] = [
                _step(step, name, claims[number] if claims else 0, team) for number, name in enumerate(batch)
            ]
            at = await log.append(
                [
                    Append(f"ev.local.work.{name}", at[number], envelope(events[number]), events[number])
                    for number, name in enumerate(batch)
                ]
            )
            claims = at if step == 1 else claims


def _step(step: int, name: str, fence: int, team: str) -> Event:
    if step == 0:
        return work.WorkSubmitted(title=f"item {name}", team=team)
    if step == 1:
        return work.WorkClaimed(agent="ada", incarnation=1, lease_seconds=30, attempt=1)
    return work.WorkCompleted(agent="ada", fence=fence)


def with_log(server: Server, body: Any) -> Any:
    """Run a coroutine with a connection to the server's log, its streams declared."""

    async def main() -> Any:
        log = await Log.connect(server.settings, server.folder)
        try:
            await declare_streams(log, server.settings)
            return await body(log)
        finally:
            await log.close()

    return asyncio.run(main())
