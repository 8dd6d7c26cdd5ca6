"""One event as it stands in the log, for people and programs that look at it."""

from coord.events.model import AnyJson, Count, Nanoseconds, Words


class LogEntry(Words):
    """One event as it stands in the log."""

    position: Count
    recorded_at_ns: Nanoseconds
    subject: str
    type: str
    id: str
    source: str = ""
    actor: str = ""
    request_id: str = ""
    traceparent: str = ""
    fields: AnyJson = None
    """The body as it was stored; as deep as the border allows, so no `Json`."""
    fault: str | None = None
    """Why it is no event of ours; folds set it aside as a dead letter."""
