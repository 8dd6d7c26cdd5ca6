"""A log that holds very many items, most of them ended: filled in atomic batches, before anybody reads it."""

import asyncio
from collections.abc import Iterator

from coord.events.catalog import kind_of
from coord.events.envelope import Envelope
from coord.events.model import Event
from coord.events.tokens import event_subject
from coord.events.work import WorkCancelled, WorkSubmitted
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Append, Log, declare_streams
from coord.services.server import EmbeddedServer
from coord.services.settings import Settings

BATCH = 1_000
WRITERS = 4
_SUBMITTED = WorkSubmitted(title="Hash the corpus", priority=1, body={"path": "corpus/part-0001.txt"})
_CANCELLED = WorkCancelled(reason="no longer wanted")


def fill(settings: Settings, count: int, open_share: float, first: int = 0) -> None:
    """Let a house hold so many more items, of which a share is open and the others are cancelled.

    They are numbered from `first` on.
    """
    folder = Folder(settings.data)
    server = EmbeddedServer(folder, settings)
    server.start()
    try:
        asyncio.run(_fill(folder, settings, range(first, first + count), open_share))
    finally:
        server.stop()


async def _fill(folder: Folder, settings: Settings, wanted: range, open_share: float) -> None:
    log = await Log.connect(settings, folder, name="filler")
    await declare_streams(log, settings)
    await log.close()
    batches = iter([wanted[begins : begins + BATCH] for begins in range(0, len(wanted), BATCH)])
    await asyncio.gather(*(_write(folder, settings, batches, open_share) for _ in range(WRITERS)))


async def _write(folder: Folder, settings: Settings, batches: Iterator[range], open_share: float) -> None:
    log = await Log.connect(settings, folder, name="filler")
    for numbers in batches:
        positions = await log.append([_one(settings, number, 0, _SUBMITTED) for number in numbers])
        ended = int(len(numbers) * (1 - open_share))
        ends = list(zip(numbers, positions, strict=True))[:ended]
        await log.append([_one(settings, number, at, _CANCELLED) for number, at in ends])
    await log.close()


def _one(settings: Settings, number: int, position: int, event: Event) -> Append:
    envelope = Envelope(
        id=clock.new_id(),
        type=kind_of(event).type,
        source="/coordinator/filler",
        time=clock.rfc3339(clock.now_ns()),
        actor="filler",
        request_id=clock.new_id(),
    )
    return Append(event_subject(settings.site, "work", f"stored-{number:08d}"), position, envelope, event)
