"""fleetwright in one SQLite file: a process a worker, each with its connection, calling the library.

Its settings are its own: a write-ahead log that is flushed at each commit (SQLite's default), and ten seconds
of patience with a file that somebody else writes to. Nothing is pushed: a worker that waits asks again.
"""

import itertools
import sys
from pathlib import Path

import fleetwright
from bench.peers.talk import Crew, Driver, begun, command, fork, serve

KIND = "job"
LEASE_SECONDS = 3_600


class Fleetwright(Driver):
    """The driver."""

    def __init__(self, where: str) -> None:
        self._numbers = itertools.count()
        self._folder = Path(where)
        self._file = self._folder / "none"

    def fill(self, count: int) -> None:
        """Begin with a fresh file, and add all in one transaction."""
        for file in self._folder.glob("work-*"):
            file.unlink()
        self._file = self._folder / f"work-{next(self._numbers)}.db"
        self._store = fleetwright.connect(self._file)
        fleetwright.define(self._store, KIND, "do nothing")
        fleetwright.add(self._store, KIND, [f"item-{number}" for number in range(count)])

    def left(self) -> int:
        """Count what is not done."""
        return sum(fleetwright.outstanding(self._store))

    def crew(self, workers: int) -> Crew:
        """Fork them from one that has imported everything."""
        return Crew([command("fleetwright", "work", self._file, workers)], min(workers, 4))


def _work(file: str, number: int) -> None:
    store, name = fleetwright.connect(file), f"agent-{number}"
    while won := fleetwright.claim(store, KIND, worker=name, lease=LEASE_SECONDS):
        begun()
        (unit,) = won
        assert fleetwright.finish(store, unit.unit_id, worker=name, token=unit.token), unit


if __name__ == "__main__":
    if sys.argv[1] == "work":
        fork(int(sys.argv[3]), lambda number: _work(sys.argv[2], number))
    else:
        serve(Fleetwright(sys.argv[2]))
