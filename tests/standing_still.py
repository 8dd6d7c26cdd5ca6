"""Stopping a process so that it stands still: SIGSTOP alone takes its time to reach every thread."""

import os
import signal
from pathlib import Path

from coord.services.server.process import wait_until


def stop(pid: int) -> None:
    """Stop a process, and return when none of its threads runs any more; SIGCONT lets it go on."""
    os.kill(pid, signal.SIGSTOP)
    assert wait_until(lambda: stands_still(pid), 5), f"process {pid} cannot be stopped"


def stands_still(pid: int) -> bool:
    """Tell whether all threads of a process are stopped."""
    return all(_state(thread / "stat") in "TZ" for thread in Path(f"/proc/{pid}/task").iterdir())


def _state(stat: Path) -> str:
    try:
        return stat.read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"
