"""Agents that are drained, put out, lost or stuck: what becomes of what they hold, and that the event says why."""

import asyncio
from typing import Any

from coordinator.conftest import House, claim, command, submit, until
from coordinator.test_planned_work import do, finish

from coord.events import commands as wish
from coord.events import node, run
from coord.events.agent import AgentEvicted
from coord.events.commands import Done
from coord.events.examples import INVENTORY
from coord.events.wire import read_event
from coord.services import clock


async def last(house: House, item_id: str) -> Any:
    """Return the last event of an item."""
    return read_event((await house.events(item_id))[-1]).event


def test_a_drained_agent_ends_what_it_holds_and_is_given_nothing(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1", "w-2")
            held = await claim(coordinator, "ada")
            told = await do(coordinator, wish.Drain, agent="ada", reason="the night")
            assert told.agent.status == "draining"
            assert (await claim(coordinator, "ada")).code == "draining"  # type: ignore[union-attr]
            assert (await claim(coordinator, "ada", item_id="w-2")).code == "draining"  # type: ignore[union-attr]
            assert (await finish(coordinator, held)).item.status == "completed"
            assert (await do(coordinator, wish.Register, agent="ada")).agent.status == "active"
            assert (await claim(coordinator, "ada")).id == "w-2"  # type: ignore[union-attr]

    in_house(body)


def test_an_evicted_agent_loses_all_at_once_and_is_refused(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, *(f"w-{n}" for n in range(20)))
            held = await claim(coordinator, "ada", count=20)
            assert isinstance(held, Done)
            told = await do(coordinator, wish.Evict, agent="ada", reason="it holds and does nothing")
            assert (told.agent.status, told.agent.holds) == ("evicted", 0)
            lost = await last(house, "w-0")
            assert (lost.cause, lost.reason) == ("evicted", "ada was put out: it holds and does nothing")
            first = held.items[0]
            late = await do(coordinator, wish.Complete, agent="ada", item_id=first.id, fence=first.fence)
            assert late.code == "stale_fence"
            assert (await do(coordinator, wish.Heartbeat, agent="ada")).code == "evicted"
            assert (await claim(coordinator, "ada")).code == "evicted"  # type: ignore[union-attr]
            assert (await do(coordinator, wish.Evict, agent="ada", reason="again")).already
            assert (await do(coordinator, wish.Evict, agent="nobody", reason="x")).code == "unknown_agent"
            assert len(coordinator.timekeeper) == 0

    in_house(body)


def test_what_an_agent_holds_that_was_put_out_while_nobody_led_is_freed(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "w-1")
            held = await claim(coordinator, "ada")
            incarnation: Any = held.item.incarnation  # type: ignore[union-attr]
        await house.append("agent", "ada", AgentEvicted(incarnation=incarnation, reason="by another"))
        async with house.coordinator() as another:
            await until(lambda: another.ledger.is_open("w-1"))

    in_house(body)


def test_an_agent_that_promised_to_be_heard_is_lost_after_two_heartbeats(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            for name in ("promised", "free"):
                await do(coordinator, wish.Register, agent=name)
            await do(coordinator, wish.Heartbeat, agent="promised", every_seconds=0.2)
            began = clock.monotonic()
            await until(lambda: coordinator.ledger.agents["promised"].status == "lost")
            assert 0.35 < clock.monotonic() - began < 3
            assert coordinator.ledger.agents["free"].status == "active"

    in_house(body)


def test_the_event_says_that_the_holder_or_its_node_was_lost(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        await house.append(
            "node", "forge", node.NodeRegistered(inventory=INVENTORY, monitor_version="1", sample_seconds=1.0)
        )
        await house.append("node", "forge", node.NodeLost(silent_seconds=12.0))
        async with house.coordinator(agent_silence_seconds=0.3) as coordinator:
            await submit(coordinator, "w-1", "w-2")
            await do(coordinator, wish.Register, agent="ada", host="forge")
            await do(coordinator, wish.Register, agent="bob", host="anvil")
            for name, item_id in (("ada", "w-1"), ("bob", "w-2")):
                await claim(coordinator, name, item_id=item_id, lease_seconds=1.5)
            await until(lambda: coordinator.ledger.is_open("w-1") and coordinator.ledger.is_open("w-2"))
            first, second = await last(house, "w-1"), await last(house, "w-2")
            assert (first.cause, first.reason) == ("node_lost", "the node forge is lost, and ada with it")
            assert second.cause == "agent_lost"
            assert "bob was silent for" in second.reason

    in_house(body)


def test_a_holder_that_lives_and_shows_no_work_is_stuck_until_it_does(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            await submit(coordinator, "told", stuck_seconds=1.0)
            await submit(coordinator, "moved", stuck_seconds=1.0, on_stuck="reassign")
            await claim(coordinator, "ada", item_id="told", lease_seconds=5.0)
            await claim(coordinator, "bob", item_id="moved", lease_seconds=5.0)
            while not coordinator.ledger.item("told").stuck:  # type: ignore[union-attr]
                await do(coordinator, wish.Heartbeat, agent="ada")
                await do(coordinator, wish.Heartbeat, agent="bob", active=("else",))
                await asyncio.sleep(0.05)
            await until(lambda: coordinator.ledger.is_open("moved"))
            assert (await last(house, "moved")).cause == "stuck"
            assert coordinator.ledger.holds("ada") == 1
            await do(coordinator, wish.Heartbeat, agent="ada", active=("told",))
            await until(lambda: not coordinator.ledger.item("told").stuck)  # type: ignore[union-attr]
            assert (await house.types("told"))[-2:] == ["work.stuck.v1", "work.moved_on.v1"]

    in_house(body)


def metrics(number: int, **values: Any) -> run.RunMetricsRecorded:
    """Make a pack of one point."""
    return run.RunMetricsRecorded(
        rank=0, writer="w", writer_sequence=number, points=(run.Point(step=number, values=values),)
    )


def test_a_runs_metrics_are_evidence_and_its_emitters_word_alone_is_none(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        for name in ("goes", "waits"):
            await house.append("run", f"r-{name}", run.RunStarted(name="tiny", work_item=name))
        async with house.coordinator() as coordinator:
            await submit(coordinator, "goes", "waits", "silent", stuck_seconds=1.5)
            for item_id in ("goes", "waits", "silent"):
                await claim(coordinator, "ada", item_id=item_id, lease_seconds=1.0)
            number = 0
            while not coordinator.ledger.item("waits").stuck:  # type: ignore[union-attr]
                number += 1
                await house.append("run", "r-goes", metrics(number, loss=1.0, step_seconds=0.1))
                await house.append("run", "r-waits", metrics(number, waiting_seconds=1.0))
                await asyncio.sleep(0.05)
            assert coordinator.ledger.is_open("silent")
            assert coordinator.ledger.item("goes").status == "claimed"  # type: ignore[union-attr]
            assert not coordinator.ledger.item("goes").stuck  # type: ignore[union-attr]

    in_house(body)


def test_refusals_are_counted_by_their_code(in_house) -> None:  # type: ignore[no-untyped-def]
    async def body(house: House) -> None:
        async with house.coordinator() as coordinator:
            for _ in range(3):
                await claim(coordinator, "ada")
            await coordinator.execute("x", command(wish.Cancel, item_id="none"))
            assert coordinator.refused == {"nothing_to_claim": 3, "unknown_id": 1}

    in_house(body)
