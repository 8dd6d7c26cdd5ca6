"""The hardware monitor as a process."""

import asyncio
import contextlib
import signal

from coord.services.folder import Folder
from coord.services.hardware.gpu_library import library_loads
from coord.services.hardware.gpu_poller import GpuPoller
from coord.services.hardware.monitor import Monitor
from coord.services.settings import Settings


def run(settings: Settings) -> None:
    """Watch this machine until told to stop."""
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    poller = GpuPoller() if library_loads() else None
    await Monitor(settings, Folder(settings.data), poller).run()
