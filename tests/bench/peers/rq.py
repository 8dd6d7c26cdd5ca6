"""RQ on Redis: a process a worker, of the class that does not fork for each job, which is the quicker one.

Jobs stay for 500 seconds after their end, as is its default.
"""

import sys
from typing import Any

from bench.peers.talk import Crew, Driver, begun, command, fork, serve
from redis import Redis
from rq import Queue, SimpleWorker
from rq.registry import StartedJobRegistry


def job(sent: float) -> None:
    """Do nothing."""
    begun(sent)


class Rq(Driver):
    """The driver."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._redis: Any = Redis(unix_socket_path=where)
        self._queue = Queue(connection=self._redis)
        self._started = StartedJobRegistry(queue=self._queue)

    def fill(self, count: int) -> None:
        """Enqueue many at once."""
        self._redis.flushall()
        one = Queue.prepare_data("bench.peers.rq.job", args=(0.0,))
        for first in range(0, count, 1_000):
            many = range(first, min(first + 1_000, count))
            self._queue.enqueue_many([one._replace(job_id=f"job-{number}") for number in many])

    def left(self) -> int:
        """Count what is queued or started."""
        return len(self._queue) + int(self._redis.zcard(self._started.key))

    def send(self, sent: float) -> None:
        """Enqueue one."""
        self._queue.enqueue("bench.peers.rq.job", sent)

    def crew(self, workers: int) -> Crew:
        """Fork them from one that has imported everything."""
        return Crew([command("rq", "work", self._where, workers)], workers)


def _work(where: str) -> None:
    redis = Redis(unix_socket_path=where)
    SimpleWorker([Queue(connection=redis)], connection=redis).work(logging_level="ERROR")


if __name__ == "__main__":
    if sys.argv[1] == "work":
        fork(int(sys.argv[3]), lambda _: _work(sys.argv[2]))
    else:
        serve(Rq(sys.argv[2]))
