"""One leading coordinator: what it has folded, whom it has heard, and how it answers a command.

It reads the log from the start before it answers anything, and goes on reading it, so that it also knows
what another coordinator wrote. A request it has seen gets the reply it got; a request in flight is waited for.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from coord.events import commands as wish
from coord.events.agent import AgentDrained, AgentEvicted, AgentRegistered, AgentRetired
from coord.events.commands import Done, Invalid, Refusal, Unknown
from coord.events.envelope import Recorded
from coord.events.errors import CoordError
from coord.events.model import Command
from coord.events.tokens import entity_of
from coord.events.wire import Stored
from coord.events.work import WorkClaimed, WorkProgressed
from coord.services import clock
from coord.services.coordinator.certainty import Certainty
from coord.services.coordinator.choosing import is_for_newcomers, registration
from coord.services.coordinator.chores import Chores
from coord.services.coordinator.following import Follower
from coord.services.coordinator.hearing import Hearing
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.outcome import DoneWithItem, at_length, done
from coord.services.coordinator.patience import Patience
from coord.services.coordinator.presence import tell_presence
from coord.services.coordinator.replaying import replay
from coord.services.coordinator.requests import Requests
from coord.services.coordinator.shortcut import Shortcut
from coord.services.coordinator.snapshot import State
from coord.services.coordinator.timekeeper import Timekeeper
from coord.services.coordinator.transaction import Answer, Answered, Heard
from coord.services.coordinator.transactor import Transactor
from coord.services.coordinator.wishes import LOOKS, WelcomeBack
from coord.services.decisions.agent import Agent
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings
from coord.services.tasks import run_together

REASON_LENGTH_MAX: Final = 2_000
Reply = Done | Refusal | Unknown | Invalid
Told = Reply | DoneWithItem
AnyReply = TypeVar("AnyReply", Reply, Told)
_TAKE_TIME: Final = frozenset({wish.Evict, wish.Wait})
"""Commands that need more than one decision, or wait."""
_OF_CLAIMS: Final = (AgentDrained, AgentEvicted, AgentRegistered, AgentRetired)
"""What is said of an agent and decides what it is given."""
_STOPPED: Final = Unknown(reason="the coordinator stopped before it answered")

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
        self._running: dict[str, asyncio.Future[Reply] | None] = {}
        """Requests that are being decided; and their answers, where the same one came again meanwhile."""
        self._follower = Follower(log, self.ledger, settings.site, self.source, self)
        self.certainty = Certainty(self._follower.read_to_the_end)
        self.transactor = Transactor(log, self.ledger, settings, self.source, self, self.certainty)
        self._chores = Chores(
            self.ledger,
            self.timekeeper,
            self._follower.evidence,
            self.transactor,
            settings.agent_silence_seconds,
        )
        self._hearing = Hearing(self.ledger, self.timekeeper, self._chores)
        self._patience = Patience(self.ledger, self._chores)
        path = Folder(settings.data).path("coordinator", f"{settings.pool}.snapshot")
        self.shortcut = Shortcut(log, path, lambda: self.position, self._known)
        self._further: set[asyncio.Task[Reply]] = set()
        """Requests that got a task after all."""

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
            self._hearing.keep_lease(item.id)
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
            tell_presence(self._log, self._settings, self.timekeeper, self.ledger),
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
        if request_id in self._running:
            return await self._answer_to(request_id)
        self._running[request_id] = None
        return await self._in_full(request_id, actor, command, traceparent, stays)

    def take(self, actor: str, command: Command, traceparent: str, tell: Callable[[Told], object]) -> bool:
        """Have a command of an asker who stays answered without a task of its own: most need no more than one decision.

        Returns:
            Whether `tell` hears the answer, once; else nothing has happened, and `execute` is to be asked.
        """
        request_id: str = command.request_id  # type: ignore[attr-defined]
        if (
            command.__class__ in _TAKE_TIME
            or (command.__class__ is wish.Claim and command.wait_seconds)
            or request_id in self._running
            or not self.certainty.is_sure()
            or self._requests.position_of(request_id) is not None
            or self._is_too_old(request_id, command)
            or self._hearing.hear(command) is not None
        ):
            return False
        self._running[request_id] = None
        hear = partial(self._heard, request_id, actor, command, traceparent, tell)
        self.transactor.put(request_id, actor, command, hear, traceparent)
        return True

    def _heard(
        self, request_id: str, actor: str, command: Command, traceparent: str,
        tell: Callable[[Told], object], answer: Heard,
    ) -> None:  # fmt: skip
        """Tell the answer; what is none yet, because it takes a second decision or a reply of before, gets a task after all."""
        if isinstance(answer, Answered):
            self._requests.remember(request_id, answer.position, clock.now_ns() // 1_000_000)
        elif not (command.__class__ is wish.Claim and is_for_newcomers(answer, command)):
            told = self._told(answer)
            self._end(request_id, told)
            tell(told)
            return
        further = asyncio.create_task(self._in_full(request_id, actor, command, traceparent, stays=True))
        self._further.add(further)
        further.add_done_callback(self._further.discard)
        further.add_done_callback(lambda _: tell(_result(further)))

    async def _in_full(
        self, request_id: str, actor: str, command: Command, traceparent: str, stays: bool
    ) -> Reply:
        reply: Reply = _STOPPED
        try:
            answer = await self._execute(request_id, actor, command, traceparent, stays)
            reply = self._told(answer)
            return reply
        finally:
            self._end(request_id, reply)

    def _end(self, request_id: str, told: Told) -> None:
        """A request is answered: so is whoever sent the same one meanwhile."""
        waited_for = self._running.pop(request_id)
        if waited_for is not None:
            waited_for.set_result(at_length(told) if isinstance(told, DoneWithItem) else told)
        if isinstance(told, Refusal):
            self.refused[told.code] += 1

    async def _answer_to(self, request_id: str) -> Reply:
        """Wait for the answer to a request that is being decided."""
        running = self._running[request_id]
        if running is None:
            running = self._running[request_id] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(running)

    def _told(self, reply: AnyReply) -> AnyReply:
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
        if self._is_too_old(request_id, command):
            return Unknown(
                reason=f"the request {request_id} is older than what is remembered; coord history tells more"
            )
        lost = self._hearing.hear(command)
        if lost is not None:
            await self._welcome(lost, actor, command)
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
            newcomer = registration(command.agent, clock.derived_id(request_id, 1))
            answer = await self.transactor.transact(newcomer.request_id, actor, newcomer)
            if isinstance(answer, Done | Answered):
                answer = await self.transactor.transact(request_id, actor, command, traceparent)
        return answer

    def _is_too_old(self, request_id: str, command: Command) -> bool:
        too_old = self._requests.is_too_old(request_id, clock.now_ns() // 1_000_000)
        return too_old and not isinstance(command, LOOKS)

    async def _welcome(self, lost: Agent, actor: str, command: Command) -> None:
        """Note that a lost agent was heard."""
        now = clock.monotonic()
        back = WelcomeBack(lost.name, self.timekeeper.silence(lost.name, now))
        await self.transactor.transact(clock.derived_id(f"back/{lost.name}/{lost.position}", 0), actor, back)
        self._hearing.lives(lost, command, now)

    def worked(self, item_id: str, *, shows_work: bool) -> None:
        """A run that works on an item was heard: a sign of life of its holder, and perhaps evidence of work."""
        self._hearing.worked(item_id, shows_work=shows_work)

    def observe(self, recorded: Recorded) -> None:
        """Take note of an event that has just been folded in."""
        self._follower.frontier.know(recorded.position)
        self.recall(recorded)
        if recorded.aggregate == "work":
            self._hearing.keep_lease(recorded.entity)
            self._patience.waiters.changed(recorded.entity)
            if isinstance(recorded.event, WorkProgressed):
                self.timekeeper.renew(recorded.entity, clock.monotonic(), worked=True)
            elif self.ledger.teams and not isinstance(recorded.event, WorkClaimed):
                self._patience.waiters.stir()
        elif recorded.aggregate == "agent":
            self._observe_agent(recorded)

    def recall(self, recorded: Recorded) -> None:
        """Take note of what a request was answered with; who is heard and what is leased begins with the answering."""
        if recorded.envelope.request_id:
            at_ms = recorded.recorded_at_ns // 1_000_000
            self._requests.remember(recorded.envelope.request_id, recorded.position, at_ms)

    def position_of(self, request_id: str) -> int | None:
        """Return the position of the event that answered a request, if one is remembered."""
        return self._requests.position_of(request_id)

    def _observe_agent(self, recorded: Recorded) -> None:
        agent = self.ledger.agents.get(recorded.entity)
        if isinstance(recorded.event, AgentRegistered):
            self.timekeeper.promise(recorded.entity, None)
        if agent is not None and agent.status == "active":
            self.timekeeper.hear(agent.name, clock.monotonic())
        elif agent is not None and agent.gone:
            self.timekeeper.forget(agent.name)
        if agent is not None and isinstance(recorded.event, _OF_CLAIMS):
            self._patience.waiters.told_of(agent)
        if isinstance(recorded.event, AgentEvicted):
            self._chores.freeing(recorded.entity)

    def knows(self, stored: Stored) -> bool:
        """Tell whether an event of our own is folded in, or will be when its append returns."""
        aggregate, entity = entity_of(stored.subject)
        if self.transactor.is_in_flight(aggregate, entity):
            return True
        request_id = stored.headers.get("cx-request", "")
        remembered = not request_id or self._requests.position_of(request_id) is not None
        return remembered and self.ledger.position(aggregate, entity) >= stored.position


def _result(further: "asyncio.Task[Reply]") -> Reply:
    """Return what a task came to, whatever that is: somebody waits for it."""
    if further.cancelled():
        return _STOPPED
    error = further.exception()
    if error is None:
        return further.result()
    if isinstance(error, CoordError):
        return Unknown(reason=error.message)
    _log.error("a request could not be answered", exc_info=error)
    return Unknown(reason="it met a fault of coord's own; its log says more.")
