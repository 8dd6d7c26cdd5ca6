"""Commands that get no task of their own: told the same as the others, and left alone where they take more."""

import asyncio
from dataclasses import replace
from typing import Any

from coordinator.conftest import House, claim, command, submit

from coord.events import commands as wish
from coord.events.commands import Done, Refusal
from coord.services.coordinator.coordinator import Coordinator
from coord.services.coordinator.outcome import DoneWithItem, at_length


async def taken(coordinator: Coordinator, asked: Any) -> Any:
    """Have a command taken, and return what was told."""
    told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    assert coordinator.take(getattr(asked, "agent", "test"), asked, "", told.set_result)
    answer = await told
    return at_length(answer) if isinstance(answer, DoneWithItem) else answer


def test_what_is_taken_is_told_what_the_long_way_tells(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", "w-2")
            won = await taken(coordinator, command(wish.Claim, agent="new"))
            assert isinstance(won, Done), "a newcomer is registered on the way"
            assert won.item is not None
            ended = command(
                wish.Complete, agent="new", item_id=won.id, fence=won.item.fence, result={"a": [1]}
            )
            one = await taken(coordinator, ended)
            assert isinstance(one, Done)
            assert one == await coordinator.execute("new", ended), (
                "the same request again gets the same reply"
            )
            again = await taken(coordinator, command(wish.Complete, **_hold(ended)))
            assert again.already
            late = await taken(coordinator, command(wish.Complete, **_hold(ended) | {"fence": 1}))
            assert isinstance(late, Refusal)
            assert (late.code, coordinator.refused["stale_fence"]) == ("stale_fence", 1)

    in_house(body)


def test_what_takes_more_than_one_decision_is_left_alone(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            known = command(wish.Claim, agent="ada")
            assert (await coordinator.execute("ada", known)).status == "done"
            waits = (
                known,
                command(wish.Claim, agent="ada", wait_seconds=5.0),
                command(wish.Wait, item_ids=("w-1",)),
                command(wish.Evict, agent="ada", reason="rest"),
                command(
                    wish.Progress,
                    agent="ada",
                    item_id="w-1",
                    request_id="018f0000-0000-7000-8000-000000000000",
                ),
            )
            assert not any(coordinator.take("ada", one, "", _nobody) for one in waits)
            agents = coordinator.ledger.agents
            agents["ada"] = replace(agents["ada"], status="lost")
            assert not coordinator.take("ada", command(wish.Claim, agent="ada"), "", _nobody)
            assert isinstance(await claim(coordinator, "ada"), Refusal)
            assert coordinator.ledger.agents["ada"].status == "active", "it was welcomed back"

    in_house(body)


def _hold(ended: wish.Complete) -> dict[str, Any]:
    return {"agent": ended.agent, "item_id": ended.item_id, "fence": ended.fence}


def _nobody(_: object) -> None:
    raise AssertionError("nobody was to be told")
