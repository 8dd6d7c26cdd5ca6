"""The kinds of value a setting may have: each reads what was given, or says what is allowed.

Standard library only, and urllib only where it is used: the light commands read settings, too.
"""

import math
import os
import re
from collections.abc import Callable
from typing import Any, Final

from coord.events.tokens import is_token

_DIGITS_MAX: Final = 20
_WHOLE: Final = r"-?[0-9]+"
_HOST: Final = r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
_DURATION: Final = r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)?"
_UNIT_SECONDS: Final = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

_NOWHERE: Final = "an absolute path: the home or present folder it starts from does not exist"

Place = str | os.PathLike[str]
"""Where a file or folder is."""


class Wrong(ValueError):
    """What is allowed instead."""


def parse_duration(text: str) -> float:
    """Read `30`, `30s`, `1.5m`, `2h`, `500ms` or `1d` as seconds.

    Raises:
        ValueError: it is none of these; the message says what is allowed.
    """
    match = re.fullmatch(_DURATION, text) if text.isascii() else None
    if match is None:
        raise Wrong("a time such as 30s, 500ms, 2m or 1h")
    return float(match[1]) * _UNIT_SECONDS[match[2]]


def seconds(low: float, high: float) -> Callable[[Any], float]:
    """A length of time: a number of seconds, or a text with a unit."""

    def parse(value: Any) -> float:
        allowed = f"a time from {low:g}s to {high:g}s, such as 30s, 500ms or 2m"
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise Wrong(allowed)
        try:
            length = parse_duration(value) if isinstance(value, str) else float(value)
        except (ValueError, OverflowError) as error:
            raise Wrong(allowed) from error
        if not math.isfinite(length) or not low <= length <= high:
            raise Wrong(allowed)
        return length

    return parse


def whole(low: int, high: int) -> Callable[[Any], int]:
    """A whole number."""

    def parse(value: Any) -> int:
        if isinstance(value, str) and len(value) <= _DIGITS_MAX and re.fullmatch(_WHOLE, value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Wrong(f"a whole number from {low} to {high}")
        return value

    return parse


def name(value: Any) -> str:
    """A name: what may stand in a subject."""
    if not isinstance(value, str) or not is_token(value):
        raise Wrong("1 to 64 letters, digits, '_' or '-'")
    return value


def address(value: Any) -> str:
    """An address to listen on."""
    from ipaddress import ip_address

    try:
        return (
            "127.0.0.1" if value == "localhost" else str(ip_address(value if isinstance(value, str) else ""))
        )
    except ValueError as error:
        raise Wrong("an address of this machine, such as 127.0.0.1, ::1 or 0.0.0.0") from error


def hosts(value: Any) -> str:
    """Names of hosts with commas between them, each with or without a port."""
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else []
    if not names or not all(re.fullmatch(_HOST, name) for name in names):
        raise Wrong("names with commas between them, such as coord.example.org,10.0.0.5:8778")
    return ",".join(names)


def switch(value: Any) -> bool:
    """Yes or no."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    chosen = words.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(chosen, bool):
        raise Wrong("true or false")
    return chosen


def place(value: Any) -> str:
    """A path, made absolute as pathlib does it, whose import takes longer than all of this."""
    given = os.fspath(value) if isinstance(value, str | os.PathLike) else ""
    if not given or "\0" in given:
        raise Wrong("a path")
    given = os.path.expanduser(given)
    if given.startswith("~"):
        raise Wrong(_NOWHERE)
    try:
        from_root = given if given.startswith("/") else f"{os.getcwd()}/{given}"
    except OSError as error:
        raise Wrong(_NOWHERE) from error
    return "/" + "/".join(part for part in from_root.split("/") if part not in ("", "."))


def url(*schemes: str) -> Callable[[Any], str]:
    """A URL of one of these schemes."""
    allowed = f"a URL such as {schemes[0]}://127.0.0.1:4222"

    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise Wrong(allowed)
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError as error:
            raise Wrong(allowed) from error
        if parts.scheme not in schemes or not parts.hostname or not value.isprintable() or " " in value:
            raise Wrong(allowed)
        return value

    return parse


def one_of(*words: str) -> Callable[[Any], str]:
    """One of a few words."""

    def parse(value: Any) -> str:
        if value not in words:
            raise Wrong(f"one of {', '.join(words)}")
        return str(value)

    return parse


def text(value: Any) -> str:
    """A line of text."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Wrong("a line of text")
    return value
