"""What is answered from the log itself, not from tables: one entity's history, events that match, large values."""

from typing import Any, Final

from coord.events.catalog import AGGREGATES
from coord.events.commands import Refusal, refusal
from coord.events.errors import CoordError
from coord.events.questions import AsOf, Events, EventsAnswer, History, HistoryAnswer, ItemAnswer
from coord.events.streams import EVENTS
from coord.events.tokens import event_subject
from coord.events.wire import Stored, log_entry, read_event
from coord.services.log import Log
from coord.services.projector.searching import search

_FAMILIES: Final = ("work", *(one for one in AGGREGATES if one not in ("work", "directive")), "directive")
"""Where an id is looked for, in order: directives stand under the id of what they are for, and come last."""


async def answer_history(
    log: Log, site: str, question: History, moment: AsOf, until: int | None
) -> HistoryAnswer | Refusal:
    """Read an entity's events: always fresh, whatever is folded in; up to a position, if one is given."""
    families = [question.aggregate] if question.aggregate else _FAMILIES
    for aggregate in families:
        found = await _read(log, event_subject(site, aggregate, question.id), question.limit + 1, until)
        if found:
            break
    else:
        where = question.aggregate or "log"
        then = "" if until is None else f" up to position {until}"
        return refusal("unknown_id", f"the {where} holds no event of {question.id}{then}.")
    return HistoryAnswer(
        as_of=moment,
        events=tuple(log_entry(stored) for stored in found[: question.limit]),
        truncated=len(found) > question.limit,
    )


async def answer_events(log: Log, question: Events, moment: AsOf, until: int | None) -> EventsAnswer:
    """Search the log from its end, or from a position, backwards."""
    end = (await log.stream_state(EVENTS.name)).last if until is None else until
    searched = await search(log, question, end)
    return EventsAnswer(
        as_of=moment,
        events=tuple(log_entry(stored) for stored in searched.events),
        searched_from=searched.searched_from,
        truncated=searched.truncated,
    )


async def in_full(log: Log, answer: ItemAnswer) -> ItemAnswer:
    """Add what is too large for a table; while the log is away, only its size is told."""
    item = answer.item
    wanted = {"body": answer.submitted_position} if item.body is None and answer.body_bytes else {}
    if item.result is None and answer.result_bytes:
        wanted["result"] = answer.position
    try:
        found = {name: await _value_at(log, position, name) for name, position in wanted.items()}
    except CoordError:
        return answer
    return answer.model_copy(update={"item": item.model_copy(update=found)}) if found else answer


async def _value_at(log: Log, position: int, name: str) -> Any:
    stored = await log.read_at(EVENTS.name, position)
    return None if stored is None else getattr(read_event(stored).event, name, None)


async def _read(log: Log, subject: str, limit: int, until: int | None) -> list[Stored]:
    found = await log.read_subject(subject, limit)
    return found if until is None else [stored for stored in found if stored.position <= until]
