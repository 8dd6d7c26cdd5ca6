"""Agents as they are: most work, some give up, some die at work, some come too late; each waits for its answers.

What an agent does is drawn from its own generator, which comes from the run's seed and the agent's name. Agents
whose asking is not answered ask again under the same request id, on any line; some have no patience and never do.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chaos.history import ANY, History, Operation, Verb
from chaos.lines import Line, Reply

from coord.services import clock

ANSWER_SECONDS: Final = 2.5
"""Who waits longer asks again: an answer that comes later is heard by nobody."""
IMPATIENT_SECONDS: Final = 0.3
IMPATIENT_SHARE: Final = 0.2
AGAIN_SECONDS: Final = 0.05
HUNGRY_SECONDS: Final = 0.05
HUNGRY_EACH_SECONDS: Final = 0.004
"""How much longer each further agent rests between two turns: a crowd asks a few hundred times a second."""
_COMMANDS: Final = {"renew": "progress"}
_NOTHING_SAID: Final = "others were quicker"
"""A refusal as `taken` that says nothing about the item: the coordinator has tried often enough."""


@dataclass(frozen=True, slots=True)
class Death:
    """An agent that died with an item in hand."""

    agent: str
    item: str
    fence: int
    last_sign: float
    lease_seconds: float


@dataclass
class Crowd:
    """What agents share: the history, the lines, and how far the run is."""

    seed: int
    lines: Sequence[Line]
    lease_seconds: float
    hungry_seconds: float = HUNGRY_SECONDS
    history: History = field(default_factory=History)
    deaths: list[Death] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    calm: bool = False
    """Nothing new is begun any more: agents work off what is there."""
    over: bool = False

    def generator(self, name: str) -> random.Random:
        """Return the generator of one agent."""
        return random.Random(f"{self.seed}/{name}")

    async def ask(self, who: str, rng: random.Random, operation: Operation, **fields: Any) -> Operation:
        """Ask until there is an answer, or patience is over, and note what came of it."""
        patient = self.calm or rng.random() >= IMPATIENT_SHARE
        command = {"request_id": operation.id, **fields}
        verb = _COMMANDS.get(operation.verb, operation.verb)
        seconds = ANSWER_SECONDS if patient else IMPATIENT_SECONDS
        while True:
            reply = await rng.choice(self.lines).tell(verb, command, who, seconds)
            if reply is not None and reply["status"] in ("done", "refused"):
                return self._ended(operation, reply)
            assert reply is None or reply["status"] == "unknown", (operation, reply)
            if not patient or self.over:
                return operation
            await asyncio.sleep(AGAIN_SECONDS)

    def _ended(self, operation: Operation, reply: Reply) -> Operation:
        if reply["status"] == "refused":
            told = reply["code"] if _NOTHING_SAID not in reply["reason"] else ""
            return self.history.end(operation, "refused", reason=told)
        known: dict[str, Any] = {"position": reply.get("position"), "already": reply.get("already", False)}
        if operation.verb == "claim":
            item = reply["item"]
            known |= {"item": item["id"], "fence": item["fence"], "lease_seconds": item["lease_seconds"]}
        return self.history.end(operation, "done", **known)


class Agent:
    """One agent."""

    def __init__(self, crowd: Crowd, name: str) -> None:
        self._crowd = crowd
        self.name = name
        self._rng = crowd.generator(name)

    async def live(self) -> None:
        """Register, and work until the run is over, or it dies."""
        while not self._crowd.over and not await self._registered():
            await asyncio.sleep(AGAIN_SECONDS)
        while not self._crowd.over:
            if not self._crowd.calm and self._rng.random() < 0.5:
                await self._submit()
            if not await self._turn():
                return
            await asyncio.sleep(self._rng.random() * self._crowd.hungry_seconds)

    async def _registered(self) -> bool:
        request = f"register-{self.name}-{self._crowd.seed}"
        line = self._rng.choice(self._crowd.lines)
        reply = await line.tell(
            "register", {"request_id": request, "agent": self.name}, self.name, ANSWER_SECONDS
        )
        return reply is not None and reply["status"] == "done"

    async def _submit(self) -> None:
        name = f"i-{self._crowd.seed}-{len(self._crowd.items)}"
        self._crowd.items.append(name)
        await self._ask(
            "submit", name, item_id=name, title=f"do {name}", lease_seconds=self._crowd.lease_seconds
        )

    async def _turn(self) -> bool:
        """Claim and work; False: it died over it."""
        named = (
            self._rng.choice(self._crowd.items) if self._crowd.items and self._rng.random() < 0.15 else ANY
        )
        if named and self._rng.random() < 0.1 and not self._crowd.calm:
            await self._ask("cancel", named, item_id=named)
            return True
        claim = await self._ask(
            "claim", named, agent=self.name, item_id=named or None, lease_seconds=self._crowd.lease_seconds
        )
        return claim.outcome != "done" or await self._work(claim)

    async def _work(self, claim: Operation) -> bool:
        what = self._rng.choices(
            ("complete", "release", "fail", "hold", "oversleep", "die"), (70, 10, 4, 6, 5, 5)
        )[0]  # fmt: skip
        lease = self._crowd.lease_seconds
        if self._crowd.calm or what == "complete":
            return await self._finish("complete", claim)
        if what == "die":
            self._crowd.deaths.append(Death(self.name, claim.item, claim.fence or 0, claim.began, lease))
            return False
        if what == "hold":
            return await self._hold(claim)
        if what == "oversleep":
            await self._pass(lease * 1.5)
        return await self._finish("complete" if what == "oversleep" else what, claim)

    async def _hold(self, claim: Operation) -> bool:
        """Work for longer than a lease, and say so in time."""
        until = clock.monotonic() + 1.7 * self._crowd.lease_seconds
        while clock.monotonic() < until and not self._crowd.over:
            await self._pass(self._crowd.lease_seconds / 3)
            told = await self._with_fence("renew", claim)
            if told.outcome == "refused":
                return True
        return await self._finish("complete", claim)

    async def _finish(self, how: str, claim: Operation) -> bool:
        await self._with_fence(how, claim, **({"reason": "it does not work"} if how == "fail" else {}))
        return True

    async def _with_fence(self, verb: Any, claim: Operation, **fields: Any) -> Operation:
        return await self._ask(
            verb, claim.item, fence=claim.fence, agent=self.name, item_id=claim.item, **fields
        )

    async def _ask(self, verb: Verb, item: str, *, fence: int | None = None, **fields: Any) -> Operation:
        known = {"fence": fence, "lease_seconds": fields.get("lease_seconds") if verb == "claim" else None}
        operation = self._crowd.history.begin(verb, self.name, item, **known)
        if fence is not None:
            fields["fence"] = fence
        return await self._crowd.ask(self.name, self._rng, operation, **fields)

    async def _pass(self, seconds: float) -> None:
        until = clock.monotonic() + seconds
        while clock.monotonic() < until and not self._crowd.over:
            await asyncio.sleep(AGAIN_SECONDS)
