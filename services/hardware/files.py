"""Reading what the kernel shows as files. A file that is not there, or cannot be read, is None.

Every path is the machine's root plus a path in /proc or /sys, so that a test can show another machine.
"""

import os
from typing import Final

ROOT: Final = ""
"""The root of the machine itself: readers put it before `/proc` and `/sys`."""

_CHUNK_BYTES: Final = 65_536


def read(path: str) -> bytes | None:
    """Return a whole file; None when it is not there, not ours to read, or its device does not answer."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        raw = b""
        while more := os.read(descriptor, _CHUNK_BYTES):
            raw += more
        return raw
    except OSError:
        return None
    finally:
        os.close(descriptor)


def read_text(path: str) -> str | None:
    """Return a small file as text without its line end; None when it is not there or empty."""
    raw = read(path)
    return raw.decode("utf-8", "replace").strip() or None if raw is not None else None


def read_number(path: str) -> float | None:
    """Return the one number in a file; None when it is not there or holds none."""
    raw = read(path)
    if raw is None:
        return None
    try:
        return float(raw)
    except ValueError:
        return None


def names(path: str) -> list[str]:
    """Return the names in a folder, sorted with numbers by value; none when there is no such folder."""
    try:
        return sorted(os.listdir(path), key=_natural)
    except OSError:
        return []


def _natural(name: str) -> tuple[str, int, str]:
    head = name.rstrip("0123456789")
    tail = name[len(head) :]
    return head, int(tail) if tail else -1, name
