"""Reading from the log what a round's decisions need and the ledger does not hold.

First the aggregates themselves, where they are not known or no longer sure; then what a decision rests on
beside them: the last event of an entity that is to be directed, the last run of a scenario that an item must
have passed. That is read anew for every decision, for nobody here follows it.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

from coord.events.commands import Complete, Direct, RaiseAlert, Submit, SubmitMany, Unknown
from coord.events.envelope import Recorded
from coord.events.errors import CoordError, InvalidEvent
from coord.events.tokens import event_subject
from coord.events.wire import Stored, read_event
from coord.services.coordinator.certainty import Certainty
from coord.services.coordinator.following import Watcher
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.outcome import Beside
from coord.services.coordinator.oversight import OVERSEEN
from coord.services.coordinator.transaction import Transaction
from coord.services.coordinator.wishes import agent_of, items_beside
from coord.services.log import Log

_Key = tuple[str, str]
_BEGINNINGS: Final = (Submit, SubmitMany, RaiseAlert)
"""What these begin is not looked for: the expected position 0 tells whether it is there."""
_RESTS_ON_MORE: Final = (Direct, Complete)
"""Decisions on these may rest on more than the aggregates they are about."""


class Loader:
    """Reads for the transactor; the watcher is told of what was read."""

    def __init__(
        self,
        log: Log,
        ledger: Ledger,
        site: str,
        watcher: Watcher,
        certainty: Certainty,
    ) -> None:
        self._certainty = certainty
        self._log = log
        self._ledger = ledger
        self._site = site
        self._watcher = watcher
        self._stale: set[_Key] = set()

    def mark_stale(self, aggregate: str, entity: str) -> None:
        """Have an aggregate read again before the next decision: the log may know more of it."""
        self._stale.add((aggregate, entity))

    async def load(self, taken: Sequence[Transaction]) -> None:
        """Read what these decisions need; what cannot be read is answered unknown."""
        wanted = self._stale.union(*[self._unknown(one) for one in taken])
        if wanted:
            await asyncio.gather(*(self._load_one(taken, key) for key in wanted))
        lacking = [one for one in taken if one.command.__class__ in _RESTS_ON_MORE and self._needs_more(one)]
        if lacking:
            await asyncio.gather(*(self._look_beside(one) for one in lacking))
        doubt = None if self._certainty.is_sure() else await self._certainty.fault()
        if doubt is not None:
            for one in taken:
                one.tell(Unknown(reason=doubt.message, hint=doubt.hint))

    async def look_up(self, item_ids: Collection[str]) -> None:
        """Read items that are not known here; those who depend on one see whether it is completed."""
        for item_id in item_ids:
            await self._read("work", item_id)

    def _unknown(self, one: Transaction) -> list[_Key]:
        aggregate, entity, _ = one.about
        unknown = [
            ("work", beside) for beside in items_beside(one.command) if self._ledger.item(beside) is None
        ]
        if entity is None or one.command.__class__ in _BEGINNINGS:
            return unknown
        if aggregate == "work":
            if self._ledger.item(entity) is None:
                unknown.append((aggregate, entity))
        elif aggregate in OVERSEEN and not self._ledger.oversight.knows(aggregate, entity):
            unknown.append((aggregate, entity))
        return unknown

    async def _load_one(self, taken: Sequence[Transaction], key: _Key) -> None:
        try:
            await self._read(*key)
            self._stale.discard(key)
        except CoordError as error:
            for one in taken:
                beside = {("work", item_id) for item_id in items_beside(one.command)}
                if key in beside | {
                    (one.about.aggregate, one.about.entity),
                    ("agent", agent_of(one.command)),
                }:
                    one.tell(_unreadable(error))

    async def _read(self, aggregate: str, entity: str) -> None:
        subject = event_subject(self._site, aggregate, entity)
        last = await self._log.last(subject)
        if last is None:
            return
        stored = await self._log.read_subject(subject)
        if not stored or stored[-1].position < last.position:
            raise CoordError(f"the server ends {subject} before its last event, at position {last.position}.")
        known = self._ledger.position(aggregate, entity)
        if stored[-1].position < known:
            return  # it went on while it was read, and the ledger with it
        history = [recorded for message in stored if (recorded := _read_event(message))]
        self._ledger.replace(aggregate, entity, history, stored[-1].position)
        for recorded in history[:-1]:
            if recorded.position > known:
                self._watcher.recall(recorded)
        for recorded in history[-1:]:
            self._watcher.observe(recorded)

    def _needs_more(self, one: Transaction) -> bool:
        if one.told:
            return False
        if isinstance(one.command, Direct):
            return one.command.epoch is None
        return isinstance(one.command, Complete) and self._scenario(one) is not None

    def _scenario(self, one: Transaction) -> str | None:
        item = self._ledger.item(one.about.entity or "")
        return item.submitted.verify if item is not None else None

    async def _look_beside(self, one: Transaction) -> None:
        try:
            if isinstance(one.command, Direct):
                last = await self._last(one.command.entity_kind, one.command.entity)
                one.beside = Beside(last_position=last.position if last else None)
            else:
                last = await self._last("verification", self._scenario(one) or "")
                one.beside = Beside(verification=_read_event(last) if last else None)
        except CoordError as error:
            one.tell(_unreadable(error))

    async def _last(self, aggregate: str, entity: str) -> Stored | None:
        return await self._log.last(event_subject(self._site, aggregate, entity))


def _read_event(stored: Stored) -> Recorded | None:
    try:
        return read_event(stored)
    except InvalidEvent:
        return None


def _unreadable(error: CoordError) -> Unknown:
    return Unknown(reason=f"the log could not be read: {error.message}")
