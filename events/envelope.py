"""CloudEvents 1.0 over NATS, binary binding: attributes are headers, the body is the event's own fields.

ce-id           identity, a token; equals Nats-Msg-Id
ce-type         family.name.version, e.g. work.claimed.v2
ce-source       who wrote it, a path of tokens, e.g. /coordinator/main
ce-time         the writer's clock; shown, never used for decisions
cx-actor        on whose behalf (an agent, a person, a service)
cx-request      the request this decision answers
cx-causation    the event or request it follows from
cx-correlation  the whole it belongs to
traceparent     W3C trace context

Of the server's own headers an event carries those that coord publishes with, and no other: the rest would
make the server do things (roll up, expire, schedule), or pretend that it had said something.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Final, NamedTuple

from msgspec import Struct

from coord.events.errors import InvalidEvent
from coord.events.model import Event
from coord.events.tokens import TOKEN_PATTERN, is_traceparent

SPEC_VERSION: Final = "1.0"
CONTENT_TYPE: Final = "application/json"
MESSAGE_ID: Final = "Nats-Msg-Id"
APPENDED_AT: Final = "Nats-Expected-Last-Subject-Sequence"
"""Of a decided event: the position it was decided on, which the server compared."""
ATTRIBUTE_LENGTH_MAX: Final = 256

HEADER_FIELDS: Final = {
    "ce-id": "id",
    "ce-type": "type",
    "ce-source": "source",
    "ce-time": "time",
    "cx-actor": "actor",
    "cx-request": "request_id",
    "cx-causation": "causation",
    "cx-correlation": "correlation",
    "traceparent": "traceparent",
}
PUBLISHED_WITH: Final = frozenset(
    {
        MESSAGE_ID,
        "Nats-Batch-Commit",
        "Nats-Batch-Id",
        "Nats-Batch-Sequence",
        APPENDED_AT,
        "Nats-Expected-Stream",
    }
)
"""The server's own headers that a stored event may carry."""
_ATTRIBUTES: Final = attrgetter(*HEADER_FIELDS.values())
HEADERS_NEEDED: Final = ("ce-specversion", "ce-id", "ce-type", "ce-source", "ce-time")
HEADERS_FIXED: Final = {"ce-specversion": SPEC_VERSION, "ce-datacontenttype": CONTENT_TYPE}
SOURCE_PATTERN: Final = rf"(?:/{TOKEN_PATTERN})+"
ATTRIBUTE_PATTERN: Final = r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?"
TIME_PATTERN: Final = (
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_OFTEN: Final = frozenset({"ce-type", "ce-source", "ce-specversion", "ce-datacontenttype", "cx-actor"})
_VISIBLE: Final = re.compile(ATTRIBUTE_PATTERN)
_ID: Final = re.compile(TOKEN_PATTERN)
_SOURCE: Final = re.compile(SOURCE_PATTERN)
_TIME: Final = re.compile(TIME_PATTERN)
_CLOCK_PATTERN: Final = r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{9}Z"
_CLOCK: Final = re.compile(_CLOCK_PATTERN)


class Envelope(Struct, frozen=True, gc=False):
    """The attributes of one event. Optional ones are empty when absent."""

    id: str
    type: str
    source: str
    time: str
    actor: str = ""
    request_id: str = ""
    causation: str = ""
    correlation: str = ""
    traceparent: str = ""


class Recorded(Struct, frozen=True, gc=False):
    """An event with its place in the log: what folds read.

    `recorded_at_ns` is the broker's clock, the only time that decisions about the past may use.
    """

    position: int
    recorded_at_ns: int
    site: str
    aggregate: str
    entity: str
    envelope: Envelope
    event: Event

    @property
    def subject(self) -> str:
        """The subject it is stored under."""
        return f"ev.{self.site}.{self.aggregate}.{self.entity}"


def to_headers(envelope: Envelope) -> dict[str, str]:
    """Write the attributes as NATS headers; absent ones are left out.

    Raises:
        InvalidEvent: an attribute is one that `from_headers` would refuse.
    """
    attributes = zip(HEADER_FIELDS, _ATTRIBUTES(envelope), strict=True)
    headers = {name: value for name, value in attributes if value}
    headers |= HEADERS_FIXED
    headers[MESSAGE_ID] = envelope.id
    _check(headers)
    return headers


def to_lines(envelope: Envelope) -> str:
    """Write the attributes as `to_headers` does, as the lines of the wire, each with its end.

    Raises:
        InvalidEvent: an attribute is one that `from_headers` would refuse.
    """
    plain = (
        _ID.fullmatch(envelope.id) and _ID.fullmatch(envelope.request_id) and _is_time_of_many(envelope.time)
    )
    if not plain or envelope.causation or envelope.correlation or envelope.traceparent:
        return "".join([f"{name}: {value}\r\n" for name, value in to_headers(envelope).items()])
    often = _often_lines(envelope.type, envelope.source, envelope.actor)
    return (
        f"ce-id: {envelope.id}\r\n{often}ce-time: {envelope.time}\r\ncx-request: {envelope.request_id}\r\n"
        f"{MESSAGE_ID}: {envelope.id}\r\n"
    )


@lru_cache(maxsize=4096)
def _often_lines(type_: str, source: str, actor: str) -> str:
    """Check and write what comes again and again."""
    headers = {"ce-type": type_, "ce-source": source, **HEADERS_FIXED}
    if actor:
        headers["cx-actor"] = actor
    for name, value in headers.items():
        if not value:
            raise InvalidEvent(f"the header {name} is missing.")
        _check_header(name, value)
    return "".join([f"{name}: {value}\r\n" for name, value in headers.items()])


def from_headers(headers: Mapping[str, str] | None) -> Envelope:
    """Read the attributes back. Headers that show their `block` are not taken apart where it is as most are.

    Raises:
        InvalidEvent: a needed attribute is missing, one is malformed, or a header is none of ours.
    """
    plain = _from_block(getattr(headers, "block", b""))
    if plain is not None:
        return plain
    if not headers:
        raise InvalidEvent("the message carries no CloudEvents headers.")
    _check(headers)
    if headers.get(MESSAGE_ID) != headers["ce-id"]:
        raise InvalidEvent(f"the headers {MESSAGE_ID} and ce-id differ.")
    return Envelope(*[headers.get(name, "") for name in HEADER_FIELDS])


def _from_block(block: bytes) -> Envelope | None:
    """Read most of what a coordinator wrote at a fifth of the cost; None: look at it header by header."""
    found = _BLOCK.fullmatch(block.decode("ascii", "replace"))
    if found is None:
        return None
    id_, type_, source, actor, time, request_id, other_time, other_actor, other_request_id = found.groups("")
    if not time:
        actor, time, request_id = other_actor, other_time, other_request_id
    if not _are_often_fine(type_, source, actor, time[:_DAY_LENGTH]):
        return None
    return Envelope(id_, type_, source, time, actor, request_id)


@lru_cache(maxsize=4096)
def _are_often_fine(type_: str, source: str, actor: str, day: str) -> bool:
    """Tell whether what comes again and again together is fine: no value of it is looked at twice."""
    for name, value in (("ce-type", type_), ("ce-source", source), ("cx-actor", actor or "-")):
        _check_header(name, value)
    return _is_plain_day(day)


def _check(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        plain = _PLAIN.get(name)
        if plain is not None and plain(value):
            continue
        if name in _OFTEN:
            _check_often(name, value)
        elif name not in PUBLISHED_WITH:
            _check_header(name, value)
    for name in HEADERS_NEEDED:
        if not headers.get(name):
            raise InvalidEvent(f"the header {name} is missing.")


@lru_cache(maxsize=1024)
def _check_often(name: str, value: str) -> None:
    """Check a header whose value comes again and again; what was fine once is not looked at twice."""
    _check_header(name, value)


def _check_header(name: str, value: str) -> None:
    if name in HEADERS_FIXED:
        if value != HEADERS_FIXED[name]:
            raise InvalidEvent(f"the header {name} is {value[:64]!a}; it must be {HEADERS_FIXED[name]!r}.")
        return
    if name not in HEADER_FIELDS:
        raise InvalidEvent(f"the header {name[:64]!a} is none of an event's.")
    if len(value) > ATTRIBUTE_LENGTH_MAX or not _VISIBLE.fullmatch(value):
        raise InvalidEvent(f"the header {name} {_unfit(value)}: {value[:64]!a}.")
    wanted = _SHAPES.get(name)
    if wanted is not None and not wanted.test(value):
        raise InvalidEvent(f"the header {name} is {value[:64]!a}, not {wanted.words}.")


def _unfit(value: str) -> str:
    if not value:
        return "is empty"
    if len(value) > ATTRIBUTE_LENGTH_MAX:
        return f"is too long, with {len(value)} characters"
    return "is there more than once" if "\r\n" in value else "is not printable ASCII"


def _is_time(value: str) -> bool:
    if not _TIME.fullmatch(value):
        return False
    year, month, day = int(value[:4]), int(value[5:7]), int(value[8:10])
    return year > 0 and day <= monthrange(year, month)[1]


def _is_plain_time(value: str) -> bool:
    """Tell of most moments that they are fine: of a day that was looked at before."""
    return _CLOCK.fullmatch(value, 10) is not None and _is_plain_day(value[:10])


_is_time_of_many = lru_cache(maxsize=4)(_is_plain_time)
"""What is appended together was decided at one moment."""


@lru_cache(maxsize=1024)
def _is_plain_day(day: str) -> bool:
    return _is_time(f"{day}T00:00:00Z")


class _Shape(NamedTuple):
    test: Callable[[str], object]
    words: str


_SHAPES: Final = {
    "ce-id": _Shape(_ID.fullmatch, "a token of letters, digits, '_' and '-'"),
    "ce-source": _Shape(_SOURCE.fullmatch, "a path of tokens such as /coordinator/main"),
    "ce-time": _Shape(_is_time, "an RFC 3339 time"),
    "traceparent": _Shape(is_traceparent, "a W3C trace context"),
}
_PLAIN: Final[Mapping[str, Callable[[str], object]]] = {
    "ce-id": _ID.fullmatch,
    "ce-time": _is_plain_time,
    "cx-request": _ID.fullmatch,
}
"""What is surely fine, told at less cost than what is wrong with the rest."""

_DAY_LENGTH: Final = len("2026-11-30")
_TIMED: Final = rf"ce-time: ([0-9-]{{{_DAY_LENGTH}}}{_CLOCK_PATTERN})\r\n"
_ACTED: Final = r"(?:cx-actor: ([!-~]+)\r\n)?"
_ASKED: Final = rf"(?:cx-request: ({TOKEN_PATTERN})\r\n)?"
_FIXED: Final = "".join([f"{name}: {re.escape(value)}\r\n" for name, value in HEADERS_FIXED.items()])
_BLOCK: Final = re.compile(
    rf"NATS/1\.0\r\nce-id: ({TOKEN_PATTERN})\r\nce-type: ([!-~]+)\r\nce-source: ([!-~]+)\r\n"
    rf"(?:{_FIXED}{_ACTED}{_TIMED}{_ASKED}|{_TIMED}{_ACTED}{_ASKED}{_FIXED})"
    rf"{MESSAGE_ID}: \1\r\n(?:(?:{'|'.join(sorted(PUBLISHED_WITH - {MESSAGE_ID}))}): [!-~]*\r\n)*\r\n"
)
"""The headers as `to_lines` and `to_headers` write them, and behind them those of the append."""

assert tuple(HEADER_FIELDS.values()) == Envelope.__struct_fields__
