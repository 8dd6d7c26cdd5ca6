"""Snapshots: whole copies of the projection's file, to go back to, and to ask people's own SQL of.

    <root>/<number>/coord.duckdb     the copy
    <root>/<number>/snapshot.json    where it stands, when it was taken, its size and sha256

    begin    copy beside, under a name that counts for nothing; whoever writes stands still meanwhile
    finish   to the disk, then its digest, then one rename: a snapshot is complete or not there

Nothing in a snapshot is ever changed. Standard library only: whoever only looks for one need not load the engine.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

FILE_NAME: Final = "coord.duckdb"
_MANIFEST: Final = "snapshot.json"
_UNFINISHED: Final = ".new"
_GONE: Final = ".gone"
_DIGITS: Final = 8
_NOT_WITHIN: Final = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
"""What a kernel says that cannot copy from one of these files to the other by itself."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a copy was made of, and when."""

    fingerprint: str
    """Of the tables and folds: a file of another one is of no use."""
    positions: Mapping[str, int]
    """By stream: how far it is folded in."""
    recorded_at_ns: int
    """The broker's time of the last event."""
    taken_at_ns: int
    pause_seconds: float = 0.0
    """How long folding stood still for it."""
    asked: bool = False
    """Whether somebody asked for it; else it was time for one."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One that is complete."""

    folder: Path
    standing: Standing
    size_bytes: int
    sha256: str

    @property
    def file(self) -> Path:
        """The copy."""
        return self.folder / FILE_NAME

    def is_whole(self) -> bool:
        """Tell whether the copy is still, byte for byte, what was written; reads all of it."""
        try:
            return self.file.stat().st_size == self.size_bytes and _sha256(self.file) == self.sha256
        except OSError:
            return False


def snapshots(root: Path) -> list[Snapshot]:
    """List what is complete, the newest first; one whose manifest cannot be read is none."""
    numbered = sorted((folder for folder in _folders(root) if folder.name.isdecimal()), reverse=True)
    return [found for folder in numbered if (found := _read(folder)) is not None]


def begin(root: Path, file: Path) -> Path:
    """Copy a file that nobody writes to meanwhile; returns the folder that `finish` is given.

    Raises:
        OSError: it cannot be copied; what was copied is gone again.
    """
    root.mkdir(mode=0o700, exist_ok=True)
    for left in _folders(root):
        if left.suffix in (_UNFINISHED, _GONE):
            shutil.rmtree(left, ignore_errors=True)
    taken = [int(folder.stem) for folder in _folders(root) if folder.stem.isdecimal()]
    unfinished = root / f"{max(taken, default=0) + 1:0{_DIGITS}}{_UNFINISHED}"
    unfinished.mkdir(mode=0o700)
    try:
        copy_file(file, unfinished / FILE_NAME)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return unfinished


def finish(unfinished: Path, standing: Standing) -> Snapshot:
    """Bring a copy to the disk, say what it is, and give it its name.

    Raises:
        OSError: it cannot be written; what was copied is gone again.
    """
    file = unfinished / FILE_NAME
    try:
        _sync(file)
        known = {"size_bytes": file.stat().st_size, "sha256": _sha256(file)}
        manifest = unfinished / _MANIFEST
        manifest.write_text(json.dumps({**asdict(standing), **known}), "utf-8")
        _sync(manifest)
        _sync(unfinished)
        folder = unfinished.with_suffix("")
        unfinished.rename(folder)
        _sync(folder.parent)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    found = _read(folder)
    assert found is not None
    return found


def thin_out(root: Path, kept: int, asked: int) -> list[Snapshot]:
    """Drop all but the newest `kept` that were due and the newest `asked` that somebody asked for; returns what stays."""
    stay: list[Snapshot] = []
    left = {False: kept, True: asked}
    for one in snapshots(root):
        left[one.standing.asked] -= 1
        if left[one.standing.asked] >= 0:
            stay.append(one)
        else:
            drop(one)
    return stay


def drop(snapshot: Snapshot) -> None:
    """Remove a snapshot: at once it is none any more. Who has its file open, or a link to it, keeps that."""
    gone = snapshot.folder.with_suffix(_GONE)
    with suppress(OSError):
        snapshot.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def drop_all(root: Path) -> None:
    """Remove every snapshot: they are of another log."""
    shutil.rmtree(root, ignore_errors=True)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file, within the filesystem where that can share blocks.

    Raises:
        OSError: it cannot be read or written.
    """
    try:
        with open(source, "rb") as reading, open(target, "wb") as writing:
            left = os.fstat(reading.fileno()).st_size
            while left and (done := os.copy_file_range(reading.fileno(), writing.fileno(), left)):
                left -= done
    except OSError as error:
        if error.errno not in _NOT_WITHIN:
            raise
        shutil.copyfile(source, target)


def of_version(found: Sequence[Snapshot], fingerprint: str) -> list[Snapshot]:
    """Return those that this version of the tables can read, in the same order."""
    return [one for one in found if one.standing.fingerprint == fingerprint]


def _folders(root: Path) -> list[Path]:
    try:
        return list(root.iterdir())
    except OSError:
        return []


def _read(folder: Path) -> Snapshot | None:
    try:
        known = json.loads((folder / _MANIFEST).read_text("utf-8"))
        size_bytes, sha256 = int(known.pop("size_bytes")), str(known.pop("sha256"))
        standing = Standing(**known)
        return (
            Snapshot(folder, standing, size_bytes, sha256) if isinstance(standing.positions, dict) else None
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _sha256(file: Path) -> str:
    with open(file, "rb") as reading:
        return hashlib.file_digest(reading, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
