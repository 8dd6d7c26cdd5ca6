"""Making a reply again from the log: what an earlier try of the same request was told."""

from collections.abc import Sequence
from typing import Final

from coord.events import commands as wish
from coord.events.commands import Done, Invalid, Unknown
from coord.events.envelope import Recorded
from coord.events.errors import CoordError, InvalidEvent
from coord.events.model import Command
from coord.events.streams import EVENTS
from coord.events.wire import read_event
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.outcome import done, done_with_items
from coord.services.coordinator.oversight import OVERSEEN
from coord.services.coordinator.wishes import ids_of, speaker_of, subject_of
from coord.services.log import Log

_TYPE_OF_COMMAND: Final[dict[type[Command], str]] = {
    wish.Acknowledge: "alert.acknowledged",
    wish.Block: "work.blocked",
    wish.Cancel: "work.cancelled",
    wish.Claim: "work.claimed",
    wish.Complete: "work.completed",
    wish.ConfigureTeam: "team.configured",
    wish.Depend: "work.dependencies_set",
    wish.Direct: "directive.issued",
    wish.Drain: "agent.drained",
    wish.Evict: "agent.evicted",
    wish.Fail: "work.failed",
    wish.Progress: "work.progressed",
    wish.RaiseAlert: "alert.raised",
    wish.Register: "agent.registered",
    wish.Release: "work.released",
    wish.Reopen: "work.reopened",
    wish.Reprioritise: "work.reprioritised",
    wish.Requeue: "work.requeued",
    wish.ResolveAlert: "alert.resolved",
    wish.Retire: "agent.retired",
    wish.Silence: "alert.silenced",
    wish.Submit: "work.submitted",
    wish.SubmitMany: "work.submitted",
    wish.Unblock: "work.unblocked",
    wish.Weigh: "health.weighed",
    wish.Withdraw: "directive.withdrawn",
}


async def replay(log: Log, command: Command, request_id: str, position: int) -> Done | Unknown | Invalid:
    """Return the reply that the event at `position` was; of several together, the last one."""
    try:
        stored = await log.read_at(EVENTS.name, position)
        if stored is None:
            return Unknown(
                reason=f"the event at position {position}, which answered this, cannot be read now"
            )
        recorded = read_event(stored)
        if not _answers(recorded, command, request_id):
            return Invalid(reason=f"the request id {request_id} was used for another request; use a new one.")
        if isinstance(command, wish.SubmitMany):
            return await _as_they_were(log, recorded, ids_of(command.items, request_id))
        if isinstance(command, wish.Claim) and command.count > 1:
            return await _as_they_were(log, recorded)
        return await _as_it_was(log, recorded)
    except CoordError as error:
        return Unknown(reason=error.message)


def _answers(recorded: Recorded, command: Command, request_id: str) -> bool:
    if recorded.envelope.type.rpartition(".v")[0] != _TYPE_OF_COMMAND.get(type(command)):
        return False
    event, about = recorded.event, subject_of(command, request_id)
    spoke = getattr(event, "agent", None) or getattr(event, "by", None)
    return (
        recorded.aggregate == about.aggregate
        and about.entity in (None, recorded.entity)
        and spoke in (None, speaker_of(command))
        and getattr(event, "directive_id", "") == about.directive_id
    )


async def _as_it_was(log: Log, recorded: Recorded) -> Done:
    """Fold the aggregate up to the event, and show it as the first reply did."""
    ledger = Ledger()
    await _fold(log, ledger, recorded)
    directive_id = getattr(recorded.event, "directive_id", "")
    return done(ledger, recorded.aggregate, recorded.entity, recorded.position, directive_id)


async def _as_they_were(log: Log, last: Recorded, listed: Sequence[str] = ()) -> Done:
    """Do so for all events of the request: they stand side by side, `last` behind the others; `listed` is told of."""
    together = [last]
    while together[0].position > 1:
        stored = await log.read_at(EVENTS.name, together[0].position - 1)
        if stored is None or stored.headers.get("cx-request") != last.envelope.request_id:
            break
        together.insert(0, read_event(stored))
    ledger = Ledger()
    for recorded in together:
        await _fold(log, ledger, recorded)
    return done_with_items(ledger, listed or [recorded.entity for recorded in together], last.position)


async def _fold(log: Log, ledger: Ledger, recorded: Recorded) -> None:
    if recorded.aggregate in OVERSEEN:
        ledger.oversight.begin(recorded.aggregate, recorded.entity)
    for stored in await log.read_subject(recorded.subject):
        if stored.position > recorded.position:
            break
        try:
            ledger.apply(read_event(stored))
        except InvalidEvent:
            continue
