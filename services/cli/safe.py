"""Text from elsewhere, made safe for a terminal: nothing that is printed can move, colour or hide anything.

Whatever Python calls unprintable is written as an escape: C0, C1 and DEL, bidi and zero-width controls,
tags, lone surrogates, line and paragraph separators, private and unassigned characters. No markup exists,
so none is interpreted. JSON stays JSON: there the same characters become \\uXXXX.
"""

import json
from typing import Any

from coord.services.wording import safe


def safe_json(value: Any, indent: int | None = None) -> str:
    """Write a value as JSON that a terminal may show: one line, or several with an indent."""
    lines = json.dumps(value, ensure_ascii=False, indent=indent).split("\n")
    return "\n".join(line if line.isprintable() else "".join(map(_escaped, line)) for line in lines)


def _escaped(mark: str) -> str:
    if mark.isprintable():
        return mark
    return "".join(f"\\u{unit:04x}" for unit in _units(mark))


def _units(mark: str) -> list[int]:
    raw = mark.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(raw[place : place + 2]) for place in range(0, len(raw), 2)]


__all__ = ["safe", "safe_json"]
