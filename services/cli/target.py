"""Where a verb writes a file: into a folder that is there, and of what has that name already, only a regular file is replaced."""

import os
import stat
from pathlib import Path
from typing import Final

from coord.events.errors import UsageError, visible

_KINDS: Final = {
    stat.S_IFBLK: "a device", stat.S_IFCHR: "a device", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}  # fmt: skip


def refuse_irregular(path: Path, what: str) -> None:
    """Make sure that a regular file, or nothing at all, has the name, in a folder that is there; a link is what it leads to.

    Raises:
        UsageError: something else has it, or there is no such folder.
    """
    try:
        kind = stat.S_IFMT(os.stat(path).st_mode)
    except (OSError, ValueError):
        if not path.parent.is_dir():
            told = visible(str(path), 200)
            raise UsageError(f"{what} is '{told}'; it must be a file in a folder that is there.") from None
        return
    if kind != stat.S_IFREG:
        raise UsageError(
            f"{what} is '{visible(str(path), 200)}', {_KINDS.get(kind, 'no file')}; it must be a file."
        )
