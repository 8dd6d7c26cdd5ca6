"""What befalls a house: processes killed, stopped and let go on, servers asked to end, clocks set wrong, disks filled.

A blow is a coroutine function over a ground; it returns when what it did is undone, so that a run that has ended
its blows has healed. A killed process is started again by the supervisor, as in life.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from chaos.wall_clocks import shift

from coord.services import clock
from coord.services.log.streams import LEASE_KEY_SECONDS

if TYPE_CHECKING:
    from chaos.grounds import OneNode

Blow = Callable[["OneNode"], Awaitable[None]]
STOP_SECONDS: Final = LEASE_KEY_SECONDS + 1.5
"""Longer than a lease here, and than a leader's key lives: another one leads when the stopped goes on."""
HOUR_SECONDS: Final = 3_600


async def kill_coordinator(ground: "OneNode") -> None:
    """End the house's coordinator as a crash would."""
    await _gone(ground, "coordinator", signal.SIGKILL)


async def kill_server(ground: "OneNode") -> None:
    """End the server as a crash would."""
    await _gone(ground, "server", signal.SIGKILL)


async def kill_both(ground: "OneNode") -> None:
    """End server and coordinator at once."""
    await asyncio.gather(kill_server(ground), kill_coordinator(ground))


async def restart_server(ground: "OneNode") -> None:
    """Ask the server to end; its custody starts it again."""
    await _gone(ground, "server", signal.SIGTERM)


async def stop_coordinator(ground: "OneNode") -> None:
    """Stop whoever leads, for longer than its key lives, and let it go on."""
    await _held(await _leading(ground), STOP_SECONDS)


async def blink_coordinator(ground: "OneNode") -> None:
    """Stop whoever leads for longer than a lease, and not as long as its key lives."""
    await _held(await _leading(ground), 2.5)


async def stop_server(ground: "OneNode") -> None:
    """Stop the server for a while: it looks alive, and says nothing."""
    await _held(ground.pid("server"), 1.5)


async def move_clocks(ground: "OneNode") -> None:
    """Set the clocks of server and first coordinator an hour ahead, then the first back and the other two ahead."""
    server, *coordinators = ground.pid("server"), *ground.coordinators()
    shift(server, HOUR_SECONDS)
    shift(coordinators[0], HOUR_SECONDS)
    await asyncio.sleep(2 * 1.0)
    shift(server, -HOUR_SECONDS)
    for pid in coordinators:
        shift(pid, -HOUR_SECONDS)


BLOWS: Final[dict[str, Blow]] = {
    "blink-coordinator": blink_coordinator,
    "kill-both": kill_both,
    "kill-coordinator": kill_coordinator,
    "kill-server": kill_server,
    "move-clocks": move_clocks,
    "restart-server": restart_server,
    "stop-coordinator": stop_coordinator,
    "stop-server": stop_server,
}


async def _gone(ground: "OneNode", name: str, how: signal.Signals) -> None:
    """Signal a process that ends of it, and wait until another has taken its place."""
    before = ground.signal(name, how)
    async with asyncio.timeout(30):
        while ground.pid(name) in (0, before):
            await asyncio.sleep(0.02)


async def _leading(ground: "OneNode") -> int:
    """Return the process of the coordinator that answers."""
    async with asyncio.timeout(30):
        while True:
            for pid, line in zip(ground.coordinators(), ground.sockets(), strict=True):
                if await line.leader():
                    return pid
            await asyncio.sleep(0.05)


async def _held(pid: int, seconds: float) -> None:
    os.kill(pid, signal.SIGSTOP)
    try:
        until = clock.monotonic() + seconds
        while clock.monotonic() < until:
            await asyncio.sleep(0.05)
    finally:
        os.kill(pid, signal.SIGCONT)
