"""What a command costs as a whole process, beside the smallest programs that do as much, in one run.

    python -P tests/bench/processes.py [--rounds 40] [--bursts 3] [--at-once 200] [--json]

The real house, every process started and waited for as a shell would. First one at a time, in rounds that
alternate between all that are measured; then many at once, of coord's claim and of the typer application's,
with fewer items than processes, so that some are told there is none; then fifty that want the same item.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.process_peers import Program, bare_python, flock_claim, psql_claim, redis_claim, typer_claim
from command_line import COORD, Cli
from houses import House, running_house

from coord.services import clock
from coord.services.bench.measure import median, milliseconds, percentile

CLAIM, COMPLETE, TYPER = "coord claim", "coord complete", "typer, one POST"
CLAIM_SECONDS_MAX: Final = 0.065
SLOWEST_OF_TYPER_MAX: Final = 1.5
EXPECTED: Final = frozenset((0, 3, 4))
OPEN_SHARE: Final = 0.75
RACERS: Final = 50


@dataclass(frozen=True, slots=True)
class Burst:
    """What became of many processes that were started at once."""

    codes: Counter[int]
    seconds: list[float]
    """Of each, from its start to its end."""


class Bench:
    """The house, and the environment its processes are run in."""

    def __init__(self, house: House, peers: Mapping[str, Program]) -> None:
        self._house = house
        self._environment = house.cli.environment
        self._peers = peers
        self.took: dict[str, list[float]] = {}

    def submit(self, count: int) -> list[str]:
        """Submit so many items together and return their ids."""
        lines = "".join(json.dumps({"title": f"item {number}"}) + "\n" for number in range(count))
        ran = self._house.cli.run("submit", "-", stdin=lines.encode())
        assert ran.code == 0, ran
        return ran.out.split()

    def one_round(self) -> None:
        """Run everything once, one after the other."""
        for name, program in self._peers.items():
            words = (*program.words, "a1") if name == TYPER else program.words
            self._one(name, words, dict(program.environment))
        won = self._one(CLAIM, (COORD, "claim", "--agent", "a2"))
        self._one(COMPLETE, (COORD, "complete", won.split()[0], "--agent", "a2"))
        self._one("coord board", (COORD, "board", "--limit", "5"))
        self._one("coord --version", (COORD, "--version"))

    def _one(self, name: str, words: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
        began = clock.monotonic()
        ran = subprocess.run(
            words, env=self._environment | dict(environment or {}), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.took.setdefault(name, []).append(clock.monotonic() - began)
        assert ran.returncode == 0, (name, ran)
        return ran.stdout

    def burst(self, lines: Sequence[tuple[str, ...]], environment: Mapping[str, str] | None = None) -> Burst:
        """Start all at once and wait for the last."""
        began: dict[int, float] = {}
        burst = Burst(Counter(), [])
        told = self._environment | dict(environment or {})
        quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        for words in lines:
            at = clock.monotonic()
            began[os.posix_spawn(words[0], words, told, file_actions=quiet)] = at
        while began:
            pid, status = os.waitpid(-1, 0)
            if pid in began:
                burst.seconds.append(clock.monotonic() - began.pop(pid))
                burst.codes[os.waitstatus_to_exitcode(status)] += 1
        return burst

    def bursts(self, count: int, rounds: int) -> tuple[list[Burst], list[Burst]]:
        """Let many claim at once, coord's processes and the peer's in turn."""
        peer = self._peers[TYPER]
        ours: list[Burst] = []
        theirs: list[Burst] = []
        for _ in range(rounds):
            for into, words, environment in (
                (ours, (COORD, "claim", "--agent"), {}),
                (theirs, peer.words, dict(peer.environment)),
            ):
                self.emptied()
                self.submit(int(count * OPEN_SHARE))
                lines = [(*words, f"b{number}") for number in range(count)]
                into.append(self.burst(lines, environment))
        return ours, theirs

    def emptied(self) -> None:
        """Claim what is still open, so that the next burst finds what it is given."""
        while self._house.cli.run("claim", "--agent", "rest", "--count", "100").code == 0:
            pass

    def race(self) -> Burst:
        """Let many claim the same item at once."""
        item = self.submit(1)[0]
        return self.burst([(COORD, "claim", item, "--agent", f"r{number}") for number in range(RACERS)])


def patient(home: Path, environment: dict[str, str]) -> Cli:
    """Return a command line whose house takes nothing back before the end."""
    return Cli(home, environment | {"COORD_LEASE_SECONDS": "1h"})


class Report:
    """What is printed, and which bars were missed."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self.missed: list[str] = []

    def say(self, text: str) -> None:
        """Say one line, unless only JSON is wanted."""
        if not self._as_json:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def table(self, took: Mapping[str, list[float]]) -> None:
        """Say what each process took, and how that stands to the typer application."""
        measure = median(took[TYPER])
        self.say(f"{'one at a time':<20}{'median':>10}{'p90':>10}{'of typer':>10}")
        for name, seconds in took.items():
            half, most = milliseconds(median(seconds)), milliseconds(percentile(seconds, 0.9))
            self.say(f"{name:<20}{half:>10}{most:>10}{median(seconds) / measure:>9.2f}x")

    def bursts(self, name: str, bursts: Sequence[Burst]) -> float:
        """Say what many at once took; return the slowest of each, their median."""
        slowest = median([max(one.seconds) for one in bursts])
        typical = median([median(one.seconds) for one in bursts])
        codes = sum((one.codes for one in bursts), Counter())
        shown = ", ".join(f"{count} x {code}" for code, count in sorted(codes.items()))
        self.say(f"{name:<20}{milliseconds(typical):>10}{milliseconds(slowest):>10}    exits: {shown}")
        return slowest

    def bar(self, name: str, value: float, met: bool, words: str) -> None:
        """Say how a figure stands to its bar, by the name under which it may be stated."""
        self.say(f"    {name:<28}{value:>9.2f} {words:<16}{'met' if met else 'MISSED'}")
        if not met:
            self.missed.append(name)
        if self._as_json:
            sys.stdout.write(json.dumps({name: value}) + "\n")


def measure(bench: Bench, options: argparse.Namespace, report: Report) -> None:
    """Measure one at a time, many at once, and many that want the same."""
    bench.submit(2 * options.rounds + 2)
    for _ in range(options.rounds + 1):
        bench.one_round()
    took = {name: seconds[1:] for name, seconds in bench.took.items()}
    report.table(took)
    claim = median(took[CLAIM])
    report.bar("process-claim", 1000 * claim, claim <= CLAIM_SECONDS_MAX, "ms <= 65 ms")
    of_typer = claim / median(took[TYPER])
    report.bar("process-of-typer", of_typer, of_typer < 1, "x < 1 x")
    report.say(f"\n{f'{options.at_once} at once':<20}{'median':>10}{'slowest':>10}")
    ours, theirs = bench.bursts(options.at_once, options.bursts)
    ratio = report.bursts(CLAIM, ours) / report.bursts(TYPER, theirs)
    report.bar("process-slowest-of-typer", ratio, ratio < SLOWEST_OF_TYPER_MAX, "x < 1.5 x")
    odd = sum(count for one in ours for code, count in one.codes.items() if code not in EXPECTED)
    report.bar("process-odd-exits", odd, odd == 0, "= 0")
    report.say(f"\n{f'{RACERS} for one item':<20}{'median':>10}{'slowest':>10}")
    race = bench.race()
    report.bursts(CLAIM, [race])
    fair = race.codes[0] == 1 and race.codes.keys() <= EXPECTED
    report.bar("process-winners", race.codes[0], fair, "= 1")


def main() -> int:
    """Measure; return 0 when every bar is met, else 7."""
    parser = argparse.ArgumentParser(description="A command as a process, beside its peers.")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--bursts", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = Report(options.json)
    items = options.rounds + 1
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coord-processes-")))
        house = stack.enter_context(running_house(root, patient))
        found = {
            "python -c pass": bare_python(),
            "flock, sh": flock_claim(root / "flock", items),
            "redis-cli": stack.enter_context(redis_claim(items)),
            "psql": stack.enter_context(psql_claim(items)),
            TYPER: typer_claim(root, house.folder),
        }
        peers = {name: program for name, program in found.items() if program is not None}
        for name in found.keys() - peers.keys():
            report.say(f"no {name} here")
        measure(Bench(house, peers), options, report)
    report.say(f"\nmissed: {', '.join(report.missed) or 'nothing'}")
    return 7 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
