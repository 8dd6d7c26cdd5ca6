"""Running loops side by side and ending them for certain.

Before Python 3.12 a cancellation that meets `asyncio.wait_for` at the moment its future is done is lost
(bpo-37658), and nats-py waits that way. So ending a task means cancelling it until it has ended.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

CANCEL_AGAIN_SECONDS: Final = 0.05
R = TypeVar("R")


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks until each has ended; what they raised stays with them."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)


async def run_all(*loops: Coroutine[Any, Any, None]) -> None:
    """Run loops until all have ended, one fails, or this is cancelled; end the rest, and raise what it raised."""
    await _run(loops, asyncio.FIRST_EXCEPTION)


async def run_together(*loops: Coroutine[Any, Any, None]) -> None:
    """Run loops until one ends or fails, or this is cancelled; end the others, and raise what it raised."""
    await _run(loops, asyncio.FIRST_COMPLETED)


async def aside(work: Callable[[], R]) -> R:
    """Run what blocks beside the loop, to its end: a file that is being written is not left by a cancellation."""
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, work))


async def wait_or_stop(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until told to stop."""
    waiting = asyncio.ensure_future(stop.wait())
    await asyncio.wait({waiting}, timeout=seconds)
    await end(waiting)


async def _run(loops: Iterable[Coroutine[Any, Any, None]], until: str) -> None:
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        done, _ = await asyncio.wait(tasks, return_when=until)
        for task in done:
            task.result()
    finally:
        await end(*tasks)
