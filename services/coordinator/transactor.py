"""The transactor: loads, decides, appends, retries; the only code that does.

    waiting --round--> deciding --> in flight --ok--> applied, answered
                          |            |--conflict--> the aggregate is read again, decided again (3 times)
                          |            |--twin------> answered as before: an earlier try stands elsewhere in the log
                          |            `--unknown---> answered unknown, the aggregate is read again first
                          `--> answered at once (refused, or already so; or an earlier try was found in the log)

Whatever waits when a round begins is decided together and appended together (group commit): a handful
as single messages side by side, more as one atomic batch, which costs one fsync. Two rounds may be in
flight, so that deciding one overlaps with the disk of the other; an aggregate that is in flight is left to a
later round, so that each decision sees the state it is appended behind. The log is the referee: another coordinator's event makes the append fail, never both.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Collection
from typing import Final

from coord.events.catalog import kind_of
from coord.events.commands import Claim, Invalid, Unknown, refusal
from coord.events.envelope import Envelope, Recorded
from coord.events.errors import AlreadyAppended, Conflict, CoordError, InvalidEvent
from coord.events.tokens import entity_of, event_subject
from coord.services import clock
from coord.services.coordinator.certainty import Certainty
from coord.services.coordinator.deciding import Defaults, plan
from coord.services.coordinator.following import Watcher
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.loading import Loader
from coord.services.coordinator.outcome import (
    Change,
    DoneWithItem,
    Outcome,
    Plan,
    at_length,
    done,
    done_with_item,
    done_with_items,
)  # fmt: skip
from coord.services.coordinator.oversight import OVERSEEN
from coord.services.coordinator.transaction import Answer, Answered, Hear, Heard, Transaction
from coord.services.coordinator.wishes import LOOKS, Wish, items_beside, subject_of
from coord.services.log import Append, Log
from coord.services.log.appending import BATCH_MAX
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

_log = logging.getLogger("coord.coordinator")

assert ROUND_MAX <= WAITING_MAX


class Transactor:
    """Takes wishes, gives answers; `source` names this coordinator in every event it writes."""

    def __init__(
        self,
        log: Log,
        ledger: Ledger,
        settings: Settings,
        source: str,
        watcher: Watcher,
        certainty: Certainty,
    ) -> None:
        self._log = log
        self._ledger = ledger
        self._settings = settings
        self._defaults = Defaults(settings.lease_seconds, settings.reclaims_max, settings.releases_max)
        self._source = source
        self._waiting: deque[Transaction] = deque()
        self._touched: set[str] = set()
        self._appended_to: set[str] = set()
        """Of what is touched, what an event is on its way to."""
        self._wake = asyncio.Event()
        self._flights: set[asyncio.Task[None]] = set()
        self._watcher = watcher
        self._loader = Loader(log, ledger, settings.site, watcher, certainty)

    def __len__(self) -> int:
        return len(self._waiting)

    def put(
        self, request_id: str, actor: str, command: Wish, hear: Hear, traceparent: str = ""
    ) -> Transaction:
        """Have one wish decided; `hear` is told the answer after the log has confirmed it, or at once where it is overloaded."""
        one = Transaction(request_id, actor, command, hear, subject_of(command, request_id), traceparent)
        if len(self._waiting) >= WAITING_MAX:
            told = f"{len(self._waiting)} requests are waiting."
            one.tell(refusal("overloaded", told, "Try again in a second."))
        else:
            self._waiting.append(one)
            self._wake.set()
        return one

    async def transact(self, request_id: str, actor: str, command: Wish, traceparent: str = "") -> Answer:
        """Decide one wish and return its answer, after the log has confirmed it."""
        heard: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        one = self.put(request_id, actor, command, lambda answer: _tell(heard, answer), traceparent)
        try:
            answer = await heard
        finally:
            one.told = True
        return at_length(answer) if isinstance(answer, DoneWithItem) else answer

    def is_in_flight(self, aggregate: str, entity: str) -> bool:
        """Tell whether something is being appended to an aggregate: what becomes of it will be seen."""
        return f"{aggregate}.{entity}" in self._appended_to

    async def look_up(self, item_ids: Collection[str]) -> None:
        """Read items from the log that are not known here."""
        await self._loader.look_up(item_ids)

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
            if transaction.told or self._was_answered(transaction):
                continue
            touches = self._touches(transaction)
            if not self._touched.isdisjoint(touches):
                self._waiting.append(transaction)
                continue
            outcome = self._decide(transaction)
            if not isinstance(outcome, Plan):
                transaction.tell(outcome)
                continue
            keys = [change.key for change in outcome.changes]
            if not self._touched.isdisjoint(keys):
                self._offer_again(outcome)
                self._waiting.append(transaction)
            elif self._note(transaction, outcome, (*touches, *keys)):
                self._touched.update(transaction.touches)
                self._appended_to.update(keys)
                flight.append(transaction)
        return flight

    def _was_answered(self, one: Transaction) -> bool:
        """What was just read may hold an earlier try, whose confirmation was lost: its answer is the answer."""
        position = self._watcher.position_of(one.request_id)
        if position is not None:
            one.tell(Answered(position))
        return position is not None

    def _decide(self, one: Transaction) -> Outcome | Unknown:
        """Decide one wish; a fault of our own in it must not end the decisions on all others."""
        try:
            return plan(self._ledger, one.command, one.about, one.request_id, self._defaults, one.beside)
        except Exception:  # noqa: BLE001 - one command must not end the decisions on all others
            _log.exception("the request %s could not be decided", one.request_id)
            return Unknown(
                reason=f"{type(one.command).__name__} met a fault of coord's own; its log says more."
            )

    def _note(self, one: Transaction, outcome: Plan, touches: tuple[str, ...]) -> bool:
        """Note what was decided, if it can be written: a result may be too large for its event."""
        try:
            one.decided(outcome, touches)
        except InvalidEvent as error:
            self._offer_again(outcome)
            one.tell(Invalid(reason=error.message))
            return False
        return True

    def _touches(self, transaction: Transaction) -> tuple[str, ...]:
        """Name what a decision rests on and might change: it must not be in flight."""
        aggregate, entity, _ = transaction.about
        command = transaction.command
        if command.__class__ in LOOKS:
            return ()
        if command.__class__ is not Claim:
            beside = [f"work.{one}" for one in items_beside(command)]
            return (f"{aggregate}.{entity}", *beside) if entity is not None else tuple(beside)
        names = self._limits(command)
        if entity:
            names.append(f"work.{entity}")
            names += self._key_of(entity)
        return tuple(names)

    def _limits(self, command: Claim) -> list[str]:
        """Name the limits that a claim must not pass: nobody else who counts towards them is in flight."""
        agent = self._ledger.agents.get(command.agent)
        if agent is None:
            return []
        names = [f"claims.{agent.name}"] if agent.wip_limit is not None else []
        if self._ledger.teams:
            teams = {agent.team or "", *agent.serves}
            names += [f"claims-for.{team}" for team in teams if self._ledger.team(team).wip_limit is not None]
        return names

    def _key_of(self, item_id: str) -> list[str]:
        item = self._ledger.item(item_id)
        concurrency = item.submitted.plan.concurrency if item is not None else None
        return [f"key.{concurrency.key}"] if concurrency is not None else []

    async def _fly(self, flight: list[Transaction]) -> None:
        """Append what a round decided, apply it, and answer."""
        try:
            if sum([len(one.planned) for one in flight]) < BATCH_FROM:
                await asyncio.gather(*(self._append([one]) for one in flight))
            else:
                await asyncio.gather(*(self._append(batch) for batch in _batches(flight)))
        except Exception:  # noqa: BLE001 - whoever asked is told, and may ask again
            _log.exception("%d requests could not be appended", len(flight))
            for one in flight:
                self._unknown(one, CoordError("it met a fault of coord's own while it was appended."))
        finally:
            for one in flight:
                self._touched.difference_update(one.touches)
                self._appended_to.difference_update([change.key for change in one.planned])

    async def _append(self, flight: list[Transaction]) -> None:
        time = clock.rfc3339(clock.now_ns())
        changes = [change for one in flight for change in one.planned]
        appends = [
            self._to_append(change, body, self._envelope(one, change, ordinal, time))
            for one in flight
            for ordinal, (change, body) in enumerate(zip(one.planned, one.bodies, strict=True))
        ]
        try:
            positions = await self._log.append(appends)
        except AlreadyAppended as twin:
            self._mark_stale(flight[0])
            self._loader.mark_stale(*entity_of(twin.subject))
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
            now_ns = clock.now_ns()
            for change, append, position in zip(changes, appends, positions, strict=True):
                self._applied(change, append.envelope, position, now_ns)
            last = 0
            for one in flight:
                last += len(one.planned)
                self._answer(one, positions[last - 1])

    def _to_append(self, change: Change, body: bytes, envelope: Envelope) -> Append:
        subject = event_subject(self._settings.site, change.aggregate, change.entity)
        return Append(subject, change.expected_position, envelope, body)

    def _envelope(self, one: Transaction, change: Change, ordinal: int, time: str) -> Envelope:
        return Envelope(
            clock.derived_id(one.request_id, ordinal),
            kind_of(change.event).type,
            self._source,
            time,
            one.actor,
            one.request_id,
            traceparent=one.traceparent,
        )

    def _applied(self, change: Change, envelope: Envelope, position: int, now_ns: int) -> None:
        aggregate, entity, expected_position, event = change
        recorded = Recorded(position, now_ns, self._settings.site, aggregate, entity, envelope, event)
        if expected_position == 0 and aggregate in OVERSEEN:
            self._ledger.oversight.begin(aggregate, entity)
        self._ledger.apply(recorded)
        self._watcher.observe(recorded)

    def _answer(self, one: Transaction, position: int) -> None:
        """Answer what was appended; `position` is that of its last event."""
        assert one.plan is not None
        if one.plan.listed:
            one.tell(done_with_items(self._ledger, one.plan.listed, position))
            return
        change = one.plan.changes[0]
        if change.aggregate == "work":
            one.tell(done_with_item(self._ledger, change.entity, position))
            return
        one.tell(done(self._ledger, change.aggregate, change.entity, position, one.plan.directive_id))

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
        for change in one.planned:
            self._loader.mark_stale(change.aggregate, change.entity)
        self._offer_again(one.plan)

    def _offer_again(self, plan: Plan) -> None:
        """Put back what a plan took off that comes to nothing."""
        for change in plan.changes:
            if change.aggregate == "work":
                self._ledger.offer_again(change.entity)


def _tell(heard: "asyncio.Future[Heard]", answer: Heard) -> None:
    """Hand an answer to whoever still waits for it."""
    if not heard.done():
        heard.set_result(answer)


def _batches(flight: list[Transaction]) -> list[list[Transaction]]:
    """Cut a flight so that each part fits one atomic batch; what one command appends stays together."""
    batches: list[list[Transaction]] = [[]]
    size = 0
    for one in flight:
        count = len(one.planned)
        if size + count > BATCH_MAX:
            batches.append([])
            size = 0
        batches[-1].append(one)
        size += count
    return batches
