"""What a million aggregates cost the embedded server: memory, disk, and the time until it serves again.

One `work.submitted` on each of N subjects, appended at position 0 in atomic batches, on the real streams.
The server remembers the message ids of the last minutes, and reads them back when it restarts: so each figure
is taken twice, right after the burst, and settled (the window of duplicates made short, as time would do).
Run it: python -P tests/bench/aggregates.py [--count 1000000] [--data FOLDER] [--json]. Bars: RSS < 500 MB,
restart < 2 s. With --json each line holds the figures by the names under which README states them.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import structs

from coord.events.envelope import Envelope
from coord.events.streams import EVENTS
from coord.events.tokens import event_subject
from coord.events.work import WorkSubmitted
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Append, Log, declare_streams
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings

BATCH: Final = 1_000
WRITERS: Final = 4
RSS_BAR_MB: Final = 500
RESTART_BAR_SECONDS: Final = 2.0
SETTLED_SECONDS: Final = 0.2
_MB: Final = 1_000_000


class Figure(NamedTuple):
    """One figure: what it is, how it is told, whether its bar is met (None: there is none), and as numbers."""

    what: str
    told: str
    met: bool | None
    values: dict[str, float]


def appends(first: int, count: int, settings: Settings) -> list[Append]:
    """Return one batch: the first event of each of `count` items."""
    event = WorkSubmitted(
        title="Hash the corpus", priority=7, capabilities=("python",), body={"path": "a.txt"}
    )
    envelope = Envelope(
        id="", type="work.submitted.v5", source="/coordinator/bench", time=clock.rfc3339(clock.now_ns()),
        actor="bench", request_id=clock.new_id(),
    )  # fmt: skip
    return [
        Append(
            event_subject(settings.site, "work", f"w-{number:08d}"),
            0,
            structs.replace(envelope, id=clock.new_id()),
            event,
        )
        for number in range(first, first + count)
    ]


async def fill(folder: Folder, settings: Settings, count: int) -> float:
    """Append the first event of `count` items and return how many seconds that took."""
    batches = iter(range(0, count, BATCH))
    began = clock.monotonic()
    await asyncio.gather(*(_write(folder, settings, batches, count) for _ in range(WRITERS)))
    return clock.monotonic() - began


async def _write(folder: Folder, settings: Settings, batches: Iterator[int], count: int) -> None:
    log = await Log.connect(settings, folder, name="bench")
    for first in batches:
        await log.append(appends(first, min(BATCH, count - first), settings))
    await log.close()


async def prepare(folder: Folder, settings: Settings) -> None:
    """Declare the streams."""
    log = await Log.connect(settings, folder, name="bench")
    await declare_streams(log, settings)
    await log.close()


async def settle(folder: Folder, settings: Settings) -> None:
    """Let the server forget the message ids of the burst, as it does by itself after the window."""
    log = await Log.connect(settings, folder, name="bench")
    config = (await log.jetstream.stream_info(EVENTS.name)).config
    await log.jetstream.update_stream(replace(config, duplicate_window=SETTLED_SECONDS))
    await log.close()


async def use(folder: Folder, settings: Settings, count: int) -> None:
    """Read the last event of one item, and append to a new one."""
    log = await Log.connect(settings, folder, name="bench")
    state = await log.stream_state(EVENTS.name)
    assert state.messages >= count, f"{state.messages} of {count} messages are there"
    assert await log.last(event_subject(settings.site, "work", f"w-{count // 2:08d}")) is not None
    await log.append(
        [structs.replace(appends(0, 1, settings)[0], subject=f"ev.{settings.site}.work.{clock.new_id()}")]
    )
    await log.close()


def restart_seconds(
    server: EmbeddedServer, folder: Folder, settings: Settings, count: int, kill: bool
) -> float:
    """End the server, kindly or not, and return how long it takes until EVENTS is read from and appended to."""
    assert server.pid is not None
    ending = server.pid
    if kill:
        os.kill(ending, signal.SIGKILL)
        os.waitid(os.P_PID, ending, os.WEXITED | os.WNOWAIT)
    else:
        server.stop()
    began = clock.monotonic()
    server.start()
    asyncio.run(use(folder, settings, count))
    return clock.monotonic() - began


def rss_mb(server: EmbeddedServer, field: str = "VmRSS") -> float:
    """Return what the server's process holds in memory now, or at most held (`VmHWM`)."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024 / _MB


def disk_mb(folder: Folder) -> float:
    """Return what the store takes on disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.path("nats", "store").rglob("*")) / _MB


def measure(root: Path, count: int) -> Iterator[Figure]:
    """Yield each figure as it is measured."""
    folder, settings = Folder(root), Settings(data=root)
    server = EmbeddedServer(folder, settings)
    server.start()
    try:
        asyncio.run(prepare(folder, settings))
        seconds = asyncio.run(fill(folder, settings, count))
        told = f"{count:,} subjects in {seconds:.0f} s, {count / seconds:,.0f} events a second"
        yield Figure("fill", told, None, {})
        held = rss_mb(server)
        told = f"{held:.0f} MB, at most {rss_mb(server, 'VmHWM'):.0f} MB"
        yield Figure("server RSS after the fill", told, held < RSS_BAR_MB, {"million-fresh-memory": held})
        told = f"{disk_mb(folder):.0f} MB, {disk_mb(folder) * _MB / count:.0f} bytes an event"
        yield Figure("store on disk", told, None, {})
        yield from measure_restarts(server, folder, settings, count, "right after the burst")
        asyncio.run(settle(folder, settings))
        yield from measure_restarts(server, folder, settings, count, "settled")
    finally:
        server.stop()


def measure_restarts(
    server: EmbeddedServer, folder: Folder, settings: Settings, count: int, when: str
) -> Iterator[Figure]:
    """Restart kindly and unkindly; yield time and memory."""
    prefix = "million" if when == "settled" else "million-fresh"
    for how, name in (("stop", "stop"), ("kill -9", "kill")):
        seconds = restart_seconds(server, folder, settings, count, name == "kill")
        held = rss_mb(server)
        told = f"{seconds:.2f} s until EVENTS is read and appended to, RSS {held:.0f} MB"
        met = seconds < RESTART_BAR_SECONDS and held < RSS_BAR_MB
        values = {f"{prefix}-{name}": seconds, f"{prefix}-memory": held}
        yield Figure(f"restart after {how}, {when}", told, met, values)


def main() -> int:
    """Print the figures; 7 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    missed = 0
    with tempfile.TemporaryDirectory(prefix="coord-aggregates-") as scratch:
        for figure in measure(given.data or Path(scratch) / "data", given.count):
            mark = {True: "met", False: "MISSED", None: ""}[figure.met]
            missed += figure.met is False
            line = f"{figure.what:<44} {figure.told:<62} {mark}"
            sys.stdout.write(f"{json.dumps(figure.values) if given.json else line}\n")
            sys.stdout.flush()
    return 7 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
