"""How soon a coordinator serves on a log of very many items, and how large it is.

    python -P tests/bench/beginning.py [--items 1000000] [--open 0.1] [--tail 5000] [--data DIR] [--json]

The real server and coordinator. First without a snapshot, from the log alone: its events a second stand beside
those of a pull that only reads, in the same run. Then it is told to stop, a tail is written, and it begins again
with the snapshot it left. `--data` names a folder that is kept, and is filled only where it is not there.
"""

import argparse
import json
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.full_log import fill

from coord.events.streams import EVENTS
from coord.services import clock
from coord.services.folder import COORDINATOR_SOCKET, Folder, open_socket
from coord.services.log import Log
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings

MEGABYTES_MAX: Final = 400
SECONDS_MAX: Final = 3.0
SERVES_SECONDS: Final = 900.0
_LOOK_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Begun:
    """One start of a coordinator."""

    seconds: float
    """From before its process was made until it served."""
    megabytes: float
    peak_megabytes: float


def begin(settings: Settings) -> Begun:
    """Start a coordinator beside a server that runs, look at it, and tell it to stop."""
    began = clock.monotonic()
    command = [
        str(Path(sys.executable).with_name("coord")),
        "serve",
        "coordinator",
        "--data",
        str(settings.data),
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as coordinator:
        _wait_until_it_serves(settings, began + SERVES_SECONDS)
        begun = Begun(clock.monotonic() - began, *_megabytes(coordinator.pid))
        coordinator.send_signal(signal.SIGTERM)
    return begun


def _wait_until_it_serves(settings: Settings, until: float) -> None:
    while True:
        try:
            open_socket(Folder(settings.data), COORDINATOR_SOCKET).close()
            return
        except OSError:
            assert clock.monotonic() < until, "it does not serve"
            time.sleep(_LOOK_SECONDS)


def _megabytes(pid: int) -> tuple[float, float]:
    told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(int(told[name].split()[0]) / 1000 for name in ("VmRSS", "VmHWM"))  # type: ignore[return-value]


async def bare(settings: Settings) -> tuple[int, float]:
    """Read the whole log and do nothing with it; return how many events that were, and in how many seconds."""
    log = await Log.connect(settings, Folder(settings.data), name="bare")
    last, read, began = (await log.stream_state(EVENTS.name)).last, 0, clock.monotonic()
    async for batch in log.pull(EVENTS.name, 1, wait_seconds=1.0):
        read += len(batch)
        if batch and batch[-1].position >= last:
            break
    took = clock.monotonic() - began
    await log.close()
    return read, took


@contextmanager
def serving(settings: Settings) -> Iterator[None]:
    """Run the server."""
    server = EmbeddedServer(Folder(settings.data), settings)
    server.start()
    try:
        yield
    finally:
        server.stop()


def main() -> int:
    """Measure; return 0 when every bar is met, else 7."""
    parser = argparse.ArgumentParser(description="How soon a coordinator serves, and how large it is.")
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--open", type=float, default=0.1)
    parser.add_argument("--tail", type=int, default=5_000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coord-beginning-") as root:
        settings = Settings(data=options.data or Path(root) / "data")
        if not Path(settings.data).exists():
            fill(settings, options.items, options.open)
        snapshot = Path(settings.data) / "coordinator" / f"{settings.pool}.snapshot"
        snapshot.unlink(missing_ok=True)
        with serving(settings):
            events, bare_seconds = uvloop.run(bare(settings))
            whole = begin(settings)
        assert snapshot.exists(), "it left no snapshot"
        fill(settings, options.tail, options.open, options.items + time.time_ns() // 1_000_000)
        with serving(settings):
            quick = begin(settings)
    return tell(events, bare_seconds, whole, quick, as_json=options.json)


def tell(events: int, bare_seconds: float, whole: Begun, quick: Begun, *, as_json: bool) -> int:
    """Say what was measured, and how it stands to its bars."""
    bare_rate, rate = events / bare_seconds, events / whole.seconds
    megabytes = max(whole.megabytes, quick.megabytes)
    peak = max(whole.peak_megabytes, quick.peak_megabytes)
    figures = {
        "begin-of-bare": (rate / bare_rate, math.inf, f"x: {rate:,.0f} of {bare_rate:,.0f} events/s"),
        "begin-seconds": (quick.seconds, SECONDS_MAX, "s, snapshot and tail"),
        "begin-megabytes": (megabytes, MEGABYTES_MAX, "MB, after the log alone or a snapshot"),
        "begin-peak-megabytes": (peak, MEGABYTES_MAX, "MB, at its peak"),
    }
    for name, (value, bar, what) in figures.items():
        stands = "no bar" if bar == math.inf else f"<= {bar:g}: {'met' if value <= bar else 'MISSED'}"
        told = f"{name:<22}{value:>9.2f} {what} ({stands})"
        sys.stdout.write((json.dumps({name: value}) if as_json else told) + "\n")
    return 0 if all(value <= bar for value, bar, _ in figures.values()) else 7


if __name__ == "__main__":
    sys.exit(main())
