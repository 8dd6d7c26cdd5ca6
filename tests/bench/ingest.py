"""How fast facts become rows, beside a pull that only reads, in the same run.

    python -P tests/bench/ingest.py [--items 25000] [--messages 10000] [--readings 200] [--seconds 10] [--json]

A log is filled first: whole lives of items, and packed readings of 64 machines. Then it is read by a bare pull, and
by the projector's own loops from nothing into a new file, all projections on. Last, a process of its own publishes
packed readings at a pace for some seconds, and the projector keeps up or does not.
"""

import argparse
import asyncio
import gc
import json
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.telemetry import EVENTS_A_LIFE, Machines, live, publish

from coord.events.streams import EVENTS, SAMPLES
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log, declare_streams
from coord.services.projector.following import Follower
from coord.services.projector.keeper import Keeper
from coord.services.projector.main import GARBAGE_LOOKED_FOR
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings
from coord.services.tasks import end

NODES: Final = 64
OF_BARE_MIN: Final = 0.35
READINGS_MIN: Final = 300_000
_LOOK_SECONDS: Final = 0.01
_PATIENCE_SECONDS: Final = 300.0


class Figure(NamedTuple):
    """One measured value, and what it must reach."""

    name: str
    value: float
    bar: float
    what: str


class Spent(NamedTuple):
    """What reading so many messages took: by the clock, and of this process's cores alone."""

    seconds: float
    cpu_seconds: float


async def bare(log: Log, stream: str) -> Spent:
    """Read a whole stream and do nothing with it."""
    last, began = (await log.stream_state(stream)).last, _now()
    async for batch in log.pull(stream, 1, wait_seconds=1.0):
        if batch and batch[-1].position >= last:
            break
    return _since(began)


def _now() -> Spent:
    return Spent(clock.monotonic(), time.process_time())


def _since(began: Spent) -> Spent:
    now = _now()
    return Spent(now.seconds - began.seconds, now.cpu_seconds - began.cpu_seconds)


@asynccontextmanager
async def projecting(settings: Settings) -> AsyncIterator[Keeper]:
    """Run the projector's loops here, as its process does, into a file of their own."""
    folder = Folder(settings.data)
    keeper = Keeper(settings, folder)
    await keeper.open()
    follower = Follower(settings, folder, keeper, lambda _: asyncio.sleep(math.inf))
    task = asyncio.create_task(follower.follow())
    try:
        yield keeper
    finally:
        await end(task)
        await keeper.close()


async def folded(keeper: Keeper, stream: str, last: int) -> Spent:
    """Wait until a position is folded in."""
    began = _now()
    while keeper.folded.get(stream, 0) < last:
        assert clock.monotonic() - began.seconds < _PATIENCE_SECONDS, f"{stream} stands at {keeper.folded}"
        await asyncio.sleep(_LOOK_SECONDS)
    return _since(began)


async def measure(settings: Settings, options: argparse.Namespace) -> list[Figure]:
    """Fill the log and read it, bare and whole."""
    log = await Log.connect(settings, Folder(settings.data), name="bench")
    await declare_streams(log, settings)
    await live(log, settings.site, options.items)
    events = options.items * EVENTS_A_LIFE
    bare_events = await bare(log, EVENTS.name)
    async with projecting(settings) as keeper:
        found = _beside("event", events, bare_events, await folded(keeper, EVENTS.name, events), OF_BARE_MIN)
    machines = Machines(NODES, options.readings)
    await publish(log, machines, options.messages)
    last = await _arrived(log, options.messages)
    bare_messages = await bare(log, SAMPLES.name)
    async with projecting(settings) as keeper:
        packed = await folded(keeper, SAMPLES.name, last)
        readings = last * machines.readings
        told = f"readings/s, {machines.readings} a message, {packed.cpu_seconds / readings * 1e6:.2f} us of CPU each"
        found += _beside("packed", last, bare_messages, packed, 0.0)
        found.append(Figure("packed-readings", readings / packed.seconds, READINGS_MIN, told))
        if options.seconds:
            found += await _sustained(log, keeper, settings, options, last)
    await log.close()
    return found


def _beside(name: str, count: int, bare_pull: Spent, whole: Spent, bar: float) -> list[Figure]:
    """Put what was folded in beside what was only read; what either cost in CPU depends less on who else runs."""
    rates = f"x: {count / whole.seconds:,.0f} of {count / bare_pull.seconds:,.0f} messages/s"
    cpu = f"x: {whole.cpu_seconds / count * 1e6:.1f} us of CPU a message, bare {bare_pull.cpu_seconds / count * 1e6:.1f}"
    return [
        Figure(f"{name}-of-bare", bare_pull.seconds / whole.seconds, bar, rates),
        Figure(f"{name}-cpu-of-bare", bare_pull.cpu_seconds / whole.cpu_seconds, 0.0, cpu),
    ]


async def _arrived(log: Log, count: int) -> int:
    while (state := await log.stream_state(SAMPLES.name)).last < count:
        await asyncio.sleep(_LOOK_SECONDS)
    return state.last


async def _sustained(
    log: Log, keeper: Keeper, settings: Settings, options: argparse.Namespace, before: int
) -> list[Figure]:
    """Let a process publish at a pace while the projector follows; what it folds in meanwhile is its rate."""
    pace = options.pace / options.readings
    count = round(pace * options.seconds)
    words = [
        "--publish",
        str(count),
        "--pace",
        str(pace),
        "--readings",
        str(options.readings),
        "--data",
        str(settings.data),
    ]
    publisher = await asyncio.create_subprocess_exec(sys.executable, "-P", __file__, *words)
    began = clock.monotonic()
    await publisher.wait()
    took, there = clock.monotonic() - began, keeper.folded[SAMPLES.name] - before
    behind = (await folded(keeper, SAMPLES.name, await _arrived(log, before + count))).seconds
    rate = count * options.readings / (took + behind)
    return [
        Figure(
            "sustained-readings",
            rate,
            READINGS_MIN,
            f"readings/s, published in {took:.1f} s, folded {behind:.2f} s later",
        ),
        Figure(
            "sustained-behind",
            1 - there / count,
            0.0,
            "x of them were not folded in when the last was published",
        ),
        Figure(
            "megabytes-peak",
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            0.0,
            "MB of this process",
        ),
    ]


async def _publish(options: argparse.Namespace) -> None:
    settings = Settings(data=options.data)
    log = await Log.connect(settings, Folder(settings.data), name="publisher")
    machines = Machines(NODES, options.readings, "m2")
    await publish(log, machines, options.publish, options.pace)
    await log.close()


def main() -> int:
    """Measure; return 0 when every bar is met, else 7."""
    parser = argparse.ArgumentParser(description="How fast facts become rows.")
    parser.add_argument("--items", type=int, default=25_000)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--readings", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--pace", type=float, default=320_000.0, help="readings a second that are published")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--publish", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    gc.set_threshold(*GARBAGE_LOOKED_FOR)
    if options.publish:
        uvloop.run(_publish(options))
        return 0
    sys.stderr.write(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory(prefix="coord-ingest-") as root:
        settings = Settings(data=Path(root) / "data")
        server = EmbeddedServer(Folder(settings.data), settings)
        server.start()
        try:
            found = uvloop.run(measure(settings, options))
        finally:
            server.stop()
    return tell(found, as_json=options.json)


def tell(figures: list[Figure], *, as_json: bool) -> int:
    """Say what was measured, and how it stands to its bars."""
    for name, value, bar, what in figures:
        stands = f">= {bar:g}: {'met' if value >= bar else 'MISSED'}" if bar else "no bar"
        told = f"{name:<20}{value:>12,.2f} {what} ({stands})"
        sys.stdout.write((json.dumps({name: value}) if as_json else told) + "\n")
    return 0 if all(value >= bar for _, value, bar, _ in figures) else 7


if __name__ == "__main__":
    sys.exit(main())
