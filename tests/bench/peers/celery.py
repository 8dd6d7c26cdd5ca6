"""Celery on Redis: prefork processes, acknowledged late, so that what a killed worker held is not lost.

No results are kept, which is the quicker. A worker takes a few jobs ahead (its default of four).
"""

import json
import os
import sys
from typing import Any

import celery
from bench.peers.talk import Crew, Driver, begun, serve
from redis import Redis

WHERE = "COORD_BENCH_WHERE"
QUEUE = "celery"
app: Any = celery.Celery("bench", broker=f"redis+socket://{os.environ.get(WHERE, '')}")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)


def job(sent: float) -> None:
    """Do nothing."""
    begun(sent)


told = app.task(name="job")(job)


class Celery(Driver):
    """The driver."""

    def __init__(self, where: str) -> None:
        self._redis: Any = Redis(unix_socket_path=where)

    def fill(self, count: int) -> None:
        """Send one, and copies of it under tags of their own: there is no batch."""
        self._redis.flushall()
        if not count:
            return
        told.delay(0.0)
        body = self._redis.lindex(QUEUE, 0)
        tag = json.loads(body)["properties"]["delivery_tag"].encode()
        pipe = self._redis.pipeline(transaction=False)
        for number in range(1, count):
            pipe.lpush(QUEUE, body.replace(tag, b"tag-%d" % number))
        pipe.execute()

    def left(self) -> int:
        """Count what is queued, or taken and not acknowledged."""
        return int(self._redis.llen(QUEUE)) + int(self._redis.hlen("unacked"))

    def send(self, sent: float) -> None:
        """Send one."""
        told.delay(sent)

    def crew(self, workers: int) -> Crew:
        """One pool of processes."""
        quiet = ("--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat")
        run = (sys.executable, "-P", "-m", "celery", "-A", "bench.peers.celery", "worker")
        return Crew([(*run, "--pool", "prefork", "--concurrency", str(workers), *quiet)], min(workers, 2))


if __name__ == "__main__":
    os.environ[WHERE] = sys.argv[2]
    app.conf.broker_url = f"redis+socket://{sys.argv[2]}"
    serve(Celery(sys.argv[2]))
