"""The archive's folder: whose log it is of, up to which position, and which files it has.

`events/_position.json` is written after the files it speaks of: what stands behind its position was not finished, and
is written again. It names the first and the last message, so that the log of another house is not mixed in.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from coord.events.errors import CoordError, FolderTaken, UsageError, visible
from coord.events.streams import EVENTS
from coord.events.wire import Stored
from coord.projections.archive import EVENTS_FOLDER, first_of
from coord.projections.intake import message_id
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings

FORMAT: Final = 1
_POSITION: Final = "_position.json"
"""Who reads such folders passes over names that begin so."""
_LOCK: Final = "_lock"
STATUS_FILE: Final = "archive.json"
"""In the data folder: how archiving is going, and where."""
AS_FOUND: Final = "It is gone on with, or begun anew, as it is found."
_UNSET: Final = "Set archive = DIR in coord.toml, or COORD_ARCHIVE, for coord up too."


class Standing(NamedTuple):
    """How far an archive is, and of which log."""

    position: int
    """Every message up to it is in the files; 0: none is."""
    message_id: str
    first_id: str
    """Of the log's first message."""
    written_at_ns: int


class Found(NamedTuple):
    """A file of the archive."""

    path: Path
    first: int


def archive_folder(settings: Settings) -> Path:
    """Return the archive's folder.

    Raises:
        UsageError: none is set.
    """
    if settings.archive is None:
        raise UsageError("no archive is set.", _UNSET)
    return Path(settings.archive)


def known_archive(settings: Settings) -> Path:
    """Return the folder to read from: the one that is set, or else the one that the house on this data folder writes to.

    Raises:
        UsageError: there is none.
    """
    if settings.archive is None:
        told = Folder(settings.data).read_json(STATUS_FILE)
        if isinstance(told, dict) and isinstance(told.get("folder"), str):
            return Path(told["folder"])
    return archive_folder(settings)


def read_standing(root: Path) -> Standing | None:
    """Read how far an archive is; None: there is none in this folder.

    Raises:
        CoordError: what it says of itself cannot be read.
    """
    path = root / EVENTS_FOLDER / _POSITION
    try:
        told: dict[str, Any] = json.loads(path.read_bytes())
        if told["format"] != FORMAT:
            raise CoordError(
                f"the archive {shown(root)} is of form {told['format']}; this coord writes form {FORMAT}."
            )
        return Standing(*(told[name] for name in Standing._fields))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CoordError(
            f"{shown(path)} cannot be read: {error}.",
            "Move the folder aside: it is written anew from the log.",
        ) from error


def write_standing(root: Path, standing: Standing) -> None:
    """Say how far an archive is, whole and flushed."""
    Folder(root / EVENTS_FOLDER).write_json({"format": FORMAT, **standing._asdict()}, _POSITION)


@contextmanager
def holding(root: Path, folder: str = EVENTS_FOLDER) -> Iterator[None]:
    """Hold a folder of an archive for writing: nobody else writes there meanwhile.

    Raises:
        FolderTaken: somebody else writes there.
        CoordError: the folder cannot be made or held.
    """
    try:
        (root / folder).mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root / folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CoordError(f"the archive {shown(root)} cannot be made: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise FolderTaken(
            f"somebody else writes to the archive {shown(root)}.", "One house, one archive."
        ) from error
    finally:
        os.close(descriptor)


def files_of(root: Path) -> list[Found]:
    """Return the archive's files in the order of their first positions."""
    paths = (root / EVENTS_FOLDER).glob("site=*/day=*/*.parquet")
    found = [Found(path, first) for path in paths if (first := first_of(path)) is not None]
    return sorted(found, key=lambda one: (one.first, one.path))


async def check_identity(log: Log, root: Path, standing: Standing) -> None:
    """Make sure that an archive is of this log.

    Raises:
        CoordError: it is another's, or ends behind the log's end; nothing was written.
    """
    last = (await log.stream_state(EVENTS.name)).last  # asked first: what is written since then is no loss
    for position, known in ((1, standing.first_id), (standing.position, standing.message_id)):
        stored = await log.read_at(EVENTS.name, position)
        if stored is None and position <= last:
            continue  # the log has lost it, and the archive has it
        if stored is None or message_id(stored) != known:
            raise CoordError(
                f"the archive {shown(root)} is of another log, or of a longer one: at position {position} it"
                f" {'ends behind this one' if stored is None else 'has another message'}.",
                "Set another folder, or move this one aside: it is written anew from the log.",
            )


def standing_of(first: str, last: Stored, now_ns: int) -> Standing:
    """Say that everything up to a message is in the files; `first` is the id of the log's first message."""
    return Standing(last.position, message_id(last), first, now_ns)


def shown(path: Path) -> str:
    """Write a path for a sentence."""
    return visible(str(path), 200)
