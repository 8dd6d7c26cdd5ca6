"""Making a reply again from the log: what an earlier try of the same request was told."""

from typing import Final

from coord.events import commands as wish
from coord.events.commands import Done, Invalid, Unknown
from coord.events.envelope import Recorded
from coord.events.errors import CoordError, InvalidEvent
from coord.events.model import Command
from coord.events.streams import EVENTS
from coord.events.wire import read_event
from coord.services.coordinator.deciding import agent_of, done, named_item
from coord.services.coordinator.ledger import Ledger
from coord.services.log import Log

_TYPE_OF_COMMAND: Final[dict[type[Command], str]] = {
    wish.Cancel: "work.cancelled",
    wish.Claim: "work.claimed",
    wish.Complete: "work.completed",
    wish.Fail: "work.failed",
    wish.Progress: "work.progressed",
    wish.Register: "agent.registered",
    wish.Release: "work.released",
    wish.Retire: "agent.retired",
    wish.Submit: "work.submitted",
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
    named = named_item(command, request_id) if recorded.aggregate == "work" else agent_of(command)
    same_agent = getattr(recorded.event, "agent", agent_of(command)) == agent_of(command)
    return same_agent and named in (None, recorded.entity)


async def _as_it_was(log: Log, recorded: Recorded) -> Done:
    """Fold the aggregate up to the event, and show it as the first reply did."""
    ledger = Ledger()
    for stored in await log.read_subject(recorded.subject):
        if stored.position > recorded.position:
            break
        try:
            ledger.apply(read_event(stored))
        except InvalidEvent:
            continue
    return done(ledger, recorded.aggregate, recorded.entity, recorded.position)
