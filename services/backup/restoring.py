"""Restoring: from a backup to a data folder that `coord up` starts as any other.

    read all of the file --> a server of its own beside the folder --> streams, files --> compared --> the folder

Every position stays what it was, so fences, evidence and spans hold. The file is believed only when each digest in it
holds, and the folder appears whole or not at all: what is made stands beside it until the end.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from coord.events.errors import CoordError, Refused, UsageError
from coord.events.streams import EVENTS
from coord.services.backup.container import check, parts, shown
from coord.services.backup.taking import HOUSE
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.log.snapshots import restore as restore_stream
from coord.services.log.snapshots import spread
from coord.services.server.alone import serving_alone
from coord.services.settings import Settings

_LOCK: Final = "LOCK"
_MADE_HERE: Final = ("log", "LOCK")
"""Of the server that restored: nothing of it is the house's."""
_COMPARED: Final = ("first_seq", "last_seq", "messages")

Tell = Callable[[str, int, int], None]
"""Is told what is being done, and how many bytes of how many are."""


def restore(settings: Settings, path: Path, tell: Tell) -> dict[str, Any]:
    """Make a house of a backup in the data folder, and return what the backup says of itself.

    Raises:
        UsageError: the file is no whole backup, or the folder holds something.
        FolderTaken: a house runs on the folder.
        Refused: what came out is not what went in; nothing is left of it.
        CoordError: the disk is full or fails; nothing is left of it.
    """
    root = Folder(settings.data).root
    _refuse(settings, root)
    manifest = check(path, lambda done, of: tell("checking", done, of))
    with _beside(root) as made:
        with serving_alone(made, settings) as alone:
            asyncio.run(_streams(alone, made, path, manifest, tell))
        _write_files(made, path)
        for name in _MADE_HERE:
            _remove(made.path(name))
        _flush(made.root)
        _put(made.root, root)
    return manifest


def _refuse(settings: Settings, root: Path) -> None:
    if settings.nats is not None:
        raise UsageError(
            "a backup is restored into a data folder with a server of its own, and nats names another.",
            "Unset nats; a house can be moved from the folder to other servers: deploy/README.md.",
        )
    if not root.exists():
        return
    _refuse_held(root)
    if not root.is_dir() or any(root.iterdir()):
        raise UsageError(
            f"{shown(root)} is not empty, and a backup is restored into an empty folder only.",
            "Name another with --data.",
        )


def _refuse_held(root: Path) -> None:
    """Refuse a folder that somebody holds: a house that runs, or another restore."""
    if (root / _LOCK).exists():
        os.close(Folder(root).lock())


@contextmanager
def _beside(root: Path) -> Iterator[Folder]:
    """Give out a folder beside another, for what is not whole yet; what is left of it in the end is removed.

    Raises:
        FolderTaken: another restore is at it.
        CoordError: the disk is full or fails.
    """
    made = root.with_name(f".{root.name}.restoring")
    _refuse_held(made)
    try:
        _remove(made)
        made.parent.mkdir(parents=True, exist_ok=True)
        yield Folder(made)
    except OSError as error:
        raise CoordError(
            f"{shown(root)} cannot be restored: {error.strerror or error}.", "Nothing was kept of it."
        ) from error
    finally:
        with suppress(OSError):
            _remove(made)


async def _streams(
    alone: Settings, made: Folder, path: Path, manifest: Mapping[str, Any], tell: Tell
) -> None:
    log = await Log.connect(alone, made, "core", "restore")
    try:
        for name, told in manifest["streams"].items():

            def tell_stream(done: int, name: str = name, of: int = int(told["bytes"])) -> None:
                tell(f"restoring {name}", done, of)

            pieces = _pieces(path, name, tell_stream)
            state = await restore_stream(log, name, spread(told["config"], 1), told["state"], pieces)
            if name == EVENTS.name:
                _compare(name, _expected(told), state)
    finally:
        await log.close()


async def _pieces(path: Path, stream: str, tell: Callable[[int], None]) -> AsyncIterator[bytes]:
    done = 0
    for name, content in parts(path):
        if name.startswith(f"{stream}/"):
            yield content
            done += len(content)
            tell(done)


def _expected(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of a stream without what its disk had lost when it was taken."""
    lost = sum(last - first + 1 for first, last in told.get("lost", ()))
    return {**told["state"], "messages": told["state"]["messages"] - lost}


def _compare(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """SAMPLES lets go of what is too old at once; EVENTS is whole or not restored."""
    for what in _COMPARED:
        if before.get(what) != after.get(what):
            raise Refused(
                f"{name} came out with {what} {after.get(what)}, and went in with {before.get(what)}."
            )


def _write_files(made: Folder, path: Path) -> None:
    for name, content in parts(path):
        if name.startswith(f"{HOUSE}/"):
            *folders, last = name.split("/")[1:]
            made.make(*folders)
            made.write_text(content.decode(), *folders, last)


def _put(made: Path, root: Path) -> None:
    try:
        made.rename(root)
    except OSError as error:
        raise CoordError(
            f"what was restored cannot be put at {shown(root)}: {error.strerror}.",
            "Name a folder that is no mount point, and is not there yet.",
        ) from error
    _flush_one(root.parent)


def _flush(root: Path) -> None:
    """Have everything below a folder on the disk: what `coord up` will find outlasts a power cut from now on."""
    for path in (root, *root.rglob("*")):
        _flush_one(path)


def _flush_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
