"""Live tails: who listens hears every event once and in order, and who is slower than the log is cut off and told."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from coord.events.errors import NoServer, OutcomeUnknown
from coord.services.api import live as rooms
from coord.services.api.asking import Answered, Projector
from coord.services.api.live import Entry, Listener, Live, Wanted
from coord.services.folder import Folder


class Scripted(Projector):
    """A projector with a log in memory."""

    def __init__(self) -> None:
        super().__init__(Folder(Path("/nowhere")))
        self.log: list[bytes] = []
        self.away = False
        self.tails = 0
        self._more = asyncio.Event()

    def say(self, count: int = 1, subject: str = "ev.local.work.w-1", type_: str = "work.claimed.v2") -> None:
        """Write events."""
        for _ in range(count):
            position = len(self.log) + 1
            fields = {"position": position, "recorded_at_ns": 1, "subject": subject, "type": type_, "id": "e"}
            self.log.append(msgspec.json.encode(fields))
        self._more.set()

    def go(self) -> None:
        """Go away: whoever reads is told."""
        self.away = True
        self._more.set()

    async def ask(self, *_: Any, **__: Any) -> Answered:
        """Say how it is: the last event is known, and not folded in yet."""
        how = {"position": max(0, len(self.log) - 1), "lag": min(1, len(self.log))}
        return Answered(200, {}, json.dumps(how).encode())

    async def lines(self, path: str) -> AsyncGenerator[bytes, None]:
        """Yield the log as the projector's socket does."""
        first = int(path.partition("from=")[2].partition("&")[0])
        ends = "until=now" in path
        self.tails += not ends
        try:
            while not self.away:
                found = self.log[first - 1 :]
                first += len(found)
                if found:
                    yield b"\n".join(found)
                if ends:
                    return
                self._more.clear()
                await self._more.wait()
            raise OutcomeUnknown("the projector was asked, and has gone.")
        finally:
            self.tails -= not ends


def always() -> bool:
    return True


def run(scene: Callable[[Scripted, Live], Awaitable[None]], scripted: Scripted | None = None) -> None:
    async def main() -> None:
        projector = scripted or Scripted()
        live = Live(projector)
        try:
            async with asyncio.timeout(10):
                await scene(projector, live)
        finally:
            await live.close()

    asyncio.run(main())


def positions(block: bytes) -> list[int]:
    return [int(line.removeprefix(b"id: ")) for line in block.split(b"\n") if line.startswith(b"id: ")]


def told(block: bytes) -> tuple[str, Any]:
    event, data = block.decode().split("\n")
    return event.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def heard(events: AsyncGenerator[bytes, None], last: int) -> list[int]:
    """Listen until a position has come."""
    found: list[int] = []
    while not found or found[-1] < last:
        found += positions(await anext(events))
    return found


def test_who_begins_in_the_past_hears_all_of_it_once_and_then_what_comes() -> None:
    async def scene(projector: Scripted, live: Live) -> None:
        projector.say(5)
        events = live.events(Wanted(), 2, always)
        assert await heard(events, 5) == [2, 3, 4, 5]
        coming = asyncio.create_task(heard(events, 8))
        await asyncio.sleep(0)
        projector.say(3)
        assert await coming == [6, 7, 8]
        await events.aclose()
        assert (live.listening, projector.tails) == (0, 0)

    run(scene)


def test_what_comes_while_one_joins_is_heard_once() -> None:
    """It is in the log that is caught up with, and in the tail that was joined before."""

    class Racing(Scripted):
        catching_up = 0

        async def lines(self, path: str) -> AsyncGenerator[bytes, None]:
            self.catching_up += "until=now" in path
            if "until=now" in path and self.catching_up == 2:
                while not self.tails:
                    await asyncio.sleep(0)
                self.say()
                for _ in range(20):
                    await asyncio.sleep(0)
            async for raw in super().lines(path):
                yield raw

    async def scene(projector: Scripted, live: Live) -> None:
        projector.say(2)
        events = live.events(Wanted(), 1, always)
        assert await heard(events, 3) == [1, 2, 3]
        coming = asyncio.create_task(heard(events, 4))
        await asyncio.sleep(0)
        projector.say()
        assert await coming == [4]

    run(scene, Racing())


def test_who_begins_now_hears_what_comes() -> None:
    async def scene(projector: Scripted, live: Live) -> None:
        projector.say(5)
        events = live.events(Wanted(), None, always)
        coming = asyncio.create_task(heard(events, 6))
        while not projector.tails:
            await asyncio.sleep(0)
        projector.say()
        assert await coming == [6]

    run(scene)


def test_all_share_one_tail_and_each_hears_what_it_wants() -> None:
    async def scene(projector: Scripted, live: Live) -> None:
        projector.say()
        wanted = [
            Wanted(),
            Wanted(entity="r1"),
            Wanted(aggregate="work"),
            Wanted(type="run."),
            Wanted(type="work.claimed"),
        ]
        streams = [live.events(one, 1, always) for one in wanted]
        first = [asyncio.create_task(anext(stream)) for stream in streams]
        while live.listening < len(streams) or not projector.tails:
            await asyncio.sleep(0)
        projector.say(1, "ev.local.run.r1", "run.started.v1")
        assert [positions(await one)[0] for one in first] == [1, 2, 1, 2, 1]
        assert projector.tails == 1
        for stream in streams:
            await stream.aclose()

    run(scene)


def test_a_slow_listener_is_cut_off_told_where_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "ENTRIES_MAX", 10)

    async def scene(projector: Scripted, live: Live) -> None:
        projector.say()
        slow, quick = live.events(Wanted(), 1, always), live.events(Wanted(), 1, always)
        assert await heard(slow, 1) == await heard(quick, 1) == [1]
        looking, hearing = asyncio.ensure_future(anext(slow)), asyncio.create_task(heard(quick, 30))
        while not projector.tails:
            await asyncio.sleep(0)
        projector.say()
        assert positions(await looking) == [2]
        for _ in range(14):  # the slow one looks away; the quick one takes what comes
            projector.say(2)
            for _ in range(10):
                await asyncio.sleep(0)
        assert await hearing == list(range(2, 31))
        event, fields = told(await anext(slow))
        assert event == "cut"
        assert fields["position"] == 3
        with pytest.raises(StopAsyncIteration):
            await anext(slow)
        assert live.cut == 1
        again = live.events(Wanted(), fields["position"], always)
        assert await heard(again, 30) == list(range(3, 31))

    run(scene)


def test_what_waits_is_bounded_in_bytes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "BYTES_MAX", 100)
    listener = Listener(always)
    for position in (1, 2, 3):
        listener.put(Entry(position), b"x" * 60)
    assert listener.cut_at == 1
    assert asyncio.run(listener.take(1.0)) == []


def test_the_tail_goes_on_where_it_was_when_the_projector_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "AGAIN_SECONDS", 0.0)

    async def scene(projector: Scripted, live: Live) -> None:
        projector.say()
        events = live.events(Wanted(), 1, always)
        assert await heard(events, 1) == [1]
        coming = asyncio.create_task(heard(events, 4))
        while not projector.tails:
            await asyncio.sleep(0)
        projector.go()
        projector.say(3)
        while projector.tails:
            await asyncio.sleep(0)
        projector.away = False
        assert await coming == [2, 3, 4]

    run(scene)


def test_a_projector_that_stays_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "AWAY_SECONDS", 0.0)

    async def scene(projector: Scripted, live: Live) -> None:
        projector.go()
        event, fields = told(await anext(live.events(Wanted(), 3, always)))
        assert (event, fields["position"]) == ("cut", 3)

    run(scene)


def test_quiet_times_are_filled_and_the_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "QUIET_SECONDS", 0.01)

    async def scene(projector: Scripted, live: Live) -> None:
        projector.say(7)
        events = live.events(Wanted(), None, always)
        assert await anext(events) == b": as of position 7"
        await live.close()
        assert told(await anext(events)) == ("end", {})

    run(scene)


@pytest.mark.parametrize("position", [None, 1])
def test_whose_token_was_revoked_is_told_and_hears_no_more(
    monkeypatch: pytest.MonkeyPatch, position: int | None
) -> None:
    monkeypatch.setattr(rooms, "LOOK_SECONDS", 0.01)
    welcome = [True]

    async def scene(projector: Scripted, live: Live) -> None:
        events = live.events(Wanted(), position, lambda: welcome[0])
        coming = asyncio.create_task(heard(events, 1))
        while not projector.tails:
            await asyncio.sleep(0)
        projector.say()
        assert await coming == [1]
        welcome[0] = False
        assert told(await anext(events)) == ("cut", {"reason": "your token was revoked.", "position": 2})
        with pytest.raises(StopAsyncIteration):
            await anext(events)
        assert (live.listening, live.cut) == (0, 0)

    run(scene)


def test_who_catches_up_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "LOOK_SECONDS", 0.0)

    async def scene(projector: Scripted, live: Live) -> None:
        projector.say(3)
        found = [block async for block in live.events(Wanted(), 2, lambda: False)]
        assert [told(block) for block in found] == [
            ("cut", {"reason": "your token was revoked.", "position": 2})
        ]

    run(scene)


def test_no_more_than_so_many_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "LISTENERS_MAX", 0)

    async def scene(_: Scripted, live: Live) -> None:
        with pytest.raises(NoServer, match="0 listen already"):
            live.check_room()

    run(scene)
