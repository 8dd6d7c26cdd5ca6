"""Making a reply again from the log: what an earlier try of the same request was told."""

from typing import Final

from coord.events import commands as wish
from coord.events.commands import Done, Invalid, Unknown
from coord.events.envelope import Recorded
from coord.events.errors import CoordError, InvalidEvent
from coord.events.model import Command
from coord.events.streams import EVENTS
from coord.events.wire import read_event
from coord.services.coordinator.deciding import done
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.oversight import OVERSEEN
from coord.services.coordinator.wishes import speaker_of, subject_of
from coord.services.log import Log

_TYPE_OF_COMMAND: Final[dict[type[Command], str]] = {
    wish.Acknowledge: "alert.acknowledged",
    wish.Cancel: "work.cancelled",
    wish.Claim: "work.claimed",
    wish.Complete: "work.completed",
    wish.Direct: "directive.issued",
    wish.Fail: "work.failed",
    wish.Progress: "work.progressed",
    wish.RaiseAlert: "alert.raised",
    wish.Register: "agent.registered",
    wish.Release: "work.released",
    wish.ResolveAlert: "alert.resolved",
    wish.Retire: "agent.retired",
    wish.Silence: "alert.silenced",
    wish.Submit: "work.submitted",
    wish.Withdraw: "directive.withdrawn",
}


async def replay(log: Log, command: Command, request_id: str, position: int) -> Done | Unknown | Invalid:
    """Return the reply that the event at `position` was."""
    try:
        stored = await log.read_at(EVENTS.name, position)
        if stored is None:
            return Unknown(
                reason=f"the event at position {position}, which answered this, cannot be read now"
            )
        recorded = read_event(stored)
        if not _answers(recorded, command, request_id):
            return Invalid(reason=f"the request id {request_id} was used for another request; use a new one.")
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
    if recorded.aggregate in OVERSEEN:
        ledger.oversight.begin(recorded.aggregate, recorded.entity)
    for stored in await log.read_subject(recorded.subject):
        if stored.position > recorded.position:
            break
        try:
            ledger.apply(read_event(stored))
        except InvalidEvent:
            continue
    directive_id = getattr(recorded.event, "directive_id", "")
    return done(ledger, recorded.aggregate, recorded.entity, recorded.position, directive_id)
