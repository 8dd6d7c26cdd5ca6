"""How soon a question of any past moment is answered, beside a fold from the log's beginning, in the same run.

    python -P tests/bench/past.py [--events 30000] [--jumps 20] [--seed 1] [--json]

A log is filled with whole lives of items. Then copies are left as a projector leaves them while nobody asks; then
the board is asked at random positions, far from each other, by the process that answers of the past, first started
and then warm; and last, without any copy, at positions near the log's end.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.ingest import Figure, tell
from bench.telemetry import EVENTS_A_LIFE, live

from coord.events.commands import Refusal
from coord.events.questions import Board
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log, declare_streams
from coord.services.projector import past as turns
from coord.services.projector.copies import copies_in
from coord.services.projector.past import Past
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings

P95_SECONDS_MAX: Final = 2.0
FROM_BEGINNING: Final = 2
"""So many folds of the whole log are enough to compare with."""
_PATIENCE_SECONDS: Final = 3_600.0


class Spent(NamedTuple):
    """What an answer took: by the clock, and of the cores of the process that gave it."""

    seconds: float
    cpu_seconds: float


def cpu_of(pid: int | None) -> float:
    """Return what a process has taken of the cores so far."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


async def ask(past: Past, position: int) -> Spent:
    """Ask for the board at a position."""
    cpu, began = cpu_of(past.pid) if past.pid else 0.0, clock.monotonic()
    said = await past.answer("board", Board(limit=20), position)
    assert not isinstance(said, Refusal), said
    assert said[0] == 0, said
    return Spent(clock.monotonic() - began, cpu_of(past.pid) - cpu)


async def measure(settings: Settings, options: argparse.Namespace) -> list[Figure]:
    """Fill the log, leave copies, and jump."""
    folder = Folder(settings.data)
    log = await Log.connect(settings, folder, name="bench")
    await declare_streams(log, settings)
    await live(log, settings.site, -(-options.events // EVENTS_A_LIFE))
    last = -(-options.events // EVENTS_A_LIFE) * EVENTS_A_LIFE
    await log.close()
    past = Past(settings, folder)
    began = clock.monotonic()
    await past.keep_copies(last)
    kept_seconds = clock.monotonic() - began
    copies = copies_in(folder.path("projection", "past"))
    size = sum(one.size_bytes for one in copies)
    await past.close()
    draw = random.Random(options.seed)
    past = Past(settings, folder)
    cold = await ask(past, draw.randint(1, last))
    jumps = [await ask(past, draw.randint(1, last)) for _ in range(options.jumps)]
    await past.close()
    whole = []
    for _ in range(FROM_BEGINNING):
        shutil.rmtree(folder.path("projection", "past"), ignore_errors=True)
        past = Past(settings, folder)
        await ask(past, 1)
        whole.append(await ask(past, draw.randint(last * 9 // 10, last)))
        await past.close()
    return list(_figures(last, kept_seconds, len(copies), size, cold, jumps, whole))


def _figures(
    last: int,
    kept_seconds: float,
    copies: int,
    size: int,
    cold: Spent,
    jumps: list[Spent],
    whole: list[Spent],
) -> "list[Figure]":
    seconds = sorted(one.seconds for one in jumps)
    p95 = seconds[min(len(seconds) - 1, len(seconds) * 95 // 100)]
    cpu = statistics.median(one.cpu_seconds for one in jumps)
    fold = statistics.mean(one.seconds for one in whole)
    fold_cpu = statistics.mean(one.cpu_seconds for one in whole)
    return [
        Figure("copies", copies, 0.0, f"of {last:,} events, {size / 2**20:,.0f} MiB, left in {kept_seconds:,.1f} s"),
        Figure("jump-first", cold.seconds, 0.0, "s, with the start of the process"),
        Figure("jump-p50", statistics.median(seconds), 0.0, f"s, {cpu:.2f} s of CPU; the longest {seconds[-1]:.2f} s"),
        Figure("jump-p95", p95, 0.0, f"s ({'within' if p95 < P95_SECONDS_MAX else 'NOT within'} {P95_SECONDS_MAX:g} s)"),
        Figure("from-beginning", fold, 0.0, f"s, {fold_cpu:.2f} s of CPU"),
        Figure("times-sooner", fold / p95, 0.0, f"x by the clock; by CPU {fold_cpu / max(cpu, 0.01):.1f}x at the median"),
    ]  # fmt: skip


def main() -> int:
    """Measure; return 0 when 95 of 100 jumps took less than two seconds, else 7."""
    parser = argparse.ArgumentParser(description="How soon a question of any past moment is answered.")
    parser.add_argument("--events", type=int, default=30_000)
    parser.add_argument("--jumps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    turns.WAIT_SECONDS = _PATIENCE_SECONDS  # type: ignore[misc]
    sys.stderr.write(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory(prefix="coord-past-") as root:
        settings = Settings(data=Path(root) / "data")
        server = EmbeddedServer(Folder(settings.data), settings)
        server.start()
        try:
            found = uvloop.run(measure(settings, options))
        finally:
            server.stop()
    tell(found, as_json=options.json)
    return 0 if next(one.value for one in found if one.name == "jump-p95") < P95_SECONDS_MAX else 7


if __name__ == "__main__":
    sys.exit(main())
