"""stdin as lines: for verbs whose argument was `-`."""

import os
import stat
import sys
from collections.abc import Iterator
from typing import Final

from coord.events.errors import UsageError
from coord.events.streams import EVENT_BYTES_MAX

LINE_BYTES_MAX: Final = 2 * EVENT_BYTES_MAX
"""As much as a line that says something may have, beside its end."""
LIST_BYTES_MAX: Final = 16 * 1024 * 1024
"""As much as one may have that lists what there is."""
_COUNTED_BYTES_MAX: Final = 32 * 1024 * 1024


def lines_of_stdin(bytes_max: int = LINE_BYTES_MAX) -> Iterator[bytes]:
    """Yield the lines as they come; of one that is too long no more than tells that it is."""
    if sys.stdin is None:
        return
    while line := sys.stdin.buffer.readline(bytes_max + 1):
        yield line
        rest = line
        while _is_too_long(line, bytes_max) and rest and not rest.endswith(b"\n"):
            rest = sys.stdin.buffer.readline(LINE_BYTES_MAX)


def stdin_count() -> int | None:
    """Return how many lines stdin has, where it is a file that is quickly counted; it is not read on by that."""
    try:
        descriptor = sys.stdin.fileno()
        state, at = os.fstat(descriptor), os.lseek(descriptor, 0, os.SEEK_CUR)
        if not stat.S_ISREG(state.st_mode) or state.st_size - at > _COUNTED_BYTES_MAX:
            return None
        return os.pread(descriptor, state.st_size - at, at).count(b"\n")
    except (OSError, ValueError, AttributeError):
        return None


def line_text(line: bytes, bytes_max: int = LINE_BYTES_MAX) -> str:
    """Return a line as text; what is blank is empty.

    Raises:
        UsageError: it is too long, or no text.
    """
    if _is_too_long(line, bytes_max):
        raise UsageError(f"the line has more than {bytes_max} bytes, and is not read.")
    try:
        return line.decode().strip()
    except UnicodeDecodeError as error:
        raise UsageError("the line is not UTF-8 text.") from error


def _is_too_long(line: bytes, bytes_max: int) -> bool:
    return len(line) > bytes_max and not line.endswith(b"\n")
