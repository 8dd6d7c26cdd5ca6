"""stdin as lines: for verbs whose argument was `-`."""

import os
import stat
import sys
from collections.abc import Iterator
from typing import Final

from coord.events.errors import UsageError
from coord.events.streams import EVENT_BYTES_MAX

_COUNTED_BYTES_MAX: Final = 32 * 1024 * 1024


def lines_of_stdin() -> Iterator[bytes]:
    """Yield the lines as they come; one of more than twice what an event holds comes in parts."""
    if sys.stdin is None:
        return
    while line := sys.stdin.buffer.readline(2 * EVENT_BYTES_MAX):
        yield line


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


def line_text(line: bytes, number: int) -> str:
    """Return a line as text; `number` is for the sentence when it is none."""
    try:
        return line.decode().strip()
    except UnicodeDecodeError as error:
        raise UsageError(f"line {number} of stdin is not UTF-8 text.") from error
