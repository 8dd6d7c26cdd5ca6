"""Requests that wait: for an item to claim, or for items to end. They are decided again whenever they are woken."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from coord.events import commands as wish
from coord.events.commands import Refusal, Unknown, refusal
from coord.services import clock
from coord.services.coordinator.chores import Chores
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.transaction import Answer
from coord.services.coordinator.waiting import WAITING_MAX, Waiters
from coord.services.decisions.agent import Agent

Decide = Callable[[], Awaitable[Answer]]
_MAY_COME: Final = frozenset({"nothing_to_claim", "waiting", "taken", "blocked", "not_yet"})
"""Refusals that waiting may turn into something better."""


class Patience:
    """Has requests wait in `waiters`."""

    def __init__(self, ledger: Ledger, chores: Chores) -> None:
        self.waiters = Waiters()
        self._ledger = ledger
        self._chores = chores
        self._closed = False
        ledger.readiness.tell = self.waiters.offered

    def close(self) -> None:
        """Answer everybody who waits "unknown": another coordinator will have them wait, once it is asked."""
        self._closed = True
        self.waiters.wake_all()

    async def claim(self, command: wish.Claim, decide: Decide, *, stays: bool) -> Answer:
        """Answer a claim that may wait; an asker who goes away meanwhile leaves nothing claimed.

        One of whom it cannot be told that it goes `stays`.
        """
        answer = await (decide() if stays else self._undone_if_gone(decide))
        if not command.wait_seconds or not _may_come(answer):
            return answer
        with self._counted(command.agent):
            return await self._until(
                self._place(command), command.wait_seconds, lambda: self._undone_if_gone(decide)
            )

    async def wait(self, command: wish.Wait, decide: Decide) -> Answer:
        """Answer once what is waited for has come, or the time is over."""
        return await self._until(self.waiters.watching(command.item_ids), command.wait_seconds, decide)

    def _place(self, command: wish.Claim) -> AbstractContextManager[asyncio.Event]:
        if command.item_id is not None:
            return self.waiters.watching((command.item_id,), command.agent)
        agent = self._ledger.agents.get(command.agent) or Agent(command.agent, incarnation=1, position=1)
        return self.waiters.in_line(agent)

    async def _until(
        self, place: AbstractContextManager[asyncio.Event], seconds: float, decide: Decide
    ) -> Answer:
        """Decide, and again whenever woken, until the answer cannot get better or the time is over."""
        if len(self.waiters) >= WAITING_MAX:
            return refusal("overloaded", f"{WAITING_MAX} requests are waiting.", "Try again in a second.")
        until = clock.monotonic() + seconds
        with place as woken:
            while True:
                woken.clear()
                answer = await decide()
                left = until - clock.monotonic()
                if not _may_come(answer) or left <= 0:
                    return answer
                try:
                    async with asyncio.timeout(left):
                        await woken.wait()
                except TimeoutError:
                    return answer
                if self._closed:
                    return Unknown(reason="the coordinator stops", hint="Ask again with the same request id.")

    async def _undone_if_gone(self, decide: Decide) -> Answer:
        """Decide to the end even if the asker goes away; what was won for nobody is given back."""
        deciding = asyncio.ensure_future(decide())
        try:
            return await asyncio.shield(deciding)
        except asyncio.CancelledError:
            deciding.add_done_callback(self._give_back)
            raise

    def _give_back(self, deciding: "asyncio.Future[Answer]") -> None:
        if not deciding.cancelled() and deciding.exception() is None:
            self._chores.give_back(deciding.result())

    @contextmanager
    def _counted(self, agent: str) -> Iterator[None]:
        waiting = self._chores.waiting_agents
        waiting[agent] = waiting.get(agent, 0) + 1
        try:
            yield
        finally:
            waiting[agent] -= 1
            if not waiting[agent]:
                del waiting[agent]


def _may_come(answer: Answer) -> bool:
    return isinstance(answer, Refusal) and answer.code in _MAY_COME
