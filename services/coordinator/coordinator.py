"""One leading coordinator: what it has folded, whom it has heard, and how it answers a command.

It reads the log from the start before it answers anything, and goes on reading it, so that it also knows
what another coordinator wrote. A request it has seen gets the reply it got; a request in flight is waited for.
"""

import asyncio
import logging
from collections import Counter
from typing import Final

from coord.events import commands as wish
from coord.events.agent import AgentEvicted, AgentRegistered
from coord.events.commands import Done, Invalid, Refusal, Unknown
from coord.events.envelope import Recorded
from coord.events.errors import CoordError
from coord.events.model import Command
from coord.events.samples import AGENTS_MAX, PRESENCE, Presence, PresenceSample
from coord.events.tokens import sample_subject
from coord.events.wire import Stored
from coord.events.work import WorkClaimed, WorkProgressed
from coord.services import clock
from coord.services.coordinator.certainty import Certainty
from coord.services.coordinator.choosing import is_for_newcomers
from coord.services.coordinator.chores import Chores
from coord.services.coordinator.following import Follower
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.outcome import done
from coord.services.coordinator.patience import Patience
from coord.services.coordinator.replaying import replay
from coord.services.coordinator.requests import Requests
from coord.services.coordinator.shortcut import Shortcut
from coord.services.coordinator.snapshot import State
from coord.services.coordinator.timekeeper import Timekeeper
from coord.services.coordinator.transaction import Answer, Answered
from coord.services.coordinator.transactor import Transactor
from coord.services.coordinator.wishes import LOOKS, WelcomeBack, agent_of, incarnation_of
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings
from coord.services.tasks import run_together

PRESENCE_SECONDS: Final = 2.0
REASON_LENGTH_MAX: Final = 2_000
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
        self.refused: Counter[str] = Counter()
        """Refusals since this coordinator began, by code."""
        self._requests = Requests()
        self._running: dict[str, asyncio.Future[Reply]] = {}
        self._follower = Follower(log, self.ledger, settings.site, self.source, self)
        self.certainty = Certainty(self._follower.read_to_the_end)
        self.transactor = Transactor(log, self.ledger, settings, self.source, self.observe, self.certainty)
        self._chores = Chores(
            self.ledger,
            self.timekeeper,
            self._follower.evidence,
            self.transactor,
            settings.agent_silence_seconds,
        )
        self._patience = Patience(self.ledger, self._chores)
        path = Folder(settings.data).path("coordinator", f"{settings.pool}.snapshot")
        self.shortcut = Shortcut(log, path, lambda: self.position, self._known)
        self._writer = "c-" + clock.new_id()
        self._packs = 0

    @property
    def pool(self) -> str:
        """The pool of work it serves."""
        return self._settings.pool

    @property
    def position(self) -> int:
        """Up to where this coordinator knows the log."""
        return self._follower.frontier.position

    @property
    def waiting(self) -> int:
        """How many requests wait for their decision."""
        return len(self.transactor)

    @property
    def patient(self) -> int:
        """How many requests wait for something to claim, or to end."""
        return len(self._patience.waiters)

    @property
    def paused_seconds(self) -> float:
        """For how long the log has confirmed nothing; 0: it does."""
        return self._log.paused_seconds

    async def catch_up(self) -> None:
        """Fold the log up to its present end: from a snapshot, if there is a good one, else from its start."""
        begun = await self.shortcut.load()
        if begun is not None:
            self._begin_with(*begun)
        target = await self._follower.catch_up()
        await self.transactor.look_up(self.ledger.readiness.unresolved())
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

    def _begin_with(self, position: int, state: State) -> None:
        self.ledger.restore(state.agents, state.teams, state.ended, state.items, state.held_for)
        self._follower.evidence.lost_nodes.update(state.lost_nodes)
        self._requests.restore(state.requests)
        self._follower.frontier.know_up_to(position)
        _log.info("began with the snapshot of position %d: %d items", position, len(state.items))

    def _known(self) -> State:
        """Gather what a snapshot holds; nothing of it is changed in place later."""
        ledger, lost = self.ledger, self._follower.evidence.lost_nodes
        return State(
            ledger.alive(), ledger.ended(), tuple(ledger.agents.values()), tuple(ledger.teams.values()),
            ledger.held_for(), tuple(lost), self._requests.kept(),
        )  # fmt: skip

    async def run(self) -> None:
        """Decide, listen and keep time until cancelled."""
        self._chores.free_all()
        await run_together(
            self.transactor.run(),
            self._follower.follow(),
            self._chores.keep_time(),
            self._tell_presence(),
            self.shortcut.run(),
        )

    def close(self) -> None:
        """Let nobody wait here any longer."""
        self._patience.close()

    async def execute(
        self, actor: str, command: Command, traceparent: str = "", *, stays: bool = False
    ) -> Reply:
        """Answer a command; the same request again gets the same answer.

        An asker who is never seen to go away `stays`: over the bus nobody knows.
        """
        request_id: str = command.request_id  # type: ignore[attr-defined]
        running = self._running.get(request_id)
        if running is not None:
            return await asyncio.shield(running)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._running[request_id] = answer
        reply: Reply = Unknown(reason="the coordinator stopped before it answered")
        try:
            reply = self._told(await self._execute(request_id, actor, command, traceparent, stays))
            return reply
        finally:
            del self._running[request_id]
            answer.set_result(reply)
            if isinstance(reply, Refusal):
                self.refused[reply.code] += 1

    def _told(self, reply: Reply) -> Reply:
        """Say with an answer that is none that nothing goes on now, if that is so."""
        if not isinstance(reply, Unknown):
            return reply
        paused_seconds = self.paused_seconds
        if not paused_seconds:
            return reply
        told = f"claims are paused, the log has confirmed nothing for {paused_seconds:.0f} s: {reply.reason}"
        return Unknown(reason=told[:REASON_LENGTH_MAX], hint=reply.hint)

    async def _execute(
        self, request_id: str, actor: str, command: Command, traceparent: str, stays: bool
    ) -> Reply:
        doubt = None if self.certainty.is_sure() else await self.certainty.fault()
        if doubt is not None:
            return Unknown(reason=doubt.message, hint=doubt.hint)
        position = self._requests.position_of(request_id)
        if position is not None:
            return await replay(self._log, command, request_id, position)
        if self._requests.is_too_old(request_id, clock.now_ns() // 1_000_000) and not isinstance(
            command, LOOKS
        ):
            return Unknown(
                reason=f"the request {request_id} is older than what is remembered; coord history tells more"
            )
        await self._hear(command, actor)
        answer = await self._decide(request_id, actor, command, traceparent, stays)
        if isinstance(answer, Answered):
            self._requests.remember(request_id, answer.position, clock.now_ns() // 1_000_000)
            return await replay(self._log, command, request_id, answer.position)
        return answer

    async def _decide(
        self, request_id: str, actor: str, command: Command, traceparent: str, stays: bool
    ) -> Answer:
        """Have a command decided, in whatever way it needs."""
        if isinstance(command, wish.Claim):
            return await self._patience.claim(
                command, lambda: self._claim(request_id, actor, command, traceparent), stays=stays
            )
        if isinstance(command, wish.Wait):
            return await self._patience.wait(
                command, lambda: self.transactor.transact(request_id, actor, command)
            )
        answer = await self.transactor.transact(request_id, actor, command, traceparent)
        if isinstance(command, wish.Evict) and isinstance(answer, Done):
            await self._chores.free(command.agent)
            return done(self.ledger, "agent", command.agent, answer.position)
        return answer

    async def _claim(self, request_id: str, actor: str, command: wish.Claim, traceparent: str) -> Answer:
        """Decide a claim, and register its agent first if that is all it needs to win."""
        answer = await self.transactor.transact(request_id, actor, command, traceparent)
        if is_for_newcomers(answer, command):
            newcomer = wish.Register(request_id=clock.derived_id(request_id, 1), agent=command.agent)
            answer = await self.transactor.transact(newcomer.request_id, actor, newcomer)
            if isinstance(answer, Done | Answered):
                answer = await self.transactor.transact(request_id, actor, command, traceparent)
        return answer

    async def _hear(self, command: Command, actor: str) -> None:
        """Take a command as a sign of life of its agent."""
        name = agent_of(command)
        if name is None or isinstance(command, wish.Register):
            return
        agent = self.ledger.agents.get(name)
        incarnation = incarnation_of(command)
        if agent is None or incarnation not in (None, agent.incarnation) or agent.gone:
            return
        now = clock.monotonic()
        if agent.status == "lost":
            lost_seconds = self.timekeeper.silence(name, now)
            back = WelcomeBack(name, lost_seconds)
            await self.transactor.transact(clock.derived_id(f"back/{name}/{agent.position}", 0), actor, back)
        self.timekeeper.hear(name, now)
        if isinstance(command, wish.Heartbeat):
            self.timekeeper.promise(name, command.every_seconds)
            self._renew(command, agent.incarnation, now)

    def _renew(self, heartbeat: wish.Heartbeat, incarnation: int, now: float) -> None:
        held, active = self.ledger.held.get(heartbeat.agent, ()), frozenset(heartbeat.active)
        wanted = held if heartbeat.items is None else frozenset(heartbeat.items).intersection(held)
        for item_id in wanted:
            item = self.ledger.item(item_id)
            if item is not None and item.incarnation == incarnation:
                self.timekeeper.renew(item_id, now, worked=item_id in active)
                if item_id in active:
                    self._chores.moved_on(item)

    def worked(self, item_id: str, *, shows_work: bool) -> None:
        """A run that works on an item was heard: a sign of life of its holder, and perhaps evidence of work."""
        item = self.ledger.item(item_id)
        if item is not None and item.status == "claimed":
            self.timekeeper.renew(item_id, clock.monotonic(), worked=shows_work)
            if shows_work:
                self._chores.moved_on(item)

    def observe(self, recorded: Recorded) -> None:
        """Take note of an event that has just been folded in."""
        self._follower.frontier.know(recorded.position)
        if recorded.envelope.request_id:
            at_ms = recorded.recorded_at_ns // 1_000_000
            self._requests.remember(recorded.envelope.request_id, recorded.position, at_ms)
        if recorded.aggregate == "work":
            self._keep_lease(recorded.entity)
            self._patience.waiters.changed(recorded.entity)
            if isinstance(recorded.event, WorkProgressed):
                self.timekeeper.renew(recorded.entity, clock.monotonic(), worked=True)
            elif self.ledger.teams and not isinstance(recorded.event, WorkClaimed):
                self._patience.waiters.stir()
        elif recorded.aggregate == "agent":
            self._observe_agent(recorded)

    def _observe_agent(self, recorded: Recorded) -> None:
        agent = self.ledger.agents.get(recorded.entity)
        if isinstance(recorded.event, AgentRegistered):
            self.timekeeper.promise(recorded.entity, None)
        if agent is not None and agent.status == "active":
            self.timekeeper.hear(agent.name, clock.monotonic())
        elif agent is not None and agent.gone:
            self.timekeeper.forget(agent.name)
        if isinstance(recorded.event, AgentEvicted):
            self._chores.freeing(recorded.entity)

    def _keep_lease(self, item_id: str) -> None:
        item = self.ledger.item(item_id)
        if item is not None and item.status == "claimed" and item.fence is not None:
            self.timekeeper.start_lease(
                item_id, item.fence, item.lease_seconds, clock.monotonic(), item.submitted.plan.stuck_seconds
            )
        else:
            self.timekeeper.end_lease(item_id)

    def knows(self, stored: Stored) -> bool:
        """Tell whether an event of our own is folded in, or about to be: its append has not returned yet."""
        request_id = stored.headers.get("cx-request", "")
        if request_id in self._running:
            return True
        _, _, aggregate, entity = stored.subject.split(".")
        remembered = not request_id or self._requests.position_of(request_id) is not None
        return remembered and self.ledger.position(aggregate, entity) >= stored.position

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
