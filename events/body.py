"""Strict JSON at the border: what is refused before any model sees it.

A stored body is read for years by many readers; two that disagree about it (which of two equal keys
counts, what NaN is) would fold two histories. So a body is one JSON object in UTF-8, without a
byte-order mark, NUL, duplicate keys, NaN or infinities, integers beyond 64 bits, fractions that a double
takes for zero, or deep nesting.
"""

import json
import math
import re
from collections import Counter
from typing import Any, Final, NoReturn

import msgspec

from coord.events.errors import InvalidEvent
from coord.events.streams import BODY_BYTES_MAX, EVENT_BYTES_MAX

DEPTH_MAX: Final = 32
_INTEGER_MAX: Final = 2**63
_NOT_ZERO: Final = re.compile(r"-?[0-9.]*[1-9]")
_DIGITS_AS_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER: Final = b"0" * 19
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_object(raw: bytes, bytes_max: int = EVENT_BYTES_MAX) -> dict[str, Any]:
    """Parse one strict JSON object.

    The quick path: what msgspec reads and writes back byte for byte has no duplicate key. Everything
    else takes the slow path, where keys are compared.

    Raises:
        InvalidEvent: with the reason in one sentence.
    """
    if len(raw) > bytes_max:
        raise InvalidEvent(f"the body has {len(raw)} bytes; at most {bytes_max} are allowed.")
    try:
        value = msgspec.json.decode(raw)
        quick = isinstance(value, dict) and msgspec.json.encode(value) == raw
    except (msgspec.MsgspecError, UnicodeError, ValueError) as error:
        half = ", or a text in it holds half of a surrogate pair" if _SURROGATE.search(raw) else ""
        reason = str(error).partition(" - at `")[0].removesuffix(".")
        raise InvalidEvent(f"the body is not JSON{half}: {reason}.") from error
    except RecursionError as error:
        raise InvalidEvent(f"the body is nested deeper than {DEPTH_MAX}.") from error
    if not isinstance(value, dict):
        raise InvalidEvent(f"the body is a JSON {type(value).__name__}, not an object.")
    if not quick:
        _refuse_ambiguous(raw)
    if not quick or not _is_plain(raw):
        _check(value, DEPTH_MAX)
    return value


def encode_object(value: dict[str, Any]) -> bytes:
    """Encode to the one JSON form that coord writes: compact, UTF-8, keys in the order given.

    Raises:
        InvalidEvent: the value holds something `parse_object` would refuse.
    """
    try:
        raw = msgspec.json.encode(value)
        plain = is_surely_fine(raw)
    except (OverflowError, UnicodeError, msgspec.MsgspecError, RecursionError):
        raw, plain = b"", False
    if not plain:
        _check(value, DEPTH_MAX)
        raw = raw or msgspec.json.encode(value)
    if len(raw) > BODY_BYTES_MAX:
        raise InvalidEvent(f"the body has {len(raw)} bytes; at most {BODY_BYTES_MAX} are allowed.")
    return raw


def is_surely_fine(raw: bytes) -> bool:
    """Tell of most bodies that msgspec wrote that `parse_object` takes them, at less cost than of all."""
    plain = _is_plain(raw) and len(raw) <= BODY_BYTES_MAX
    return plain and b"null" not in raw  # which is also written for what is not a finite number


def is_short_and_shallow(raw: bytes) -> bool:
    """Tell of most free values that no number in them is long, and that they may stand in a body: two deep at most."""
    zeros = raw.translate(_DIGITS_AS_ZERO)
    return raw.count(b"{") + raw.count(b"[") <= DEPTH_MAX - 4 and zeros.find(_LONG_NUMBER) < 0


def _is_plain(raw: bytes) -> bool:
    """Tell of most bodies that msgspec wrote that nothing is wrong with them: no NUL, nothing deep, no long number."""
    return (
        raw.isascii()
        and (b"\\" not in raw or b"\\u0000" not in raw)
        and raw.count(b"{") + raw.count(b"[") <= DEPTH_MAX
        and _LONG_NUMBER not in raw.translate(_DIGITS_AS_ZERO)
    )


def _refuse_ambiguous(raw: bytes) -> None:
    """Refuse equal keys, and numbers that would silently become zero."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(pairs)
        if len(seen) != len(pairs):
            twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
            raise InvalidEvent(f"the key {twice[:64]!a} appears twice in one object.")
        return seen

    try:
        json.loads(
            raw, object_pairs_hook=unique, parse_constant=_refuse_constant, parse_float=_refuse_underflow
        )
    except RecursionError as error:
        raise InvalidEvent(f"the body is nested deeper than {DEPTH_MAX}.") from error
    except ValueError as error:
        raise InvalidEvent(f"the body is not JSON: {error}.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidEvent(f"{name} is not JSON.")


def _refuse_underflow(digits: str) -> float:
    value = float(digits)
    if value == 0 and _NOT_ZERO.match(digits):
        raise InvalidEvent(f"the number {digits[:24]} is too small for a double, and would become zero.")
    return value


def _check(value: Any, depth: int) -> None:
    """Refuse what JSON readers disagree about. Most values are short plain texts and small numbers: first."""
    kind = type(value)
    if kind is str:
        if not value.isascii() or "\x00" in value:
            _check_text(value)
    elif kind is bool or value is None:
        return
    elif kind is int:
        if not -_INTEGER_MAX <= value < _INTEGER_MAX:
            raise InvalidEvent(f"the integer {str(value)[:24]}... does not fit 64 bits.")
    elif kind is float:
        if not math.isfinite(value):
            raise InvalidEvent(f"{value} is not a finite number.")
    elif isinstance(value, dict | list | tuple):
        _check_inner(value, depth)
    else:
        _check_kin(value)


def _check_inner(value: dict[str, Any] | list[Any] | tuple[Any, ...], depth: int) -> None:
    if depth == 0:
        raise InvalidEvent(f"the body is nested deeper than {DEPTH_MAX}.")
    if isinstance(value, dict):
        for key, inner in value.items():
            if not key.isascii() or "\x00" in key:
                _check_text(key)
            _check(inner, depth - 1)
    else:
        for inner in value:
            _check(inner, depth - 1)


def _check_kin(value: Any) -> None:
    """Check an enumeration's member or the like as the text or number that it is."""
    for kind in (str, int, float):
        if isinstance(value, kind):
            _check(kind(value), DEPTH_MAX)


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise InvalidEvent("a text in the body holds a NUL character.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidEvent("a text in the body holds half of a surrogate pair.") from error
