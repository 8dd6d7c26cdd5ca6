"""The one clock and the one maker of ids. Nothing else in coord asks for the time or for randomness.

uuid, hashlib and datetime are imported where they are used: a claim needs none, and they cost 5 of its 60 ms.
"""

import os
import re
import time
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Callable

_NAMESPACE = bytes.fromhex("6f2b5c1e6a435b1f9d0ec00d00c00d00")
_ID_LENGTH = 36
_HEX = "[0-9a-fA-F]"
_VERSION_7 = re.compile(f"{_HEX}{{8}}-{_HEX}{{4}}-7{_HEX}{{3}}-[89abAB]{_HEX}{{3}}-{_HEX}{{12}}")
_ID_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The digit of a UUID that tells its variant, by what stood there."""


now_ns = time.time_ns
"""Returns the wall clock in nanoseconds since 1970: for showing, never for deciding."""

monotonic = time.monotonic
"""Returns seconds on the clock that never jumps: for leases, time-outs and durations."""


def cpu_seconds() -> float:
    """Return what this process has computed so far, all its threads together: for a budget, never for a moment."""
    return time.process_time()


def rfc3339(ns: int) -> str:
    """Write a wall-clock moment as RFC 3339 in UTC, with nanoseconds."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{_second(seconds)}.{rest:09d}Z"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def new_id() -> str:
    """Make a UUIDv7: unique, and in order of time to a quarter of a microsecond (RFC 9562, 5.7 and 6.2)."""
    ms, rest_ns = divmod(now_ns(), 1_000_000)
    fraction = (rest_ns << 12) // 1_000_000
    random = int.from_bytes(os.urandom(8)) >> 2
    digits = f"{ms << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def chance() -> float:
    """Return a number from 0 to 1 by chance: for pauses, so that many do not come at once."""
    return int.from_bytes(os.urandom(4)) / 0xFFFF_FFFF


def id_time_ms(text: str) -> int | None:
    """Return the moment a UUIDv7 was made, in milliseconds since 1970; None for any other text."""
    if _VERSION_7.fullmatch(text):
        return int(text[:8] + text[9:13], 16)
    return None if len(text) == _ID_LENGTH else _other_id_time_ms(text)


def _other_id_time_ms(text: str) -> int | None:
    """Read the other ways of writing a UUID: without dashes, in braces, as a URN."""
    import uuid

    try:
        value = uuid.UUID(text)
    except ValueError:
        return None
    return value.int >> 80 if value.version == 7 else None


def derived_id(request_id: str, ordinal: int) -> str:
    """Derive an event's id from the request it answers: another try makes the same event."""
    return _version_5(f"{request_id}/{ordinal}")


def _version_5(name: str) -> str:
    """Make the UUIDv5 of a name (RFC 9562, 5.5): a fifth of what the uuid module takes for it."""
    digits = _sha1()(_NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


@cache
def _sha1() -> "Callable[..., hashlib._Hash]":
    from hashlib import sha1

    return sha1


def item_id_of(request_id: str) -> str:
    """Derive a work item's id from the request that submits it: `w-` and 12 letters or digits."""
    return "w-" + _short(f"item/{request_id}")


def directive_id_of(request_id: str) -> str:
    """Derive a directive's id from the request that issues it: `d-` and 12 letters or digits."""
    return "d-" + _short(f"directive/{request_id}")


def _short(name: str) -> str:
    value = int(_version_5(name).replace("-", ""), 16)
    return "".join([_ID_DIGITS[value >> place & 31] for place in range(0, 60, 5)])
