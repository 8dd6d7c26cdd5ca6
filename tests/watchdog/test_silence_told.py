"""Who is lost: nodes, runs and agents that fall silent on a real server, and those that only seem to."""

import asyncio

import pytest
from conftest import Server
from told_runs import ToldRun
from watchdogs import Loop, in_loop, until

from coord.events import agent
from coord.events.catalog import kind_of
from coord.events.directive import DirectiveIssued
from coord.events.envelope import Envelope
from coord.events.model import Event
from coord.events.samples import HARDWARE, HardwareSample, Series
from coord.events.tokens import event_subject, sample_subject
from coord.services import clock

SILENT_SECONDS = 2.0


class Node:
    """A node that sends readings."""

    def __init__(self, loop: Loop, name: str) -> None:
        self.loop = loop
        self.name = name
        self.sequence = 0

    async def speak(self) -> None:
        """Send a reading."""
        self.sequence += 1
        series = Series(metric="memory_used_bytes", offsets_ms=(0,), values=(1.0,))
        batch = HardwareSample(
            writer="m", writer_sequence=self.sequence, started_at_ns=clock.now_ns(), series=(series,)
        )
        await self.loop.log.publish_sample(sample_subject("local", self.name, HARDWARE), HARDWARE, batch)

    async def speak_on(self) -> None:
        """Send readings until cancelled."""
        while True:
            await self.speak()
            await asyncio.sleep(0.5)


async def say(loop: Loop, aggregate: str, entity: str, event: Event) -> int:
    """Write a fact as its own writer would."""
    envelope = Envelope(
        id=clock.new_id(), type=kind_of(event).type, source="/test", time=clock.rfc3339(clock.now_ns())
    )
    return await loop.log.publish(event_subject("local", aggregate, entity), envelope, event)


def test_a_silent_node_is_lost_and_returns_and_one_that_speaks_is_not(server: Server) -> None:
    async def body(loop: Loop) -> None:
        quiet, steady = Node(loop, "n-quiet"), Node(loop, "n-steady")
        async with loop.watchdog(), loop.watchdog():
            await quiet.speak()
            speaking = asyncio.create_task(steady.speak_on())
            await until(lambda: _is(loop, ["raised node-lost critical"]))
            lost = (await loop.events("node"))[0]
            assert (lost.entity, lost.envelope.actor) == ("n-quiet", "watchdog")
            await quiet.speak()
            await until(lambda: _is(loop, ["raised node-lost critical", "resolved"]))
            assert await loop.kinds("node") == ["node.lost", "node.returned"]
            speaking.cancel()

    in_loop(server, body, node_silence_seconds=SILENT_SECONDS)


def test_a_silent_run_is_lost_until_it_speaks_and_a_paused_one_is_not(server: Server) -> None:
    async def body(loop: Loop) -> None:
        silent, paused, ended = (ToldRun(loop.log, name) for name in ("r-silent", "r-paused", "r-ended"))
        for run in (silent, paused, ended):
            await run.start()
        pause = DirectiveIssued(
            directive_id="d-1", entity_kind="run", action="pause", epoch=1, live_seconds=60, reason="wait"
        )
        await paused.applied("d-1", await say(loop, "directive", "r-paused", pause))
        await ended.finish()
        async with loop.watchdog(), loop.watchdog():
            await until(lambda: _is(loop, ["asked pause", "raised run-lost critical"]))
            await silent.steps(1)
            await until(lambda: _is(loop, ["asked pause", "raised run-lost critical", "resolved"]))
        lost = [one for one in await loop.events("run") if one.envelope.type.startswith("run.lost")]
        assert [one.entity for one in lost] == ["r-silent"]

    in_loop(server, body, run_silence_seconds=SILENT_SECONDS)


def test_nobody_is_lost_because_the_server_was_away(server: Server) -> None:
    async def body(loop: Loop) -> None:
        run, node = ToldRun(loop.log, "r-1"), Node(loop, "n-1")
        async with loop.watchdog() as watch:
            await run.start()
            await node.speak()
            await until(lambda: watch.run("r-1") and watch.node("n-1"))
            loop.server.kill()
            away_until = clock.monotonic() + 2 * SILENT_SECONDS
            await until(lambda: clock.monotonic() > away_until)
            await asyncio.to_thread(loop.server.restart)
            await until(lambda: loop.log.client.is_connected)
            await node.speak()
            position = await run.steps(1)
            await until(lambda: watch.run("r-1").position == position)  # type: ignore[union-attr]
            assert await loop.kinds("node") == []
            assert await loop.story() == []

    in_loop(server, body, node_silence_seconds=SILENT_SECONDS, run_silence_seconds=SILENT_SECONDS)


@pytest.mark.parametrize(
    "back",
    [
        agent.AgentReturned(incarnation=1, lost_seconds=1),
        agent.AgentRegistered(),
        agent.AgentRetired(incarnation=1),
    ],
    ids=["returned", "registered", "retired"],
)
def test_an_agent_that_the_coordinator_calls_lost_is_an_alert_until_it_is_back(
    server: Server, back: Event
) -> None:
    async def body(loop: Loop) -> None:
        await say(loop, "agent", "ada", agent.AgentRegistered())
        await say(loop, "agent", "ada", agent.AgentLost(incarnation=1, silent_seconds=60))
        async with loop.watchdog():
            await until(lambda: _is(loop, ["raised agent-lost warning"]))
        await say(loop, "agent", "ada", back)
        async with loop.watchdog():
            await until(lambda: _is(loop, ["raised agent-lost warning", "resolved"]))

    in_loop(server, body)


async def _is(loop: Loop, wanted: list[str]) -> bool:
    return await loop.story() == wanted
