"""What the claim path is measured beside: the bare coordinator and Redis, each as one more `Claiming`.

Redis keeps a sorted set of open items, a hash an item and a stream of what happened, all written by one
script a transition, and flushes its log before it answers (`appendfsync always`).
"""

import asyncio
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from coord.events.errors import NoServer
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log, declare_streams
from coord.services.log.connection import Access
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings

CONNECTIONS: Final = 4
_REDIS_SECONDS: Final = 10
CLAIM: Final = """
local best = redis.call('ZPOPMIN', KEYS[1])
if not best[1] then return nil end
local fence = redis.call('INCR', KEYS[2])
redis.call('HSET', 'item:' .. best[1], 'status', 'claimed', 'agent', ARGV[1], 'fence', fence)
redis.call('XADD', KEYS[3], '*', 'item', best[1], 'type', 'claimed', 'agent', ARGV[1])
return {best[1], fence}
"""
_COMPLETE: Final = """
local key = 'item:' .. ARGV[2]
local now = redis.call('HMGET', key, 'status', 'fence')
if now[1] ~= 'claimed' or now[2] ~= ARGV[3] then return 0 end
redis.call('HSET', key, 'status', 'completed')
redis.call('XADD', KEYS[1], '*', 'item', ARGV[2], 'type', 'completed', 'agent', ARGV[1])
return 1
"""


class Bare:
    """Agents of the bare coordinator, on as many connections as coord's have."""

    def __init__(self, logs: list[Log]) -> None:
        self._logs = logs

    async def submit(self, count: int) -> None:
        """Tell it that there are so many more."""
        await self._ask(0, "submit", {"count": count})

    async def claim(self, number: int) -> Any:
        """Claim the oldest."""
        won = await self._ask(number, "claim", {"agent": f"agent-{number}"})
        return won if "item" in won else None

    async def complete(self, number: int, won: Any) -> None:
        """Complete it under its fence."""
        done = await self._ask(number, "complete", {"agent": f"agent-{number}", **won})
        assert "item" in done, done

    async def _ask(self, number: int, verb: str, fields: dict[str, Any]) -> dict[str, Any]:
        subject = f"cmd.bare.agent-{number}.{verb}"
        log = self._logs[number % len(self._logs)]
        body = msgspec.json.encode({"request_id": clock.new_id(), **fields})
        reply: dict[str, Any] = msgspec.json.decode(await log.request(subject, body, seconds=30.0))
        return reply


@contextlib.contextmanager
def bare_house(settings: Settings) -> Iterator[None]:
    """Run the bare coordinator on a server of its own, set up as coord's is."""
    folder = Folder(settings.data)
    server = EmbeddedServer(folder, settings)
    server.start()
    try:
        access = asyncio.run(_declared(folder, settings))
        program = str(Path(__file__).with_name("bare_coordinator.py"))
        words = [sys.executable, "-P", program, access.url, access.user, access.password]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            try:
                yield
            finally:
                process.terminate()
    finally:
        server.stop()


async def _declared(folder: Folder, settings: Settings) -> Access:
    log = await Log.connect(settings, folder, "core", "bench")
    await declare_streams(log, settings)
    await log.close()
    return log.access


@contextlib.asynccontextmanager
async def bare_agents(settings: Settings) -> AsyncIterator[Bare]:
    """Connect the agents of a bare coordinator that runs."""
    folder = Folder(settings.data)
    logs = [await Log.connect(settings, folder, "core", f"bench-{one}") for one in range(CONNECTIONS)]
    try:
        yield Bare(logs)
    finally:
        for log in logs:
            await log.close()


def missing_redis() -> str | None:
    """Say what is missing for Redis; None when it can run."""
    try:
        import redis.asyncio  # noqa: F401
    except ImportError:
        return "the package redis (pip install redis hiredis)"
    return None if shutil.which("redis-server") else "redis-server (apt-get install redis-server)"


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis of its own that flushes before it answers; give its socket."""
    with tempfile.TemporaryDirectory(prefix="coord-bench-redis-") as root:
        socket = f"{root}/socket"
        words = ["redis-server", "--port", "0", "--unixsocket", socket, "--dir", root, "--save", ""]
        words += ["--appendonly", "yes", "--appendfsync", "always", "--maxclients", "4000"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
            try:
                until = clock.monotonic() + _REDIS_SECONDS
                while not Path(socket).exists():
                    if clock.monotonic() > until:
                        raise NoServer("redis-server did not start.")
                yield socket
            finally:
                process.terminate()


class Redis:
    """Agents on a pool of connections; each waits in line for one that is free."""

    def __init__(self, client: Any, connections: int) -> None:
        self._client = client
        self._turn = asyncio.Semaphore(connections)
        self._claim = client.register_script(CLAIM)
        self._complete = client.register_script(_COMPLETE)
        self._count = 0

    async def submit(self, count: int) -> None:
        """Add open items, a thousand at a time."""
        for first in range(self._count, self._count + count, 1_000):
            pipe = self._client.pipeline(transaction=False)
            last = min(first + 1_000, self._count + count)
            pipe.zadd("open", {f"r-{number}": number for number in range(first, last)})
            for number in range(first, last):
                pipe.hset(f"item:r-{number}", mapping={"title": f"item {number}", "status": "open"})
            await pipe.execute()
        self._count += count

    async def claim(self, number: int) -> Any:
        """Claim the oldest; None: there is none."""
        async with self._turn:
            return await self._claim(["open", "fences", "events"], [f"agent-{number}"])

    async def complete(self, number: int, won: Any) -> None:
        """Complete it under its fence."""
        async with self._turn:
            done = await self._complete(["events"], [f"agent-{number}", won[0], won[1]])
        assert done == 1, won


@contextlib.asynccontextmanager
async def redis_agents(socket: str, connections: int) -> AsyncIterator[Redis]:
    """Connect so many times."""
    from redis import asyncio as redis

    pool = redis.ConnectionPool(
        connection_class=redis.UnixDomainSocketConnection, path=socket, max_connections=connections + 1
    )
    client = redis.Redis(connection_pool=pool)
    await client.flushall()
    try:
        yield Redis(client, connections)
    finally:
        await client.aclose()
        await pool.aclose()
