"""The watchdog on a real server and coordinator: what it does, and that nothing is done twice."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Server
from told_runs import ToldRun
from told_steps import STEPS_TO_WARM, not_finite
from watchdogs import Loop, Process, in_loop, until

from coord.events.directive import DirectiveIssued
from coord.services.watchdog import beginning
from coord.services.watchdog.watch import Watch

Run = Callable[..., None]
HARD_BATCH = ["raised loss-spike warning", "asked skip_batch"]
DAMAGE = ["raised model-damaged critical", "asked roll_back"]


@pytest.fixture
def run(server: Server) -> Run:
    """Run a test's body on a server with a coordinator."""
    return lambda body, **changes: in_loop(server, body, **changes)


async def a_warm_run(loop: Loop, name: str = "r-1") -> ToldRun:
    """Let a run start and make enough steps for a spike to be seen."""
    run = ToldRun(loop.log, name)
    await run.start()
    await run.steps(STEPS_TO_WARM)
    return run


async def directive(loop: Loop) -> tuple[int, Any]:
    """Return the last directive and its position."""
    issued = [one for one in await loop.events("directive") if isinstance(one.event, DirectiveIssued)]
    return issued[-1].position, issued[-1].event


def until_story(loop: Loop, *wanted: str) -> Any:
    """Wait until this was decided, and nothing else."""

    async def is_told() -> bool:
        story = await loop.story()
        assert story == list(wanted)[: len(story)]
        return len(story) == len(wanted)

    return until(is_told)


def _has_read(watch: Watch, run: str, position: int) -> bool:
    story = watch.run(run)
    return story is not None and story.position == position


def test_a_hard_batch_leads_to_an_alert_a_directive_and_a_resolution(run: Run) -> None:
    async def body(loop: Loop) -> None:
        async with loop.watchdog():
            training = await a_warm_run(loop)
            evidence = await training.hard_batch()
            await until_story(loop, *HARD_BATCH)
            position, asked = await directive(loop)
            assert asked.epoch == evidence < position
            assert asked.parameters == {"batches": [STEPS_TO_WARM]}
            alert = (await loop.events("alert"))[0]
            assert asked.alert == alert.entity
            assert alert.envelope.actor == "watchdog"
            assert alert.event.evidence[0].position == evidence  # type: ignore[attr-defined]
            await training.applied(asked.directive_id, position)
            await training.steps(60)
            await until_story(loop, *HARD_BATCH, "resolved")

    run(body)


def test_damage_is_rolled_back_and_resolved_when_the_loss_is_calm(run: Run) -> None:
    async def body(loop: Loop) -> None:
        async with loop.watchdog():
            training = await a_warm_run(loop)
            await training.damage()
            await until_story(loop, *DAMAGE)
            position, asked = await directive(loop)
            assert asked.parameters == {"before_step": STEPS_TO_WARM - 1, "skip_batches": [STEPS_TO_WARM]}
            await training.applied(asked.directive_id, position)
            training.step = STEPS_TO_WARM - 25
            await training.steps(100)
            await until_story(loop, *DAMAGE, "resolved")

    run(body)


def test_a_refused_roll_back_ends_with_a_pause_and_a_call(run: Run) -> None:
    async def body(loop: Loop) -> None:
        async with loop.watchdog():
            training = await a_warm_run(loop)
            await training.not_finite()
            story = ["raised loss-not-finite critical", "asked roll_back"]
            await until_story(loop, *story)
            for wanted in (
                ["asked lower_learning_rate"],
                ["raised recovery-exhausted critical", "asked pause"],
            ):
                position, asked = await directive(loop)
                await training.refused(asked.directive_id, position)
                story += wanted
                await until_story(loop, *story)

    run(body)


def test_a_pack_that_is_sent_twice_counts_once(run: Run) -> None:
    async def body(loop: Loop) -> None:
        async with loop.watchdog() as watch:
            training = await a_warm_run(loop)
            pack = training.packed(not_finite(training.step, 2))
            await training.say(pack)
            last = await training.say(pack)
            await until(lambda: _has_read(watch, "r-1", last))
            await training.finish()
        assert await loop.story() == []

    run(body)


@pytest.mark.parametrize(
    ("fault", "verb", "before"),
    [
        ("shut", "raise", []),
        ("deaf", "raise", HARD_BATCH[:1]),
        ("shut", "direct", HARD_BATCH[:1]),
        ("deaf", "direct", HARD_BATCH),
        ("shut", "resolve", HARD_BATCH),
        ("deaf", "resolve", [*HARD_BATCH, "resolved"]),
    ],
)
def test_killed_at_any_moment_there_is_one_alert_and_one_directive(
    run: Run, fault: str, verb: str, before: list[str]
) -> None:
    async def body(loop: Loop) -> None:
        getattr(loop.gate, fault).add(verb)
        first = Process(loop.server)
        try:
            await until(first.has_begun)
            training = await a_warm_run(loop)
            await training.hard_batch()
            if verb == "resolve":
                await until_story(loop, *HARD_BATCH)
                await training.steps(60)
            await until(lambda: verb in loop.gate.came)
        finally:
            first.kill()
        await until_story(loop, *before)
        getattr(loop.gate, fault).clear()
        second = Process(loop.server)
        try:
            await until(second.has_begun)
            await until_story(loop, *HARD_BATCH, *(["resolved"] if verb == "resolve" else []))
            if verb != "resolve":
                await training.steps(60)
            await until_story(loop, *HARD_BATCH, "resolved")
            assert second.stop() == 0
        finally:
            second.kill()

    run(body)


def test_two_watchdogs_do_nothing_twice(run: Run) -> None:
    async def body(loop: Loop) -> None:
        async with loop.watchdog() as one, loop.watchdog() as other:
            training = await a_warm_run(loop)
            await training.damage()
            await until(lambda: len(one.incidents) == len(other.incidents) == 1)
            await until_story(loop, *DAMAGE)
            position, asked = await directive(loop)
            await training.refused(asked.directive_id, position)
            await until_story(loop, *DAMAGE, "asked lower_learning_rate")
            await training.finish()
            await until(lambda: len(one.incidents) + len(other.incidents) == 0)
            await until_story(loop, *DAMAGE, "asked lower_learning_rate", "resolved")
            last = await (await a_warm_run(loop, "r-2")).finish()
            await until(lambda: all(_has_read(watch, "r-2", last) for watch in (one, other)))
        assert await loop.story() == [*DAMAGE, "asked lower_learning_rate", "resolved"]

    run(body)


def test_a_coordinator_that_is_away_is_asked_until_it_answers(run: Run) -> None:
    async def body(loop: Loop) -> None:
        loop.gate.shut = {"raise", "direct", "resolve"}
        async with loop.watchdog():
            training = await a_warm_run(loop)
            await training.hard_batch()
            await until(lambda: loop.gate.came.count("raise") >= 3)
            assert await loop.story() == []
            loop.gate.shut.clear()
            await until_story(loop, *HARD_BATCH)

    run(body)


def test_a_server_that_goes_and_comes_back_loses_nothing(run: Run) -> None:
    async def body(loop: Loop) -> None:
        async with loop.watchdog():
            training = await a_warm_run(loop)
            loop.server.kill()
            await asyncio.to_thread(loop.server.restart)
            await until(lambda: loop.log.client.is_connected)
            await training.hard_batch()
            await until_story(loop, *HARD_BATCH)

    run(body)


def test_what_happened_while_nobody_watched_is_found_at_the_start(run: Run) -> None:
    async def body(loop: Loop) -> None:
        training = await a_warm_run(loop)
        await training.damage()
        calm = await a_warm_run(loop, "r-2")
        await calm.hard_batch()
        await calm.steps(60)
        over = await a_warm_run(loop, "r-3")
        await over.damage()
        await over.finish()
        async with loop.watchdog():
            await until_story(loop, *DAMAGE)
            await training.finish()
            await until_story(loop, *DAMAGE, "resolved")

    run(body)


def test_of_a_long_run_only_what_matters_is_read(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "RUN_EVENTS_MAX", 1)

    async def body(loop: Loop) -> None:
        training = await a_warm_run(loop)
        await training.damage()
        async with loop.watchdog():
            await until_story(loop, *DAMAGE)
        async with loop.watchdog() as watch:
            story = watch.run("r-1")
            assert story is not None
            assert (story.node, story.position) == ("n-1", training.position)
            await training.finish()
            await until_story(loop, *DAMAGE, "resolved")

    run(body)


def test_an_event_that_is_none_disturbs_nothing(run: Run) -> None:
    async def body(loop: Loop) -> None:
        async with loop.watchdog():
            training = await a_warm_run(loop)
            for subject in ("ev.local.run.r-1", "ev.local.alert.a-1", "ev.local.directive.r-1"):
                await loop.log.client.publish(subject, b"{}", headers={"ce-type": "no.such"})
            await training.hard_batch()
            await until_story(loop, *HARD_BATCH)

    run(body)
