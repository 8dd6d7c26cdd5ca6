"""Looking back: what a stream holds now, in part or whole, and then an end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from conftest import Server
from told_runs import ToldRun

from coord.events.streams import EVENTS, SAMPLES
from coord.events.wire import Stored
from coord.services.log import Log, declare_streams, looking_back
from coord.services.log.looking_back import newest, read_newest, read_present, read_since, read_together

RUNS = ("ev.local.run.*",)
In = Callable[[Callable[[Log], Awaitable[None]]], None]


@pytest.fixture
def on(server: Server) -> In:
    """Run a test's body on a log with three runs, each of which said four things."""

    def run(body: Callable[[Log], Awaitable[None]]) -> None:
        async def main() -> None:
            log = await Log.connect(server.settings, server.folder)
            try:
                await declare_streams(log, server.settings)
                runs = [ToldRun(log, f"r-{number}") for number in range(3)]
                for run in runs:
                    await run.start()
                for _ in range(3):
                    for run in runs:
                        await run.steps(1)
                await body(log)
            finally:
                await log.close()

        asyncio.run(main())

    return run


async def positions(batches: AsyncIterator[list[Stored]]) -> list[int]:
    """Return where what was read stands."""
    return [stored.position async for batch in batches for stored in batch]


def test_everything_that_is_there_is_read_and_then_it_ends(on: In) -> None:
    async def body(log: Log) -> None:
        assert await positions(read_present(log, EVENTS.name, RUNS)) == list(range(1, 13))
        assert await positions(read_present(log, EVENTS.name, ("ev.local.run.r-1",))) == [2, 5, 8, 11]

    on(body)


def test_where_there_is_nothing_it_ends_at_once(on: In) -> None:
    async def body(log: Log) -> None:
        assert await positions(read_present(log, EVENTS.name, ("ev.local.work.*",))) == []
        assert await positions(read_newest(log, EVENTS.name, ("ev.local.work.*",))) == []
        assert await positions(read_present(log, SAMPLES.name, ("sample.local.*.*",))) == []
        assert await newest(log, SAMPLES.name, "sample.local.n-1.hardware") is None

    on(body)


def test_the_newest_of_each_subject_is_read_alone(on: In) -> None:
    async def body(log: Log) -> None:
        assert await positions(read_newest(log, EVENTS.name, RUNS)) == [10, 11, 12]
        last = await newest(log, EVENTS.name, "ev.local.run.r-0")
        assert last is not None
        assert last.position == 10

    on(body)


def test_from_a_moment_on_only_what_was_stored_then_or_later_is_read(on: In) -> None:
    async def body(log: Log) -> None:
        seventh = await log.read_at(EVENTS.name, 7)
        assert seventh is not None
        since = read_since(log, EVENTS.name, RUNS, seventh.recorded_at_ns)
        assert await positions(since) == list(range(7, 13))
        assert await positions(read_since(log, EVENTS.name, RUNS, 0)) == list(range(1, 13))
        late = seventh.recorded_at_ns + 3_600 * 10**9
        assert await positions(read_since(log, EVENTS.name, RUNS, late)) == []

    on(body)


def test_subjects_are_read_together_in_order_and_no_further_than_wanted(
    on: In, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_back, "BATCH_MAX", 2)

    async def body(log: Log) -> None:
        each = [f"ev.local.run.r-{number}" for number in range(3)]
        assert await positions(read_together(log, each, 1, 12)) == list(range(1, 13))
        assert await positions(read_together(log, each, 4, 8)) == [4, 5, 6, 7, 8]
        assert await positions(read_together(log, [each[2], each[0]], 2, 8)) == [3, 4, 6, 7]
        assert await positions(read_together(log, ["ev.local.work.*", each[1]], 3, 99)) == [5, 8, 11]
        assert await positions(read_together(log, ["ev.local.work.*"], 1, 12)) == []
        assert await positions(read_together(log, each, 13, 12)) == []
        late = ToldRun(log, "late")
        await late.start()
        await late.steps(1)
        both = ["ev.local.run.late", each[0]]
        assert await positions(read_together(log, both, 1, 99)) == [1, 4, 7, 10, 13, 14]

    on(body)
