"""Ids from the lines of stdin: one a line, or our own lists as they are printed.

`coord alerts --status open | coord ack -` works because a list begins with a summary, which ends in the position it
speaks as of, and with titles. So does `coord claim -n 3 --json | coord release -`: a line of JSON names what it lists.
Nothing else is passed over: what is no id is an error.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from coord.events.errors import UsageError
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

    def __call__(self, text: str) -> Sequence[str]:
        """Return the ids of a line: its first word, or those of a line of JSON; none where it is part of a list's frame.

        Raises:
            UsageError: it begins with no id.
        """
        text = re.sub(_COLOURS, "", text)
        self._lines += 1
        if self._lines == 1:
            self._listed = re.fullmatch(_SUMMARY, text) is not None
        if self._listed and self._lines <= _FRAME_LINES:
            return ()
        if text.startswith("{"):
            from coord.services.cli.stdin import LIST_BYTES_MAX

            ids = _printed_ids(as_json(text, "the line", LIST_BYTES_MAX))
            return [as_name(one, self._what) for one in ids]
        return (as_name(text.split(maxsplit=1)[0], self._what),)


def _printed_ids(printed: Mapping[str, Any]) -> list[str]:
    """Return the id of each of its `items` or `rows`, or its own."""
    lists = [printed[name] for name in ("items", "rows") if isinstance(printed.get(name), list)]
    itself = [printed] if "id" in printed or not lists else []
    ids = [row.get("id") if isinstance(row, dict) else None for row in next(filter(None, lists), itself)]
    if not all(one and isinstance(one, str | int) for one in ids):
        raise UsageError("the line has no id.")
    return [str(one) for one in ids]
