"""Ids of traces and spans, made of what the log says: whoever exports an event, and however often, makes the same.

Each part is hashed with its length before it, so that no two lists of parts are one text. The id of a thing's first
event is among them: an item of the same name in another log has another trace. A worker uses this, too, and imports no
models for it.
"""

from hashlib import blake2b
from typing import Final

from coord.events.tokens import is_traceparent
from coord.services.exporter.records import Link, SpanName

TRACE_BYTES: Final = 16
SPAN_BYTES: Final = 8
_DOMAIN: Final = b"coord-otlp"
_LENGTH_BYTES: Final = 4


def ident(size: int, *parts: str) -> int:
    """Hash parts into a number of `size` bytes; never 0, which is no id."""
    digest = blake2b(digest_size=size, person=_DOMAIN)
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(_LENGTH_BYTES, "big") + raw)
    return int.from_bytes(digest.digest(), "big") or 1


def root_of(kind: str, site: str, name: str, first_event: str) -> SpanName:
    """Return where the root of an item or a run is.

    Args:
        kind: `work` or `run`.
        site: of the subject.
        name: the item's or the run's.
        first_event: id of the event it began with.
    """
    parts = (kind, site, name, first_event)
    return SpanName(ident(TRACE_BYTES, *parts), ident(SPAN_BYTES, "root", *parts))


def child_of(root: SpanName, kind: str, position: int) -> SpanName:
    """Return where a child of a root is; `position` is that of the event it began with."""
    span = ident(SPAN_BYTES, kind, f"{root.trace_id:032x}", str(position))
    return SpanName(root.trace_id, span)


def caused_by(*traceparents: str) -> tuple[Link, ...]:
    """Return links to the W3C trace contexts that events carried, each once."""
    found = dict.fromkeys(one for one in traceparents if one and is_traceparent(one))
    return tuple(Link(_read(one), "caused_by") for one in found)


def _read(traceparent: str) -> SpanName:
    _, trace, span, _ = traceparent.split("-")
    return SpanName(int(trace, 16), int(span, 16))
