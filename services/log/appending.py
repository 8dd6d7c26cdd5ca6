"""Appending at expected positions: one message, or an atomic batch, and what a bad answer means.

ok                          appended
wrong last sequence         read the event right behind the expected position:
                            ours -> appended; another's -> conflict; none -> the same again
time-out, nobody listens,
not now, still on its way   the same again, with the same ids, for a bounded time; then unknown
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from coord.events.catalog import encode_event
from coord.events.envelope import APPENDED_AT, MESSAGE_ID, to_headers, to_lines
from coord.events.errors import AlreadyAppended, Conflict, NoServer, OutcomeUnknown
from coord.events.model import Event
from coord.events.streams import EVENTS
from coord.services import clock
from coord.services.log.writing import message_bytes, publish_together

if TYPE_CHECKING:
    from coord.services.log.client import Append, Log

BATCH_MAX: Final = 1000
"""The server's own limit on an atomic batch."""
APPEND_SECONDS: Final = 8.0
"""How long an append is tried: a cluster mostly has a leader again within that time."""
TRY_SECONDS: Final = 2.0
"""How long one try waits for its answer."""
RESOLVED_MAX: Final = 3
"""How often what stands behind an expected position is read."""
_WRONG_LAST: Final = {10071, 10164}
_DUPLICATE_IN_BATCH: Final = 10201
_IN_PROCESS: Final = 10158
"""An earlier try of the same is still on its way through the cluster."""
_NOT_NOW: Final = 503
"""What a server without a leader, or without room, calls its state."""
_RETRY_PAUSE_SECONDS: Final = 0.05
_RETRY_PAUSE_SECONDS_MAX: Final = 0.4

assert TRY_SECONDS < APPEND_SECONDS < 10


async def append(log: "Log", appends: Sequence["Append"]) -> list[int]:
    """Append all or none; see `Log.append`."""
    assert 0 < len(appends) <= BATCH_MAX
    assert len({one.subject for one in appends}) == len(appends), "one event a subject and batch"
    began = clock.monotonic()
    for _ in range(RESOLVED_MAX):
        reply = await _confirmed(log, appends, began)
        fault = reply.get("error")
        if fault is None and reply.get("duplicate"):
            return [await _same_event(log, appends[0], int(reply["seq"]))]
        if fault is None:
            return _positions(reply, len(appends))
        if fault.get("err_code") not in _WRONG_LAST | {_DUPLICATE_IN_BATCH}:
            raise OutcomeUnknown(f"the server would not append: {fault.get('description')}.")
        found = await _resolve(log, appends)
        if found is not None:
            return found
    raise OutcomeUnknown(f"the log gave no final word on {len(appends)} event(s).")


async def _confirmed(log: "Log", appends: Sequence["Append"], began: float) -> dict[str, Any]:
    """Send until the server says something: it may have nobody for the stream while it chooses who leads it."""
    pause = _RETRY_PAUSE_SECONDS
    while True:
        seconds = min(TRY_SECONDS, APPEND_SECONDS - (clock.monotonic() - began))
        try:
            one = len(appends) == 1
            reply = await (_send_one(log, appends[0], seconds) if one else _send_batch(log, appends, seconds))
            fault = reply.get("error") or {}
            if fault.get("err_code") == _IN_PROCESS or fault.get("code") == _NOT_NOW:
                raise OutcomeUnknown(f"the server cannot append now: {fault.get('description')}.")
        except (OutcomeUnknown, NoServer) as error:
            log.pulse.unconfirmed(began)
            if log.client.is_closed or clock.monotonic() + pause - began >= APPEND_SECONDS:
                raise OutcomeUnknown(
                    f"the log did not confirm {len(appends)} event(s): {error.message}"
                ) from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, _RETRY_PAUSE_SECONDS_MAX)
        else:
            log.pulse.confirmed()
            return reply


async def _same_event(log: "Log", one: "Append", position: int) -> int:
    """The server has this id already: fine if it stands on this subject, else another decision was first."""
    present = await log.read_at(EVENTS.name, position)
    if present is None:
        raise OutcomeUnknown(f"the server has the event at position {position}, and does not find it now.")
    if present.subject != one.subject:
        raise AlreadyAppended(position, present.subject)
    return position


def _positions(reply: dict[str, Any], count: int) -> list[int]:
    last = int(reply["seq"])
    return list(range(last - count + 1, last + 1))


async def _send_one(log: "Log", one: "Append", seconds: float) -> dict[str, Any]:
    raw = await log.request(one.subject, body_of(one.event), seconds, _headers(one))
    reply: dict[str, Any] = msgspec.json.decode(raw)
    return reply


async def _send_batch(log: "Log", appends: Sequence["Append"], seconds: float) -> dict[str, Any]:
    """Send all but the last as one block, and the last as the request that the server answers for all of them."""
    batch = clock.new_id()
    staged = [_staged(one, batch, ordinal) for ordinal, one in enumerate(appends[:-1], 1)]
    last = appends[-1]
    headers = _headers(last) | {
        "Nats-Batch-Id": batch,
        "Nats-Batch-Sequence": str(len(appends)),
        "Nats-Batch-Commit": "1",
    }
    await publish_together(log.client, staged)
    raw = await log.request(last.subject, body_of(last.event), seconds, headers)
    reply: dict[str, Any] = msgspec.json.decode(raw)
    return reply


def _staged(one: "Append", batch: str, ordinal: int) -> bytes:
    lines = (
        f"{to_lines(one.envelope)}{APPENDED_AT}: {one.expected_position}\r\n"
        f"Nats-Batch-Id: {batch}\r\nNats-Batch-Sequence: {ordinal}\r\n"
    )
    return message_bytes(one.subject, lines, body_of(one.event))


def body_of(event: Event | bytes) -> bytes:
    """Return an event's body, which may be all that is given of it."""
    return event if isinstance(event, bytes) else encode_event(event)


def _headers(one: "Append") -> dict[str, str]:
    return to_headers(one.envelope) | {APPENDED_AT: str(one.expected_position)}


async def _resolve(log: "Log", appends: Sequence["Append"]) -> list[int] | None:
    """Read what stands behind each expected position: all ours, somebody's, or nothing yet (None)."""
    found: list[int | None] = []
    for one in appends:
        behind = await log.read_after(one.subject, one.expected_position)
        if behind is None:
            found.append(None)
        elif behind.headers.get(MESSAGE_ID) == one.envelope.id:
            found.append(behind.position)
        else:
            raise Conflict(f"another event stands on {one.subject}.", last_position=behind.position)
    return [position for position in found if position is not None] if all(found) else None
