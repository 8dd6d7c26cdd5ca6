"""`make chaos`: run after run, each with the next seed, until the time is over or a history cannot be explained.

A run that is not clean is kept in `.chaos/seed-N/`: what callers saw, what the log held, and the house's own logs.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Final

from chaos.campaign import Plan, Report, run
from chaos.clusters import cluster
from chaos.grounds import Ground, one_node, small_disk
from chaos.history import written
from chaos.nemesis import BLOWS
from chaos.wall_clocks import can_be_set

from coord.services import clock

KEPT: Final = Path(".chaos")
BLOWS_A_RUN: Final = 8
AGENTS: Final = {1: 20, 3: 500}
LEASE_SECONDS: Final = {1: 1.5, 3: 5.0}


def main(words: Sequence[str]) -> int:
    """Run until the time is over; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="make chaos", description="blow upon blow, judged")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long runs are begun (300)")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first run; each further one has the next (1)"
    )
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1, help="servers (1)")
    parser.add_argument("--agents", type=int, help="agents at work (20; 500 on three nodes)")
    parser.add_argument("--blows", help="these instead of drawn ones, with commas between")
    asked = parser.parse_args(words)
    until, seed, runs, operations = clock.monotonic() + asked.seconds, asked.seed, 0, 0
    while not runs or clock.monotonic() < until:
        plan = _plan(seed, asked.nodes, asked.agents, asked.blows)
        with tempfile.TemporaryDirectory(prefix="coord-chaos-") as folder:
            report = _run(Path(folder), asked.nodes, plan)
            _say(report.words())
            if not report.clean:
                _say(f"kept in {_kept(report, Path(folder))}")
                return 1
        seed, runs, operations = seed + 1, runs + 1, operations + len(report.history)
    _say(f"{runs} runs, {operations} operations: nothing wrong")
    return 0


def _plan(seed: int, nodes: int, agents: int | None, named: str | None) -> Plan:
    rng = random.Random(f"blows/{seed}")
    if nodes == 3:
        blows = ["kill-leader"] * 3
    else:
        possible = [name for name in BLOWS if name != "move-clocks" or not can_be_set()]
        blows = rng.choices(possible, k=BLOWS_A_RUN)
    blows = named.split(",") if named else blows
    return Plan(seed, blows, agents or AGENTS[nodes], LEASE_SECONDS[nodes], pause_seconds=2.0)


def _run(root: Path, nodes: int, plan: Plan) -> Report:
    with _ground(root, nodes, plan) as ground:
        return asyncio.run(run(ground, plan))


@contextmanager
def _ground(root: Path, nodes: int, plan: Plan) -> Iterator[Ground]:
    if nodes == 3:
        with cluster(root) as ground, ExitStack() as stack:
            for number in range(2):
                ground.start_coordinator(number, stack)
                asyncio.run(ground.wait_until_led())
            yield ground
        return
    with (
        small_disk(root / "disk") if "fill-disk" in plan.blows else nullcontext(root) as disk,
        one_node(disk / "house", 1, plan.lease_seconds) as house,
    ):
        yield house


def _kept(report: Report, root: Path) -> Path:
    folder = KEPT / f"seed-{report.plan.seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "history.jsonl").write_text(written(report.history))
    (folder / "log.txt").write_text("".join(f"{entry}\n" for entry in report.log))
    (folder / "report.txt").write_text(report.words() + "\n")
    for path in root.rglob("*.log"):
        shutil.copy(path, folder / f"{path.parent.parent.name}-{path.name}")
    return folder


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
