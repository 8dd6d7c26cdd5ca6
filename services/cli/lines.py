"""Ids from the lines of stdin: one a line, or our own lists as they are printed.

`coord alerts --status open | coord ack -` works because a list begins with a summary, which ends in the position it
speaks as of, and with titles. Nothing else is passed over: what is no id is an error.
"""

import re
from typing import Final

from coord.services.cli.values import as_json, as_name

_SUMMARY: Final = r".* {3}as of position \d+(?:, \d+ events behind)?"
_FRAME_LINES: Final = 2
_COLOURS: Final = r"\x1b\[[0-9;]*m"


class Ids:
    """Reads line after line."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lines = 0
        self._listed = False

    def __call__(self, text: str) -> str | None:
        """Return the id of a line, its first word or `id` of a line of JSON; None where it is part of a list's frame.

        Raises:
            UsageError: it begins with no id.
        """
        text = re.sub(_COLOURS, "", text)
        self._lines += 1
        if self._lines == 1:
            self._listed = re.fullmatch(_SUMMARY, text) is not None
        if self._listed and self._lines <= _FRAME_LINES:
            return None
        if text.startswith("{"):
            return as_name(str(as_json(text, "the line").get("id", "")), self._what)
        return as_name(text.split(maxsplit=1)[0], self._what)
