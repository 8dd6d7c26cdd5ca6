"""Taking a backup: the log by the server's own snapshots, and what makes a data folder this house.

EVENTS is taken first and SAMPLES behind it, so that every reading which an event names as evidence is there, as far
as it is kept. A house that is down is backed up by a server of its own on its store, for as long as that takes.
"""

import asyncio
import json
import os
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any, Final

from coord.events.errors import CoordError, FolderTaken, NoServer, OutcomeUnknown
from coord.events.streams import EVENTS, SAMPLES
from coord.services import clock
from coord.services.backup.container import FORMAT, MANIFEST, Writer, refuse_existing, writing
from coord.services.backup.framing import Unpacked
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.log.snapshots import taking
from coord.services.log.whole import read_whole
from coord.services.server.alone import serving_alone
from coord.services.settings import Settings

HOUSE: Final = "house"
KEPT: Final = ("credentials.json", "agents", "api", "fences", "watchdog")
"""Of the data folder: who may come and ask, which fences were given here, and what people were told of."""
_NOT_KEPT: Final = "LOCK"
SETTINGS: Final = "coord.toml"
_ELSEWHERE: Final = (
    "archive", "data", "nats", "nats_monitor", "nats_credentials", "allow_unsafe_server", "server_binary", "server_port",
)  # fmt: skip
"""Settings that say where something is here: they are not a house's to take along."""

Tell = Callable[[str, int, int], None]
"""Is told which stream is being taken, and how many bytes of about how many."""


def back_up(
    settings: Settings, given: Mapping[str, Any], path: Path, events_only: bool, tell: Tell
) -> dict[str, Any]:
    """Write a house into one file, and return what the file says of itself.

    Args:
        settings: of the house.
        given: those that somebody said, by name; the rest is as it is by default.
        path: of the file, which must not be there.
        events_only: leave the readings out.
        tell: hears how far it is.

    Raises:
        UsageError: the file is there, or cannot be written there.
        NoServer: the house has no log, or its server does not answer.
        CoordError: what the server holds is not whole, or the disk is full; nothing is left of the file.
    """
    refuse_existing(path)
    folder = Folder(settings.data)
    streams = (EVENTS.name,) if events_only else (EVENTS.name, SAMPLES.name)
    if settings.nats is not None or _is_up(folder):
        return asyncio.run(_back_up(settings, folder, given, path, streams, tell))
    if not folder.path("nats", "store").is_dir():
        raise NoServer(f"the data folder {folder.root} holds no log.", "Name the house with --data.")
    with serving_alone(folder, settings) as alone:
        return asyncio.run(_back_up(alone, folder, given, path, streams, tell))


def _is_up(folder: Folder) -> bool:
    """Tell whether a house runs on a folder; what one that was killed left there says nothing."""
    if not folder.root.is_dir():
        return False
    try:
        os.close(folder.lock())
    except FolderTaken:
        return True
    return False


async def _back_up(
    settings: Settings,
    folder: Folder,
    given: Mapping[str, Any],
    path: Path,
    streams: tuple[str, ...],
    tell: Tell,
) -> dict[str, Any]:
    log = await Log.connect(settings, folder, "core", "backup")
    try:
        with writing(path) as writer:
            document: dict[str, Any] = {
                "format": FORMAT,
                "made_at": clock.rfc3339(clock.now_ns()),
                "coord": version("coord"),
                "site": settings.site,
                "node": settings.node,
                "streams": {name: await _stream(log, name, writer, tell) for name in streams},
            }
            document["streams"][EVENTS.name]["lost"] = await _lost(log, document, tell)
            for name, content in _files(folder, given):
                writer.add(f"{HOUSE}/{name}", content)
            writer.add(MANIFEST, _json(document))
        return document
    finally:
        await log.close()


async def _stream(log: Log, name: str, writer: Writer, tell: Tell) -> dict[str, Any]:
    """Write one stream's snapshot; its durable consumers go along, so that nothing is exported twice."""
    done, unpacked = 0, Unpacked()
    try:
        async with taking(log, name, consumers=name == EVENTS.name) as taken:
            about = int(taken.state["bytes"])
            for number in count(1):
                piece = await anext(taken.pieces, b"")
                if not piece:
                    break
                writer.add(f"{name}/{number:08}", piece)
                done += len(piece)
                unpacked.add(piece)
                tell(name, unpacked.bytes, about)
    except OutcomeUnknown as error:
        hint = "May this user ask for a snapshot? See deploy/nats/users.conf: ~core."
        raise OutcomeUnknown(f"{name} could not be taken: {error.message}", hint) from error
    return {"config": taken.config, "state": taken.state, "bytes": done}


async def _lost(log: Log, document: Mapping[str, Any], tell: Tell) -> list[list[int]]:
    """Read EVENTS as far as it was taken, and return the positions that its disk no longer holds: first and last of each.

    A snapshot passes over them in silence.
    """
    state = document["streams"][EVENTS.name]["state"]
    first, last = int(state["first_seq"]), int(state["last_seq"])
    found: list[list[int]] = []
    async for stretch in read_whole(log, EVENTS.name, first, last):
        found += [[lost.start, lost.stop - 1] for lost in stretch.lost]
        if stretch.messages:
            share = (stretch.messages[-1].position - first + 1) / (last - first + 1)
            tell(f"checking {EVENTS.name}", round(share * int(state["bytes"])), int(state["bytes"]))
    return found


def _files(folder: Folder, given: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Give out the files that make a folder this house, by their names there."""
    if said := settings_text(given):
        yield SETTINGS, said.encode()
    for name in KEPT:
        place = folder.path(name)
        for path in [place] if place.is_file() else sorted(place.rglob("*")):
            if path.is_file() and path.name != _NOT_KEPT and not path.name.startswith("."):
                try:
                    yield str(path.relative_to(folder.root)), path.read_bytes()
                except FileNotFoundError:
                    """It was there a moment ago: a fence that was given back, an agent that left."""
                except OSError as error:
                    raise CoordError(f"{path} cannot be read: {error.strerror}.") from error


def settings_text(given: Mapping[str, Any]) -> str:
    """Write the settings that somebody said as a settings file, but for those that say where something is here."""
    lines = [f"{name} = {_toml(value)}" for name, value in given.items() if name not in _ELSEWHERE]
    return "".join(f"{line}\n" for line in lines)


def _toml(value: Any) -> str:
    """Write a value as TOML; what JSON makes of texts, numbers and switches is TOML, too."""

    return json.dumps(
        value if isinstance(value, str | int | float | bool) else str(value), ensure_ascii=False
    )


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1).encode()
