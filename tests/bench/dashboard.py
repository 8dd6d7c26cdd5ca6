"""What the dashboard costs, and how quick it is: on a real house, on a pseudo-terminal of 120x40.

    python -P tests/bench/dashboard.py [--agents 1000] [--rate 1000] [--seconds 8] [--json]

first paint   from the start of the process until more than 200 letters are there; median
key           from a key until the picture it asks for arrives, a thousand updates a second beside; p50, p95
CPU           of its process at ten pictures a second, the same updates beside it
idle bytes    with SSH_TTY set, nothing going on but the machine's own readings

Beside the figures stands how busy the machine was: on one that is busy, latencies are others' too. Exits with
7 when a bar is missed.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from command_line import COORD
from crowds import Crowd
from houses import House, running_house, until
from ttys import Tty, tty

from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings

WIDTH, HEIGHT = 120, 40
STARTS = 7
KEYS = 48
VISIBLE_LETTERS = 200
VIEWS = ("overview", "work", "agents", "events")
WARM_SECONDS = 2.0


@dataclass(frozen=True)
class Figure:
    """One figure and its bar."""

    name: str
    what: str
    value: float
    bar: float
    unit: str
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the bar is kept."""
        return self.value < self.bar

    def line(self) -> str:
        """Write it as a line of the table."""
        told, bar = f"{self.value:.3g} {self.unit}", f"< {self.bar:g} {self.unit}"
        return f"{self.what:<44}{told:>12}  {bar:>10}  {'ok' if self.met else 'MISSED':<7}{self.note}"


def measure(house: House, agents: int, rate: int, seconds: float) -> Iterator[Figure]:
    """Measure everything on a house that is up."""
    with _feeder(house, agents, rate) as feeder:
        yield from _idle(house, seconds)
        yield _first_paint(house)
        beside = feeder.beside()
        shares = {view: _cpu(house, view, seconds) for view in VIEWS}
        view = max(shares, key=lambda one: shares[one])
        note = ", ".join(f"{one} {share:.1f}" for one, share in shares.items()) + f"; {beside.told()}"
        yield Figure("tui-cpu", f"CPU at 10 Hz, the worst view ({view})", shares[view], 5, "%", note)
        beside = feeder.beside()
        keys = _keys(house)
        waits, own = sorted(key.taken for key in keys), sorted(key.taken - key.waited for key in keys)
        for_a_core = statistics.mean(key.waited for key in keys)
        note = f"{len(waits)} keys, {for_a_core:.1f} ms a key waiting for a core; {beside.told()}"
        yield Figure("tui-key-p50", "key to frame, p50", statistics.median(waits), 20, "ms", note)
        note = f"{own[int(0.95 * len(own))]:.1f} ms without what each waited for a core"
        yield Figure("tui-key-p95", "key to frame, p95", waits[int(0.95 * len(waits))], 20, "ms", note)


def _environment(house: House, **more: str) -> dict[str, str]:
    return {**house.cli.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor", **more}


@contextmanager
def _dashboard(house: House, *words: str, **more: str) -> Iterator[Tty]:
    with tty([COORD, "tui", *words], WIDTH, HEIGHT, _environment(house, **more)) as opened:
        yield opened


def _warm(opened: Tty) -> None:
    """Let the answers come, and what is done once be done."""
    opened.when_visible(VISIBLE_LETTERS)
    end = clock.monotonic() + WARM_SECONDS
    until(lambda: clock.monotonic() > end)


def _first_paint(house: House) -> Figure:
    taken = []
    for _ in range(STARTS):
        with _dashboard(house) as opened:
            taken.append(opened.when_visible(VISIBLE_LETTERS) - opened.began)
    note = f"median of {STARTS}, slowest {max(taken):.2f} s"
    return Figure("tui-first-paint", "first paint", statistics.median(taken), 0.7, "s", note)


def _idle(house: House, seconds: float) -> Iterator[Figure]:
    with _dashboard(house, SSH_TTY="/dev/pts/9", SSH_CONNECTION="::1 1 ::1 22") as opened:
        _warm(opened)
        first, cpu = opened.count, opened.cpu_seconds()
        _pass(seconds)
        share = 100 * (opened.cpu_seconds() - cpu) / seconds
        yield Figure(
            "tui-idle-bytes", "idle bytes over ssh", (opened.count - first) / seconds / 1000, 20, "kB/s",
            f"CPU {share:.1f} %",
        )  # fmt: skip


def _cpu(house: House, view: str, seconds: float) -> float:
    """Return the share of one core that a view takes, in per cent."""
    with _dashboard(house, "--view", view) as opened:
        _warm(opened)
        before = opened.cpu_seconds()
        _pass(seconds)
        return 100 * (opened.cpu_seconds() - before) / seconds


class _Key(NamedTuple):
    """One key, in milliseconds."""

    taken: float
    """Until the picture of the view it asks for."""
    waited: float
    """Of that, how long the dashboard's threads were ready to run, all together, and others had the cores."""


def _keys(house: House) -> list[_Key]:
    keys = []
    with _dashboard(house) as opened:
        _warm(opened)
        for number in range(KEYS):
            before = opened.waited_seconds()
            digit = 1 + (number + 1) % len(VIEWS)
            pressed, mark = opened.press(str(digit).encode())
            taken = opened.when(f"[{digit} ".encode(), mark) - pressed
            keys.append(_Key(1000 * taken, 1000 * (opened.waited_seconds() - before)))
    return keys


def _pass(seconds: float) -> None:
    """Let time pass without taking the machine's."""
    subprocess.run(["sleep", str(seconds)], check=True)


class _Beside:
    """How many updates a second are written from now on, all the time until it is told."""

    def __init__(self, feeder: "_Feeder") -> None:
        self._feeder, self._began, self._first = feeder, clock.monotonic(), feeder.answered()

    def told(self) -> str:
        """Say it."""
        rate = (self._feeder.answered() - self._first) / (clock.monotonic() - self._began)
        return f"{rate:.0f} updates/s beside, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


class _Feeder:
    """A process of its own that has gathered the crowd, and streams from when it is first asked how far it is."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        assert self._read() == "gathered"

    def beside(self) -> _Beside:
        """Begin to count, when the stream has run for a second."""
        self.answered()
        _pass(1.0)
        return _Beside(self)

    def answered(self) -> int:
        """Return how many updates were written so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("how many\n")
        self._process.stdin.flush()
        return int(self._read())

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def _feeder(house: House, agents: int, rate: int) -> Iterator[_Feeder]:
    command = [sys.executable, "-P", __file__, "--feed", str(house.folder.root)]
    command += ["--agents", str(agents), "--rate", str(rate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _Feeder(process)
        finally:
            process.kill()


async def feed(data: Path, agents: int, rate: int) -> None:
    """Gather the crowd, and stream from the first line on; each line asks how many updates were answered."""
    log = await Log.connect(Settings(data=data), Folder(data), "core", "crowd")
    crowd = Crowd(log)
    await crowd.gather(agents)
    _say("gathered")
    await asyncio.to_thread(sys.stdin.readline)
    async with asyncio.TaskGroup() as group:
        group.create_task(crowd.stream(rate))
        while True:
            _say(str(crowd.answered))
            await asyncio.to_thread(sys.stdin.readline)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=1000, help="updates a second")
    parser.add_argument("--seconds", type=float, default=8.0, help="for each figure that is a share")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--feed", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.feed:
        asyncio.run(feed(given.feed, given.agents, given.rate))
    met = True
    with tempfile.TemporaryDirectory() as root, running_house(Path(root)) as house:
        for figure in measure(house, given.agents, given.rate, given.seconds):
            _say(json.dumps({figure.name: figure.value}) if given.json else figure.line())
            met = met and figure.met
    return 0 if met else 7


if __name__ == "__main__":
    sys.exit(main())
