"""The measurements behind the figures of README: each gives several figures, by their names as claims."""

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import uvloop

from coord.events.errors import Exit, FoundWanting
from coord.services import clock
from coord.services.bench import claims as cycles
from coord.services.bench import curves, detectors, house
from coord.services.settings import Settings

Figures = Mapping[str, float]
Measurement = Callable[[Settings, Path], Figures]
COMMANDS: Final = 70_000
_COMMANDS_AN_ITEM: Final = 3
_FOLDED_SECONDS: Final = 120


def measure(name: str, settings: Settings, root: Path) -> Figures:
    """Measure on a house of its own, from a source checkout.

    Raises:
        FoundWanting: it cannot be measured here; the message says why.
    """
    with tempfile.TemporaryDirectory(prefix="coord-claims-") as scratch:
        return MEASUREMENTS[name](settings.changed(data=Path(scratch) / "data"), root)


def _house(settings: Settings, _: Path) -> Figures:
    """Start-up, a fact's way to an answer, a claim as a process, and memory, each as `coord bench` has it."""
    bench = house.House(Path(settings.data))
    try:
        lines = {
            "up-ready": house.measure_start(bench),
            "visible-p99": asyncio.run(house.measure_visible(bench, settings)),
            "claim-median": house.measure_claim(bench),
            "memory-fresh": house.measure_memory(bench),
        }
    finally:
        with suppress(subprocess.CalledProcessError):
            bench.stop()
    return {name: line.value for name, line in lines.items() if line.value is not None}


def _worked(settings: Settings, _: Path) -> Figures:
    """Memory of the whole house after many commands, once everything is folded in."""
    bench = house.House(Path(settings.data))
    bench.start()
    try:
        uvloop.run(cycles.work_off(settings, COMMANDS // _COMMANDS_AN_ITEM))
        _wait_until_folded(bench)
        line = house.measure_memory(bench)
    finally:
        bench.stop()
    assert line.value is not None
    return {"memory-worked": line.value}


def _wait_until_folded(bench: house.House) -> None:
    until = clock.monotonic() + _FOLDED_SECONDS
    while clock.monotonic() < until:
        counts = json.loads(bench.run("board", "--limit", "1", "--json"))["counts"]
        if counts["completed"] == COMMANDS // _COMMANDS_AN_ITEM:
            return
    raise FoundWanting(f"the projector was not done within {_FOLDED_SECONDS} s.")


def _processes(_: Settings, root: Path) -> Figures:
    """A command as a whole process, beside a typer application that sends one request: alone, and many at once."""
    return _largest(_script(root, "processes", "--json"))


def _cycles(settings: Settings, _: Path) -> Figures:
    """Claim and complete beside Postgres in the same run."""
    with cycles.server_and_coordinator(settings):
        (line,) = uvloop.run(cycles.measure(settings))
    if line.value is None:
        raise FoundWanting(line.note)
    return {"cycles-ratio": line.value}


def _million(_: Settings, root: Path) -> Figures:
    """What a million items cost the server: the worst of several readings."""
    return _largest(_script(root, "aggregates", "--json"))


def _beginning(_: Settings, root: Path) -> Figures:
    """How soon a coordinator serves on a million items, and how large it is."""
    return _largest(_script(root, "beginning", "--json"))


def _reaction(_: Settings, root: Path) -> Figures:
    """From a bad step in the log to the directive in the log."""
    return _largest(_script(root, "reaction", "--json"))


def _dashboard(_: Settings, root: Path) -> Figures:
    """What the dashboard costs, and how quick it is, with a thousand agents at work."""
    return _largest(_script(root, "dashboard", "--json"))


def _emitter(_: Settings, root: Path) -> Figures:
    """What telling the metrics of a step costs the loop, coord's own alone."""
    (found,) = _script(root, "loggers", "--json", "--tools")
    own = found["coord"]
    return {"emitter-call": own["call_cpu_us"], "emitter-step": own["step_cpu_us"]}


def _detectors(_: Settings, __: Path) -> Figures:
    """The detector of spikes on the labelled curves that come with the sources."""
    own = detectors.run(curves.read_curves(curves.own_folder()), None).rows[0]
    recall, rate = own.marked.major_recall, own.clean.false_rate
    if recall is None or rate is None:
        raise FoundWanting("the curves have no labels, or none of them is clean.")
    return {"detector-recall": 100 * recall, "detector-false": rate}


def _incidents(settings: Settings, root: Path) -> Figures:
    """The training incidents, each beside an untouched run: how far above that it ends, in per cent."""
    told = _script(root, "incidents", "--out", str(Path(settings.data).parent / "pictures"))
    return {f"incident-{one['incident']}": 100 * (one["ratio"] - 1) for one in told}


def _script(root: Path, name: str, *words: str) -> list[dict[str, Any]]:
    """Run a benchmark of tests/bench and return the JSON objects that it prints, one a line."""
    command = [sys.executable, "-P", str(root / "tests" / "bench" / f"{name}.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (Exit.DONE, Exit.WANTING):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise FoundWanting(f"{name}.py ended with {done.returncode}: {last}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _largest(told: list[dict[str, Any]]) -> Figures:
    """Return figures by name; of several of one name, the largest."""
    figures: dict[str, float] = {}
    for one in told:
        for name, value in one.items():
            figures[name] = max(value, figures.get(name, value))
    return figures


MEASUREMENTS: Final[Mapping[str, Measurement]] = {
    "house": _house,
    "processes": _processes,
    "cycles": _cycles,
    "worked": _worked,
    "million": _million,
    "beginning": _beginning,
    "reaction": _reaction,
    "dashboard": _dashboard,
    "emitter": _emitter,
    "detectors": _detectors,
    "incidents": _incidents,
}
"""By name, in the order in which they are made."""
