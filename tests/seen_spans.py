"""Spans as receivers see them, whatever they say them in."""

from base64 import b64decode
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SeenSpan:
    """A span as a receiver saw it."""

    trace: str
    span: str
    parent: str
    name: str
    kind: int
    began_ns: int
    ended_ns: int
    attributes: dict[str, Any] = field(hash=False)
    links: tuple[tuple[str, str, str], ...]
    """Trace, span, and kind."""
    status: int
    words: str

    @property
    def identity(self) -> tuple[str, str]:
        """What tells it from all other spans."""
        return self.trace, self.span


def span_of(told: dict[str, Any]) -> SeenSpan:
    """Read a span as JSON; the ids are hexadecimal or, as protobuf writes them, base64."""
    status = told.get("status", {})
    return SeenSpan(
        trace=_hex(told["traceId"], 16),
        span=_hex(told["spanId"], 8),
        parent=_hex(told.get("parentSpanId", ""), 8),
        name=told["name"],
        kind=_number(told.get("kind", 0), {"SPAN_KIND_INTERNAL": 1, "SPAN_KIND_SERVER": 2}),
        began_ns=int(told["startTimeUnixNano"]),
        ended_ns=int(told["endTimeUnixNano"]),
        attributes=attributes_of(told),
        links=tuple(
            (_hex(one["traceId"], 16), _hex(one["spanId"], 8), attributes_of(one)["coord.link.kind"])
            for one in told.get("links", ())
        ),
        status=_number(status.get("code", 0), {"STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}),
        words=status.get("message", ""),
    )


def attributes_of(told: dict[str, Any]) -> dict[str, Any]:
    """Return attributes by key."""
    return {one["key"]: _value(one["value"]) for one in told.get("attributes", ())}


def _value(told: dict[str, Any]) -> Any:
    ((kind, value),) = told.items()
    if kind == "intValue":
        return int(value)
    return [_value(one) for one in value["values"]] if kind == "arrayValue" else value


def _hex(text: str, size: int) -> str:
    return text if len(text) in (0, 2 * size) else b64decode(text).hex()


def _number(told: int | str, names: dict[str, int]) -> int:
    return told if isinstance(told, int) else names[told]


def doubles(spans: list[SeenSpan]) -> int:
    """Return how many spans came more than once."""
    return sum(count > 1 for count in Counter(span.identity for span in spans).values())
