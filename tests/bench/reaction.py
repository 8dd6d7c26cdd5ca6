"""How long from a bad step in the log to the directive in the log, with the projector standing still.

    python -P tests/bench/reaction.py [--runs 20] [--rounds 12] [--json]

Starts a house, stops its projector with SIGSTOP, lets runs tell of steps, and gives each in turn a hard
batch or a damaged model; no run is ever over, so in the end the watchdog looks at all of them. Both moments are the broker's. Exits with 7 when the 99th percentile is 100 ms or more.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from contextlib import aclosing
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from houses import House, running_house, until
from told_runs import ToldRun
from told_steps import STEPS_TO_WARM

from coord.events.directive import DirectiveIssued
from coord.events.streams import EVENTS
from coord.events.wire import read_event
from coord.services import clock
from coord.services.log import Log
from coord.services.settings import Settings

BAR_MS = 100.0
DIRECTIVE_SECONDS = 20.0


async def provoke(log: Log, runs_count: int, rounds: int) -> list[float]:
    """Provoke a spike in each run of each round; return the milliseconds from its event to its directive."""
    taken: list[float] = []
    subjects = ("ev.local.directive.*",)
    async with aclosing(log.pull(EVENTS.name, 1, 1, DIRECTIVE_SECONDS, subjects)) as directives:  # type: ignore[type-var]
        for number in range(rounds):
            runs = [ToldRun(log, f"r-{number}-{ordinal}") for ordinal in range(runs_count)]
            for run in runs:
                await run.start()
                await run.steps(2 * STEPS_TO_WARM)
            for run in runs:
                evidence = await (run.damage() if number % 2 else run.hard_batch())
                issued_ns = await directive_of(directives, run.run, evidence)
                stored = await log.read_at(EVENTS.name, evidence)
                assert stored is not None
                taken.append((issued_ns - stored.recorded_at_ns) / 1e6)
                await run.steps(1)
    return taken


async def directive_of(directives, run: str, evidence: int) -> int:  # type: ignore[no-untyped-def]
    """Wait for the directive that an event led to; return when it was stored."""
    async for batch in directives:
        assert batch, f"no directive for {run} of {evidence} within {DIRECTIVE_SECONDS:g} s"
        recorded = read_event(batch[0])
        event = recorded.event
        if recorded.entity == run and isinstance(event, DirectiveIssued) and event.epoch >= evidence:
            return int(recorded.recorded_at_ns)
    raise AssertionError


async def measure(house: House, runs_count: int, rounds: int) -> list[float]:
    """Let the runs begin, and provoke."""
    log = await Log.connect(Settings(data=house.folder.root), house.folder)
    try:
        return await provoke(log, runs_count, rounds)
    finally:
        await log.close()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as root, running_house(Path(root)) as house:
        projector = house.pid("projector")
        os.kill(projector, signal.SIGSTOP)
        try:
            began = clock.monotonic()
            taken = sorted(asyncio.run(measure(house, given.runs, given.rounds)))
            seconds = clock.monotonic() - began
        finally:
            os.kill(projector, signal.SIGCONT)
        until(lambda: house.ask("alerts"))
    p50, p99 = (taken[min(len(taken) - 1, int(len(taken) * share))] for share in (0.5, 0.99))
    told = f"{len(taken)} spikes of {given.runs} runs in {seconds:.0f} s, the projector stopped\n"
    told += (
        f"event stored to directive stored: p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {taken[-1]:.1f} ms\n"
    )
    sys.stdout.write(json.dumps({"reaction-p99": p99}) + "\n" if given.json else told)
    return 0 if p99 < BAR_MS else 7


if __name__ == "__main__":
    sys.exit(main())
