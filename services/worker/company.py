"""Which processes of this machine work under an agent's name: each holds a lock on working/<agent> in the data folder.

    joined --registered it: its incarnation stands in the file--> joined --leaving--> gone
                                                                             `--nobody else is there--> retires it first

An agent that a worker registered retires with the last of them, not with the one that registered it: the others claim
and renew under it. Who comes meanwhile waits until that is said, and registers it anew. The kernel lets go of what a
process held that was killed. Where the file cannot be made nobody is known, and nobody is retired.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from coord.services.folder import Folder

_ROOT: Final = "working"
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_DIGITS_MAX: Final = 19


class Company:
    """One process among those that work under an agent's name. Join before the agent is registered."""

    def __init__(self, folder: Folder, agent: str) -> None:
        self._path = folder.where(_ROOT, agent)
        self._descriptor: int | None = None
        with suppress(OSError):
            os.makedirs(folder.where(_ROOT), mode=_FOLDER_MODE, exist_ok=True)
            self._descriptor = _joined(self._path)

    def registered(self, incarnation: int) -> None:
        """Note that a worker has registered the agent."""
        if self._descriptor is not None and incarnation > (_read(self._descriptor) or 0):
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, str(incarnation).encode(), 0)

    @contextmanager
    def leaving(self) -> Iterator[int | None]:
        """Leave; give the incarnation that is to retire, if a worker registered it and nobody else is there."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            yield None
            return
        try:
            if not _is_last(descriptor):
                yield None
                return
            yield _read(descriptor)
            with suppress(OSError):
                os.unlink(self._path)
        finally:
            os.close(descriptor)


def _joined(path: str) -> int:
    """Share the lock on the file of that name, and not on one that somebody who left has removed meanwhile."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if _is_there(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_there(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _is_last(descriptor: int) -> bool:
    """Let go, and try to hold the lock alone: of two who leave at once, one finds that the other has let go."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read(descriptor: int) -> int | None:
    text = os.pread(descriptor, _DIGITS_MAX, 0)
    return int(text) if text.isdigit() else None
