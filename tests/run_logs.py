"""What a run's log holds, and what is asked of a run: the log's other users, as a test needs them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from conftest import Server
from histories import CREATED
from projectors import until

from coord.events import directive
from coord.events.catalog import kind_of
from coord.events.envelope import Envelope, Recorded
from coord.events.model import Event
from coord.events.run import RunMetricsRecorded
from coord.events.streams import EVENTS
from coord.events.wire import read_event
from coord.projections.intake import take_in
from coord.projections.memory import MemoryTables
from coord.services import clock
from coord.services.log import Log, declare_streams
from coord.training_worker import Run

T = TypeVar("T")


@dataclass
class RunLog:
    """The log of one run on the test's server, used as the services use it."""

    server: Server
    run: str = "r-1"

    def on(self, body: Callable[[Log], Awaitable[T]]) -> T:
        """Do something on a connection of its own."""

        async def main() -> T:
            log = await Log.connect(self.server.settings, self.server.folder)
            try:
                return await body(log)
            finally:
                await log.close()

        return asyncio.run(main())

    def declare(self) -> "RunLog":
        """Declare the streams, as the coordinator does."""
        self.on(lambda log: declare_streams(log, self.server.settings))
        return self

    def forget_ids_after(self, seconds: float) -> None:
        """Let the server forget the ids of messages sooner than it does."""

        async def body(log: Log) -> None:
            present = (await log.jetstream.stream_info(EVENTS.name)).config
            present.duplicate_window = seconds
            await log.jetstream.update_stream(present)

        self.on(body)

    def begin(self, **fields: Any) -> Run:
        """Begin the run, or another life of it."""
        return Run("a run", run_id=self.run, settings=self.server.settings, **fields)

    def events(self) -> list[Recorded]:
        """Return everything the run has said, oldest first."""

        async def body(log: Log) -> list[Recorded]:
            return [read_event(one) for one in await log.read_subject(f"ev.local.run.{self.run}")]

        return self.on(body)

    def types(self) -> list[str]:
        """Return the types of what the run has said, in short."""
        return [one.envelope.type.split(".")[1] for one in self.events()]

    def points(self) -> list[tuple[int, dict[str, Any]]]:
        """Return the points of all packs: step and values."""
        packs = [one.event for one in self.events()]
        return [
            (point.step, dict(point.values))
            for pack in packs
            if isinstance(pack, RunMetricsRecorded)
            for point in pack.points
        ]

    def of(self, kind: type[Event]) -> list[Any]:
        """Return the run's events of one kind."""
        return [one.event for one in self.events() if isinstance(one.event, kind)]

    def wait_for(self, kind: type[Event], count: int = 1) -> list[Any]:
        """Wait until the run has said so many of a kind, and return them."""
        return list(until(lambda: found if len(found := self.of(kind)) >= count else None, kind.__name__))

    def tables(self) -> MemoryTables:
        """Fold the run's log."""

        async def body(log: Log) -> MemoryTables:
            tables = MemoryTables()
            stored = await log.read_subject(f"ev.local.run.{self.run}")
            tables.apply(take_in(CREATED, stored))
            return tables

        return self.on(body)

    def ask(self, action: directive.Action, epoch: int, **fields: Any) -> int:
        """Issue a directive, and return its position."""
        known: dict[str, Any] = {
            "directive_id": f"d-{action}", "entity_kind": "run", "live_seconds": 60.0, "reason": "a test asks",
        }  # fmt: skip
        issued = directive.DirectiveIssued(action=action, epoch=epoch, **(known | fields))
        return self.publish(f"ev.local.directive.{self.run}", issued)

    def withdraw(self, directive_id: str) -> int:
        """Take a directive back."""
        taken_back = directive.DirectiveWithdrawn(directive_id=directive_id, reason="no more")
        return self.publish(f"ev.local.directive.{self.run}", taken_back)

    def publish(self, subject: str, event: Event) -> int:
        """Publish an event, and return its position."""
        time = clock.rfc3339(clock.now_ns())
        envelope = Envelope(id=clock.new_id(), type=kind_of(event).type, source="/test", time=time)
        return self.on(lambda log: log.publish(subject, envelope, event))

    def folder(self) -> Path:
        """Return the run's folder."""
        return self.server.folder.path("runs", self.run)


def answers(events: Sequence[Any]) -> list[tuple[str, int]]:
    """Return which directives were answered, and at which step."""
    return [(one.directive_id, one.step) for one in events]
