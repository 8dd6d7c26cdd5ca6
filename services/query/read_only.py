"""Linux keeps this process from writing to files, whatever asks for it: Landlock, where the kernel has it.

The limit on the size of files (process.bound) lets none grow, and none be written; but one that is there could still be
emptied by being opened, and the archive's files are in reach. What is open already, such as a pipe, stays as it is.
Threads that are there already are not bound, so it is called before the engine is loaded.
"""

import ctypes
import struct
import sys
from typing import Final

_CREATE, _RESTRICT = 444, 446
"""System calls of Linux, the same on every processor."""
_VERSION_ONLY: Final = 1
_NO_NEW_PRIVILEGES: Final = 38
"""A process that gives up more privileges may bind itself."""
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_MAKE: Final = sum(1 << bit for bit in (6, 7, 8, 9, 10, 11, 12))
"""Devices, folders, files, sockets, pipes, links."""
_TRUNCATE_SINCE: Final = 3
"""In this version of Landlock; before it a file is kept from being emptied as far as it must be opened for that."""


def write_no_files() -> bool:
    """Bind this thread, and those that it starts, for good; tells whether the kernel can."""
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    version = library.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_ONLY))
    if version < 1:
        return False
    handled = struct.pack("<Q", _WRITE_FILE | _MAKE | (_TRUNCATE if version >= _TRUNCATE_SINCE else 0))
    rules = library.syscall(_CREATE, handled, ctypes.c_size_t(len(handled)), ctypes.c_uint32(0))
    if rules < 0 or library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    return bool(library.syscall(_RESTRICT, rules, ctypes.c_uint32(0)) == 0)
