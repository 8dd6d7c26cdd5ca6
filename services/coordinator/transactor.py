"""The transactor: loads, decides, appends, retries; the only code that does.

    waiting --round--> deciding --> in flight --ok--> applied, answered
                          |            |--conflict--> the aggregate is read again, decided again (3 times)
                          |            `--unknown---> answered unknown, the aggregate is read again first
                          `--> answered at once (refused, or already so)

Whatever waits when a round begins is decided together and appended together (group commit): a handful
as single messages side by side, more as one atomic batch, which costs one fsync. Two rounds may be in
flight, so that deciding one overlaps with the disk of the other; an aggregate that is in flight is left to a
later round, so that each decision sees the state it is appended behind. The log is the referee: another coordinator's event makes the append fail, never both.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from coord.events.catalog import kind_of
from coord.events.commands import Claim, Done, Refusal, Submit, Unknown, refusal
from coord.events.envelope import Envelope, Recorded
from coord.events.errors import AlreadyAppended, Conflict, CoordError, InvalidEvent
from coord.events.tokens import event_subject
from coord.events.wire import read_event
from coord.services import clock
from coord.services.coordinator.deciding import Plan, Wish, agent_of, done, named_item, plan
from coord.services.coordinator.ledger import Ledger
from coord.services.log import Append, Log
from coord.services.settings import Settings
from coord.services.tasks import end


@dataclass(frozen=True, slots=True)
class Answered:
    """The log holds an event of this very request already, at `position`, perhaps of another aggregate."""

    position: int


Answer = Done | Refusal | Unknown | Answered

WAITING_MAX: Final = 20_000
ROUND_MAX: Final = 500
BATCH_FROM: Final = 12
"""Fewer appends than this go as single messages: an atomic batch has a fixed cost on the server."""
IN_FLIGHT_MAX: Final = 2
SECOND_FROM: Final = 40
"""While one flight is on its way, another starts only when this many wait: it would do better to be larger."""
DECISIONS_MAX: Final = 4
"""A decision is made once and, after conflicts, three times again."""

assert ROUND_MAX <= WAITING_MAX


@dataclass(slots=True)
class Transaction:
    """One wish on its way."""

    request_id: str
    actor: str
    command: Wish
    answer: "asyncio.Future[Answer]"
    item_id: str | None
    agent: str | None
    traceparent: str = ""
    decisions: int = 0
    plan: Plan | None = None
    touches: tuple[str, ...] = field(default=())


class Transactor:
    """Takes wishes, gives answers; `source` names this coordinator in every event it writes."""

    def __init__(
        self,
        log: Log,
        ledger: Ledger,
        settings: Settings,
        source: str,
        observe: Callable[[Recorded], None],
    ) -> None:
        self._log = log
        self._ledger = ledger
        self._settings = settings
        self._source = source
        self._waiting: deque[Transaction] = deque()
        self._touched: set[str] = set()
        self._stale: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()
        self._flights: set[asyncio.Task[None]] = set()
        self._observe = observe

    def __len__(self) -> int:
        return len(self._waiting)

    async def transact(self, request_id: str, actor: str, command: Wish, traceparent: str = "") -> Answer:
        """Decide one wish and return its answer, after the log has confirmed it."""
        if len(self._waiting) >= WAITING_MAX:
            return refusal(
                "overloaded", f"{len(self._waiting)} requests are waiting.", "Try again in a second."
            )
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        item_id, agent = named_item(command, request_id), agent_of(command)
        self._waiting.append(Transaction(request_id, actor, command, answer, item_id, agent, traceparent))
        self._wake.set()
        return await answer

    async def run(self) -> None:
        """Decide rounds until cancelled."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._may_fly():
                    waited = len(self._waiting)
                    flight = await self._round()
                    if flight:
                        task = asyncio.create_task(self._fly(flight))
                        self._flights.add(task)
                        task.add_done_callback(self._landed)
                    elif len(self._waiting) >= waited:
                        break
        finally:
            await end(*self._flights)

    def _may_fly(self) -> bool:
        """One flight takes whatever waits; a second one only what is worth its fixed cost."""
        if not self._flights:
            return bool(self._waiting)
        return len(self._flights) < IN_FLIGHT_MAX and len(self._waiting) >= SECOND_FROM

    def _landed(self, task: "asyncio.Task[None]") -> None:
        self._flights.discard(task)
        self._wake.set()

    async def _round(self) -> list[Transaction]:
        """Decide what waits; return what is to be appended, and leave what must wait."""
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), ROUND_MAX))]
        await self._load(taken)
        flight: list[Transaction] = []
        for transaction in taken:
            if transaction.answer.done():
                continue
            touches = self._touches(transaction)
            if self._touched.intersection(touches):
                self._waiting.append(transaction)
                continue
            outcome = plan(
                self._ledger, transaction.command, transaction.item_id, self._settings.lease_seconds
            )
            if isinstance(outcome, Plan) and f"{outcome.aggregate}.{outcome.entity}" in self._touched:
                self._waiting.append(transaction)
            elif isinstance(outcome, Plan):
                transaction.plan = outcome
                transaction.decisions += 1
                transaction.touches = (*touches, f"{outcome.aggregate}.{outcome.entity}")
                self._touched.update(transaction.touches)
                flight.append(transaction)
            else:
                _answer(transaction, outcome)
        return flight

    def _touches(self, transaction: Transaction) -> tuple[str, ...]:
        """Name what a decision rests on and might change: it must not be in flight."""
        command, agent, item_id = transaction.command, transaction.agent, transaction.item_id
        if isinstance(command, Claim) and agent is not None:
            known = self._ledger.agents.get(agent)
            limited = known is not None and known.wip_limit is not None
            names = [f"claims.{agent}"] if limited else []
            names += [f"work.{item_id}"] if item_id else []
            return tuple(names)
        if item_id is not None:
            return (f"work.{item_id}",)
        return (f"agent.{agent}",)

    async def _load(self, taken: Sequence[Transaction]) -> None:
        """Read what the decisions need and the ledger does not hold."""
        wanted = {("work", item_id) for one in taken if (item_id := self._unknown_item(one))}
        await asyncio.gather(*(self._load_one(taken, *one) for one in wanted | self._stale))

    async def _load_one(self, taken: Sequence[Transaction], aggregate: str, entity: str) -> None:
        try:
            await self._read(aggregate, entity)
            self._stale.discard((aggregate, entity))
        except CoordError as error:
            self._give_up(taken, entity, error)

    def _unknown_item(self, transaction: Transaction) -> str | None:
        """A submitted item without a history is not looked for: the expected position 0 tells."""
        item_id = transaction.item_id
        if item_id is None or self._ledger.item(item_id) is not None:
            return None
        return None if isinstance(transaction.command, Submit) else item_id

    def _give_up(self, taken: Sequence[Transaction], entity: str, error: CoordError) -> None:
        for one in taken:
            if entity in (one.item_id, one.agent):
                _answer(one, Unknown(reason=f"the log could not be read: {error.message}"))

    async def _read(self, aggregate: str, entity: str) -> None:
        subject = event_subject(self._settings.site, aggregate, entity)
        if await self._log.last(subject) is None:
            return
        stored = await self._log.read_subject(subject)
        history = []
        for message in stored:
            try:
                history.append(read_event(message))
            except InvalidEvent:
                continue
        if aggregate == "work":
            self._ledger.replace_item(entity, history, stored[-1].position)
        else:
            self._ledger.replace_agent(entity, history, stored[-1].position)
        for recorded in history[-1:]:
            self._observe(recorded)

    async def _fly(self, flight: list[Transaction]) -> None:
        """Append what a round decided, apply it, and answer."""
        try:
            if len(flight) < BATCH_FROM:
                await asyncio.gather(*(self._append([one]) for one in flight))
            else:
                await self._append(flight)
        finally:
            for one in flight:
                self._touched.difference_update(one.touches)

    async def _append(self, flight: list[Transaction]) -> None:
        envelopes = [self._envelope(one) for one in flight]
        try:
            positions = await self._log.append(
                [self._to_append(one, envelope) for one, envelope in zip(flight, envelopes, strict=True)]
            )
        except AlreadyAppended as twin:
            _answer(flight[0], Answered(twin.position))
        except Conflict as conflict:
            if len(flight) > 1:
                await asyncio.gather(*(self._append([one]) for one in flight))
            else:
                self._again(flight[0], conflict)
        except CoordError as error:
            for one in flight:
                self._unknown(one, error)
        else:
            for one, envelope, position in zip(flight, envelopes, positions, strict=True):
                self._applied(one, envelope, position)

    def _to_append(self, one: Transaction, envelope: Envelope) -> Append:
        assert one.plan is not None
        subject = event_subject(self._settings.site, one.plan.aggregate, one.plan.entity)
        return Append(subject, one.plan.expected_position, envelope, one.plan.event)

    def _envelope(self, one: Transaction) -> Envelope:
        assert one.plan is not None
        return Envelope(
            id=clock.derived_id(one.request_id, 0),
            type=kind_of(one.plan.event).type,
            source=self._source,
            time=clock.rfc3339(clock.now_ns()),
            actor=one.actor,
            request_id=one.request_id,
            traceparent=one.traceparent,
        )

    def _applied(self, one: Transaction, envelope: Envelope, position: int) -> None:
        assert one.plan is not None
        recorded = Recorded(
            position,
            clock.now_ns(),
            self._settings.site,
            one.plan.aggregate,
            one.plan.entity,
            envelope,
            one.plan.event,
        )
        self._ledger.apply(recorded)
        self._observe(recorded)
        _answer(one, done(self._ledger, one.plan.aggregate, one.plan.entity, position))

    def _again(self, one: Transaction, conflict: Conflict) -> None:
        """Another's event stands there: read the aggregate anew and decide anew, a bounded number of times."""
        self._mark_stale(one)
        if one.decisions >= DECISIONS_MAX:
            _answer(one, refusal("taken", f"others were quicker {one.decisions} times: {conflict.message}"))
            return
        self._waiting.append(one)

    def _unknown(self, one: Transaction, error: CoordError) -> None:
        self._mark_stale(one)
        _answer(one, Unknown(reason=error.message))

    def _mark_stale(self, one: Transaction) -> None:
        assert one.plan is not None
        self._stale.add((one.plan.aggregate, one.plan.entity))
        if one.plan.aggregate == "work":
            self._ledger.offer_again(one.plan.entity)


def _answer(transaction: Transaction, answer: Answer) -> None:
    if not transaction.answer.done():
        transaction.answer.set_result(answer)
