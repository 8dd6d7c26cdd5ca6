"""A coordinator that is not certain to lead alone looks before it decides: nobody is refused for what it does not know."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

from conftest import Server
from coordinator.conftest import House, claim, command, submit, until
from standing_still import stop

from coord.events import commands as wish
from coord.services import clock
from coord.services.coordinator.coordinator import Coordinator
from coord.services.coordinator.election import Election
from coord.services.coordinator.timekeeper import Timekeeper
from coord.services.log.leases import give_up_lease
from coord.services.tasks import end

InHouse = Callable[[Callable[[House], Awaitable[None]]], None]


@contextlib.asynccontextmanager
async def in_doubt(house: House) -> AsyncIterator[Coordinator]:
    """A coordinator that won, and whose process has not been heard of since: it is never certain."""
    async with house.coordinator() as coordinator:
        election = Election(house.log, house.settings, coordinator.source)
        await election.win()
        coordinator.certainty.rest_on(election)
        election._ticked = float("-inf")
        yield coordinator


def test_a_holder_is_not_refused_for_a_claim_that_another_coordinator_gave(in_house: InHouse) -> None:
    async def body(house: House) -> None:
        async with in_doubt(house) as doubtful, house.coordinator() as other:
            await submit(doubtful, "w")
            first = await claim(doubtful, "ada", item_id="w")
            assert isinstance(first, wish.Done)
            assert first.item
            release = command(wish.Release, agent="ada", item_id="w", fence=first.item.fence)
            assert (await doubtful.execute("ada", release)).status == "done"
            await until(lambda: other.position >= doubtful.position)
            second = await claim(other, "bob", item_id="w")
            assert isinstance(second, wish.Done)
            assert second.item
            finish = command(wish.Complete, agent="bob", item_id="w", fence=second.item.fence)
            told = await doubtful.execute("bob", finish)
            assert told.status == "done", told

    in_house(body)


def test_there_is_something_to_claim_as_soon_as_another_coordinator_has_taken_it_in(
    in_house: InHouse,
) -> None:
    async def body(house: House) -> None:
        async with in_doubt(house) as doubtful, house.coordinator() as other:
            for number in range(5):
                await submit(other, f"w-{number}")
                assert (await claim(doubtful, "ada")).status == "done"

    in_house(body)


def test_a_request_that_another_coordinator_answered_is_answered_the_same(in_house: InHouse) -> None:
    async def body(house: House) -> None:
        async with in_doubt(house) as doubtful, house.coordinator() as other:
            await submit(other, "w-1", "w-2")
            once = command(wish.Claim, agent="ada")
            first = await other.execute("ada", once)
            assert await doubtful.execute("ada", once) == first

    in_house(body)


def test_who_sees_another_leader_decides_nothing_and_knows_that_it_is_over(in_house: InHouse) -> None:
    async def body(house: House) -> None:
        async with in_doubt(house) as doubtful, house.coordinator() as other:
            await submit(doubtful, "w")
            election = doubtful.certainty._election
            assert election
            await give_up_lease(house.log, election._key, election._revision)
            await Election(house.log, house.settings, other.source).win()
            told = await claim(doubtful, "ada")
            assert told.status == "unknown", told
            assert "another coordinator leads" in told.reason
            assert election.is_lost

    in_house(body)


def test_a_key_that_bears_the_number_of_ours_is_not_ours(server: Server, in_house: InHouse) -> None:
    """The bucket is in the server's memory: a server that is started again numbers anew."""

    async def body(house: House) -> None:
        before, after = (Election(house.log, house.settings, f"/coordinator/main/{name}") for name in "ab")
        await before.win()
        server.kill()
        await asyncio.to_thread(server.restart)
        await after.win()
        assert before._revision == after._revision
        assert await before.confirm() is False
        assert await after.confirm() is True

    in_house(body)


def test_who_takes_over_knows_what_its_predecessor_appends_until_that_has_landed(in_house: InHouse) -> None:
    async def body(house: House) -> None:
        async with house.coordinator() as predecessor, house.coordinator() as heir:
            election = Election(house.log, house.settings, heir.source)
            await election.win()
            leading = asyncio.create_task(election.until_lost())
            heir.certainty.rest_on(election)
            heir.certainty.succeed()
            for number in range(5):
                await submit(predecessor, f"w-{number}")
                assert (await claim(heir, "ada")).status == "done"
            heir.certainty._alone_from = clock.monotonic()
            assert heir.certainty.is_sure() or await heir.certainty.fault() is None
            assert heir.certainty.is_sure()
            await end(leading)

    in_house(body)


def test_one_look_serves_all_who_came_before_it(in_house: InHouse) -> None:
    async def body(house: House) -> None:
        async with in_doubt(house) as doubtful, house.coordinator() as other:
            await submit(other, *(f"w-{number}" for number in range(50)))
            won = await asyncio.gather(*(claim(doubtful, f"a-{number}") for number in range(50)))
            assert {one.status for one in won} == {"done"}
            assert len({one.id for one in won if isinstance(one, wish.Done)}) == 50

    in_house(body)


def test_without_the_server_who_is_in_doubt_says_unknown(server: Server, in_house: InHouse) -> None:
    async def body(house: House) -> None:
        async with in_doubt(house) as doubtful:
            await submit(doubtful, "w")
            await asyncio.to_thread(server.embedded.stop)
            told = await claim(doubtful, "ada")
            assert told.status == "unknown", told

    in_house(body)


def test_a_leader_whose_key_is_renewed_is_certain_until_its_connection_breaks(
    server: Server, in_house: InHouse
) -> None:
    async def body(house: House) -> None:
        election = Election(house.log, house.settings, "/coordinator/main/x")
        await election.win()
        leading = asyncio.create_task(election.until_lost())
        await until(election.is_certain)
        server.kill()
        await until(lambda: not election.is_certain())
        await asyncio.to_thread(server.restart)
        await until(election.is_certain)
        assert not election.is_lost
        leading.cancel()

    in_house(body)


def test_the_time_that_a_coordinator_stood_still_counts_against_no_lease() -> None:
    timekeeper = Timekeeper()
    timekeeper.start_lease("w", 7, 10.0, now=100.0, stuck_seconds=12.0)
    timekeeper.hear("ada", 100.0)
    timekeeper.stood_still(30.0, now=131.0)
    assert timekeeper.run_out(131.0) == []
    assert timekeeper.idle(131.0) == []
    assert timekeeper.silence("ada", 131.0) == 1.0
    (due,) = timekeeper.run_out(140.0)
    assert due.silent_seconds == 10.0


def test_standing_still_gives_nobody_time_that_was_not_there() -> None:
    timekeeper = Timekeeper()
    timekeeper.start_lease("w", 7, 10.0, now=130.5)
    timekeeper.stood_still(30.0, now=131.0)
    (due,) = timekeeper.run_out(141.0)
    assert due.silent_seconds == 10.0


def test_a_claim_that_was_renewed_while_its_end_waited_goes_on(server: Server, in_house: InHouse) -> None:
    """The log is away when the lease runs out; what the holder said before, and the end of its claim, wait side by side."""

    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w")
            won = await claim(coordinator, "ada", item_id="w", lease_seconds=1.0)
            assert isinstance(won, wish.Done)
            assert won.item
            assert won.item.fence
            fence = won.item.fence
            pid = server.embedded.pid
            assert pid
            stop(pid)
            told = asyncio.create_task(
                coordinator.execute(
                    "ada", command(wish.Progress, agent="ada", item_id="w", fence=won.item.fence)
                )
            )
            await until(lambda: coordinator.timekeeper.has_run_out("w", fence, clock.monotonic()))
            await until(lambda: coordinator.waiting)
            os.kill(pid, signal.SIGCONT)
            assert (await told).status == "done"
            await until(lambda: not coordinator.waiting)
            assert await house.types("w") == ["work.submitted.v5", "work.claimed.v2", "work.progressed.v1"]

    in_house(body)
