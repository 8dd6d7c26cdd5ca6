"""procrastinate on Postgres: asynchronous jobs, two worker processes that share the concurrency.

Two processes do best on two cores. Everything else as its documentation has it: LISTEN and NOTIFY are on,
and finished jobs stay in their table with an event a transition.
"""

import asyncio
import sys
from typing import Any

import procrastinate
import uvloop
from bench.peers.talk import Crew, Driver, begun, command, serve

PROCESSES = 2


async def job(sent: float) -> None:
    """Do nothing."""
    begun(sent)


def _app(where: str, connections: int) -> tuple[Any, Any]:
    connector = procrastinate.PsycopgConnector(conninfo=where, min_size=1, max_size=connections)
    app = procrastinate.App(connector=connector)
    return app, app.task(name="job")(job)


class Procrastinate(Driver):
    """The driver."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._app, self._job = _app(where, 2)
        self._loop = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._loop.run(self._begin())

    async def _begin(self) -> None:
        await self._app.open_async()
        await self._app.schema_manager.apply_schema_async()

    def fill(self, count: int) -> None:
        """Defer all in one statement."""
        self._loop.run(self._fill(count))

    async def _fill(self, count: int) -> None:
        await self._app.connector.execute_query_async(
            "TRUNCATE procrastinate_jobs, procrastinate_events, procrastinate_workers CASCADE"
        )
        if count:
            await self._job.batch_defer_async(*({"sent": 0.0} for _ in range(count)))

    def left(self) -> int:
        """Count what is not `succeeded`."""
        query = "SELECT count(*) AS left FROM procrastinate_jobs WHERE status <> 'succeeded'"
        return int(self._loop.run(self._app.connector.execute_query_one_async(query))["left"])

    def send(self, sent: float) -> None:
        """Defer one."""
        self._loop.run(self._job.defer_async(sent=sent))

    def crew(self, workers: int) -> Crew:
        """Share the concurrency between the processes."""
        return Crew(
            [command("procrastinate", "work", self._where, workers // PROCESSES)] * PROCESSES, PROCESSES
        )


async def _work(where: str, concurrency: int) -> None:
    app, _ = _app(where, min(concurrency, 16) + 2)
    async with app.open_async():
        await app.run_worker_async(concurrency=concurrency)


if __name__ == "__main__":
    if sys.argv[1] == "work":
        uvloop.run(_work(sys.argv[2], int(sys.argv[3])))
    else:
        serve(Procrastinate(sys.argv[2]))
