"""Watchdogs on a real server: in this process, or as processes that can be killed; and a coordinator beside."""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from command_line import COORD
from conftest import Server
from hatched import start

from coord.events.commands import COMMANDS
from coord.events.envelope import Recorded
from coord.events.errors import CoordError, InvalidEvent
from coord.events.streams import EVENTS
from coord.events.wire import read_event
from coord.services.coordinator.coordinator import Coordinator
from coord.services.log import Log, declare_streams
from coord.services.log.answering import Asked, answer_requests
from coord.services.log.looking_back import read_present
from coord.services.settings import Settings
from coord.services.tasks import end
from coord.services.watchdog.beginning import begin
from coord.services.watchdog.following import Following
from coord.services.watchdog.watch import Watch

WAIT_SECONDS = 30


async def until(condition: Callable[[], Any]) -> Any:
    """Wait until a condition holds, a bounded time; return what it returned."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            found = condition()
            found = await found if isinstance(found, Awaitable) else found
            if found:
                return found
            await asyncio.sleep(0.01)


@dataclass
class Gate:
    """What lies between watchdogs and the coordinator: it may hold commands, or their answers, back."""

    coordinator: Coordinator
    shut: set[str] = field(default_factory=set)
    """Verbs that reach nobody."""
    deaf: set[str] = field(default_factory=set)
    """Verbs that are done, and not answered."""
    came: list[str] = field(default_factory=list)
    """Verbs in the order in which they came."""

    async def answer(self, asked: Asked) -> bytes:
        """Pass a command on."""
        _, _, actor, verb = asked.subject.split(".")
        self.came.append(verb)
        if verb in self.shut:
            return b'{"status": "unknown", "reason": "the gate is shut"}'
        command = COMMANDS[verb].model_validate_json(asked.body, strict=True)
        reply = await self.coordinator.execute(actor, command)
        if verb in self.deaf:
            return b'{"status": "unknown", "reason": "the gate is deaf"}'
        return reply.model_dump_json(exclude_none=True).encode()


@dataclass
class Loop:
    """A server with its streams, a coordinator behind a gate, and as many watchdogs as a test starts."""

    server: Server
    log: Log
    settings: Settings
    gate: Gate

    @contextlib.asynccontextmanager
    async def watchdog(self, **changes: Any) -> AsyncIterator[Watch]:
        """Watch in this process for as long as the context lasts; what is in the log is folded at once."""
        settings = self.settings.changed(**changes)
        log = await Log.connect(settings, self.server.folder, name="watchdog")
        watch = Watch()
        begun = await begin(log, settings.site, watch)
        task = asyncio.create_task(Following(log, settings, watch).run(begun))
        try:
            yield watch
        finally:
            await end(task)
            await log.close()
            if not task.cancelled():
                task.result()

    async def events(self, *aggregates: str) -> list[Recorded]:
        """Return the events of these aggregates, in order."""
        found: list[Recorded] = []
        subjects = tuple(f"ev.local.{aggregate}.*" for aggregate in aggregates)
        async for batch in read_present(self.log, EVENTS.name, subjects):
            for stored in batch:
                with contextlib.suppress(InvalidEvent):
                    found.append(read_event(stored))
        return found

    async def kinds(self, *aggregates: str) -> list[str]:
        """Return the types of these events, without versions."""
        return [one.envelope.type.rpartition(".v")[0] for one in await self.events(*aggregates)]

    async def story(self) -> list[str]:
        """Return what was decided about alerts and directives: `raised loss-spike`, `asked skip_batch`, ..."""
        return [_told(one) for one in await self.events("alert", "directive")]


def _told(recorded: Recorded) -> str:
    event: Any = recorded.event
    verb = recorded.envelope.type.split(".")[1]
    if verb == "raised":
        return f"raised {event.rule} {event.severity}"
    return f"asked {event.action}" if verb == "issued" else verb


def in_loop(server: Server, body: Callable[[Loop], Awaitable[None]], **changes: Any) -> None:
    """Run a test's body with a server, a coordinator and no watchdog yet."""

    async def main() -> None:
        settings = server.settings.changed(**changes)
        log = await Log.connect(settings, server.folder)
        try:
            await declare_streams(log, settings)
            coordinator = Coordinator(log, settings)
            await coordinator.catch_up()
            gate = Gate(coordinator)
            task = asyncio.create_task(coordinator.run())
            try:
                async with answer_requests(log, "cmd.main.*.*", gate.answer):
                    await body(Loop(server, log, settings, gate))
            finally:
                await end(task)
        finally:
            with contextlib.suppress(CoordError):
                await log.close()

    asyncio.run(main())


class Process:
    """`coord serve watchdog` on the test's server."""

    def __init__(self, server: Server, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COORD_")}
        self.log = server.folder.path("watchdog.txt")
        with self.log.open("ab") as output:
            self._process = start(
                [COORD, "serve", "watchdog"],
                env=kept | {"COORD_DATA": str(server.folder.root), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._before = self.log.stat().st_size

    def has_begun(self) -> bool:
        """Tell whether it says that it has folded what there is."""
        assert self._process.poll() is None, self.log.read_text()
        return b"begun at position" in self.log.read_bytes()[self._before :]

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End it as its supervisor does; return its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(WAIT_SECONDS)
