"""Opening the file: hardened, and with the ladder of recovery.

    opens                        clean
    held by another process      FolderTaken, with its pid: never recovered from
    the log of writes is bad     set aside; the file is older and consistent, and the stream is read on from there
    the file is bad, or gone     set aside; the newest snapshot that is whole takes its place, else the one before;
                                 each is read in full first, as what is bad may have been bad when it was copied
    no snapshot will do, or a    set aside; a new one is begun, to be filled from the log
    file of another fingerprint

What is set aside stays beside the file as `<name>.bad.<n>`, at most `SET_ASIDE_MAX` of them, and goes when a snapshot needs the room.
"""

import errno
import fcntl
import os
import re
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import duckdb

from coord.events.errors import FolderTaken, visible
from coord.events.streams import EVENTS
from coord.projections.snapshots import Snapshot, copy_file, drop, of_version
from coord.projections.store.digests import digests
from coord.projections.store.engine import ROW_GROUP_ROWS, SETTINGS
from coord.projections.store.faults import StoreBroken
from coord.projections.store.reader import Reader
from coord.projections.store.schema import ALL_TABLES, FINGERPRINT, META, STATEMENTS
from coord.projections.store.writer import ATTACHED, Store

CHECKPOINT_THRESHOLD: Final = "64MB"
SET_ASIDE_MAX: Final = 3
_PID_DIGITS_MAX: Final = 20
OTHER_VERSION: Final = "it was written by another version"
"""Why a file of another fingerprint is of no use."""

How = Literal["clean", "wal_set_aside", "snapshot", "rebuilt"]


@dataclass(frozen=True, slots=True)
class Opened:
    """A store, and how it could be opened."""

    store: Store
    how: How
    reason: str = ""
    """Why it was not clean."""


class _OtherFingerprint(Exception):
    """The file was written by another version of the tables or folds."""


def open_store(
    path: Path, memory_mib: int, *, deep: bool = False, snapshots: Sequence[Snapshot] = ()
) -> Opened:
    """Open the file, or recover.

    Args:
        path: of the file.
        memory_mib: what the engine may use.
        deep: read every value, for when a fault was seen.
        snapshots: to go back to, the newest first.

    Raises:
        FolderTaken: another process has it open.
        StoreBroken: not even a new file can be made here.
    """
    usable = of_version(snapshots, FINGERPRINT)
    if not path.exists():
        _wal(path).unlink(missing_ok=True)
        fresh = _from_snapshot(path, memory_mib, usable, "the file was gone")
        return fresh or Opened(_begin(path, memory_mib), "clean")
    try:
        return Opened(_open(path, memory_mib, deep), "clean")
    except (duckdb.Error, _OtherFingerprint) as error:
        reason = _why(path, error)
        bad_wal = "WAL" in str(error)
    if bad_wal and _wal(path).exists():
        _set_aside(_wal(path))
        try:
            return Opened(_open(path, memory_mib, deep), "wal_set_aside", reason)
        except (duckdb.Error, _OtherFingerprint) as error:
            reason = _why(path, error)
    return _from_snapshot(path, memory_mib, usable, reason) or begin_anew(path, memory_mib, reason)


def begin_anew(path: Path, memory_mib: int, reason: str) -> Opened:
    """Set a closed file aside and begin a new one.

    Raises:
        StoreBroken: no file can be made here.
    """
    for file in (path, _wal(path)):
        _set_aside(file)
    return Opened(_begin(path, memory_mib), "rebuilt", reason)


def begin_store(path: Path, memory_mib: int) -> Store:
    """Make a new, empty file in place of one that may be there."""
    remove_file(path)
    return _begin(path, memory_mib)


def remove_file(path: Path) -> None:
    """Remove a closed file."""
    for file in (path, _wal(path)):
        file.unlink(missing_ok=True)


def replace_file(old: Path, new: Path) -> None:
    """Put a closed file in the place of another closed one."""
    _wal(old).unlink(missing_ok=True)
    new.replace(old)


def _from_snapshot(path: Path, memory_mib: int, found: Sequence[Snapshot], reason: str) -> Opened | None:
    """Put the newest snapshot that is whole in the place of the file; None when there is none.

    Raises:
        StoreBroken: it cannot be copied here.
    """
    for snapshot in found:
        if not snapshot.is_whole():
            drop(snapshot)
            continue
        for file in (path, _wal(path)):
            _set_aside(file)
        _copied(snapshot, path)
        try:
            store = _open(path, memory_mib, deep=True)
        except (duckdb.Error, _OtherFingerprint):
            remove_file(path)
            continue
        at = snapshot.standing.positions.get(EVENTS.name, 0)
        return Opened(store, "snapshot", f"{reason}; gone on from the snapshot of position {at}")
    return None


def _copied(snapshot: Snapshot, path: Path) -> None:
    """Copy a snapshot into the place of the file; what was set aside goes where the disk has no room for both."""
    beside = path.with_name(path.name + ".copied")
    try:
        copy_file(snapshot.file, beside)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        aside = [*path.parent.glob(f"{path.name}.bad.*"), *path.parent.glob(f"{_wal(path).name}.bad.*")]
        if error.errno in (errno.ENOSPC, errno.EDQUOT) and aside:
            for file in aside:
                file.unlink()
            _copied(snapshot, path)
            return
        raise StoreBroken(f"the snapshot {snapshot.file} cannot be copied: {error.strerror}.") from error


def _open(path: Path, memory_mib: int, deep: bool) -> Store:
    with _held(path) as held:
        root = _connect(path, memory_mib)
        try:
            _check(root, deep)
        except BaseException:
            root.close()
            raise
        return Store(path, root, held.pop_all().close)


def _begin(path: Path, memory_mib: int) -> Store:
    with _held(path) as held:
        try:
            root = _connect(path, memory_mib)
            for statement in STATEMENTS:
                root.execute(statement).fetchall()
            root.execute(f"CREATE TABLE {META} AS SELECT $1 AS fingerprint", [FINGERPRINT]).fetchall()
            root.execute("CHECKPOINT").fetchall()
        except duckdb.Error as error:
            raise StoreBroken(f"no projection can be kept at {path}: {_why(path, error)}") from error
        return Store(path, root, held.pop_all().close)


def _held(path: Path) -> ExitStack:
    """Hold the file for this process, until what is returned is closed.

    The engine's own lock is of the kind that goes when any descriptor of the file is closed, as one is that copied it.

    Raises:
        FolderTaken: another process holds it.
        StoreBroken: nothing can be written there.
    """
    lock = path.with_name(path.name + ".lock")
    while True:
        held = ExitStack()
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreBroken(f"no projection can be kept at {path}: {error.strerror}.") from error
        held.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, _PID_DIGITS_MAX, 0).decode("ascii", "replace")
            held.close()
            raise _taken(path, holder) from error
        if _is_at(lock, descriptor):
            break
        held.close()
    held.callback(lock.unlink, missing_ok=True)
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return held


def _is_at(lock: Path, descriptor: int) -> bool:
    """Tell whether a file is still where it was opened: who held it before may have taken it away."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(lock), os.fstat(descriptor))
    return False


def _connect(path: Path, memory_mib: int) -> duckdb.DuckDBPyConnection:
    root = duckdb.connect(":memory:", config=dict(SETTINGS))
    try:
        quoted = str(path).replace("'", "''")
        root.execute(f"ATTACH '{quoted}' AS {ATTACHED} (ROW_GROUP_SIZE {ROW_GROUP_ROWS})").fetchall()
        root.execute(f"USE {ATTACHED}").fetchall()
        _limit(root, memory_mib)
    except BaseException:
        root.close()
        raise
    return root


def _limit(root: duckdb.DuckDBPyConnection, memory_mib: int) -> None:
    for name, value in (
        ("checkpoint_threshold", CHECKPOINT_THRESHOLD),
        ("memory_limit", f"{memory_mib}MiB"),
        ("temp_directory", ""),
        ("max_temp_directory_size", "0GB"),
    ):
        root.execute(f"SET GLOBAL {name} = '{value}'").fetchall()
    root.execute("SET GLOBAL enable_external_access = false").fetchall()


def _check(root: duckdb.DuckDBPyConnection, deep: bool) -> None:
    tables = {row[0] for row in root.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    found = root.execute(f"FROM {META}").fetchall() if META in tables else []
    if found != [(FINGERPRINT,)]:
        raise _OtherFingerprint(OTHER_VERSION)
    reader = Reader(root)
    reader.counts()
    if deep:
        digests(reader)
    for table in ALL_TABLES:
        if table.key and not table.settled:
            root.execute(f'SELECT count(COLUMNS(*)) FROM "{table.name}"').fetchall()


def _why(path: Path, error: BaseException) -> str:
    words = str(error).partition("\n")[0]
    if "Could not set lock" in words:
        held = re.search(r"PID (\d+)", words)
        raise _taken(path, held[1] if held else "") from error
    return visible(words, 300)


def _taken(path: Path, holder: str) -> FolderTaken:
    return FolderTaken(
        f"the projection {path} is in use by process {holder or 'unknown'}.",
        "Stop that projector, or choose another folder with --data.",
    )


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _set_aside(file: Path) -> None:
    if not file.exists():
        return
    beside = [file.with_name(f"{file.name}.bad.{number}") for number in range(1, SET_ASIDE_MAX + 1)]
    free = next((one for one in beside if not one.exists()), None)
    file.replace(free or min(beside, key=lambda one: one.stat().st_mtime_ns))
