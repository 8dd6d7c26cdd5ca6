"""What the coordinator does of its own accord as time passes: end claims, tell who is lost, or stuck, and free
what an evicted agent held. Each chore's request id is derived from what it is about, so that doing it twice is once.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from coord.events import commands as wish
from coord.events.planning import ReclaimCause
from coord.services import clock
from coord.services.coordinator.evidence import Evidence
from coord.services.coordinator.ledger import Ledger, now
from coord.services.coordinator.timekeeper import AGENTS_LOOKED_AT_SECONDS, Due, Timekeeper
from coord.services.coordinator.transactor import Transactor
from coord.services.coordinator.wishes import MarkLost, MarkMovedOn, MarkStuck, Reclaim, Wish
from coord.services.decisions.work import WorkItem

TICK_SECONDS: Final = 0.1
STILL_SECONDS: Final = 0.5
"""From when on this process stood still, and may not have heard who spoke to it."""
SYSTEM_ACTOR: Final = "coordinator"
REASON_LENGTH_MAX: Final = 2_000

assert TICK_SECONDS < STILL_SECONDS


class Chores:
    """The timekeeper's wishes on their way."""

    def __init__(
        self,
        ledger: Ledger,
        timekeeper: Timekeeper,
        evidence: Evidence,
        transactor: Transactor,
        agent_silence_seconds: float,
    ) -> None:
        self.waiting_agents: dict[str, int] = {}
        """Agents whose requests wait here, and how many: they are in the coordinator's hands, not silent."""
        self._ledger = ledger
        self._timekeeper = timekeeper
        self._evidence = evidence
        self._transactor = transactor
        self._agent_silence_seconds = agent_silence_seconds
        self._running: dict[str, asyncio.Task[object]] = {}

    async def keep_time(self) -> None:
        """End the claims that ran out, offer what has rested, and tell who was silent for too long."""
        looked_at_agents, before = 0.0, now().monotonic
        while True:
            await asyncio.sleep(TICK_SECONDS)
            moment = now()
            if moment.monotonic - before >= STILL_SECONDS:
                self._timekeeper.stood_still(moment.monotonic - before, moment.monotonic)
            before = moment.monotonic
            self._ledger.readiness.passed(moment)
            for due in self._timekeeper.run_out(moment.monotonic):
                self._reclaim(due)
            if moment.monotonic - looked_at_agents >= AGENTS_LOOKED_AT_SECONDS:
                looked_at_agents = moment.monotonic
                self._mark_lost(moment.monotonic)
                self._mark_stuck(moment.monotonic)

    def moved_on(self, item: WorkItem) -> None:
        """A stuck item's holder shows work again."""
        if item.stuck and item.fence is not None:
            self._do(f"moved-on/{item.id}/{item.position}", MarkMovedOn(item.id, item.fence))

    def give_back(self, reply: object) -> None:
        """Undo a claim whose asker went away while it waited: nobody knows that it was won."""
        items = (reply.items or (reply.item,)) if isinstance(reply, wish.Done) else ()
        for item in items:
            if item is not None and item.status == "claimed" and item.agent is not None:
                release = wish.Release(
                    request_id=clock.derived_id(f"gone/{item.id}/{item.fence}", 0), agent=item.agent,
                    incarnation=item.incarnation, item_id=item.id, fence=item.fence,
                    reason="whoever asked went away while it waited", unbegun=True,
                )  # fmt: skip
                self._do(f"gone/{item.id}/{item.fence}", release)

    async def free(self, agent: str) -> None:
        """End every claim of an agent that was put out."""
        await self._together(self.freeing(agent))

    def freeing(self, agent: str) -> list["asyncio.Task[object]"]:
        """Begin to end every claim of an agent that was put out."""
        known = self._ledger.agents.get(agent)
        if known is None or known.status != "evicted":
            return []
        told = f"{agent} was put out{f': {known.reason}' if known.reason else ''}"[:REASON_LENGTH_MAX]
        held = [self._ledger.item(item_id) for item_id in self._ledger.held.get(agent, ())]
        return [
            self._do(
                f"evicted/{item.id}/{item.fence}",
                Reclaim(item.id, item.fence, 0.0, "evicted", told),
            )
            for item in held
            if item is not None and item.fence is not None
        ]

    def free_all(self) -> None:
        """Free what agents hold that were put out while nobody led."""
        for agent in list(self._ledger.held):
            self.freeing(agent)

    async def _together(self, tasks: Iterable["asyncio.Task[object]"]) -> None:
        running = list(tasks)
        if running:
            await asyncio.wait(running)

    def _reclaim(self, due: Due) -> None:
        cause, reason = self._cause(due)
        self._do(
            f"expire/{due.item_id}/{due.fence}",
            Reclaim(
                due.item_id, due.fence, due.silent_seconds, cause, reason,
                lambda: self._timekeeper.has_run_out(due.item_id, due.fence, clock.monotonic()),
            ),
        )  # fmt: skip

    def _cause(self, due: Due) -> tuple[ReclaimCause, str | None]:
        """Say why a lease ran out, as far as it is known: its node is lost, or its holder, or nothing was heard."""
        item = self._ledger.item(due.item_id)
        agent = self._ledger.agents.get(item.agent or "") if item is not None else None
        if agent is None:
            return "silence", None
        if agent.host in self._evidence.lost_nodes:
            return "node_lost", f"the node {agent.host} is lost, and {agent.name} with it"
        if agent.status == "lost":
            return "agent_lost", f"{agent.name} was silent for {due.silent_seconds:.1f} s and is lost"
        return "silence", None

    def _mark_lost(self, monotonic: float) -> None:
        for name, silent_seconds in self._timekeeper.silent(self._agent_silence_seconds, monotonic):
            agent = self._ledger.agents.get(name)
            if name in self.waiting_agents:
                self._timekeeper.hear(name, monotonic)
            elif agent is not None and agent.status == "active":
                lost = MarkLost(name, agent.incarnation, silent_seconds, self._still_silent(name))
                self._do(f"lost/{name}/{agent.position}", lost)

    def _mark_stuck(self, monotonic: float) -> None:
        for due in self._timekeeper.idle(monotonic):
            item = self._ledger.item(due.item_id)
            if item is not None and not item.stuck:
                stuck = MarkStuck(due.item_id, due.fence, due.silent_seconds, self._still_idle(due))
                self._do(f"stuck/{due.item_id}/{due.fence}/{item.position}", stuck)

    def _still_silent(self, name: str) -> Callable[[], bool]:
        return lambda: self._timekeeper.is_silent(name, self._agent_silence_seconds, clock.monotonic())

    def _still_idle(self, due: Due) -> Callable[[], bool]:
        return lambda: self._timekeeper.is_idle(due.item_id, due.fence, clock.monotonic())

    def _do(self, name: str, command: Wish) -> "asyncio.Task[object]":
        """Have a wish decided; the same again while it is on its way is the same."""
        request_id = clock.derived_id(name, 0)
        running = self._running.get(request_id)
        if running is not None:
            return running
        chore: asyncio.Task[object] = asyncio.create_task(
            self._transactor.transact(request_id, SYSTEM_ACTOR, command)
        )
        self._running[request_id] = chore
        chore.add_done_callback(lambda _: self._running.pop(request_id, None))
        return chore
