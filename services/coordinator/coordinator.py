"""One leading coordinator: what it has folded, whom it has heard, and how it answers a command.

It reads the log from the start before it answers anything, and goes on reading it, so that it also knows
what another coordinator wrote. A request it has seen gets the reply it got; a request in flight is waited for.
"""

import asyncio
import logging
from typing import Final

from coord.events import commands as wish
from coord.events.commands import Done, Invalid, Refusal, Unknown
from coord.events.envelope import Recorded
from coord.events.errors import CoordError, InvalidEvent
from coord.events.model import Command
from coord.events.samples import AGENTS_MAX, PRESENCE, Presence, PresenceSample
from coord.events.streams import EVENTS
from coord.events.tokens import event_subject, sample_subject
from coord.events.wire import Stored, read_event
from coord.events.work import WorkProgressed
from coord.services import clock
from coord.services.coordinator.deciding import is_for_newcomers
from coord.services.coordinator.frontier import Frontier
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.oversight import OVERSEEN
from coord.services.coordinator.replaying import replay
from coord.services.coordinator.requests import Requests
from coord.services.coordinator.timekeeper import AGENTS_LOOKED_AT_SECONDS, Timekeeper
from coord.services.coordinator.transaction import Answered
from coord.services.coordinator.transactor import Transactor
from coord.services.coordinator.wishes import Expire, MarkLost, WelcomeBack, Wish, agent_of, incarnation_of
from coord.services.log import Log
from coord.services.settings import Settings
from coord.services.tasks import run_together

TICK_SECONDS: Final = 0.1
PRESENCE_SECONDS: Final = 2.0
FOLLOW_SECONDS: Final = 0.2
SYSTEM_ACTOR: Final = "coordinator"
DECIDED: Final = ("work", "agent", *sorted(OVERSEEN))
"""The aggregates a coordinator decides about: it reads all their events, for the requests they answered."""
Reply = Done | Refusal | Unknown | Invalid

_log = logging.getLogger("coord.coordinator")


class Coordinator:
    """The deciding mind of a pool. `catch_up` first, then `run` beside `execute`."""

    def __init__(self, log: Log, settings: Settings) -> None:
        self._log = log
        self._settings = settings
        self.source = f"/coordinator/{settings.pool}/{clock.new_id()}"
        self.ledger = Ledger()
        self.timekeeper = Timekeeper()
        self._requests = Requests()
        self._running: dict[str, asyncio.Future[Reply]] = {}
        self._chores: set[asyncio.Task[object]] = set()
        self.transactor = Transactor(log, self.ledger, settings, self.source, self._observe)
        self._frontier = Frontier()
        self._prefixes = tuple(subject.removesuffix("*") for subject in self._subjects())
        self._writer = "c-" + clock.new_id()
        self._packs = 0

    @property
    def position(self) -> int:
        """Up to where this coordinator knows the log."""
        return self._frontier.position

    @property
    def waiting(self) -> int:
        """How many requests wait for their decision."""
        return len(self.transactor)

    async def catch_up(self) -> None:
        """Fold the log from its start to its present end."""
        ends = [await self._log.last(subject) for subject in self._subjects()]
        target = max((end.position for end in ends if end is not None), default=0)
        if target:
            async for batch in self._log.pull(EVENTS.name, 1, wait_seconds=1.0, subjects=self._subjects()):
                for stored in batch:
                    self._read(stored)
                if batch and batch[-1].position >= target:
                    break
        self._frontier.know_up_to(target)
        now = clock.monotonic()
        for item in self.ledger.open_claims():
            self._keep_lease(item.id)
        for agent in self.ledger.agents.values():
            if agent.status == "active":
                self.timekeeper.hear(agent.name, now)
        _log.info(
            "caught up to position %d: %d agents, %d claims",
            target,
            len(self.ledger.agents),
            len(self.timekeeper),
        )

    async def run(self) -> None:
        """Decide, listen and keep time until cancelled."""
        await run_together(self.transactor.run(), self._follow(), self._keep_time(), self._tell_presence())

    async def execute(self, actor: str, command: Command, traceparent: str = "") -> Reply:
        """Answer a command; the same request again gets the same answer."""
        request_id = str(getattr(command, "request_id"))  # noqa: B009
        running = self._running.get(request_id)
        if running is not None:
            return await asyncio.shield(running)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._running[request_id] = answer
        reply: Reply = Unknown(reason="the coordinator stopped before it answered")
        try:
            reply = await self._execute(request_id, actor, command, traceparent)
            return reply
        finally:
            del self._running[request_id]
            answer.set_result(reply)

    async def _execute(self, request_id: str, actor: str, command: Command, traceparent: str) -> Reply:
        position = self._requests.position_of(request_id)
        if position is not None:
            return await replay(self._log, command, request_id, position)
        if self._requests.is_too_old(request_id, clock.now_ns() // 1_000_000):
            return Unknown(
                reason=f"the request {request_id} is older than what is remembered; coord history tells more"
            )
        await self._hear(command, actor)
        answer = await self.transactor.transact(request_id, actor, command, traceparent)
        if isinstance(command, wish.Claim) and is_for_newcomers(answer, command):
            newcomer = wish.Register(request_id=clock.derived_id(request_id, 1), agent=command.agent)
            answer = await self.transactor.transact(newcomer.request_id, actor, newcomer)
            if isinstance(answer, Done | Answered):
                answer = await self.transactor.transact(request_id, actor, command, traceparent)
        if isinstance(answer, Answered):
            self._requests.remember(request_id, answer.position, clock.now_ns() // 1_000_000)
            return await replay(self._log, command, request_id, answer.position)
        return answer

    async def _hear(self, command: Command, actor: str) -> None:
        """Take a command as a sign of life of its agent."""
        name = agent_of(command)
        if name is None or isinstance(command, wish.Register):
            return
        agent = self.ledger.agents.get(name)
        incarnation = incarnation_of(command)
        if agent is None or incarnation not in (None, agent.incarnation) or agent.status == "retired":
            return
        now = clock.monotonic()
        if agent.status == "lost":
            lost_seconds = self.timekeeper.silence(name, now)
            back = WelcomeBack(name, lost_seconds)
            await self.transactor.transact(clock.derived_id(f"back/{name}/{agent.position}", 0), actor, back)
        self.timekeeper.hear(name, now)
        if isinstance(command, wish.Heartbeat):
            self._renew_all(name, agent.incarnation, now)

    def _renew_all(self, name: str, incarnation: int, now: float) -> None:
        for item_id in self.ledger.held.get(name, ()):
            item = self.ledger.item(item_id)
            if item is not None and item.incarnation == incarnation:
                self.timekeeper.renew(item_id, now)

    def _observe(self, recorded: Recorded) -> None:
        """Take note of an event that has just been folded in."""
        self._frontier.know(recorded.position)
        if recorded.envelope.request_id:
            at_ms = recorded.recorded_at_ns // 1_000_000
            self._requests.remember(recorded.envelope.request_id, recorded.position, at_ms)
        if recorded.aggregate == "work":
            self._keep_lease(recorded.entity)
            if isinstance(recorded.event, WorkProgressed):
                self.timekeeper.renew(recorded.entity, clock.monotonic())
        elif recorded.aggregate == "agent":
            agent = self.ledger.agents.get(recorded.entity)
            if agent is not None and agent.status == "active":
                self.timekeeper.hear(agent.name, clock.monotonic())
            elif agent is not None and agent.status == "retired":
                self.timekeeper.forget(agent.name)

    def _keep_lease(self, item_id: str) -> None:
        item = self.ledger.item(item_id)
        if item is not None and item.status == "claimed" and item.fence is not None:
            self.timekeeper.start_lease(item_id, item.fence, item.lease_seconds, clock.monotonic())
        else:
            self.timekeeper.end_lease(item_id)

    def _subjects(self) -> tuple[str, ...]:
        return tuple(event_subject(self._settings.site, aggregate, "x")[:-1] + "*" for aggregate in DECIDED)

    async def _follow(self) -> None:
        """Read what others append: look where the log ends, and a moment later read the holes up to there.

        What this coordinator appends itself is known by then, and is not read again.
        """
        while True:
            try:
                end = (await self._log.stream_state(EVENTS.name)).last
                await asyncio.sleep(FOLLOW_SECONDS)
                if self._frontier.position < end:
                    await self._read_up_to(end)
            except CoordError as error:
                _log.info("the log could not be followed: %s", error.message)
                await asyncio.sleep(FOLLOW_SECONDS)

    async def _read_up_to(self, end: int) -> None:
        """Read every event behind the frontier; positions that hold none were never ours to read."""
        async for batch in self._log.pull(EVENTS.name, self._frontier.position + 1, wait_seconds=1.0):
            for stored in batch:
                if stored.subject.startswith(self._prefixes):
                    self._read(stored)
                self._frontier.know(stored.position)
            if batch and batch[-1].position >= end:
                self._frontier.know_up_to(end)
            if not batch or batch[-1].position >= end:
                break

    def _read(self, stored: Stored) -> None:
        """Fold one stored message in; what was folded when it was appended is only noted."""
        try:
            if stored.headers.get("ce-source") == self.source and self._knows(stored):
                return
            recorded = read_event(stored)
        except InvalidEvent:
            _, _, aggregate, entity = stored.subject.split(".")
            self.ledger.unreadable(aggregate, entity, stored.position)
            return
        self.ledger.apply(recorded)
        self._observe(recorded)

    def _knows(self, stored: Stored) -> bool:
        """Tell whether an event of our own is folded in, or about to be: its append has not returned yet."""
        if stored.headers.get("cx-request", "") in self._running:
            return True
        _, _, aggregate, entity = stored.subject.split(".")
        request_id = stored.headers.get("cx-request", "")
        remembered = not request_id or self._requests.position_of(request_id) is not None
        return remembered and self.ledger.position(aggregate, entity) >= stored.position

    async def _keep_time(self) -> None:
        """End the claims that ran out, and tell who was silent for too long."""
        looked_at_agents = 0.0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = clock.monotonic()
            for due in self.timekeeper.run_out(now):
                self._chore(
                    f"expire/{due.item_id}/{due.fence}", Expire(due.item_id, due.fence, due.silent_seconds)
                )
            if now - looked_at_agents >= AGENTS_LOOKED_AT_SECONDS:
                looked_at_agents = now
                self._mark_lost(now)

    def _mark_lost(self, now: float) -> None:
        for name, silent_seconds in self.timekeeper.silent(self._settings.agent_silence_seconds, now):
            agent = self.ledger.agents.get(name)
            if agent is not None and agent.status == "active":
                lost = MarkLost(name, agent.incarnation, silent_seconds)
                self._chore(f"lost/{name}/{agent.position}", lost)

    def _chore(self, name: str, command: Wish) -> None:
        """Decide a wish of the timekeeper's; its request id is derived, so that doing it twice is once."""
        request_id = clock.derived_id(name, 0)
        if request_id in {chore.get_name() for chore in self._chores}:
            return
        chore: asyncio.Task[object] = asyncio.create_task(
            self.transactor.transact(request_id, SYSTEM_ACTOR, command), name=request_id
        )
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)

    async def _tell_presence(self) -> None:
        """Publish who was heard when, as one packed sample."""
        subject = sample_subject(self._settings.site, self._settings.node, PRESENCE)
        while True:
            await asyncio.sleep(PRESENCE_SECONDS)
            heard = self.timekeeper.heard(clock.monotonic())
            if not heard:
                continue
            agents = tuple(
                Presence(agent=name, incarnation=self.ledger.agents[name].incarnation, silent_seconds=silent)
                for name, silent in sorted(heard.items(), key=lambda one: one[1])[:AGENTS_MAX]
                if name in self.ledger.agents
            )
            self._packs += 1
            sample = PresenceSample(
                writer=self._writer, writer_sequence=self._packs, started_at_ns=clock.now_ns(), agents=agents
            )
            try:
                await self._log.publish_sample(subject, PRESENCE, sample)
            except CoordError as error:
                _log.info("presence was not published: %s", error.message)
