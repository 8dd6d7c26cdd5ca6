"""An item that names a scenario completes only with a passing run of it that is newer than the claim."""

from typing import Literal

from coordinator.conftest import House, claim, command, submit

from coord.events import commands as wish
from coord.events.commands import Done, Refusal
from coord.events.verification import VerificationRecorded
from coord.services.coordinator.coordinator import Coordinator, Reply


async def ran(house: House, outcome: Literal["passed", "failed"], scenario: str = "one-winner") -> None:
    """Record a run of a scenario as `coord verify` does."""
    event = VerificationRecorded(
        feature="Claims", scenario=scenario, outcome=outcome, commit="c", run_seconds=1.0
    )
    await house.append("verification", scenario, event)


async def complete(coordinator: Coordinator, fence: int | None) -> Reply:
    return await coordinator.execute(
        "ada", command(wish.Complete, agent="ada", item_id="w-1", fence=fence, result="ok")
    )


def test_it_completes_only_after_a_passing_run_since_the_claim(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", verify="one-winner")
            await ran(house, "passed")
            held = await claim(coordinator, "ada", item_id="w-1")
            assert isinstance(held, Done)
            assert held.item is not None
            assert held.item.verify == "one-winner"
            refused = [await complete(coordinator, held.position)]
            await ran(house, "passed", "another")
            refused.append(await complete(coordinator, held.position))
            await ran(house, "failed")
            refused.append(await complete(coordinator, held.position))
            assert [getattr(reply, "code", reply) for reply in refused] == ["unverified"] * 3
            assert (await house.types("w-1"))[-1] == "work.claimed.v2"
            await ran(house, "passed")
            assert isinstance(await complete(coordinator, held.position), Done)
            await ran(house, "failed")
            again = await complete(coordinator, held.position)
            assert isinstance(again, Done)
            assert again.already

    in_house(body)


def test_a_run_before_the_lease_ran_out_does_not_count_for_the_next_claim(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", verify="one-winner")
            first = await claim(coordinator, "ada", item_id="w-1")
            assert isinstance(first, Done)
            await ran(house, "passed")
            give_back = command(wish.Release, agent="ada", item_id="w-1", fence=first.position)
            assert isinstance(await coordinator.execute("ada", give_back), Done)
            second = await claim(coordinator, "ada", item_id="w-1")
            assert isinstance(second, Done)
            refused = await complete(coordinator, second.position)
            assert isinstance(refused, Refusal)
            assert refused.code == "unverified"
            assert refused.hint == "coord verify one-winner"

    in_house(body)


def test_another_coordinator_asks_for_the_run_too(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", verify="one-winner")
            held = await claim(coordinator, "ada", item_id="w-1")
            assert isinstance(held, Done)
        async with house.coordinator() as another:
            assert isinstance(await complete(another, held.position), Refusal)
            await ran(house, "passed")
            assert isinstance(await complete(another, held.position), Done)

    in_house(body)


def test_what_is_no_event_on_the_scenarios_subject_proves_nothing(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", verify="one-winner")
            held = await claim(coordinator, "ada", item_id="w-1")
            assert isinstance(held, Done)
            await house.log.request("ev.local.verification.one-winner", b"passed", headers={"x": "y"})
            assert isinstance(await complete(coordinator, held.position), Refusal)

    in_house(body)
