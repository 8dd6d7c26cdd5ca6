"""Running loops side by side and ending them for certain.

Before Python 3.12 a cancellation that meets `asyncio.wait_for` at the moment its future is done is lost
(bpo-37658), and nats-py waits that way. So ending a task means cancelling it until it has ended.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Final

CANCEL_AGAIN_SECONDS: Final = 0.05


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


async def _run(loops: Iterable[Coroutine[Any, Any, None]], until: str) -> None:
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        done, _ = await asyncio.wait(tasks, return_when=until)
        for task in done:
            task.result()
    finally:
        await end(*tasks)
