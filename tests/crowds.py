"""A thousand agents at work: registered, each with an item in hand, and a steady stream of their progress."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, Never

from coord.events.tokens import command_subject
from coord.services import clock
from coord.services.log import Log

AT_ONCE = 400
TICK_SECONDS = 0.02
ANSWER_SECONDS = 30.0


class Crowd:
    """Agents who all work on the house that a log belongs to."""

    def __init__(self, log: Log, pool: str = "main") -> None:
        self._log = log
        self._pool = pool
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._held: list[tuple[str, str, int]] = []
        """Agent, item and fence."""
        self.answered = 0
        """So many updates of the stream were written, and their agents told so."""

    async def gather(self, count: int) -> None:
        """Register so many agents, and let each claim an item of its own."""
        names = [f"agent-{number:04d}" for number in range(count)]
        await _all(self._tell(name, "register", agent=name) for name in names)
        await _all(
            self._tell("crowd", "submit", title=f"shard {number:04d}", item_id=f"shard-{number:04d}")
            for number in range(count)
        )
        won = await _all(
            self._tell(name, "claim", agent=name, item_id=f"shard-{number:04d}", lease_seconds=600.0)
            for number, name in enumerate(names)
        )
        self._held = [
            (name, reply["item"]["id"], reply["item"]["fence"])
            for name, reply in zip(names, won, strict=True)
        ]

    async def stream(self, rate: int) -> Never:
        """Tell progress at a steady rate until cancelled; at most AT_ONCE are on their way, what is late is made up for."""
        began, sent = clock.monotonic(), 0
        async with asyncio.TaskGroup() as telling:
            while True:
                due = int((clock.monotonic() - began) * rate)
                upto = min(due, self.answered + AT_ONCE)
                for number in range(sent, upto):
                    telling.create_task(self._progress(number))
                sent = max(sent, upto)
                await asyncio.sleep(TICK_SECONDS)

    async def _progress(self, number: int) -> None:
        agent, item, fence = self._held[number % len(self._held)]
        fraction = number // len(self._held) % 100 / 100
        note = f"step {number}"
        await self._tell(
            agent, "progress", agent=agent, item_id=item, fence=fence, fraction=fraction, note=note
        )
        self.answered += 1

    async def _tell(self, actor: str, verb: str, **fields: Any) -> Any:
        async with self._gate:
            body = json.dumps({"request_id": clock.new_id(), **fields}).encode()
            reply = json.loads(
                await self._log.request(command_subject(self._pool, actor, verb), body, ANSWER_SECONDS)
            )
        assert reply["status"] == "done", reply
        return reply


async def _all(asked: Any) -> list[Any]:
    many: list[Coroutine[Any, Any, Any]] = list(asked)
    return await asyncio.gather(*many)
