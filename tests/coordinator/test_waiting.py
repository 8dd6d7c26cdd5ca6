"""Waiting for something to claim, or for items to end: pushed, in the order of asking, and bounded."""

import asyncio
from typing import Any

import pytest
from coordinator.conftest import House, claim, submit, until
from coordinator.test_planned_work import do, finish

from coord.events import commands as wish
from coord.events.commands import Done, Refusal, Unknown
from coord.services import clock
from coord.services.coordinator.coordinator import Coordinator
from coord.services.coordinator.waiting import Waiters
from coord.services.decisions.agent import Agent


async def in_line(coordinator: Coordinator, *agents: str, **fields: Any) -> list["asyncio.Task[Any]"]:
    """Have agents ask one after the other."""
    tasks: list[asyncio.Task[Any]] = []
    before = coordinator.patient
    for agent in agents:
        tasks.append(asyncio.create_task(claim(coordinator, agent, **{"wait_seconds": 8.0, **fields})))
        await until(lambda: coordinator.patient == before + len(tasks))
    return tasks


def test_who_asked_first_is_given_what_comes_and_each_item_wakes_one(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            waiting = await in_line(coordinator, "a0", "a1", "a2", "a3")
            for number in range(4):
                await submit(coordinator, f"w-{number}")
                answer = await waiting[number]
                assert (answer.id, answer.item.agent) == (f"w-{number}", f"a{number}")
            assert coordinator.patient == 0

    in_house(body)


def test_a_batch_is_shared_by_all_who_wait(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            waiting = await in_line(coordinator, *(f"a{n}" for n in range(30)))
            items = tuple(wish.NewItem(title=f"t{n}") for n in range(30))
            await do(coordinator, wish.SubmitMany, items=items)
            answers = await asyncio.gather(*waiting)
            assert len({answer.id for answer in answers}) == 30

    in_house(body)


def test_only_whom_an_item_fits_is_woken(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await do(coordinator, wish.Register, agent="gpu", capabilities=("gpu",))
            await do(coordinator, wish.Register, agent="red", team="red")
            plain, gpu, red = await in_line(coordinator, "plain", "gpu", "red")
            await submit(coordinator, "for-red", team="red")
            assert (await red).id == "for-red"
            await submit(coordinator, "for-gpu", capabilities=("gpu",))
            assert (await gpu).id == "for-gpu"
            assert not plain.done()
            await submit(coordinator, "for-all")
            assert (await plain).id == "for-all"

    in_house(body)


def test_a_wait_ends_with_its_time_and_claims_nothing(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            began = clock.monotonic()
            told = await claim(coordinator, "ada", wait_seconds=0.3)
            assert isinstance(told, Refusal)
            assert (told.code, told.exit_code) == ("nothing_to_claim", 3)
            assert 0.25 < clock.monotonic() - began < 3
            assert coordinator.patient == 0
            await submit(coordinator, "w-1")
            assert coordinator.ledger.is_open("w-1")

    in_house(body)


def test_a_given_item_is_waited_for_until_it_is_free_or_has_ended(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", "w-2")
            held = await claim(coordinator, "ada", item_id="w-1")
            ended = await claim(coordinator, "ada", item_id="w-2")
            free = await in_line(coordinator, "bob", item_id="w-1")
            over = asyncio.create_task(claim(coordinator, "eve", item_id="w-2", wait_seconds=8.0))
            await until(lambda: coordinator.patient == 2)
            await finish(coordinator, held, wish.Release)
            assert (await free[0]).item.agent == "bob"
            await finish(coordinator, ended)
            assert (await over).code == "illegal_transition"  # type: ignore[union-attr]

    in_house(body)


def test_who_goes_away_while_waiting_leaves_nothing_claimed_and_the_next_is_served(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            gone, stays = await in_line(coordinator, "gone", "stays")
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            await submit(coordinator, "w-1")
            assert (await stays).item.agent == "stays"
            assert coordinator.ledger.holds("gone") == 0

    in_house(body)


def test_what_was_won_for_somebody_who_has_just_gone_is_given_back(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            (gone,) = await in_line(coordinator, "gone")
            await submit(coordinator, "w-1")
            while "work.w-1" not in coordinator.transactor._touched:
                await asyncio.sleep(0)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            given_back = ["work.submitted.v5", "work.claimed.v2", "work.released.v2"]
            async with asyncio.timeout(10):
                while await house.types("w-1") != given_back:
                    await asyncio.sleep(0.01)
            assert (await claim(coordinator, "bob")).id == "w-1"  # type: ignore[union-attr]
            item = coordinator.ledger.item("w-1")
            assert item is not None
            assert item.releases == 0

    in_house(body)


def test_waiting_is_no_silence(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator(agent_silence_seconds=0.3) as coordinator:
            for name in ("waits", "silent"):
                await do(coordinator, wish.Register, agent=name)
            await in_line(coordinator, "waits", wait_seconds=1.2)
            await until(lambda: coordinator.ledger.agents["silent"].status == "lost")
            assert coordinator.ledger.agents["waits"].status == "active"

    in_house(body)


def test_a_coordinator_that_stops_tells_those_who_wait(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            (waiting,) = await in_line(coordinator, "ada")
            watching = asyncio.create_task(do(coordinator, wish.Wait, item_ids=("none",)))
            coordinator.close()
            assert isinstance(await waiting, Unknown)
            assert (await watching).code == "unknown_id"

    in_house(body)


@pytest.mark.parametrize("any_", [False, True])
def test_the_end_of_items_is_waited_for(in_house, any_: bool) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", "w-2")
            first, second = [await claim(coordinator, "ada") for _ in range(2)]
            fields = {"item_ids": ("w-1", "w-2"), "any": any_}
            told = await do(coordinator, wish.Wait, **fields, wait_seconds=0.1)
            assert (told.code, told.exit_code) == ("not_yet", 3)
            waiting = asyncio.create_task(do(coordinator, wish.Wait, **fields))
            await until(lambda: coordinator.patient)
            await finish(coordinator, second)
            if not any_:
                await finish(coordinator, first, wish.Fail, reason="no")
            told = await waiting
            assert [item.status for item in told.items] == (
                ["claimed", "completed"] if any_ else ["failed", "completed"]
            )
            coordinator.ledger._ended.clear()
            assert isinstance(await do(coordinator, wish.Wait, **fields), Done)

    in_house(body)


def test_a_holder_is_told_the_moment_its_claim_is_over(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            held = await claim(coordinator, "ada")
            assert isinstance(held, Done)
            waiting = asyncio.create_task(do(coordinator, wish.Wait, item_ids=("w-1",), fence=held.position))
            await until(lambda: coordinator.patient)
            await do(coordinator, wish.Evict, agent="ada", reason="mute")
            assert (await waiting).items[0].status == "open"

    in_house(body)


def test_who_waits_is_told_at_once_that_it_is_given_nothing_any_more(in_house) -> None:  # type: ignore[no-untyped-def]
    """Who has retired is registered anew by what it wins, unless it names its incarnation: then it is somebody else."""

    async def told(coordinator: Coordinator, model: Any, code: str, item_id: str | None) -> None:
        registered = await do(coordinator, wish.Register, agent="ada")
        named, free = (
            asyncio.create_task(claim(coordinator, "ada", item_id=item_id, incarnation=one, wait_seconds=8.0))
            for one in (registered.agent.incarnation, None)
        )
        await until(lambda: coordinator.patient == 4)
        await do(coordinator, model, agent="ada", reason="so")
        async with asyncio.timeout(4):
            assert (await named).code == code  # type: ignore[union-attr]
            if model is wish.Retire:
                await do(coordinator, wish.Evict, agent="ada", reason="so")
            assert (await free).code == ("evicted" if model is wish.Retire else code)  # type: ignore[union-attr]
        assert coordinator.patient == 2

    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", lease_seconds=60.0)
            await claim(coordinator, "bob", item_id="w-1")
            others = await in_line(coordinator, "eve", wait_seconds=60.0)
            others += await in_line(coordinator, "eve", item_id="w-1", wait_seconds=60.0)
            for model, code in (
                (wish.Drain, "draining"),
                (wish.Evict, "evicted"),
                (wish.Retire, "superseded"),
            ):
                for item_id in (None, "w-1"):
                    await told(coordinator, model, code, item_id)
            assert not any(one.done() for one in others)

    in_house(body)


def test_who_registers_anew_while_it_waits_is_given_what_it_offers_now(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await do(coordinator, wish.Register, agent="ada")
            (waiting,) = await in_line(coordinator, "ada")
            await do(coordinator, wish.Register, agent="ada", capabilities=("gpu",))
            await submit(coordinator, "w-1", capabilities=("gpu",))
            assert (await waiting).id == "w-1"

    in_house(body)


def test_a_place_is_kept_though_all_others_of_its_line_have_gone_meanwhile() -> None:
    waiters, agent = Waiters(), Agent("ada", incarnation=1, position=1)
    with waiters.in_line(agent) as woken:
        with waiters.in_line(agent):
            waiters.stir()
            assert woken.is_set()
        woken.clear()
        waiters.stir()
        assert woken.is_set()
    assert not waiters._lines
