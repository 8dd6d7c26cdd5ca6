"""One winner, in the right order, whoever decides."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any

from coordinator.conftest import House, claim, command, submit, until

from coord.events import commands as wish
from coord.events.commands import Done, Invalid, Refusal, Unknown
from coord.events.streams import BODY_BYTES_MAX
from coord.services.coordinator import transactor
from coord.services.coordinator.deciding import plan
from coord.services.coordinator.transactor import BATCH_FROM


def test_of_two_hundred_claims_of_one_item_one_wins(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            replies = await asyncio.gather(*(claim(coordinator, f"a{n}", item_id="w-1") for n in range(200)))
            told = Counter(reply.status if isinstance(reply, Done) else reply.code for reply in replies)  # type: ignore[union-attr]
            assert told == {"done": 1, "taken": 199}
            assert (await house.types("w-1")).count("work.claimed.v2") == 1

    in_house(body)


def test_first_claims_at_once_register_once_and_who_retired_comes_back_as_it_was(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", "w-2", "w-3")
            await submit(coordinator, "gpu", capabilities=("gpu",))
            won = await asyncio.gather(*(claim(coordinator, "new", item_id=f"w-{n}") for n in (1, 2, 3)))
            assert len({reply.item.incarnation for reply in won}) == 1  # type: ignore[union-attr]
            assert coordinator.ledger.agents["new"].incarnation == won[0].item.incarnation  # type: ignore[union-attr]
            was = {
                "team": "red",
                "serves": ("blue",),
                "capabilities": ("gpu",),
                "wip_limit": 2,
                "host": "forge",
            }
            await coordinator.execute("eve", command(wish.Register, agent="eve", **was))
            await coordinator.execute("eve", command(wish.Retire, agent="eve"))
            assert (await claim(coordinator, "eve")).id == "gpu"  # type: ignore[union-attr]
            agent = coordinator.ledger.agents["eve"]
            assert {field: getattr(agent, field) for field in was} == was

    in_house(body)


def test_two_coordinators_at_once_never_give_an_item_twice(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        ids = [f"w-{n}" for n in range(120)]
        async with house.coordinator() as one:
            await submit(one, *ids)
            async with house.coordinator() as other:
                replies = await asyncio.gather(
                    *(claim(coordinator, f"a{n}") for n in range(60) for coordinator in (one, other))
                )
                won = [reply.id for reply in replies if isinstance(reply, Done)]
                assert len(won) == len(set(won))
                again = await asyncio.gather(*(claim(one, f"b{n}") for n in range(120)))
                won += [reply.id for reply in again if isinstance(reply, Done)]
                assert sorted(won) == sorted(ids)
        for item_id in ids:
            assert await house.types(item_id) == ["work.submitted.v5", "work.claimed.v2"]

    in_house(body)


def test_what_another_coordinator_took_in_and_gave_away_is_seen_here(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as one, house.coordinator() as other:
            await submit(one, "mine")
            await submit(other, "w-1", "w-2")
            await claim(other, "eve", item_id="w-2")
            await until(lambda: one.ledger.is_open("w-1") and one.ledger.holds("eve") == 1)
            assert isinstance(await claim(one, "ada", item_id="w-1"), Done)
            assert len(one.timekeeper) == 2

    in_house(body)


def test_the_best_item_is_the_most_urgent_then_the_oldest_that_fits(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "old", priority=5)
            await submit(coordinator, "new", priority=5)
            await submit(coordinator, "urgent", priority=9)
            await submit(coordinator, "gpu", priority=9, capabilities=("gpu",))
            await submit(coordinator, "blue", priority=9, team="blue")
            order = [await claim(coordinator, "ada") for _ in range(4)]
            assert [one.id for one in order[:3]] == ["urgent", "old", "new"]  # type: ignore[union-attr]
            assert isinstance(order[3], Refusal)
            assert order[3].code == "nothing_to_claim"
            assert order[3].exit_code == 3
            register = command(wish.Register, agent="eve", team="blue", capabilities=("gpu",))
            await coordinator.execute("eve", register)
            assert {(await claim(coordinator, "eve")).id for _ in range(2)} == {"gpu", "blue"}  # type: ignore[union-attr]

    in_house(body)


def test_a_wip_limit_holds_also_for_claims_made_at_once(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, *(f"w-{n}" for n in range(20)))
            await coordinator.execute("ada", command(wish.Register, agent="ada", wip_limit=3))
            replies = await asyncio.gather(*(claim(coordinator, "ada") for _ in range(20)))
            assert sum(isinstance(reply, Done) for reply in replies) == 3
            assert {reply.code for reply in replies if isinstance(reply, Refusal)} == {"wip_limit"}

    in_house(body)


def test_many_commands_at_once_are_all_answered_and_each_appended_once(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, *(f"w-{n}" for n in range(1500)))
            assert await house.count() == 1500

    in_house(body)


def test_what_somebody_else_put_on_the_subject_does_not_stop_the_item(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            await house.log.client.publish("ev.local.work.w-1", b"not an event", headers={"x": "y"})
            reply = await claim(coordinator, "ada", item_id="w-1")
            assert isinstance(reply, Done)
            assert reply.position == 4

    in_house(body)


def test_an_unknown_item_and_an_ended_one_are_refused_even_when_long_forgotten(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            await coordinator.execute("test", command(wish.Cancel, item_id="w-1"))
            coordinator.ledger._ended.clear()
            ended = await claim(coordinator, "ada", item_id="w-1")
            unknown = await claim(coordinator, "ada", item_id="w-2")
            assert isinstance(ended, Refusal)
            assert ended.code == "illegal_transition"
            assert isinstance(unknown, Refusal)
            assert unknown.code == "unknown_id"

    in_house(body)


def test_a_claim_that_is_refused_registers_nobody(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "gpu", capabilities=("gpu",))
            refused = [
                await claim(coordinator, "typo", item_id="nope"),
                await claim(coordinator, "typo", item_id="gpu"),
                await claim(coordinator, "typo"),
            ]
            codes = [reply.code for reply in refused if isinstance(reply, Refusal)]
            assert codes == ["unknown_id", "capability_missing", "nothing_to_claim"]
            assert "typo" not in coordinator.ledger.agents
            assert await house.count() == 1

    in_house(body)


def test_a_newcomer_s_claim_registers_it_and_wins_under_that_incarnation(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", "w-2")
            wanted = command(wish.Claim, agent="ada")
            reply = await coordinator.execute("ada", wanted)
            assert isinstance(reply, Done)
            assert reply.item is not None
            assert (reply.id, reply.item.incarnation, reply.position) == ("w-1", 3, 4)
            assert (await coordinator.execute("ada", wanted)).position == 4  # type: ignore[union-attr]
            assert (await claim(coordinator, "bob")).id == "w-2"  # type: ignore[union-attr]
            assert await house.count() == 6

    in_house(body)


def test_a_result_that_no_event_can_hold_fails_alone(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            ids = [f"w-{n}" for n in range(2 * BATCH_FROM)]
            await submit(coordinator, *ids, body="x" * (BODY_BYTES_MAX // 2))
            won = [await claim(coordinator, "a1", item_id=one) for one in ids]

            def complete(reply: Any, result: object) -> Awaitable[object]:
                wanted = command(
                    wish.Complete, agent="a1", item_id=reply.id, fence=reply.item.fence, result=result
                )
                return coordinator.execute("a1", wanted)

            results = [["x" * (BODY_BYTES_MAX // 4)] * 4, *("fine" for _ in ids[1:])]
            large, *others = await asyncio.gather(*map(complete, won, results))
            assert isinstance(large, Invalid)
            assert "bytes; at most" in large.reason
            assert all(isinstance(one, Done) for one in others)
            assert isinstance(await complete(won[0], "shorter"), Done)

    in_house(body)


def test_a_fault_of_our_own_in_one_decision_ends_none_of_the_others(in_house, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def faulty(ledger: Any, command: Any, *rest: Any) -> Any:
        if getattr(command, "item_id", None) == "w-bad":
            raise LookupError
        return plan(ledger, command, *rest)

    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", "w-bad-too")
            monkeypatch.setattr(transactor, "plan", faulty)
            bad, good = await asyncio.gather(
                *(claim(coordinator, "a1", item_id=one) for one in ("w-bad", "w-1"))
            )
            assert isinstance(bad, Unknown)
            assert "a fault of coord's own" in bad.reason
            assert isinstance(good, Done)

    in_house(body)
