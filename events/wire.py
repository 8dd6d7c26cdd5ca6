"""From a stored message to an event: the one way a message of EVENTS is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coord.events.body import parse_object
from coord.events.catalog import decode_event
from coord.events.envelope import Recorded, from_headers
from coord.events.errors import InvalidEvent
from coord.events.questions import LogEntry
from coord.events.tokens import split_subject


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the log holds it, not yet looked at."""

    stream: str
    position: int
    recorded_at_ns: int
    subject: str
    headers: Mapping[str, str]
    body: bytes


def read_event(stored: Stored) -> Recorded:
    """Read a message of EVENTS as an event.

    Raises:
        InvalidEvent: it is none; the reason is one sentence.
    """
    site, aggregate, entity = split_subject(stored.subject, "ev")
    envelope = from_headers(stored.headers)
    event = decode_event(envelope.type, stored.body, aggregate)
    return Recorded(stored.position, stored.recorded_at_ns, site, aggregate, entity, envelope, event)


def log_entry(stored: Stored) -> LogEntry:
    """Show a message as it stands in the log, whether or not it is an event of ours."""
    known: dict[str, Any] = {
        "position": stored.position,
        "recorded_at_ns": stored.recorded_at_ns,
        "subject": stored.subject,
    }
    try:
        envelope = read_event(stored).envelope
    except InvalidEvent as fault:
        headers = stored.headers
        return LogEntry(
            **known, type=headers.get("ce-type", ""), id=headers.get("ce-id", ""), fault=fault.message
        )
    return LogEntry(
        **known,
        type=envelope.type,
        id=envelope.id,
        source=envelope.source,
        actor=envelope.actor,
        request_id=envelope.request_id,
        traceparent=envelope.traceparent,
        fields=parse_object(stored.body),
    )
