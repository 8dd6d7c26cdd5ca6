"""Memory that runs out: how it is limited, and how an allocator says that it failed.

A limit is one on the address space of the process (RLIMIT_AS): what it has when training begins, and so many
bytes more. Beyond it the allocator of torch fails as on a machine that has no more, and with the same error.

What torch frees is given back at once then: the C library would keep freed blocks for later, and pieces of memory
that no tensor fits into count like any other, so that less and less could be allocated though nothing more is held.

When nothing is left, even a sentence about it cannot be made. So a reserve is held, which is let go then.
"""

import ctypes
import resource
from pathlib import Path
from typing import Final

import torch

from coord.events.errors import CoordError, UsageError, visible
from coord.events.model import NOTE_LENGTH_MAX

_WORDS: Final = (
    "can't allocate memory", "not enough memory", "bad_alloc", "CUDA out of memory", "Cannot allocate memory",
    "could not create a memory", "could not create a primitive",
)  # fmt: skip


RESERVE_BYTES: Final = 8 * 2**20
"""Address space that is never touched, so it costs no memory."""


_MMAP_THRESHOLD: Final = (-3, 64 * 2**10)
_ARENA_MAX: Final = (-8, 1)
"""Parameters of glibc's mallopt(3), with their values."""


class OutOfMemory(CoordError):
    """One sequence at a time is more than memory holds."""


class Reserve:
    """Room to act in when an allocation has failed."""

    def __init__(self) -> None:
        self._room: bytearray | None = None
        self.hold()

    def hold(self) -> None:
        """Hold it, if there is any."""
        if self._room is None:
            try:
                self._room = bytearray(RESERVE_BYTES)
            except MemoryError:
                return

    def let_go(self) -> None:
        """Let it go."""
        self._room = None


def limit_memory(more_bytes: int) -> None:
    """Allow this process so many bytes more than it has.

    Raises:
        UsageError: this machine does not allow that.
    """
    _give_back_what_is_freed()
    has_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    try:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (has_bytes + more_bytes, hard))
    except (OSError, ValueError) as error:
        raise UsageError(f"--memory-limit cannot be set here: {error}.") from error


def _give_back_what_is_freed() -> None:
    """Have large blocks of the C library mapped one by one; one that is not glibc goes on in its own way."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        for option, value in (_MMAP_THRESHOLD, _ARENA_MAX):
            set_option(option, value)


def allocation_failed(error: BaseException) -> str | None:
    """Return the allocator's own words in one line; None: it is another error."""
    text = str(error)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in text for words in _WORDS):
        line = text.partition("\n")[0].strip() or type(error).__name__
        return visible(line, NOTE_LENGTH_MAX)
    return None
