"""The whole house from outside: start-up, memory, one `coord claim` as a process, and how soon a fact shows."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from coord.events.errors import NoServer
from coord.services import clock
from coord.services.bench.measure import Line, median, milliseconds, percentile
from coord.services.folder import Folder

STARTS: Final = 5
PROCESSES: Final = 40
VISIBLE_ROUNDS: Final = 300
_IMPORTED: Final = ("coord.services.cli.main", "coord.services.cli.work")
"""What a claim loads."""
_ANSWERED_SECONDS: Final = 20
_READY_BAR_SECONDS: Final = 1.5
_CLAIM_BAR_SECONDS: Final = 0.120
_VISIBLE_BAR_SECONDS: Final = 0.200
_MEMORY_BAR_MIB: Final = 350


class House:
    """One data folder, driven through the command line as a user drives it."""

    def __init__(self, root: Path) -> None:
        self.folder = Folder(root)
        self._coord = str(Path(sys.executable).with_name("coord"))
        self._environment = {**os.environ, "COORD_DATA": str(root)}

    def run(self, *words: str) -> str:
        """Run one command and return what it printed."""
        done = subprocess.run(
            [self._coord, *words], env=self._environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def start(self) -> float:
        """Start everything and return after how many seconds it was ready."""
        began = clock.monotonic()
        self.run("up", "--detach")
        return clock.monotonic() - began

    def stop(self) -> None:
        """Stop everything."""
        self.run("down")


def measure_start(house: House) -> Line:
    """`coord up --detach` from nothing to ready; the house is left running."""
    seconds = []
    for number in range(STARTS):
        seconds.append(house.start())
        if number < STARTS - 1:
            house.stop()
    told = median(seconds)
    note = f"median of {STARTS} starts, slowest {max(seconds):.2f} s; the process of `coord up` included"
    bar = f"< {_READY_BAR_SECONDS} s"
    return Line("coord up, ready", f"{told:.2f} s", bar, told < _READY_BAR_SECONDS, note, told)


def measure_memory(house: House) -> Line:
    """Proportional set size of the supervisor and everything below it, shared pages counted once."""
    supervisor = (house.folder.read_json("up.json") or {})["pid"]
    sizes = {_name(pid): _pss_mib(pid) for pid in _tree(supervisor)}
    total = sum(sizes.values())
    note = ", ".join(f"{name} {size:.0f}" for name, size in sorted(sizes.items(), key=lambda one: -one[1]))
    bar = f"< {_MEMORY_BAR_MIB} MiB"
    return Line("memory of all services, PSS", f"{total:.0f} MiB", bar, total < _MEMORY_BAR_MIB, note, total)


def measure_claim(house: House) -> Line:
    """`coord claim` as a process, from its start to its end, beside the interpreter alone."""
    for number in range(PROCESSES):
        house.run("submit", f"bench item {number}")
    claims = [_seconds(lambda: house.run("claim", "--agent", "bench")) for _ in range(PROCESSES)]
    bare = [
        _seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)) for _ in range(PROCESSES)
    ]
    words = [sys.executable, "-c", f"import {', '.join(_IMPORTED)}"]
    imports = [_seconds(lambda: subprocess.run(words, check=True)) for _ in range(PROCESSES)]
    told, interpreter, loaded = median(claims), median(bare), median(imports)
    note = (
        f"interpreter {milliseconds(interpreter)} ({interpreter / told:.0%}), "
        f"with its imports {milliseconds(loaded)} ({loaded / told:.0%}), p95 {milliseconds(percentile(claims, 0.95))}"
    )
    bar = f"< {milliseconds(_CLAIM_BAR_SECONDS)}"
    met = told < _CLAIM_BAR_SECONDS
    return Line("coord claim, one process, median", milliseconds(told), bar, met, note, 1000 * told)


async def measure_visible(house: House, settings: Any) -> Line:
    """From the moment a submission is acknowledged until the projector's answer shows it."""
    from coord.services.log import Log

    log = await Log.connect(settings, house.folder, "core", "bench")
    waits = []
    try:
        await _answered(log)
        for number in range(VISIBLE_ROUNDS):
            item_id = f"seen-{clock.new_id()[-12:]}"
            command = {"request_id": clock.new_id(), "title": f"seen {number}", "item_id": item_id}
            began = clock.monotonic()
            await log.request(f"cmd.{settings.pool}.bench.submit", json.dumps(command).encode(), 10)
            waits.append(await _seen(log, item_id, began))
            await asyncio.sleep(0.003 * (number % 7))
    finally:
        await log.close()
    p99 = percentile(waits, 0.99)
    note = f"{VISIBLE_ROUNDS} submissions, p50 {milliseconds(median(waits))}, the command itself included"
    bar = f"< {milliseconds(_VISIBLE_BAR_SECONDS)}"
    met = p99 < _VISIBLE_BAR_SECONDS
    return Line("publish to queryable, p99", milliseconds(p99), bar, met, note, 1000 * p99)


async def _answered(log: Any) -> None:
    """Wait until questions are answered over NATS, too: the socket comes first."""
    async with asyncio.timeout(_ANSWERED_SECONDS):
        while True:
            try:
                await log.request("ask.board", b"{}", 5)
                return
            except NoServer:
                await asyncio.sleep(0.05)


async def _seen(log: Any, item_id: str, began: float) -> float:
    while True:
        answer = json.loads(await log.request("ask.show", json.dumps({"id": item_id}).encode(), 10))
        if "item" in answer:
            return clock.monotonic() - began
        await asyncio.sleep(0.001)


def _seconds(act: Any) -> float:
    began = clock.monotonic()
    act()
    return clock.monotonic() - began


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in _tree(int(child)))]


def _name(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    return f"{Path(words[0]).name}[{pid}]"


def _pss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
