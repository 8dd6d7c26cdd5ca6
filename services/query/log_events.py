"""The table `events`: what the log holds up to the copy's position, read when a statement names it.

No projection keeps whole events, as the log does. The newest `EVENTS_MAX` are read; when there are more, that is told.
The client of the log is loaded only then: most statements name other tables.
"""

import asyncio
from collections.abc import Iterable
from contextlib import aclosing, suppress
from typing import Final

import msgspec

from coord.events.errors import InvalidEvent, NoServer, visible
from coord.events.streams import EVENTS
from coord.events.tokens import split_subject
from coord.events.wire import SHOWN_LENGTH_MAX, Stored
from coord.projections.folds.shape import Row, Table
from coord.projections.store.sandbox import Sandbox
from coord.services.folder import Folder
from coord.services.settings import Settings

NAME: Final = "events"
EVENTS_MAX: Final = 1_000_000
_BATCH: Final = 1_000
_WAIT_SECONDS: Final = 5.0
_READ: Final = "events_read"
VIEW: Final = f"""
    CREATE TEMP VIEW {NAME} AS
    SELECT position, make_timestamp(recorded_at_ns // 1000) AS recorded_at, recorded_at_ns, type, aggregate, entity,
           actor, id, data
    FROM {_READ}"""


class EventRow(Row):
    """One event as it stands in the log; `data` is its body, absent where that is no JSON."""

    position: int
    recorded_at_ns: int
    type: str
    aggregate: str
    entity: str
    actor: str
    id: str
    data: str | None


TABLE: Final = Table(_READ, EventRow)
COLUMNS: Final = (
    ("position", "BIGINT"), ("recorded_at", "TIMESTAMP"), ("recorded_at_ns", "BIGINT"), ("type", "VARCHAR"),
    ("aggregate", "VARCHAR"), ("entity", "VARCHAR"), ("actor", "VARCHAR"), ("id", "VARCHAR"), ("data", "VARCHAR"),
)  # fmt: skip


def add_events(sandbox: Sandbox, settings: Settings, until: int) -> int:
    """Fill the table up to a position; returns the position it begins at.

    Raises:
        NoServer: the log cannot be read.
        Refused: it takes more memory than it may.
    """
    first = max(1, until - EVENTS_MAX + 1)
    sandbox.add(TABLE, ())
    if until:
        asyncio.run(_read(sandbox, settings, first, until))
    sandbox.run(VIEW)
    return first


async def _read(sandbox: Sandbox, settings: Settings, first: int, until: int) -> None:
    from coord.services.log import Log

    log = await Log.connect(settings, Folder(settings.data), "core", "query")
    try:
        async with aclosing(log.pull(EVENTS.name, first, _BATCH, _WAIT_SECONDS)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                if not batch:
                    raise NoServer(
                        f"{EVENTS.name} cannot be read up to {until} now.", "Ask again, or: coord doctor"
                    )
                sandbox.add(TABLE, list(_rows(batch, until)))
                if batch[-1].position >= until:
                    return
    finally:
        await log.close()


def _rows(batch: Iterable[Stored], until: int) -> Iterable[EventRow]:
    for stored in batch:
        if stored.position <= until:
            yield _row(stored)


def _row(stored: Stored) -> EventRow:
    """Show a message, whether or not it is an event of ours."""
    aggregate = entity = ""
    with suppress(InvalidEvent):
        _, aggregate, entity = split_subject(stored.subject, "ev")
    headers = stored.headers or {}
    type_, actor, id_ = (
        visible(headers.get(name, ""), SHOWN_LENGTH_MAX) for name in ("ce-type", "cx-actor", "ce-id")
    )
    return EventRow(
        stored.position, stored.recorded_at_ns, type_, aggregate, entity, actor, id_, _json(stored.body)
    )


def _json(body: bytes) -> str | None:
    try:
        msgspec.json.decode(body)
        return body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
