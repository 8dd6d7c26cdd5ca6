"""Reads a plain command line by the table of verbs, without typer, whose import costs more than a claim.

Plain is what nearly every line is: known long options with their values, known switches, and as many
arguments as the verb takes; `--` before those of a verb that takes a command. Everything else - help, a slip - is left
to typer (app.py), which reads the same table; a test holds that where both read a line, they read the same.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from coord.services.cli.surface import VERBS
from coord.services.cli.verb import COLOUR, CONFIG, JSON, Option, Verb
from coord.services.settings import Settings, describe

_LIKE_TIME: Final = r"(?s)-?[0-9].*"
"""What is meant as the value of an option whose value may be left out, right or wrong; anything else stands for itself."""
Value = str | bool | tuple[str, ...]
_METAVARS: Final = {
    "archive": "DIR", "data": "DIR", "nats": "URL", "nats_credentials": "FILE", "nats_monitor": "URL", "server_binary": "FILE",
}  # fmt: skip


class Parsed(NamedTuple):
    """A command line as it was meant."""

    verb: Verb
    values: dict[str, Value]
    """Of the verb's own arguments and options, and `json`."""
    flags: dict[str, Value]
    """Settings given as flags."""
    config: str | None = None
    colour: str | None = None
    """What --color says."""


def everywhere() -> tuple[Option, ...]:
    """Return the options that every verb takes: one for each setting, and --json, --color and --config."""
    settings = (
        Option(f"--{name.replace('_', '-')}", _metavar(name), f"{what[:1].upper()}{what[1:]}.")
        for name, what in describe().items()
    )
    return (JSON, COLOUR, CONFIG, *settings)


def parse(words: Sequence[str]) -> Parsed | None:
    """Read a plain command line; None when typer must look at it."""
    words = joined(words)
    common = {option.flag: option for option in everywhere()}
    settings: dict[str, Value] = {}
    own: dict[str, Value] = {}
    options: dict[str, Option] = {}
    verb: Verb | None = None
    arguments: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--" and verb is not None and verb.arguments and verb.arguments[-1].many:
            arguments.extend(rest)
        elif word.startswith("-") and word != "-":
            option = options.get(word.partition("=")[0])
            into = own if option else settings
            option = option or common.get(word.partition("=")[0])
            if option is None or not _take(option, word, rest, into):
                return None
        elif verb is None:
            verb = VERBS.get(word)
            if verb is None:
                return None
            options = by_flag(verb)
        else:
            arguments.append(word)
    return _whole(verb, arguments, own, settings) if verb else None


def by_flag(verb: Verb) -> dict[str, Option]:
    """Return a verb's own options, by each way to write them."""
    long = {option.flag: option for option in verb.options}
    return long | {option.short: option for option in verb.options if option.short}


def joined(words: Sequence[str]) -> list[str]:
    """Write an option whose value may be left out in one word: `--wait 5m` as `--wait=5m`, `--wait` as `--wait=`."""
    verb = next((VERBS[word] for word in words if word in VERBS), None)
    loose = {option.flag for option in verb.options if option.optional} if verb else set()
    made = list(words)
    for place in range(len(made) - 1, -1, -1):
        if made[place] in loose and "--" not in made[:place]:
            following = made[place + 1 : place + 2]
            value = following[0] if following and re.fullmatch(_LIKE_TIME, following[0]) else ""
            made[place : place + 1 + bool(value)] = [f"{made[place]}={value}"]
    return made


def _take(option: Option, word: str, rest: Iterator[str], into: dict[str, Value]) -> bool:
    _, equals, text = word.partition("=")
    if equals and not word.startswith("--"):
        return False
    if not option.metavar:
        into[option.name] = True
        return not equals
    value = text if equals else next(rest, None)
    if value is None:
        return False
    known = into.get(option.name, ())
    into[option.name] = (*known, value) if option.many and isinstance(known, tuple) else value
    return True


def _whole(
    verb: Verb, arguments: Sequence[str], own: dict[str, Value], settings: dict[str, Value]
) -> Parsed | None:
    required = sum(argument.required for argument in verb.arguments)
    many = verb.arguments[-1] if verb.arguments and verb.arguments[-1].many else None
    if len(arguments) < required or (many is None and len(arguments) > len(verb.arguments)):
        return None
    own.update(zip((argument.name for argument in verb.arguments), arguments, strict=False))
    if many is not None and many.name in own:
        own[many.name] = tuple(arguments[len(verb.arguments) - 1 :])
    return finished(verb, own, settings)


def finished(verb: Verb, own: dict[str, Value], settings: dict[str, Value]) -> Parsed:
    """Put --json among the verb's own values, and --config and --color beside the settings."""
    if settings.pop(JSON.name, False):
        own[JSON.name] = True
    config, colour = (settings.pop(option.name, None) for option in (CONFIG, COLOUR))
    return Parsed(verb, own, settings, *(None if one is None else str(one) for one in (config, colour)))


def _metavar(name: str) -> str:
    if Settings.known[name].default is False:
        return ""
    return _METAVARS.get(name, "TIME" if name.endswith("_seconds") else "VALUE")
