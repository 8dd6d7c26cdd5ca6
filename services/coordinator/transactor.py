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
from collections.abc import Callable
from typing import Final

from coord.events.catalog import kind_of
from coord.events.commands import Claim, Unknown, refusal
from coord.events.envelope import Envelope, Recorded
from coord.events.errors import AlreadyAppended, Conflict, CoordError
from coord.events.tokens import event_subject
from coord.services import clock
from coord.services.coordinator.deciding import Plan, done, plan
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.loading import Loader
from coord.services.coordinator.oversight import OVERSEEN
from coord.services.coordinator.transaction import Answer, Answered, Transaction
from coord.services.coordinator.wishes import Wish, agent_of, subject_of
from coord.services.log import Append, Log
from coord.services.settings import Settings
from coord.services.tasks import end

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
        self._wake = asyncio.Event()
        self._flights: set[asyncio.Task[None]] = set()
        self._observe = observe
        self._loader = Loader(log, ledger, settings.site, observe)

    def __len__(self) -> int:
        return len(self._waiting)

    async def transact(self, request_id: str, actor: str, command: Wish, traceparent: str = "") -> Answer:
        """Decide one wish and return its answer, after the log has confirmed it."""
        if len(self._waiting) >= WAITING_MAX:
            return refusal(
                "overloaded", f"{len(self._waiting)} requests are waiting.", "Try again in a second."
            )
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        about, agent = subject_of(command, request_id), agent_of(command)
        self._waiting.append(Transaction(request_id, actor, command, answer, about, agent, traceparent))
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
        self._ledger.oversight.trim(self._touched)
        await self._loader.load(taken)
        flight: list[Transaction] = []
        for transaction in taken:
            if transaction.answer.done():
                continue
            touches = self._touches(transaction)
            if self._touched.intersection(touches):
                self._waiting.append(transaction)
                continue
            outcome = plan(
                self._ledger,
                transaction.command,
                transaction.about,
                self._settings.lease_seconds,
                transaction.beside,
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
                transaction.tell(outcome)
        return flight

    def _touches(self, transaction: Transaction) -> tuple[str, ...]:
        """Name what a decision rests on and might change: it must not be in flight."""
        aggregate, entity, _ = transaction.about
        if isinstance(transaction.command, Claim):
            known = self._ledger.agents.get(transaction.command.agent)
            limited = known is not None and known.wip_limit is not None
            names = [f"claims.{transaction.agent}"] if limited else []
            names += [f"work.{entity}"] if entity else []
            return tuple(names)
        return (f"{aggregate}.{entity}",)

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
            flight[0].tell(Answered(twin.position))
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
        if one.plan.aggregate in OVERSEEN and one.plan.expected_position == 0:
            self._ledger.oversight.begin(one.plan.aggregate, one.plan.entity)
        self._ledger.apply(recorded)
        self._observe(recorded)
        one.tell(done(self._ledger, one.plan.aggregate, one.plan.entity, position, one.plan.directive_id))

    def _again(self, one: Transaction, conflict: Conflict) -> None:
        """Another's event stands there: read the aggregate anew and decide anew, a bounded number of times."""
        self._mark_stale(one)
        if one.decisions >= DECISIONS_MAX:
            one.tell(refusal("taken", f"others were quicker {one.decisions} times: {conflict.message}"))
            return
        self._waiting.append(one)

    def _unknown(self, one: Transaction, error: CoordError) -> None:
        self._mark_stale(one)
        one.tell(Unknown(reason=error.message))

    def _mark_stale(self, one: Transaction) -> None:
        assert one.plan is not None
        self._loader.mark_stale(one.plan.aggregate, one.plan.entity)
        if one.plan.aggregate == "work":
            self._ledger.offer_again(one.plan.entity)
