"""The claim path beside its peers and its ceiling, in one run: claim and complete, durable, history kept.

    python -P tests/bench/claiming.py [--agents 100,500,1000] [--rounds 3] [--seconds 4] [--only cycles,...]
                                      [--without redis,...] [--stored 1000000] [--json]

Closed loop, one process for all agents. Each size runs in rounds that alternate between all that are measured,
so that what else the machine does meets them alike; what counts is the ratio of the medians.

    coord            agents over NATS, the real coordinator and server, each event flushed before it is answered
    coord, socket    the same over the coordinator's socket, a connection a command, as the command line does
    bare             a coordinator that only picks, batches and appends, on a server of the same settings
    Postgres         FOR UPDATE SKIP LOCKED, an event row a transition, at its best pool
    Redis            a script a transition, with a stream of what happened, `appendfsync always`

`--only` takes: cycles, claims (coord and bare alone), think (each agent waits a second between cycles), stored
(cycles with ten thousand items stored, and with `--stored` of them).
"""

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.claim_peers import bare_agents, bare_house, missing_redis, redis_agents, redis_server
from bench.full_log import fill
from bench.socket_agents import SocketAgents

from coord.services.bench import claims, postgres
from coord.services.bench.cycling import Claiming, Load, cycle
from coord.services.bench.measure import Cycles, median, milliseconds, percentile
from coord.services.settings import Settings

SECTIONS: Final = ("cycles", "claims", "think", "stored")
COORD, SOCKET, BARE, POSTGRES, REDIS = "coord", "coord, socket", "bare", "Postgres", "Redis"
GUESSES: Final = {COORD: 7_000, SOCKET: 2_000, BARE: 20_000, POSTGRES: 9_000, REDIS: 25_000}
"""Items a second that a round is given: more than are worked off."""
POOL: Final = 16
"""Connections of Postgres and Redis for more than a hundred agents: more of them do worse."""
STORED_FIRST: Final = 10_000
OPEN_SHARE: Final = 0.1
THINK_SECONDS: Final = 1.0
OF_BARE_MIN: Final = 0.60
OF_POSTGRES_MIN: Final = {100: 0.6, 500: 1.2, 1000: 1.5}
P99_SECONDS_MAX: Final = 0.150
THINK_P99_OF_BARE_MAX: Final = 2.0
FLAT_MIN: Final = 0.8


@dataclass(slots=True)
class Runner:
    """One that is measured, and what its rounds gave."""

    name: str
    claiming: Claiming
    rounds: list[Cycles] = field(default_factory=list)
    left: int = 0

    async def run(self, load: Load) -> None:
        """Run one round on enough items."""
        wanted = int(GUESSES[self.name] * load.seconds * (1 if load.completes else 2))
        if load.think_seconds:
            wanted = int(2 * load.agents * load.seconds / load.think_seconds)
        if self.left < wanted:
            await self.claiming.submit(wanted - self.left)
            self.left = wanted
        cycles = await cycle(self.claiming, load)
        self.left -= cycles.count
        self.rounds.append(cycles)

    @property
    def rate(self) -> float:
        """Median of the rounds, a second."""
        return median([one.rate for one in self.rounds])

    def claim_seconds(self, share: float) -> float:
        """Median of the rounds' percentiles of a claim."""
        return median([percentile(one.claim_seconds, share) for one in self.rounds])


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

    def table(self, title: str, runners: Sequence[Runner], what: str = "cycles") -> None:
        """Say what each runner did."""
        self.say(f"\n{title}")
        for one in runners:
            p50, p99 = (milliseconds(one.claim_seconds(share)) for share in (0.5, 0.99))
            self.say(f"    {one.name:<16}{one.rate:>8,.0f} {what}/s    claim p50 {p50:>9}    p99 {p99:>9}")

    def bar(self, name: str, value: float, bar: float, *, at_least: bool, unit: str = "x") -> None:
        """Say how a figure stands to its bar, by the name under which it may be stated."""
        met = value >= bar if at_least else value <= bar
        sign = ">=" if at_least else "<="
        self.say(f"    {name:<44}{value:>9.2f} {unit} {sign} {bar:g} {unit}    {'met' if met else 'MISSED'}")
        if not met:
            self.missed.append(name)
        if self._as_json:
            sys.stdout.write(json.dumps({name: value}) + "\n")


async def alternate(runners: Sequence[Runner], load: Load, rounds: int) -> None:
    """Let each run in turn, over and over."""
    for _ in range(rounds):
        for one in runners:
            await one.run(load)


@contextlib.asynccontextmanager
async def beside(houses: "Houses", agents: int, names: Sequence[str]) -> AsyncIterator[list[Runner]]:
    """Connect the agents of all that are wanted and can run."""
    async with contextlib.AsyncExitStack() as stack:
        coord = await stack.enter_async_context(claims.connected(houses.coord))
        found: dict[str, Claiming] = {COORD: coord, SOCKET: SocketAgents(houses.coord, coord)}
        if BARE in names:
            found[BARE] = await stack.enter_async_context(bare_agents(houses.bare))
        if houses.postgres is not None and POSTGRES in names:
            pool = agents if agents <= 100 else POOL
            found[POSTGRES] = await stack.enter_async_context(postgres.peer(houses.postgres, pool))
        if houses.redis is not None and REDIS in names:
            connections = agents if agents <= 100 else 4 * POOL
            found[REDIS] = await stack.enter_async_context(redis_agents(houses.redis, connections))
        yield [Runner(name, found[name]) for name in names if name in found]


@dataclass(slots=True)
class Houses:
    """What runs for the whole time."""

    coord: Settings
    bare: Settings
    postgres: dict[str, Any] | None = None
    redis: str | None = None


@contextlib.contextmanager
def houses(root: Path, without: Sequence[str], report: Report) -> Iterator[Houses]:
    """Run every server that is here; say which is not."""
    with contextlib.ExitStack() as stack:
        found = Houses(Settings(data=root / "coord"), Settings(data=root / "bare"))
        stack.enter_context(claims.server_and_coordinator(found.coord))
        stack.enter_context(bare_house(found.bare))
        lacking = "it was left out" if "postgres" in without else postgres.missing()
        if lacking:
            report.say(f"no Postgres: {lacking}")
        else:
            found.postgres = stack.enter_context(postgres.cluster())
        lacking = "it was left out" if "redis" in without else missing_redis()
        if lacking:
            report.say(f"no Redis: {lacking}")
        else:
            found.redis = stack.enter_context(redis_server())
        yield found


async def measure_cycles(found: Houses, sizes: Sequence[int], options: Any, report: Report) -> None:
    """Claim and complete beside everything."""
    for agents in sizes:
        async with beside(found, agents, (COORD, SOCKET, BARE, POSTGRES, REDIS)) as runners:
            await alternate(runners, Load(agents, options.seconds), options.rounds)
        report.table(f"{agents} agents, claim and complete", runners)
        by_name = {one.name: one for one in runners}
        ours = by_name[COORD]
        report.bar(f"cycles-of-bare-{agents}", ours.rate / by_name[BARE].rate, OF_BARE_MIN, at_least=True)
        if POSTGRES in by_name and agents in OF_POSTGRES_MIN:
            ratio = ours.rate / by_name[POSTGRES].rate
            report.bar(f"cycles-of-postgres-{agents}", ratio, OF_POSTGRES_MIN[agents], at_least=True)
        if REDIS in by_name:
            report.say(f"    {'of Redis':<44}{ours.rate / by_name[REDIS].rate:>9.2f} x")
        p99 = 1000 * ours.claim_seconds(0.99)
        report.bar(f"claim-p99-{agents}", p99, 1000 * P99_SECONDS_MAX, at_least=False, unit="ms")


async def measure_claims(found: Houses, sizes: Sequence[int], options: Any, report: Report) -> None:
    """Claims alone, beside the ceiling."""
    for agents in sizes:
        async with beside(found, agents, (COORD, BARE)) as runners:
            await alternate(runners, Load(agents, options.seconds / 2, completes=False), options.rounds)
        report.table(f"{agents} agents, claims alone", runners, "claims")


async def measure_think(found: Houses, sizes: Sequence[int], options: Any, report: Report) -> None:
    """Agents that think between their cycles: the latency of a claim that nobody crowds."""
    for agents in sizes:
        async with beside(found, agents, (COORD, BARE)) as runners:
            load = Load(agents, options.seconds, think_seconds=THINK_SECONDS)
            await alternate(runners, load, options.rounds)
        report.table(f"{agents} agents that think for {THINK_SECONDS:g} s", runners)
        ours, theirs = (one.claim_seconds(0.99) for one in runners)
        report.bar(f"think-p99-of-bare-{agents}", ours / theirs, THINK_P99_OF_BARE_MAX, at_least=False)


def measure_stored(root: Path, options: Any, report: Report) -> None:
    """Cycles on a house that holds few items, and on one that holds very many; a tenth of them open."""
    few, many = (Settings(data=root / name) for name in ("few", "many"))
    agents = 500
    with contextlib.ExitStack() as stack:
        for settings, count in ((few, STORED_FIRST), (many, options.stored)):
            fill(settings, count, OPEN_SHARE)
            stack.enter_context(claims.server_and_coordinator(settings, serves_seconds=600))
        runners = uvloop.run(_stored_rounds((few, many), Load(agents, options.seconds), options.rounds))
    report.table(f"{agents} agents, {STORED_FIRST:,} and {options.stored:,} items stored", runners)
    report.bar("cycles-flat", runners[1].rate / runners[0].rate, FLAT_MIN, at_least=True)


async def _stored_rounds(settings: Sequence[Settings], load: Load, rounds: int) -> list[Runner]:
    async with contextlib.AsyncExitStack() as stack:
        connected = [await stack.enter_async_context(claims.connected(one)) for one in settings]
        runners = [Runner(COORD, one) for one in connected]
        await alternate(runners, load, rounds)
    return runners


def main() -> int:
    """Measure what is wanted; return 0 when every bar is met, else 7."""
    parser = argparse.ArgumentParser(description="The claim path beside its peers.")
    parser.add_argument("--agents", default="100,500,1000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--only", default="cycles,claims,think")
    parser.add_argument("--without", default="")
    parser.add_argument("--stored", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    wanted, without = options.only.split(","), options.without.split(",")
    if not set(wanted) <= set(SECTIONS):
        parser.error(f"--only takes {', '.join(SECTIONS)}")
    sizes = [int(one) for one in options.agents.split(",")]
    report = Report(options.json)
    measurements = {"cycles": measure_cycles, "claims": measure_claims, "think": measure_think}
    with tempfile.TemporaryDirectory(prefix="coord-claiming-") as root:
        if measurements.keys() & set(wanted):
            with houses(Path(root), without, report) as found:
                for name, measure in measurements.items():
                    if name in wanted:
                        uvloop.run(measure(found, sizes, options, report))
        if "stored" in wanted:
            measure_stored(Path(root), options, report)
    report.say(f"\nmissed: {', '.join(report.missed) or 'nothing'}")
    return 7 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
