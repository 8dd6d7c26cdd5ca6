"""coord beside job queues and claim stores, in one run: cycles a second, and submit to start.

    python -P tests/bench/queues.py [--workers 16,100] [--rounds 3] [--seconds 1.5] [--starts 200]
                                    [--only arq,rq] [--json] [--write]

A cycle is one item claimed and completed, or one job fetched, run (it does nothing) and acknowledged, as the store
counts it from outside once all workers are at work. Every round meets every tool in turn, on a fresh store, with
as many workers; what counts is the ratio of the medians. What a cycle costs in CPU, servers and workers
together, says as much on a busy machine. All stores flush before they answer: coord's log,
Postgres with `synchronous_commit`, Redis with `appendfsync always`, SQLite as it comes.

Each tool has settings chosen for it (its driver in bench/peers says which and why). Submit to start has workers that wait
and some forty submissions a second; what polls is measured with the settings it comes with, too. The first run
makes each tool's environment under .bench/peers; a tool that is not to be had is named with the reason.
`--write` puts the table into README.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.claim_peers import redis_server
from bench.peers.cpu import cpu_seconds, process_of
from bench.queue_peers import CACHE, PEERS, Driven, Peer, Store, driven, environment
from bench.queue_table import Row, figures, ratio, table
from bench.starting import starts
from feature_table import README, with_table

from coord.events.errors import FoundWanting, NoServer
from coord.services import clock
from coord.services.bench import claims, postgres
from coord.services.bench.cycling import Load, cycle
from coord.services.bench.measure import median, milliseconds, percentile
from coord.services.settings import Settings

BEGIN: Final = "<!-- queues -->"
END: Final = "<!-- /queues -->"
WAITING: Final = 16
"""Workers that wait while submit to start is measured."""
INSTALLING: Final = 4
_LOOK_SECONDS: Final = 0.05
RATE: Final = 9_000
"""Items a second that a round of coord's is given: more than it works off."""
_STARTS_UP_SECONDS: Final = 2.0
"""A round is filled for so much more: what is done while the last worker still starts."""
KEEPS: Final = "every event for ever; one winner by position, a fence, a lease; claimed again within a lease"


@dataclass(slots=True)
class Measured:
    """A tool, and its driver while it can be asked."""

    peer: Peer
    row: Row
    driver: Driven | None = None
    default: Driven | None = None
    """The same with the settings it comes with."""


@dataclass(slots=True)
class Stores:
    """What peers keep their jobs in; each driver gets a place of its own in them."""

    root: Path
    stack: contextlib.ExitStack
    _found: dict[str, Any] = field(default_factory=dict)

    def place(self, peer: Peer, name: str) -> Store:
        """Start the store at its first use; say where the driver finds it.

        Raises:
            FoundWanting: it is not installed.
        """
        if peer.store == "folder":
            (self.root / name).mkdir()
            return Store(str(self.root / name))
        if peer.store == "redis":
            if shutil.which("redis-server") is None:
                raise FoundWanting("there is no redis-server here (apt-get install redis-server)")
            socket = str(self._once("redis", redis_server))
            return Store(socket, process_of("redis-server", socket))
        if missing := postgres.missing():
            raise FoundWanting(f"there is no {missing}")
        access = self._once("postgres", postgres.cluster)
        uvloop.run(_create_database(access, name))
        where = f"host={access['host']} user={access['user']} dbname={name}"
        return Store(where, process_of("postgres", f"{access['host']}/data"))

    def _once(self, name: str, server: Callable[[], contextlib.AbstractContextManager[Any]]) -> Any:
        if name not in self._found:
            self._found[name] = self.stack.enter_context(server())
        return self._found[name]


async def _create_database(access: dict[str, Any], name: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(**access)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


@contextlib.contextmanager
def peers(wanted: Sequence[str], root: Path) -> Iterator[list[Measured]]:
    """Run the driver of every tool that is wanted and to be had."""
    chosen = [one for one in PEERS if not wanted or one.module in wanted]
    with ThreadPoolExecutor(INSTALLING) as pool:
        pythons = list(pool.map(_environment, chosen))
    found = [Measured(one, Row(one.name, one.keeps)) for one in chosen]
    with contextlib.ExitStack() as stack:
        stores = Stores(root, stack)
        for one, python in zip(found, pythons, strict=True):
            try:
                _begin(one, python, stores)
            except FoundWanting as wrong:
                _give_up(one, wrong)
        yield found


def _environment(peer: Peer) -> Path | FoundWanting:
    try:
        return environment(peer, CACHE)
    except FoundWanting as wrong:
        return wrong


def _begin(one: Measured, python: Path | FoundWanting, stores: Stores) -> None:
    if isinstance(python, FoundWanting):
        raise python
    name = one.peer.module
    store = stores.place(one.peer, name)
    one.driver = stores.stack.enter_context(driven(one.peer, python, store, stores.root))
    if one.peer.default_differs:
        store = stores.place(one.peer, f"{name}_default")
        one.default = stores.stack.enter_context(driven(one.peer, python, store, stores.root, "default"))


def _give_up(one: Measured, wrong: FoundWanting) -> None:
    _tell(f"{one.peer.name}: {wrong.message}")
    one.driver = one.default = None
    if not one.row.rates:
        one.row.missing = wrong.message


def _tell(text: str) -> None:
    """Say how far it is."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


async def _ask(one: Measured, driver: Driven | None, **asked: Any) -> dict[str, Any] | None:
    if driver is None:
        return None
    try:
        return await asyncio.to_thread(driver.ask, **asked)
    except FoundWanting as wrong:
        _give_up(one, wrong)
        return None


async def measure_starts(settings: Settings, ours: Row, theirs: Sequence[Measured], items: int) -> None:
    """Let workers wait, and see how soon each submission is at work."""
    ours.starts += await starts(settings, WAITING, items)
    _tell(f"coord: submit to start p99 {milliseconds(percentile(ours.starts, 0.99))}")
    for one in theirs:
        if one.peer.waits:
            for driver, into in ((one.driver, one.row.starts), (one.default, one.row.default_starts)):
                if answer := await _ask(one, driver, do="starts", workers=WAITING, items=items):
                    into += answer["starts"]
                    _tell(f"{one.peer.name}: submit to start p99 {milliseconds(percentile(into, 0.99))}")


async def measure_cycles(settings: Settings, ours: Row, theirs: Sequence[Measured], options: Any) -> None:
    """Let as many workers do all they can, each tool in turn, over and over."""
    left = 0
    async with claims.connected(settings) as coord:
        for workers in map(int, options.workers.split(",")):
            for _ in range(options.rounds):
                left = await _own_round(coord, ours, Load(workers, options.seconds), left)
                for one in theirs:
                    if workers in one.peer.sizes:
                        await _round(one, workers, options.seconds)


async def _own_round(coord: claims.Coord, ours: Row, load: Load, left: int) -> int:
    """Run coord's round and return what it left; all it needs runs below this process, where the others rest."""
    wanted = int(RATE * load.seconds)
    await coord.submit(wanted - left)
    used = cpu_seconds([os.getpid()])
    cycles = await cycle(coord, load)
    used = cpu_seconds([os.getpid()]) - used
    ours.rates.setdefault(load.agents, []).append(cycles.rate)
    ours.cpu.setdefault(load.agents, []).append(used / cycles.count)
    _tell(f"coord, {load.agents} workers: {cycles.rate:,.0f} cycles/s")
    return wanted - cycles.count


async def _round(one: Measured, workers: int, seconds: float) -> None:
    items = int(one.peer.rate * (seconds + _STARTS_UP_SECONDS))
    answer = await _ask(one, one.driver, do="round", workers=workers, seconds=seconds, items=items)
    if answer is not None:
        rate = answer["cycles"] / answer["seconds"]
        one.row.rates.setdefault(workers, []).append(rate)
        one.row.cpu.setdefault(workers, []).append(answer["cpu_seconds"] / max(answer["cycles"], 1))
        _tell(f"{one.peer.name}, {workers} workers: {rate:,.0f} cycles/s")


async def _until_it_answers(settings: Settings) -> None:
    until = clock.monotonic() + claims.SERVES_SECONDS
    async with claims.connected(settings) as coord:
        while True:
            try:
                await coord.claim(0)
                return
            except NoServer:
                if clock.monotonic() > until:
                    raise
                await asyncio.sleep(_LOOK_SECONDS)


async def measure(settings: Settings, ours: Row, theirs: Sequence[Measured], options: Any) -> None:
    """Measure all; submit to start first, on stores that hold nothing."""
    await _until_it_answers(settings)
    if options.starts:
        await measure_starts(settings, ours, theirs, options.starts)
    await measure_cycles(settings, ours, theirs, options)


def report(ours: Row, rows: Sequence[Row], sizes: Sequence[int], as_json: bool) -> None:
    """Print the table, and the rounds behind it; or the figures."""
    if as_json:
        sys.stdout.write(json.dumps(figures(ours, rows)) + "\n")
        return
    sys.stdout.write("\n".join(table(ours, rows, sizes)) + "\n\n")
    for row in (ours, *rows):
        for workers, rates in row.rates.items():
            times = ratio(ours, row, workers) or 0.0
            each = ", ".join(f"{rate:,.0f}" for rate in rates)
            told = f"{median(rates):>9,.0f} cycles/s    coord {times:>8,.2f} x    rounds {each}"
            sys.stdout.write(f"{row.name:<30}{workers:>4} workers {told}\n")


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="coord beside job queues and claim stores.")
    parser.add_argument("--workers", default="16,100")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--only", default="")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    wanted = [one for one in options.only.split(",") if one]
    if wanted and options.write:
        parser.error("--write takes the table of all tools: leave --only out")
    known = [one.module for one in PEERS]
    if unknown := set(wanted) - set(known):
        parser.error(f"--only does not know {', '.join(sorted(unknown))}; it takes {', '.join(known)}")
    ours = Row("**coord**", KEEPS)
    with tempfile.TemporaryDirectory(prefix="coord-queues-") as scratch:
        root = Path(scratch)
        settings = Settings(data=root / "data")
        with peers(wanted, root) as theirs, claims.server_and_coordinator(settings):
            uvloop.run(measure(settings, ours, theirs, options))
    rows, sizes = [one.row for one in theirs], [int(one) for one in options.workers.split(",")]
    report(ours, rows, sizes, options.json)
    if options.write:
        written = with_table(README.read_text("utf-8"), "\n".join(table(ours, rows, sizes)), BEGIN, END)
        README.write_text(written, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
