"""eventsourcing on Postgres: an item is an aggregate, a claim and a completion an event each.

Two processes with a thread a worker. Which items are open each process reads from the log at its start, and
tries them in an order of its own; who loses the race for one is told by the version, and takes the next.
"""

import random
import sys
import threading
from collections import deque
from typing import Any

import psycopg
from bench.peers.talk import Crew, Driver, begun, command, serve
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError

PROCESSES = 2
_TOGETHER = 500


class Item(Aggregate):
    """One item of work."""

    @event("Submitted")
    def __init__(self, title: str) -> None:
        self.title = title
        self.agent = ""
        self.done = False

    @event("Claimed")
    def claim(self, agent: str) -> None:
        """Be claimed, once."""
        if self.agent:
            raise ValueError(f"{self.agent} has it")
        self.agent = agent

    @event("Completed")
    def complete(self, agent: str) -> None:
        """Be completed by whoever claimed it."""
        if self.agent != agent or self.done:
            raise ValueError(f"{self.agent} has it")
        self.done = True


class Store(Application):
    """Items in Postgres."""

    log_section_size = 1_000


def _store(where: str, connections: int, create: bool = False) -> Any:
    words = dict(word.split("=", 1) for word in where.split())
    return Store(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "CREATE_TABLE": "yes" if create else "no",
            "POSTGRES_DBNAME": words["dbname"],
            "POSTGRES_HOST": words["host"],
            "POSTGRES_PORT": "5432",
            "POSTGRES_USER": words["user"],
            "POSTGRES_PASSWORD": "",
            "POSTGRES_POOL_SIZE": str(connections),
            "POSTGRES_MAX_OVERFLOW": "0",
        }
    )


class Eventsourcing(Driver):
    """The driver."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._store = _store(where, 2, create=True)
        self._postgres = psycopg.connect(where, autocommit=True)
        row = self._postgres.execute(
            "SELECT tablename FROM pg_tables WHERE tablename LIKE '%events'"
        ).fetchone()
        assert row is not None
        (self._table,) = row
        self._count = 0

    def fill(self, count: int) -> None:
        """Save many aggregates in one transaction."""
        self._postgres.execute(f"TRUNCATE {self._table}")
        for first in range(0, count, _TOGETHER):
            self._store.save(*(Item(title="item") for _ in range(first, min(first + _TOGETHER, count))))
        self._count = count

    def left(self) -> int:
        """Count the items without a completion."""
        query = f"SELECT count(*) FROM {self._table} WHERE topic LIKE '%Completed'"
        row = self._postgres.execute(query).fetchone()
        assert row is not None
        return self._count - int(row[0])

    def crew(self, workers: int) -> Crew:
        """Share the threads between the processes."""
        threads = workers // PROCESSES
        return Crew(
            [command("eventsourcing", "work", self._where, threads, number) for number in range(PROCESSES)],
            PROCESSES,
        )


def _open(store: Any, seed: int) -> deque[Any]:
    """Read the ids of all items from the log, in an order of one's own."""
    found: list[Any] = []
    while events := store.notification_log.select(len(found) + 1, Store.log_section_size):
        found += [one.originator_id for one in events]
    random.Random(seed).shuffle(found)
    return deque(found)


def _agent(store: Any, ids: deque[Any], agent: str) -> None:
    while True:
        try:
            item = store.repository.get(ids.popleft())
            item.claim(agent)
            store.save(item)
        except (IntegrityError, ValueError):
            continue
        except (IndexError, AggregateNotFoundError):
            return
        begun()
        item = store.repository.get(item.id)
        item.complete(agent)
        store.save(item)


def _work(where: str, threads: int, seed: int) -> None:
    store = _store(where, threads)
    ids = _open(store, seed)
    for number in range(threads):
        threading.Thread(target=_agent, args=(store, ids, f"agent-{seed}-{number}")).start()


if __name__ == "__main__":
    if sys.argv[1] == "work":
        _work(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        serve(Eventsourcing(sys.argv[2]))
