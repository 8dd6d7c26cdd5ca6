"""arq on Redis: two worker processes that share the concurrency, asking a hundred times a second.

It polls: twice a second by default, which is all that its start latency says; asking more often does better in
both. Results are kept for an hour, as is its default.
"""

import asyncio
import sys
from typing import Any

import uvloop
from arq import create_pool
from arq.connections import RedisSettings
from arq.constants import default_queue_name, job_key_prefix
from arq.worker import Worker, func
from bench.peers.talk import Crew, Driver, begun, command, serve

PROCESSES = 2
POLL_SECONDS = 0.01
DEFAULT_POLL_SECONDS = 0.5


async def job(_: dict[str, Any], sent: float) -> None:
    """Do nothing."""
    begun(sent)


class Arq(Driver):
    """The driver."""

    def __init__(self, where: str, poll_seconds: float) -> None:
        self._where = where
        self._poll_seconds = poll_seconds
        self._loop = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._pool = self._loop.run(create_pool(RedisSettings(unix_socket_path=where)))

    def fill(self, count: int) -> None:
        """Enqueue one, and copies of it: there is no batch."""
        self._loop.run(self._fill(count))

    async def _fill(self, count: int) -> None:
        await self._pool.flushall()
        if not count:
            return
        first = await self._pool.enqueue_job("job", 0.0)
        body = await self._pool.get(job_key_prefix + first.job_id)
        score = await self._pool.zscore(default_queue_name, first.job_id)
        pipe = self._pool.pipeline(transaction=False)
        for number in range(1, count):
            pipe.set(f"{job_key_prefix}job-{number}", body)
            pipe.zadd(default_queue_name, {f"job-{number}": score})
        await pipe.execute()

    def left(self) -> int:
        """Count the queue: a job leaves it when it is finished."""
        return int(self._loop.run(self._pool.zcard(default_queue_name)))

    def send(self, sent: float) -> None:
        """Enqueue one."""
        self._loop.run(self._pool.enqueue_job("job", sent))

    def crew(self, workers: int) -> Crew:
        """Share the concurrency between the processes."""
        return Crew(
            [command("arq", "work", self._where, workers // PROCESSES, self._poll_seconds)] * PROCESSES,
            PROCESSES,
        )


def _work(where: str, concurrency: int, poll_seconds: float) -> None:
    asyncio.set_event_loop(uvloop.new_event_loop())
    Worker(
        functions=[func(job, name="job")],
        redis_settings=RedisSettings(unix_socket_path=where),
        max_jobs=concurrency,
        poll_delay=poll_seconds,
    ).run()


if __name__ == "__main__":
    if sys.argv[1] == "work":
        _work(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        serve(Arq(sys.argv[2], DEFAULT_POLL_SECONDS if sys.argv[3:] == ["default"] else POLL_SECONDS))
