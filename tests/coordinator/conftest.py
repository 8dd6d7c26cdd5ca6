"""Coordinators in this process, on a real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from coord.events import commands as wish
from coord.events.catalog import kind_of
from coord.events.envelope import Envelope
from coord.events.model import Event
from coord.events.streams import EVENTS
from coord.events.tokens import event_subject
from coord.events.wire import Stored
from coord.services import clock
from coord.services.coordinator.coordinator import Coordinator, Reply
from coord.services.log import Log, declare_streams
from coord.services.settings import Settings
from coord.services.tasks import end

WAIT_SECONDS = 10


@dataclass
class House:
    """A log with its streams, and as many coordinators as a test starts."""

    log: Log
    settings: Settings

    @contextlib.asynccontextmanager
    async def coordinator(self, **changes: Any) -> AsyncIterator[Coordinator]:
        """Lead for as long as the context lasts."""
        coordinator = Coordinator(self.log, self.settings.changed(**changes))
        await coordinator.catch_up()
        task = asyncio.create_task(coordinator.run())
        try:
            yield coordinator
        finally:
            await end(task)

    async def append(
        self,
        aggregate: str,
        entity: str,
        event: Event,
        event_id: str = "",
        request: str = "",
        source: str = "/test",
    ) -> int:
        """Write an event as somebody else would."""
        envelope = Envelope(
            id=event_id or clock.new_id(),
            type=kind_of(event).type,
            source=source,
            time=clock.rfc3339(clock.now_ns()),
            request_id=request,
        )
        return await self.log.publish(event_subject("local", aggregate, entity), envelope, event)

    async def events(self, item_id: str) -> list[Stored]:
        """Return the events of an item."""
        return await self.log.read_subject(event_subject("local", "work", item_id))

    async def types(self, item_id: str) -> list[str]:
        """Return the types of the events of an item, in order."""
        return [stored.headers["ce-type"] for stored in await self.events(item_id)]

    async def count(self) -> int:
        """Return how many events there are."""
        return (await self.log.stream_state(EVENTS.name)).messages


def command(model: type[Any], **fields: Any) -> Any:
    """Make a command with a new request id unless one is given."""
    return model(**{"request_id": clock.new_id(), **fields})


async def submit(coordinator: Coordinator, *ids: str, **fields: Any) -> None:
    """Submit items."""
    wishes = [command(wish.Submit, item_id=item_id, title=f"do {item_id}", **fields) for item_id in ids]
    replies = await asyncio.gather(*(coordinator.execute("test", one) for one in wishes))
    assert {reply.status for reply in replies} == {"done"}, replies


async def claim(coordinator: Coordinator, agent: str, **fields: Any) -> Reply:
    """Claim for an agent."""
    return await coordinator.execute(agent, command(wish.Claim, agent=agent, **fields))


async def until(condition: Callable[[], Any]) -> None:
    """Wait until a condition holds, a bounded time."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            found = condition()
            if await found if isinstance(found, Awaitable) else found:
                return
            await asyncio.sleep(0.01)


@pytest.fixture
def in_house(server: Any) -> Callable[[Callable[[House], Awaitable[None]]], None]:
    """Run a test's coroutine with a house around it."""

    def run(body: Callable[[House], Awaitable[None]]) -> None:
        async def main() -> None:
            log = await Log.connect(server.settings, server.folder)
            try:
                await declare_streams(log, server.settings)
                await body(House(log, server.settings))
            finally:
                await log.close()

        asyncio.run(main())

    return run
