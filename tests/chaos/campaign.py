"""A run: agents at work on a ground, blow upon blow, then peace; then everything is worked off, read, and judged.

Printed are the seed and what was counted. A seed draws the same agents, blows and pauses again; how processes
interleave is the machine's own business, so that a seed repeats a run and not its every moment.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from chaos.agents import HUNGRY_EACH_SECONDS, HUNGRY_SECONDS, Agent, Crowd, Death
from chaos.grounds import Ground
from chaos.history import History, Operation
from chaos.lines import BusLine
from chaos.model import Rules
from chaos.verdict import Judgement, judge
from chaos.witness import Logged, left_over

from coord.events.errors import CoordError
from coord.events.streams import EVENTS
from coord.services import clock
from coord.services.log import Log
from coord.services.log.looking_back import read_present
from coord.services.tasks import end

LATE_SECONDS: Final = 2.0
"""How much later than its lease an item of a dead agent may be claimable."""
SETTLE_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.05
BUSES: Final = 2
_FINAL_READS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is made of."""

    seed: int
    blows: Sequence[str]
    agents: int = 10
    lease_seconds: float = 1.5
    pause_seconds: float = 1.0
    """Between two blows, on average."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A blow that was dealt."""

    name: str
    at: float
    healed: float


@dataclass
class Report:
    """What a run came to."""

    plan: Plan
    judgement: Judgement
    history: History
    struck: list[Struck]
    deaths: list[Death]
    leaders: list[tuple[str, float]]
    left: dict[str, str] = field(default_factory=dict)
    """Items that never ended: stuck."""
    log: Sequence[Logged] = ()

    @property
    def clean(self) -> bool:
        """Whether everything has its place, and nothing is stuck."""
        return self.judgement.clean and not self.left

    def recoveries(self, *names: str) -> list[float]:
        """Return after how many seconds something was acknowledged again, for every such blow."""
        return [self._recovery(one.at) for one in self.struck if one.name in names]

    def _recovery(self, at: float) -> float:
        return min((one.ended - at for one in self._acknowledged() if one.began > at), default=float("inf"))

    def _acknowledged(self) -> list[Operation]:
        return [
            one for one in self.history if one.outcome == "done" and not one.already and one.verb != "read"
        ]

    def lateness(self) -> list[float]:
        """Return how much later than its lease each item of a dead agent was claimed by another."""
        return [late for one in self.deaths if (late := self._late(one)) is not None]

    def _late(self, death: Death) -> float | None:
        after = [
            one for one in self._acknowledged()
            if one.item == death.item and (one.verb == "cancel" or (one.fence or 0) > death.fence)
            and one.began > death.last_sign
        ]  # fmt: skip
        if not after:
            return None
        freed = min(one.ended for one in after)
        begun = [at for _, at in self.leaders]
        begun += [moment for one in self.struck for moment in (one.healed, one.at + self._recovery(one.at))]
        since = max([death.last_sign, *(at for at in begun if at <= freed)])
        return freed - since - death.lease_seconds

    def words(self) -> str:
        """Say it in a few lines."""
        struck = dict(sorted(Counter(one.name for one in self.struck).items()))
        told = [
            f"seed {self.plan.seed}: {self.plan.agents} agents, blows {struck}, leaders {len(self.leaders)}",
            f"  {self.history.outcomes()} {self.history.counts()}",
            f"  {self.judgement.words()}",
        ]
        for name in sorted(struck):
            told.append(f"  {name}: acknowledged again after {_seconds(self.recoveries(name))}")
        told.append(
            f"  {len(self.deaths)} died at work; beyond the lease, others waited {_seconds(self.lateness())}"
        )
        return "\n".join([*told, *([f"  stuck: {self.left}"] if self.left else [])])


async def run(ground: Ground, plan: Plan) -> Report:
    """Run a plan on a ground."""
    logs = [await ground.connect(number) for number in range(BUSES)]
    hungry_seconds = max(HUNGRY_SECONDS, HUNGRY_EACH_SECONDS * plan.agents)
    crowd = Crowd(plan.seed, [*ground.sockets(), *map(BusLine, logs)], plan.lease_seconds, hungry_seconds)
    leaders: list[tuple[str, float]] = []
    watching = asyncio.create_task(_watch(ground, leaders))
    population = asyncio.create_task(_populate(crowd, plan.agents))
    try:
        struck = await _storm(ground, plan)
        crowd.calm = True
        log, left = await _settle(logs[0], crowd)
        await _last_reads(crowd)
        crowd.over = True
        await population
        log = await read_log(logs[0])
        rules = Rules(led_since=tuple(at for _, at in leaders))
        judgement = judge(crowd.history, log, rules)
        return Report(plan, judgement, crowd.history, struck, crowd.deaths, leaders, left, log)
    finally:
        crowd.over = True
        await end(watching, population)
        for one in logs:
            await one.close()


async def _storm(ground: Ground, plan: Plan) -> list[Struck]:
    rng = random.Random(plan.seed)
    struck = []
    for name in plan.blows:
        await asyncio.sleep(plan.pause_seconds * (0.5 + rng.random()))
        struck.append(Struck(name, await ground.strike(name), clock.monotonic()))
    await asyncio.sleep(plan.pause_seconds)
    return struck


async def _populate(crowd: Crowd, count: int) -> None:
    """Keep so many agents alive; who dies is followed by another."""
    born = 0
    living: set[asyncio.Task[None]] = set()
    while not crowd.over:
        while len(living) < count:
            living.add(asyncio.create_task(Agent(crowd, f"a-{born}").live()))
            born += 1
        ended, living = await asyncio.wait(living, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for one in ended:
            one.result()
    await asyncio.gather(*living)


async def _watch(ground: Ground, leaders: list[tuple[str, float]]) -> None:
    """Note who leads since when."""
    while True:
        for line in ground.sockets():
            source = await line.leader()
            if source and source not in dict(leaders):
                leaders.append((source, clock.monotonic()))
        await asyncio.sleep(LOOK_SECONDS)


async def _settle(log: Log, crowd: Crowd) -> tuple[list[Logged], dict[str, str]]:
    """Wait until every item has ended; return the log, and what has not."""
    until = clock.monotonic() + SETTLE_SECONDS
    while True:
        entries = await read_log(log)
        left = left_over(entries)
        if not left or clock.monotonic() > until:
            return entries, left
        await asyncio.sleep(4 * LOOK_SECONDS)


async def read_log(log: Log) -> list[Logged]:
    """Read every event about items, in order."""
    while True:
        try:
            batches = read_present(log, EVENTS.name, ("ev.local.work.*",))
            return [Logged.of(stored) async for batch in batches for stored in batch]
        except CoordError:
            await asyncio.sleep(LOOK_SECONDS)


async def _last_reads(crowd: Crowd) -> None:
    """Claim what has ended: that it has is what everybody must be told."""
    rng = crowd.generator("reader")
    for item in crowd.items[-_FINAL_READS_MAX:]:
        asked = crowd.history.begin("claim", "reader", item, lease_seconds=crowd.lease_seconds)
        await crowd.ask("reader", rng, asked, agent="reader", item_id=item)


def _seconds(values: Sequence[float]) -> str:
    if not values:
        return "-"
    told = sorted(values)
    return f"{told[len(told) // 2]:.2f} s (median), {told[-1]:.2f} s (worst of {len(told)})"
