"""The file of a backup: a tar, so that any tool reads it, of parts and their digests.

    backup.json            what it is of: when, which streams, up to which positions, which settings
    EVENTS/00000001 ...    a stream's snapshot in pieces
    house/...              files of the data folder
    SHA256SUMS             last: a digest for every part before it; `sha256sum -c` reads it, too

It is written beside its name and put there when it is whole and flushed; what is there already is never replaced.
"""

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from coord.events.errors import CoordError, UsageError, visible
from coord.events.streams import MIB

FORMAT: Final = 1
MANIFEST: Final = "backup.json"
SUMS: Final = "SHA256SUMS"
PART_BYTES_MAX: Final = 64 * MIB
_PRIVATE: Final = 0o600
_WORD: Final = r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*"
_NAME: Final = re.compile(rf"{_WORD}(?:/{_WORD}){{0,4}}")
_SUM: Final = re.compile(r"([0-9a-f]{64})  (\S+)")


class Damaged(UsageError):
    """The file is no backup, or not as it was written."""


class Writer:
    """A backup that is being written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.TarFile(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT)
        self._sums: list[str] = []

    def add(self, name: str, content: bytes) -> None:
        """Write one part."""
        assert _NAME.fullmatch(name), name
        self._add(name, content)
        self._sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")

    def finish(self) -> None:
        """Write the digests, and the end."""
        self._add(SUMS, "".join(self._sums).encode())
        self._tar.close()

    def _add(self, name: str, content: bytes) -> None:
        told = tarfile.TarInfo(name)
        told.size, told.mode = len(content), _PRIVATE
        self._tar.addfile(told, io.BytesIO(content))
        self._tar.members.clear()  # type: ignore[attr-defined]


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Write a backup: whole and flushed under its name when the context ends, and not at all when it fails.

    Raises:
        UsageError: something is there already, or nothing can be written there.
        CoordError: the disk is full or fails.
    """
    refuse_existing(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE), "wb") as file:
            writer = Writer(file)
            yield writer
            writer.finish()
            file.flush()
            os.fsync(file.fileno())
        _put(beside, path)
    except OSError as error:
        why = error.strerror or str(error)
        raise CoordError(
            f"the backup {shown(path)} cannot be written: {why}.", "Nothing was kept of it."
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def refuse_existing(path: Path) -> None:
    """Refuse a name that something has, or whose folder is not there.

    Raises:
        UsageError: it is so; nothing was written.
    """
    if os.path.lexists(path):
        raise UsageError(
            f"{shown(path)} is there already, and a backup replaces nothing.", "Name another file."
        )
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {shown(path.parent)}.", "Make it, or name another file.")


def _put(beside: Path, path: Path) -> None:
    """Give a file its name, unless something has it by now."""
    try:
        os.link(beside, path)
    except FileExistsError as error:
        raise UsageError(f"{shown(path)} came to be meanwhile, and is left as it is.") from error
    except OSError:  # a file system without links
        refuse_existing(path)
        beside.rename(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check(path: Path, tell: Callable[[int, int], None]) -> dict[str, Any]:
    """Read a backup to its end, and return what it says of itself; `tell` hears how many bytes of how many.

    Raises:
        Damaged: it is no backup, or a part is not as it was written; the message names which.
        UsageError: it cannot be read.
    """
    found: dict[str, str] = {}
    manifest = b""
    total, done, last = path.stat().st_size if path.is_file() else 0, 0, ""
    for name, content in parts(path):
        if name == SUMS:
            _compare(path, content, found)
            return _manifest(path, manifest)
        if name in found:
            raise Damaged(f"{shown(path)} is damaged: its part {visible(name)} is there twice.")
        found[name] = hashlib.sha256(content).hexdigest()
        manifest = content if name == MANIFEST else manifest
        done, last = done + len(content), name
        tell(done, total)
    if not found:
        raise Damaged(f"{shown(path)} is no backup of coord.")
    raise Damaged(
        f"{shown(path)} is cut short or damaged behind its part {visible(last)}.", "Take another backup."
    )


def parts(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give out the parts of a backup as they stand in it, as far as they can be read.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            while (told := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]
                content = _content(tar, told)
                if content is None:
                    return
                yield told.name, content
    except (tarfile.TarError, EOFError, ValueError, OverflowError):
        return
    except OSError as error:
        raise UsageError(f"{shown(path)} cannot be read: {error.strerror}.") from error


def _content(tar: tarfile.TarFile, told: tarfile.TarInfo) -> bytes | None:
    """Read a part; None where it is not one that a backup has."""
    if not told.isreg() or told.size > PART_BYTES_MAX or not _NAME.fullmatch(told.name):
        return None
    reader = tar.extractfile(told)
    content = reader.read(told.size) if reader is not None else b""
    return content if len(content) == told.size else None


def _compare(path: Path, sums: bytes, found: dict[str, str]) -> None:
    said = {
        match[2]: match[1]
        for match in map(_SUM.fullmatch, sums.decode("ascii", "replace").splitlines())
        if match
    }
    missing = sorted(said.keys() - found.keys())
    if missing or len(said) != sums.count(b"\n"):
        what = f"its part {missing[0]} is missing" if missing else "its digests are damaged"
        raise Damaged(f"{shown(path)} is damaged: {what}.", "Take another backup.")
    for name, digest in found.items():
        if said.get(name) != digest:
            raise Damaged(
                f"{shown(path)} is damaged: its part {visible(name)} is not as it was written.",
                "Take another backup.",
            )


def _manifest(path: Path, content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content)
        version = int(told["format"])
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{shown(path)} is no backup of coord.") from error
    if version != FORMAT:
        raise Damaged(f"{shown(path)} is a backup of form {version}; this coord reads form {FORMAT}.")
    read: dict[str, Any] = told
    return read


def shown(path: Path) -> str:
    """Write a path for a sentence."""
    return visible(str(path), 200)
