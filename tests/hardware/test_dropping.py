"""What a monitor dropped is told in the log: once, whatever became of the first try, and no more often than it must."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from coord.events.errors import NoServer, OutcomeUnknown
from coord.events.node import NodeReadingsDropped
from coord.services.hardware import dropping
from coord.services.hardware.dropping import Dropping
from coord.services.log import Log
from coord.services.settings import Settings


@dataclass
class Told:
    """A log that keeps what it is told; `faults` are met first."""

    faults: list[Exception] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    events: list[NodeReadingsDropped] = field(default_factory=list)

    async def publish(self, subject: str, envelope: Any, event: NodeReadingsDropped) -> int:
        assert subject == "ev.local.node.forge"
        self.tried.append(envelope.id)
        if self.faults:
            raise self.faults.pop(0)
        self.events.append(event)
        return len(self.events)

    def told(self) -> list[tuple[int, int]]:
        return [(event.readings, event.readings_total) for event in self.events]


def with_telling(told: Told, body: Callable[[Dropping], Awaitable[None]]) -> None:
    """Let a monitor's part tell beside a body, and try again whatever it meets."""

    async def main() -> None:
        part = Dropping(Settings(node="forge"), "m-1")

        async def telling() -> None:
            while True:
                try:
                    await part.tell(cast(Log, told))
                except (NoServer, OutcomeUnknown):
                    await asyncio.sleep(0)

        task = asyncio.create_task(telling())
        try:
            async with asyncio.timeout(10):
                await body(part)
        finally:
            task.cancel()

    asyncio.run(main())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropping, "BETWEEN_SECONDS", 0.0)


def test_what_comes_together_is_one_event_and_what_comes_later_another() -> None:
    told = Told()

    async def body(part: Dropping) -> None:
        for total in (0, 5, 5, 12):
            part.note(total)
        await until(lambda: len(told.events) == 1)
        part.note(12)
        part.note(20)
        await until(lambda: len(told.events) == 2)

    with_telling(told, body)
    assert told.told() == [(12, 12), (8, 20)]
    assert {event.writer for event in told.events} == {"m-1"}


def test_an_event_whose_fate_is_unknown_is_sent_again_as_it_was() -> None:
    told = Told(faults=[OutcomeUnknown("no answer"), NoServer("away")])

    async def body(part: Dropping) -> None:
        part.note(5)
        await until(lambda: len(told.tried) == 1)
        part.note(9)
        await until(lambda: len(told.events) == 2)

    with_telling(told, body)
    assert told.told() == [(5, 5), (4, 9)]
    assert len(set(told.tried[:3])) == 1
    assert told.tried[3] != told.tried[0]


def test_a_monitor_that_drops_nothing_tells_nothing() -> None:
    told = Told()

    async def body(part: Dropping) -> None:
        part.note(0)
        for _ in range(5):
            await asyncio.sleep(0)

    with_telling(told, body)
    assert told.tried == []
