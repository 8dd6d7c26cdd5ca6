"""DBOS on Postgres: one process with as many threads as workers, asking fifty times a second.

It polls once a second by default and takes at most as many as it has room for, which is all that its rate
and its start latency say; asking more often does better in both. A workflow and its result stay in their table.
"""

import os
import sys
import threading
from typing import Any

import psycopg
from bench.peers.talk import Crew, Driver, begun, command, serve
from dbos import DBOS, DBOSClient

POLL_SECONDS = 0.02
DEFAULT_POLL_SECONDS = 1.0
DEFAULT_THREADS = 100
UNLIMITED = 0
"""Its default: as many at once as there are; a limit would let only so many begin at each poll."""
QUEUE = "bench"
VERSION = "1"
NUMBER = "number_of_the_copy"


def job(sent: float) -> None:
    """Do nothing."""
    begun(sent)


def _url(where: str) -> str:
    """Say as a URL what `host=... user=... dbname=...` says."""
    words = dict(word.split("=", 1) for word in where.split())
    return f"postgresql://{words['user']}@/{words['dbname']}?host={words['host']}"


class Dbos(Driver):
    """The driver."""

    def __init__(self, where: str, poll_seconds: float) -> None:
        self._where = where
        self._poll_seconds = poll_seconds
        _configure(where, 4)
        DBOS.launch()
        DBOS.destroy()
        self._postgres = psycopg.connect(where, autocommit=True)
        self._client = DBOSClient(system_database_url=_url(where))

    def fill(self, count: int) -> None:
        """Enqueue one, and copies of its rows: there is no batch."""
        self._postgres.execute("TRUNCATE dbos.workflow_status, dbos.workflow_input CASCADE")
        if count:
            self.send(0.0)
            for table in ("workflow_status", "workflow_input"):
                self._copy(table, count)

    def _copy(self, table: str, count: int) -> None:
        rows = self._postgres.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'dbos'"
            " AND table_name = %s AND is_generated = 'NEVER'",
            (table,),
        )
        names = [name for (name,) in rows]
        copied = [f"'job-' || {NUMBER}" if name == "workflow_uuid" else name for name in names]
        self._postgres.execute(
            f"INSERT INTO dbos.{table} ({', '.join(names)}) SELECT {', '.join(copied)}"
            f" FROM dbos.{table}, generate_series(2, {count}) AS {NUMBER}"
        )

    def left(self) -> int:
        """Count the workflows that have not succeeded."""
        query = "SELECT count(*) FROM dbos.workflow_status WHERE status <> 'SUCCESS'"
        row = self._postgres.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def send(self, sent: float) -> None:
        """Enqueue one."""
        options: Any = {"queue_name": QUEUE, "workflow_name": "job", "app_version": VERSION}
        self._client.enqueue(options, sent)

    def crew(self, workers: int) -> Crew:
        """One process: a second one asks the same rows for more."""
        limit = UNLIMITED if self._poll_seconds == DEFAULT_POLL_SECONDS else workers
        return Crew([command("dbos", "work", self._where, limit, self._poll_seconds)], 1)


def _configure(where: str, threads: int) -> None:
    os.environ["DBOS__APPVERSION"] = VERSION
    config: Any = {
        "name": "bench",
        "system_database_url": _url(where),
        "run_admin_server": False,
        "max_executor_threads": threads,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.workflow(name="job")(job)


def _work(where: str, workers: int, poll_seconds: float) -> None:
    _configure(where, workers or DEFAULT_THREADS)
    DBOS.launch()
    DBOS.register_queue(
        QUEUE,
        worker_concurrency=workers or None,
        polling_interval_sec=poll_seconds,
        on_conflict="always_update",
    )
    threading.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "work":
        _work(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        serve(Dbos(sys.argv[2], DEFAULT_POLL_SECONDS if sys.argv[3:] == ["default"] else POLL_SECONDS))
