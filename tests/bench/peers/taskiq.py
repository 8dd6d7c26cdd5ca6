"""taskiq on Redis streams, which are acknowledged: two worker processes that share the concurrency.

No results are kept, which is the quicker; what was done stays in the stream.
"""

import asyncio
import os
import sys
from typing import Any

import uvloop
from bench.peers.talk import Crew, Driver, begun, serve
from redis.asyncio import Redis
from taskiq_redis import RedisStreamBroker

PROCESSES = 2
WHERE = "COORD_BENCH_WHERE"
STREAM = "taskiq"
broker: Any = RedisStreamBroker(url=f"unix://{os.environ.get(WHERE, '')}", consumer_id="0")


async def job(sent: float) -> None:
    """Do nothing."""
    begun(sent)


told = broker.register_task(job, task_name="job")


class Taskiq(Driver):
    """The driver."""

    def __init__(self) -> None:
        self._loop = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._loop.run(broker.startup())

    def fill(self, count: int) -> None:
        """Send one, and copies of it: there is no batch."""
        self._loop.run(self._fill(count))

    async def _fill(self, count: int) -> None:
        async with self._redis() as redis:
            await redis.flushall()
            await broker._declare_consumer_group()
            if not count:
                return
            await told.kiq(0.0)
            ((_, first),) = await redis.xrange(STREAM)
            pipe = redis.pipeline(transaction=False)
            for _ in range(1, count):
                pipe.xadd(STREAM, first)
            await pipe.execute()

    def _redis(self) -> Any:
        return Redis(connection_pool=broker.connection_pool)

    def left(self) -> int:
        """Count what was not handed to a worker, or not acknowledged by it."""
        return self._loop.run(self._left())

    async def _left(self) -> int:
        async with self._redis() as redis:
            (group,) = await redis.xinfo_groups(STREAM)
            return int(group["lag"]) + int(group["pending"])

    def send(self, sent: float) -> None:
        """Send one."""
        self._loop.run(told.kiq(sent))

    def crew(self, workers: int) -> Crew:
        """Share the concurrency between the processes."""
        run = (sys.executable, "-P", "-m", "taskiq", "worker", "bench.peers.taskiq:broker")
        limits = ("--workers", str(PROCESSES), "--max-async-tasks", str(workers // PROCESSES))
        return Crew([(*run, *limits, "--ack-type", "when_executed", "--log-level", "ERROR")], PROCESSES)


if __name__ == "__main__":
    os.environ[WHERE] = sys.argv[2]
    from bench.peers import taskiq

    serve(taskiq.Taskiq())
