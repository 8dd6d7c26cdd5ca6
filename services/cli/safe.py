"""Text from elsewhere, made safe for a terminal: nothing that is printed can move, colour or hide anything.

Whatever Python calls unprintable is written as an escape: C0, C1 and DEL, bidi and zero-width controls,
tags, lone surrogates, line and paragraph separators, private and unassigned characters. No markup exists,
so none is interpreted. JSON stays JSON: there the same characters become \\uXXXX.
"""

import json
from typing import Any

from coord.events.errors import visible


def safe(value: object) -> str:
    """Write any value on one line, with whatever is unprintable escaped."""
    text = value if isinstance(value, str) else str(value)
    return visible(text, len(text))


def safe_json(value: Any) -> str:
    """Write a value as one line of JSON that a terminal may show."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else json.dumps(mark)[1:-1] for mark in text).replace(
        "\x7f", "\\u007f"
    )
