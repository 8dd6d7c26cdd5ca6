"""Claim and complete with a hundred agents, durable, beside Postgres in the same run.

Closed loop, no think time: each agent waits for one answer before it asks again. Rounds alternate
between the two, so that what else the machine does meets both.
"""

import asyncio
import contextlib
import math
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from coord.events.errors import NoServer
from coord.events.tokens import command_subject
from coord.services import clock
from coord.services.bench import postgres
from coord.services.bench.cycling import Claiming, Load, cycle
from coord.services.bench.measure import Cycles, Line, median, milliseconds, percentile
from coord.services.folder import COORDINATOR_SOCKET, Folder, open_socket
from coord.services.log import Log
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings

AGENTS: Final = 100
ROUNDS: Final = 3
ROUND_SECONDS: Final = 4.0
ITEMS_A_ROUND: Final = 24_000
CONNECTIONS: Final = 4
RATIO_BAR: Final = 0.4
LEASE_SECONDS: Final = 3_600.0
"""Longer than any measurement: no lease runs out in it."""
_SUBMITTING: Final = 800
SERVES_SECONDS: Final = 20
_LOOK_SECONDS: Final = 0.02


@contextlib.contextmanager
def server_and_coordinator(settings: Settings, serves_seconds: float = SERVES_SECONDS) -> Iterator[None]:
    """Run what a claim passes through, and nothing else: Postgres has no projector beside it either."""
    folder = Folder(settings.data)
    server = EmbeddedServer(folder, settings)
    server.start()
    command = [
        str(Path(sys.executable).with_name("coord")),
        "serve",
        "coordinator",
        "--data",
        str(settings.data),
    ]
    try:
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as coordinator:
            try:
                _wait_until_it_serves(folder, serves_seconds)
                yield
            finally:
                coordinator.terminate()
    finally:
        server.stop()


def _wait_until_it_serves(folder: Folder, seconds: float) -> None:
    until = clock.monotonic() + seconds
    while clock.monotonic() < until:
        try:
            open_socket(folder, COORDINATOR_SOCKET).close()
            return
        except OSError:
            time.sleep(_LOOK_SECONDS)
    raise NoServer(f"the coordinator did not serve within {seconds:g} s.")


async def measure(settings: Settings) -> list[Line]:
    """Run alternating rounds and compare the medians."""
    lacking = postgres.missing()
    async with connected(settings) as ours:
        if lacking:
            rounds = [await _round(ours) for _ in range(ROUNDS)]
            return [_line(rounds, None, f"no Postgres beside it: {lacking} is missing")]
        with postgres.cluster() as access:
            async with postgres.peer(access, AGENTS) as theirs:
                pairs = [(await _round(ours), await _round(theirs)) for _ in range(ROUNDS)]
                return [_line([one for one, _ in pairs], [other for _, other in pairs], "")]


async def _round(claiming: Claiming) -> Cycles:
    await claiming.submit(ITEMS_A_ROUND)
    return await cycle(claiming, Load(AGENTS, ROUND_SECONDS))


def _line(ours: list[Cycles], theirs: list[Cycles] | None, note: str) -> Line:
    rate = median([one.rate for one in ours])
    p99 = percentile([seconds for one in ours for seconds in one.claim_seconds], 0.99)
    told = f"{rate:,.0f} cycles/s, claim p99 {milliseconds(p99)}"
    what = f"claim + complete, {AGENTS} agents, durable"
    if theirs is None:
        return Line(what, told, f">= {RATIO_BAR} x Postgres", None, note)
    other = median([one.rate for one in theirs])
    other_p99 = percentile([seconds for one in theirs for seconds in one.claim_seconds], 0.99)
    note = (
        f"Postgres SKIP LOCKED with an event row: {other:,.0f} cycles/s, claim p99 {milliseconds(other_p99)}"
    )
    ratio = rate / other
    bar = f">= {RATIO_BAR} x"
    return Line(what, f"{told} = {ratio:.2f} x Postgres", bar, ratio >= RATIO_BAR, note, ratio)


async def work_off(settings: Settings, items: int) -> Cycles:
    """Submit, claim and complete so many items on a house that runs."""
    async with connected(settings) as ours:
        await ours.submit(items)
        return await cycle(ours, Load(AGENTS, math.inf))


class Coord:
    """Agents on a few connections to the server, which tells them apart by subject."""

    def __init__(self, logs: list[Log], settings: Settings) -> None:
        self._logs = logs
        self._settings = settings
        self._run = clock.new_id()[-6:]

    async def submit(self, count: int) -> None:
        """Submit so many items, each by a command of its own."""
        gate = asyncio.Semaphore(_SUBMITTING)
        await asyncio.gather(*(self._submit(gate, number) for number in range(count)))

    async def _submit(self, gate: asyncio.Semaphore, number: int) -> None:
        async with gate:
            await self._command(number, "bench", "submit", {"title": f"item {number}"})

    async def claim(self, number: int) -> Any:
        """Claim the best item; None: there is none."""
        name = f"agent-{self._run}-{number}"
        won = await self._command(number, name, "claim", {"agent": name, "lease_seconds": LEASE_SECONDS})
        return won["item"] if won["status"] == "done" else None

    async def complete(self, number: int, won: Any) -> None:
        """Complete it under the fence of its claim."""
        name = f"agent-{self._run}-{number}"
        ended = {"agent": name, "item_id": won["id"], "fence": won["fence"]}
        done = await self._command(number, name, "complete", ended)
        assert done["status"] == "done", done

    async def _command(self, number: int, actor: str, verb: str, fields: dict[str, Any]) -> dict[str, Any]:
        log = self._logs[number % len(self._logs)]
        body = msgspec.json.encode({"request_id": clock.new_id(), **fields})
        subject = command_subject(self._settings.pool, actor, verb)
        reply: dict[str, Any] = msgspec.json.decode(await log.request(subject, body, seconds=30.0))
        return reply


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Coord]:
    """Connect as agents are: to the server of a house that runs."""
    folder = Folder(settings.data)
    logs = [await Log.connect(settings, folder, "core", f"bench-{number}") for number in range(CONNECTIONS)]
    try:
        yield Coord(logs, settings)
    finally:
        for log in logs:
            await log.close()
