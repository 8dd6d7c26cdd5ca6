"""What befalls a house: processes killed, stopped and let go on, servers asked to end, clocks set wrong, disks filled.

A blow is a coroutine function over a ground; it returns when what it did is undone, and says at which moment it had
struck, so that a run that has ended its blows has healed. A killed process is started again by the supervisor, as in life.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from chaos.wall_clocks import shift
from standing_still import stop

from coord.services import clock
from coord.services.log.streams import LEASE_KEY_SECONDS

if TYPE_CHECKING:
    from chaos.grounds import OneNode

Blow = Callable[["OneNode"], Awaitable[float]]
STOP_SECONDS: Final = LEASE_KEY_SECONDS + 1.5
"""Longer than a lease here, and than a leader's key lives: another one leads when the stopped goes on."""
HOUR_SECONDS: Final = 3_600
DISK_BYTES_MAX: Final = 1 << 30


async def kill_coordinator(ground: "OneNode") -> float:
    """End the house's coordinator as a crash would."""
    return await _gone(ground, "coordinator", signal.SIGKILL)


async def kill_server(ground: "OneNode") -> float:
    """End the server as a crash would."""
    return await _gone(ground, "server", signal.SIGKILL)


async def kill_both(ground: "OneNode") -> float:
    """End server and coordinator at once."""
    return min(await asyncio.gather(kill_server(ground), kill_coordinator(ground)))


async def restart_server(ground: "OneNode") -> float:
    """Ask the server to end; its custody starts it again."""
    return await _gone(ground, "server", signal.SIGTERM)


async def stop_coordinator(ground: "OneNode") -> float:
    """Stop whoever leads, for longer than its key lives, and let it go on."""
    return await _held(await _leading(ground), STOP_SECONDS)


async def blink_coordinator(ground: "OneNode") -> float:
    """Stop whoever leads for longer than a lease, and not as long as its key lives."""
    return await _held(await _leading(ground), 2.5)


async def stop_server(ground: "OneNode") -> float:
    """Stop the server for a while: it looks alive, and says nothing."""
    return await _held(ground.pid("server"), 1.5)


async def move_clocks(ground: "OneNode") -> float:
    """Set the clocks of server and first coordinator an hour ahead, then the first back and the other two ahead."""
    server, *coordinators = ground.pid("server"), *ground.coordinators()
    at = clock.monotonic()
    shift(server, HOUR_SECONDS)
    shift(coordinators[0], HOUR_SECONDS)
    await asyncio.sleep(2 * 1.0)
    shift(server, -HOUR_SECONDS)
    for pid in coordinators:
        shift(pid, -HOUR_SECONDS)
    return at


async def fill_disk(ground: "OneNode") -> float:
    """Leave no room on the house's disk until nothing is acknowledged any more; then make room, and count from there."""
    filler = ground.house.folder.root.parent / "filler"
    room = os.statvfs(filler.parent)
    assert room.f_blocks * room.f_frsize < DISK_BYTES_MAX, "this would fill a disk that others use"
    await _until_paused(ground, False)
    try:
        # Unbuffered: what a buffer still held would fail once more when it is closed.
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 65_536)
        await _until_paused(ground, True)
    finally:
        filler.unlink()
    return clock.monotonic()


async def _until_paused(ground: "OneNode", wanted: bool) -> None:
    async with asyncio.timeout(30):
        while any([await line.paused_seconds() for line in ground.sockets()]) is not wanted:
            await asyncio.sleep(0.1)


BLOWS: Final[dict[str, Blow]] = {
    "blink-coordinator": blink_coordinator,
    "fill-disk": fill_disk,
    "kill-both": kill_both,
    "kill-coordinator": kill_coordinator,
    "kill-server": kill_server,
    "move-clocks": move_clocks,
    "restart-server": restart_server,
    "stop-coordinator": stop_coordinator,
    "stop-server": stop_server,
}


async def _gone(ground: "OneNode", name: str, how: signal.Signals) -> float:
    """Signal a process that ends of it, and wait until another has taken its place."""
    at = clock.monotonic()
    before = ground.signal(name, how)
    async with asyncio.timeout(30):
        while ground.pid(name) in (0, before):
            await asyncio.sleep(0.02)
    return at


async def _leading(ground: "OneNode") -> int:
    """Return the process of the coordinator that answers."""
    async with asyncio.timeout(30):
        while True:
            for pid, line in zip(ground.coordinators(), ground.sockets(), strict=True):
                if await line.leader():
                    return pid
            await asyncio.sleep(0.05)


async def _held(pid: int, seconds: float) -> float:
    stop(pid)
    at = clock.monotonic()
    try:
        while clock.monotonic() < at + seconds:
            await asyncio.sleep(0.05)
    finally:
        os.kill(pid, signal.SIGCONT)
    return at
