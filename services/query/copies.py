"""Which copy of the tables a statement is asked of: the newest snapshot, a fresh one, or one of a past moment.

Snapshots are looked for in the data folder, so statements are answered while nothing runs there. The copy gets a
name of its own in a folder of its own (a link, or a copy where the disk cannot link), which the process removes
when it has opened it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from coord.events.errors import NoServer
from coord.events.streams import EVENTS
from coord.projections.snapshots import FILE_NAME, Snapshot, snapshots
from coord.services import client, clock
from coord.services.folder import PROJECTOR_SOCKET, Folder

FRESH_SECONDS: Final = 60.0
"""How long taking a snapshot may take."""
_STALE_SECONDS: Final = 3_600.0
_ROOT: Final = ("projection", "queries")


class Copy(NamedTuple):
    """A copy of the tables."""

    file: Path
    as_of: Mapping[str, Any]
    """As every answer says it."""


def newest(folder: Folder) -> list[Copy]:
    """List the snapshots that are there, the newest first."""
    return [_copy_of(one) for one in snapshots(folder.path("projection", "snapshots"))]


def taken(folder: Folder, **wanted: int | str) -> Copy:
    """Have the projector take a copy: a fresh one, or one of a past moment.

    Raises:
        NoServer, NothingThere, Refused, OutcomeUnknown: it does not.
    """
    path = f"/v1/snapshot?{urlencode(wanted)}"
    for line in client.lines(folder, PROJECTOR_SOCKET, "POST", path, FRESH_SECONDS):
        answer = client.progress(line)
        return Copy(Path(str(answer["file"])), answer["as_of"])
    raise NoServer("the projector says nothing of a snapshot.", "coord doctor says more.")


@contextmanager
def private(folder: Folder, file: Path) -> Iterator[Path]:
    """Give a copy a name that nobody else knows, for as long as this lasts.

    Raises:
        NoServer: it is gone, or cannot be linked or copied.
    """
    own = _linked(folder, file)
    try:
        yield own
    finally:
        shutil.rmtree(own.parent, ignore_errors=True)


def _linked(folder: Folder, file: Path) -> Path:
    try:
        root = folder.make(*_ROOT)
        _sweep(root)
        own = Path(tempfile.mkdtemp(dir=root)) / FILE_NAME
        _link(file, own)
    except OSError as error:
        raise NoServer(f"the snapshot {file} cannot be used: {error.strerror}.", "Ask again.") from error
    return own


def _link(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:
        if not file.exists():
            raise
        shutil.copyfile(file, target)


def _sweep(root: Path) -> None:
    """Remove what a command left that was killed."""
    before = clock.now_ns() / 1e9 - _STALE_SECONDS
    for left in root.iterdir():
        with suppress(OSError):
            if left.stat().st_mtime < before:
                shutil.rmtree(left, ignore_errors=True)


def _copy_of(snapshot: Snapshot) -> Copy:
    standing = snapshot.standing
    as_of = {
        "position": standing.positions.get(EVENTS.name, 0),
        "time_ns": standing.taken_at_ns,
        "recorded_at_ns": standing.recorded_at_ns,
    }
    return Copy(snapshot.file, as_of)
