"""What is run for an item: a line for the shell, or a program with its arguments, with fields of the item in braces.

    {id} {agent} {incarnation} {fence} {attempt} {priority} {team} {request}   names and numbers, put in as they are
    {title} {body} {body.NAME}                                                 anybody's words

Nobody's words ever stand in a line for a shell: there a field becomes a quoted variable, `"${COORD_TITLE}"`, so that no
title and no body can be run, whatever is in it. Within quotes that is refused: in single ones a shell would not look at
it, in double ones it might become the text of another shell (`sh -c "..."`). All else in braces, and whatever follows a
`$`, is left as it is: it is the shell's.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from coord.events.errors import CoordError, UsageError

SHELL: Final = "/bin/sh"
TITLE_VARIABLE: Final = "COORD_TITLE"
TOKENS: Final = ("id", "agent", "incarnation", "fence", "attempt", "priority", "team", "request")
"""Fields that are names or numbers: no shell sees anything in them."""
_FIELD: Final = re.compile(rf"(?<!\$)\{{({'|'.join(TOKENS)}|title|body(?:\.[A-Za-z0-9_]+)*)\}}")
_PLAIN: Final = re.compile(r"\s*([A-Za-z0-9_./+-]+)(?=[\s;|&]|$)")
_BODY: Final = "coord_"
"""What the variables of a body begin with; in small letters, as COORD_* are settings."""


class CannotBegin(CoordError):
    """The item lacks what the command is given."""


@dataclass(frozen=True, slots=True)
class Started:
    """What is started: a program with arguments, and the variables its line speaks of."""

    words: tuple[str, ...]
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """A command, before it is known for which item."""

    line: str = ""
    """For the shell; empty where a program is named."""
    words: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called."""
        return self.line or self.words[0]

    def filled(self, item: Mapping[str, Any], request_id: str) -> Started:
        """Return what is started for an item.

        Raises:
            CannotBegin: the body has not what is named.
        """
        if not self.line:
            return Started(tuple(_put_in(word, item, request_id) for word in self.words), {})
        variables: dict[str, str] = {}

        def put(found: re.Match[str]) -> str:
            name = found[1]
            if name in TOKENS:
                return _token(item, name, request_id)
            if name == "title":
                return _quoted(TITLE_VARIABLE)
            variable = _BODY + name.replace(".", "_")
            variables[variable] = _words_of(item, name)
            return _quoted(variable)

        return Started((SHELL, "-c", _FIELD.sub(put, self.line)), variables)


def line_for_shell(line: str) -> Template:
    """Read a line for the shell.

    Raises:
        UsageError: anybody's words are to stand in quotes.
    """
    for found in _FIELD.finditer(line):
        if found[1] not in TOKENS and _is_in_quotes(line, found.start()):
            raise UsageError(
                f"{found[0]} stands in quotes in --exec.", "Write it without quotes: it is quoted already."
            )
    return Template(line=line)


def first_word(line: str) -> str | None:
    """Return the command that a line for the shell begins with, where that is plain to see."""
    found = _PLAIN.match(line)
    return found[1] if found else None


def program(words: Sequence[str]) -> Template:
    """Read a program with its arguments, which no shell sees."""
    return Template(words=tuple(words))


def _quoted(variable: str) -> str:
    return f'"${{{variable}}}"'


def _is_in_quotes(line: str, at: int) -> bool:
    quotes, place = "", 0
    while place < at:
        mark = line[place]
        if mark == "\\" and quotes != "'":
            place += 1
        elif mark == quotes:
            quotes = ""
        elif mark in "'\"" and not quotes:
            quotes = mark
        place += 1
    return bool(quotes)


def _put_in(word: str, item: Mapping[str, Any], request_id: str) -> str:
    def put(found: re.Match[str]) -> str:
        return _token(item, found[1], request_id) if found[1] in TOKENS else _words_of(item, found[1])

    return _FIELD.sub(put, word)


def _token(item: Mapping[str, Any], name: str, request_id: str) -> str:
    value = request_id if name == "request" else item.get(name)
    return "" if value is None else str(value)


def _words_of(item: Mapping[str, Any], name: str) -> str:
    """Return a title, a body, or what a body has under a name; what is no text is JSON."""
    value: Any = item
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise CannotBegin(f"the command asks for {{{name}}}, and the item has no such field.")
        value = value[part]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
