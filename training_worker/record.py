"""A record: one event, encoded, with what makes it the same event when it is sent again.

On disk a record is a frame: its length, the CRC of the rest, its number in the spool, and the rest: a line
of JSON with id, type, time and count of points, and the event's body. A frame that was cut short, or of
which a byte has changed, is no frame.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from coord.events.catalog import encode_event, kind_of
from coord.events.model import Event
from coord.events.streams import EVENT_BYTES_MAX
from coord.services import clock

_FRAME: Final = Struct("<IIQ")
"""Length of what follows, CRC of number and what follows, number."""
_NUMBER: Final = Struct("<Q")


@dataclass(frozen=True, slots=True)
class Record:
    """One event of a run, ready to be sent."""

    id: str
    type: str
    time: str
    body: bytes
    points: int = 0
    """How many it packs; 0: it is a single event."""


class Framed(NamedTuple):
    """A record as it stands in a segment."""

    number: int
    offset: int
    size: int
    record: Record


def record_of(event: Event, event_id: str | None = None) -> Record:
    """Make a record of an event, of now."""
    time = clock.rfc3339(clock.now_ns())
    return Record(event_id or clock.new_id(), kind_of(event).type, time, encode_event(event))


def frame_of(record: Record, number: int) -> bytes:
    """Write a record as a frame."""
    head = json.dumps([record.id, record.type, record.time, record.points], separators=(",", ":"))
    rest = head.encode() + b"\n" + record.body
    return _FRAME.pack(len(rest), crc32(rest, crc32(_NUMBER.pack(number))), number) + rest


def frames_in(raw: bytes) -> Iterator[Framed]:
    """Read the frames of a segment, up to the first that is none."""
    offset = 0
    while (framed := _frame_at(raw, offset)) is not None:
        yield framed
        offset += framed.size


def _frame_at(raw: bytes, offset: int) -> Framed | None:
    if len(raw) - offset < _FRAME.size:
        return None
    length, wanted, number = _FRAME.unpack_from(raw, offset)
    start = offset + _FRAME.size
    rest = raw[start : start + length] if length <= 2 * EVENT_BYTES_MAX else b""
    if not length or len(rest) < length or crc32(rest, crc32(_NUMBER.pack(number))) != wanted:
        return None
    head, _, body = rest.partition(b"\n")
    try:
        id_, type_, time, points = json.loads(head)
        return Framed(number, offset, _FRAME.size + length, Record(id_, type_, time, body, points))
    except ValueError:
        return None
