"""Run all benchmarks on a house of their own, and print what was measured beside its bar."""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import uvloop

from coord.services.bench import claims, house
from coord.services.bench.measure import Line
from coord.services.settings import Settings


def run(settings: Settings, say: Callable[[str], None] | None = None) -> int:
    """Say every figure; return 0 when each bar that could be judged is met, else 7."""
    say = say or _say
    with tempfile.TemporaryDirectory(prefix="coord-bench-") as name:
        lines = []
        for line in _lines(settings.changed(data=Path(name) / "data")):
            _tell(line, say)
            lines.append(line)
    missed = [line for line in lines if line.met is False]
    say(f"\n{len(lines) - len(missed)} of {len(lines)} bars met." + _missed(missed))
    return 7 if missed else 0


def _lines(settings: Settings) -> Iterator[Line]:
    bench = house.House(Path(settings.data))
    try:
        yield house.measure_start(bench)
        yield asyncio.run(house.measure_visible(bench, settings))
        yield house.measure_claim(bench)
        yield house.measure_memory(bench)
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            bench.stop()
    path = settings.changed(data=Path(settings.data).with_name("claims"))
    with claims.server_and_coordinator(path):
        yield from uvloop.run(claims.measure(path))


def _tell(line: Line, say: Callable[[str], None]) -> None:
    mark = {True: "met", False: "MISSED", None: "not judged"}[line.met]
    say(f"{line.what:<42} {line.measured:<58} {line.bar:<20} {mark}")
    if line.note:
        say(f"    {line.note}")


def _missed(lines: list[Line]) -> str:
    return f" Missed: {', '.join(line.what for line in lines)}." if lines else ""


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
