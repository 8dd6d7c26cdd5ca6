"""Small files for commands: what they read on stdin, and what they write as their result.

They lie in jobs/<pid of the worker>/ of the data folder; those of workers that were killed go with the next worker.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

from coord.services.folder import Folder, is_alive

_ROOT: Final = "jobs"
_STDIN: Final = ".stdin"


class Scratch:
    """The folder of one worker."""

    def __init__(self, folder: Folder) -> None:
        self._path = folder.make(_ROOT, str(os.getpid()))
        for name in os.listdir(folder.path(_ROOT)):
            if name.isdigit() and not is_alive(int(name)):
                _remove(folder.path(_ROOT, name))

    def opened(self, content: bytes) -> int:
        """Return a descriptor to read this from; there is no file of it."""
        path = self._path / _STDIN
        with path.open("wb") as file:
            file.write(content)
        descriptor = os.open(path, os.O_RDONLY)
        path.unlink()
        return descriptor

    def result_of(self, item_id: str) -> Path:
        """Return where an item's command may write its result."""
        return self._path / f"{item_id}.json"

    def forget(self, item_id: str) -> None:
        """Drop what a command wrote."""
        with contextlib.suppress(OSError):
            self.result_of(item_id).unlink()

    def close(self) -> None:
        """Drop all."""
        _remove(self._path)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        for name in os.listdir(path):
            (path / name).unlink()
        path.rmdir()
