"""A claim ends unless it is renewed, by what this coordinator saw on its monotonic clock."""

import asyncio

from coordinator.conftest import House, claim, command, submit, until

from coord.events import commands as wish
from coord.events.commands import Done, Refusal
from coord.services.coordinator.timekeeper import Due, Timekeeper


def test_a_silent_holder_loses_the_item_and_its_fence_is_stale(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            held = await claim(coordinator, "ada", item_id="w-1", lease_seconds=1.0)
            assert isinstance(held, Done)
            await until(lambda: coordinator.ledger.is_open("w-1"))
            late = command(wish.Complete, agent="ada", item_id="w-1", fence=held.position)
            told = await coordinator.execute("ada", late)
            assert isinstance(told, Refusal)
            assert told.code == "stale_fence"
            again = await claim(coordinator, "bob")
            assert isinstance(again, Done)
            assert again.item is not None
            assert again.item.attempt == 2
            assert (await house.types("w-1"))[2] == "work.lease_expired.v2"

    in_house(body)


def test_progress_and_heartbeats_keep_a_claim(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "beaten", "moved", "left")
            for item_id in ("beaten", "moved", "left"):
                agent = "ada" if item_id == "beaten" else "bob"
                await claim(coordinator, agent, item_id=item_id, lease_seconds=1.0)
            fence = coordinator.ledger.item("moved").fence  # type: ignore[union-attr]
            while not coordinator.ledger.is_open("left"):
                await coordinator.execute("ada", command(wish.Heartbeat, agent="ada"))
                await coordinator.execute(
                    "bob", command(wish.Progress, agent="bob", item_id="moved", fence=fence)
                )
                await asyncio.sleep(0.1)
            assert not coordinator.ledger.is_open("beaten")
            assert not coordinator.ledger.is_open("moved")

    in_house(body)


def test_a_heartbeat_that_names_items_renews_no_others(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "named", "left", "strange")
            for item_id in ("named", "left"):
                await claim(coordinator, "ada", item_id=item_id, lease_seconds=1.0)
            await claim(coordinator, "bob", item_id="strange", lease_seconds=1.0)
            beat = {"agent": "ada", "items": ("named", "strange", "nothing")}
            while not coordinator.ledger.is_open("left") or not coordinator.ledger.is_open("strange"):
                await coordinator.execute("ada", command(wish.Heartbeat, **beat))
                await asyncio.sleep(0.1)
            assert not coordinator.ledger.is_open("named")

    in_house(body)


def test_after_a_start_every_open_lease_runs_in_full(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            await claim(coordinator, "ada", item_id="w-1", lease_seconds=1.0)
        async with house.coordinator() as another:
            assert len(another.timekeeper) == 1
            await until(lambda: another.ledger.is_open("w-1"))
        assert (await house.types("w-1")).count("work.lease_expired.v2") == 1

    in_house(body)


def test_a_silent_agent_is_lost_once_and_returns_when_it_is_heard(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator(agent_silence_seconds=1.0) as coordinator:
            await coordinator.execute("ada", command(wish.Register, agent="ada"))
            await until(lambda: coordinator.ledger.agents["ada"].status == "lost")
            await coordinator.execute("ada", command(wish.Heartbeat, agent="ada"))
            assert coordinator.ledger.agents["ada"].status == "active"
            stored = await house.log.read_subject("ev.local.agent.ada")
            assert [one.headers["ce-type"] for one in stored] == [
                "agent.registered.v2", "agent.lost.v1", "agent.returned.v1",
            ]  # fmt: skip

    in_house(body)


def test_a_heartbeat_of_a_superseded_incarnation_keeps_nothing(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            first = await coordinator.execute("ada", command(wish.Register, agent="ada"))
            second = await coordinator.execute("ada", command(wish.Register, agent="ada"))
            assert isinstance(first, Done)
            assert isinstance(second, Done)
            stale = await coordinator.execute(
                "ada", command(wish.Heartbeat, agent="ada", incarnation=first.position)
            )
            assert isinstance(stale, Refusal)
            assert stale.code == "superseded"

    in_house(body)


def test_a_lease_runs_from_its_last_renewal() -> None:
    keeper = Timekeeper()
    keeper.start_lease("w-1", 7, 10.0, now=0.0)
    keeper.renew("w-1", now=8.0)
    assert keeper.run_out(now=11.0) == []
    assert keeper.run_out(now=18.0) == [Due("w-1", 7, 10.0)]


def test_a_claim_that_ended_never_runs_out_and_one_that_did_is_told_until_it_ended() -> None:
    keeper = Timekeeper()
    keeper.start_lease("w-1", 7, 10.0, now=0.0)
    keeper.start_lease("w-2", 8, 10.0, now=0.0)
    keeper.end_lease("w-1")
    assert keeper.run_out(now=10.0) == [Due("w-2", 8, 10.0)]
    assert keeper.run_out(now=13.0) == [Due("w-2", 8, 13.0)]
    keeper.end_lease("w-2")
    assert keeper.run_out(now=99.0) == []


def test_watching_a_claim_again_does_not_renew_it() -> None:
    keeper = Timekeeper()
    keeper.start_lease("w-1", 7, 10.0, now=0.0)
    keeper.start_lease("w-1", 7, 10.0, now=9.0)
    assert keeper.run_out(now=10.0) == [Due("w-1", 7, 10.0)]
