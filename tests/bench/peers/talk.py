"""What the bench and the driver of a peer say to each other, and what every driver does alike.

A driver runs in the environment of its peer, so this needs the standard library alone. It is asked a line of
JSON at a time, and answers each with one. A round empties the store, fills it, starts the workers, and counts
in the store, from outside, what they get done once all of them are at work.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.peers.cpu import cpu_seconds

BEGUN: Final = "COORD_BENCH_BEGUN"
"""Names the file in which workers say that they have begun."""
STORE: Final = "COORD_BENCH_STORE"
"""Names the process of the server that holds the jobs; absent: there is none."""
STARTS_SECONDS: Final = 20
_BEGIN_SECONDS: Final = 40
_LOOK_SECONDS: Final = 0.01
_SETTLES_SECONDS: Final = 0.5
_GAP_SECONDS: Final = 0.015
_GOLDEN: Final = 0.618034
"""Spreads the gaps between submissions evenly, so that none keeps step with a worker that polls."""


@dataclass(frozen=True)
class Crew:
    """Workers as command lines."""

    commands: Sequence[Sequence[str]]
    beginners: int
    """How many processes are at work when all have begun, as `begun` tells."""


class Driver(ABC):
    """A peer: its store, and its workers."""

    @abstractmethod
    def fill(self, count: int) -> None:
        """Empty the store, and submit so many jobs."""

    @abstractmethod
    def left(self) -> int:
        """Count the jobs that are not completed yet, as the store has it."""

    @abstractmethod
    def crew(self, workers: int) -> Crew:
        """Return what works as so many workers."""

    def send(self, sent: float) -> None:
        """Submit one job that calls `begun(sent)`; where no worker waits, it is never asked for."""
        raise NotImplementedError


_seen: set[int] = set()


def begun(sent: float = 0.0) -> None:
    """Say from within a job that this process has begun to work, or how long ago the job was sent."""
    pid = os.getpid()
    if not sent and pid in _seen:
        return
    _seen.add(pid)
    line = f"start {time.monotonic() - sent}\n" if sent else f"pid {pid}\n"
    file = os.open(os.environ[BEGUN], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def command(module: str, *words: object) -> list[str]:
    """Return the command line of a driver's own worker."""
    return [sys.executable, "-P", "-m", f"bench.peers.{module}", *map(str, words)]


def fork(count: int, body: Callable[[int], object]) -> None:
    """Run so many processes of one that has imported everything, and wait for all."""
    for number in range(count):
        if os.fork() == 0:
            try:
                body(number)
            finally:
                os._exit(0)
    for _ in range(count):
        os.wait()


def serve(driver: Driver) -> None:
    """Answer the bench until it hangs up."""
    _say({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        does = _round if asked.pop("do") == "round" else _starts
        try:
            answer = does(driver, **asked)
        except (TimeoutError, AssertionError) as wrong:
            answer = {"wrong": str(wrong)}
        _say(answer)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _round(driver: Driver, workers: int, seconds: float, items: int) -> dict[str, Any]:
    driver.fill(items)
    crew = driver.crew(workers)
    with _working(crew) as (told, pids):
        roots = [*pids, *map(int, filter(None, [os.environ.get(STORE)]))]
        _wait(
            lambda: len(set(_lines(told, "pid"))) >= crew.beginners, _BEGIN_SECONDS, "not all workers began"
        )
        before, began, used = driver.left(), time.monotonic(), cpu_seconds(roots)
        time.sleep(seconds)
        after, took, used = driver.left(), time.monotonic() - began, cpu_seconds(roots) - used
    assert after > 0, f"{items} jobs were too few: nothing was left before the round ended"
    return {"cycles": before - after, "seconds": took, "cpu_seconds": used}


def _starts(driver: Driver, workers: int, items: int) -> dict[str, Any]:
    driver.fill(0)
    with _working(driver.crew(workers)) as (told, _):
        driver.send(time.monotonic())
        _wait(lambda: len(_lines(told, "start")) == 1, _BEGIN_SECONDS, "no worker began")
        time.sleep(_SETTLES_SECONDS)
        for number in range(items):
            driver.send(time.monotonic())
            time.sleep(_GAP_SECONDS * (0.5 + (number * _GOLDEN) % 1))
        _wait(lambda: len(_lines(told, "start")) > items, STARTS_SECONDS, "not all jobs were started")
        return {"starts": [float(one) for one in _lines(told, "start")[1:]]}


@contextlib.contextmanager
def _working(crew: Crew) -> Iterator[tuple[Path, list[int]]]:
    """Run the workers; give the file in which they tell, and their processes. They are killed: the next round begins anew."""
    told = Path(os.environ[BEGUN])
    told.unlink(missing_ok=True)
    running = [
        subprocess.Popen(words, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        for words in crew.commands
    ]
    try:
        yield told, [one.pid for one in running]
    finally:
        for one in running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
        for one in running:
            one.wait()


def _lines(told: Path, kind: str) -> list[str]:
    text = told.read_text() if told.exists() else ""
    return [rest for word, _, rest in (line.partition(" ") for line in text.splitlines()) if word == kind]


def _wait(true: Callable[[], bool], seconds: float, otherwise: str) -> None:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(f"{otherwise} within {seconds} s")
        time.sleep(_LOOK_SECONDS)
