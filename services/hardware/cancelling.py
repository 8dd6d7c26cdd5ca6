"""Ending for sure when told to.

Before Python 3.12 `asyncio.wait_for`, which nats-py uses, loses a cancellation that comes in the moment in which
what it waits for is done. A task that goes on for ever therefore asks, after each call into nats-py.
"""

import asyncio


def heed_cancellation() -> None:
    """Do nothing, unless this task was cancelled.

    Raises:
        CancelledError: it was, and somebody on the way swallowed that.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
