"""Loops that run side by side end for certain, whatever swallows a cancellation on the way."""

import asyncio
import contextlib

import pytest

from coord.services.tasks import end, run_all, run_together

PATIENT_SECONDS = 30


async def swallowing(cancellations: int, begun: asyncio.Event) -> None:
    """Wait for ever, and lose so many cancellations first, as `asyncio.wait_for` may before Python 3.12."""
    for _ in range(cancellations):
        with contextlib.suppress(asyncio.CancelledError):
            begun.set()
            await asyncio.Event().wait()
    await asyncio.Event().wait()


async def failing(begun: asyncio.Event) -> None:
    await begun.wait()
    raise ValueError("no more")


async def nothing() -> None:
    return


def patiently(body: object) -> None:
    async def main() -> None:
        async with asyncio.timeout(PATIENT_SECONDS):
            await body  # type: ignore[misc]

    asyncio.run(main())


@pytest.mark.parametrize("cancellations", [0, 1, 3])
def test_a_task_that_loses_cancellations_still_ends(cancellations: int) -> None:
    async def body() -> None:
        begun = asyncio.Event()
        task = asyncio.create_task(swallowing(cancellations, begun))
        await asyncio.sleep(0)
        await end(task)
        assert task.cancelled()

    patiently(body())


@pytest.mark.parametrize("run", [run_all, run_together])
def test_one_failure_ends_all_and_is_raised(run: object) -> None:
    async def body() -> None:
        begun = asyncio.Event()
        with pytest.raises(ValueError, match="no more"):
            await run(swallowing(2, begun), failing(begun))  # type: ignore[operator]

    patiently(body())


@pytest.mark.parametrize("run", [run_all, run_together])
def test_a_cancelled_run_leaves_no_loop_behind(run: object) -> None:
    async def body() -> None:
        begun = asyncio.Event()
        task = asyncio.create_task(run(swallowing(2, begun), swallowing(1, begun)))  # type: ignore[operator]
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    patiently(body())


def test_together_ends_with_the_first_and_all_with_the_last() -> None:
    async def body() -> None:
        begun = asyncio.Event()
        await run_together(nothing(), swallowing(1, begun))
        await run_all(nothing(), nothing())

    patiently(body())
