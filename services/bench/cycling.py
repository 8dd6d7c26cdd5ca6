"""The closed loop that coord and every peer of its claim path run: claim, complete, again.

Each agent waits for one answer before it asks again; with time to think it also waits between two cycles,
and agents begin spread over that time. What is claimed from is anything with the three verbs of `Claiming`.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from coord.services import clock
from coord.services.bench.measure import Cycles


class Claiming(Protocol):
    """Something that items are submitted to and claimed from."""

    async def submit(self, count: int) -> None:
        """Add so many items that can be claimed."""

    async def claim(self, number: int) -> Any:
        """Claim for the n-th agent, and return what `complete` needs; None: nothing is left."""

    async def complete(self, number: int, won: Any) -> None:
        """Complete what the n-th agent claimed.

        Raises:
            AssertionError: it was not accepted.
        """


@dataclass(frozen=True, slots=True)
class Load:
    """How many agents do what, and for how long."""

    agents: int
    seconds: float
    think_seconds: float = 0.0
    completes: bool = True
    """False: claims alone; what is claimed stays claimed."""


async def cycle(claiming: Claiming, load: Load) -> Cycles:
    """Let the agents work for so long, or until nothing is left."""
    cycles = Cycles(clock.monotonic())
    until = cycles.began + load.seconds
    await asyncio.gather(*(_agent(claiming, load, number, until, cycles) for number in range(load.agents)))
    return cycles.ended(clock.monotonic())


async def _agent(claiming: Claiming, load: Load, number: int, until: float, cycles: Cycles) -> None:
    if load.think_seconds:
        await asyncio.sleep(load.think_seconds * number / load.agents)
    while (began := clock.monotonic()) < until:
        won = await claiming.claim(number)
        cycles.claim_seconds.append(clock.monotonic() - began)
        if won is None:
            return
        if load.completes:
            await claiming.complete(number, won)
        cycles.count += 1
        if load.think_seconds:
            await asyncio.sleep(load.think_seconds)
