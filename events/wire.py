"""From a stored message to a fact: the one way a message of EVENTS or SAMPLES is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from coord.events.body import parse_object
from coord.events.catalog import decode_event
from coord.events.envelope import APPENDED_AT, Recorded, from_headers
from coord.events.errors import InvalidEvent, visible
from coord.events.log_entry import LogEntry
from coord.events.samples import Batch, HardwareSample, decode_sample, sample_type
from coord.events.tokens import split_subject

AHEAD_SECONDS_MAX: Final = 3600
"""A reading further in the broker's future than this is refused: the writer's clock is wrong."""
EVENT_AHEAD_SECONDS_MAX: Final = 86_400
"""An event's own time further in the broker's future than this is refused, but of one that was decided: what the
log took at an expected position stands, whatever clock its writer had."""
_SECOND_NS: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _SECOND_NS

SHOWN_LENGTH_MAX: Final = 256
"""How much is shown of a name in a message that may be no event of ours."""


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
    said = envelope.time
    if said >= _day_after(stored.recorded_at_ns // _DAY_NS) or said[-1] != "Z":
        _check_time(said, stored)
    event = decode_event(envelope.type, stored.body, aggregate)
    return Recorded(stored.position, stored.recorded_at_ns, site, aggregate, entity, envelope, event)


@lru_cache(maxsize=16)
def _day_after(day: int) -> str:
    """Return the day after a day since 1970, as times begin: what comes before it is less than a day ahead."""
    return f"{datetime.fromtimestamp((day + 1) * 86_400, UTC):%Y-%m-%d}"


def _check_time(said: str, stored: Stored) -> None:
    whole, offset = said[:19], "+00:00" if said.endswith("Z") else said[-6:]
    ahead = int(datetime.fromisoformat(whole + offset).timestamp()) - stored.recorded_at_ns // _SECOND_NS
    if ahead > EVENT_AHEAD_SECONDS_MAX and APPENDED_AT not in stored.headers:
        raise InvalidEvent(f"its time, {said}, is {ahead} s ahead of the broker's clock.")


@dataclass(frozen=True, slots=True)
class RecordedSample:
    """Packed readings with their place in the log: what folds of samples read."""

    position: int
    recorded_at_ns: int
    site: str
    node: str
    batch: Batch


def read_sample(stored: Stored) -> RecordedSample:
    """Read a message of SAMPLES as packed readings.

    Raises:
        InvalidEvent: it is none; the reason is one sentence.
    """
    site, node, kind = split_subject(stored.subject, "sample")
    type_ = stored.headers.get("ce-type", "")
    if type_ != sample_type(kind):
        said = f"is {type_[:64]!a}" if type_ else "is missing"
        raise InvalidEvent(f"ce-type {said}; on this subject it must be {sample_type(kind)}.")
    batch = decode_sample(kind, stored.body)
    _check_times(batch, stored.recorded_at_ns)
    return RecordedSample(stored.position, stored.recorded_at_ns, site, node, batch)


def _check_times(batch: Batch, recorded_at_ns: int) -> None:
    last_ms = 0
    if isinstance(batch, HardwareSample):
        last_ms = max((series.offsets_ms[-1] for series in batch.series), default=0)
    ahead_ns = batch.started_at_ns + last_ms * 1_000_000 - recorded_at_ns
    if ahead_ns > AHEAD_SECONDS_MAX * _SECOND_NS:
        raise InvalidEvent(f"its readings are {ahead_ns // _SECOND_NS} s ahead of the broker's clock.")


def log_entry(stored: Stored) -> LogEntry:
    """Show a message as it stands in the log, whether or not it is an event of ours."""
    known: dict[str, Any] = {
        "position": stored.position,
        "recorded_at_ns": stored.recorded_at_ns,
        "subject": visible(stored.subject, SHOWN_LENGTH_MAX),
    }
    try:
        envelope = read_event(stored).envelope
    except InvalidEvent as fault:
        headers = stored.headers or {}
        type_, id_ = (visible(headers.get(name, ""), SHOWN_LENGTH_MAX) for name in ("ce-type", "ce-id"))
        return LogEntry(**known, type=type_, id=id_, fault=fault.message)
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
