"""What might come next on a command line: verbs, options, values, and ids from the house that runs.

A shell's script (completion.py) calls coord with _COORD_COMPLETE set to its name, and gets one kind and then
one candidate a line:

    bash    words of COMP_LINE up to COMP_POINT         candidates without what bash keeps of the word
    zsh     words as arguments, the last unfinished     candidate:what it is
    fish    the same                                    candidate<tab>what it is

The kind is `words`, or `files` or `folders` where the shell knows better. A house that does not answer at once
is none: whoever presses Tab waits for nothing.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from coord.events.errors import CoordError
from coord.services.cli.candidates import CHOICES, SOURCES, Candidate, House
from coord.services.cli.parse import by_flag, everywhere
from coord.services.cli.safe import safe
from coord.services.cli.surface import VERBS
from coord.services.cli.terminal import out
from coord.services.cli.verb import Argument, Option, Verb
from coord.services.folder import Folder
from coord.services.settings import load_settings

_FILES: Final = {
    "FILE": "files",
    "FILE.png|.svg": "files",
    "DIR": "folders",
    "[FOLDER]": "folders",
    "[FILE]": "files",
}
_KEPT: Final = ":="
"""What ends a word of bash's, though none of ours."""
_ALWAYS_OFFERED: Final = ("--json", "--color", "--data", "--config")
_VERSION: Final = Candidate("--version", "Print the version.")
_HELP: Final = Candidate("--help", "Show the page of this command.")


class Line(NamedTuple):
    """A command line as far as it was typed."""

    verb: Verb | None
    arguments: tuple[str, ...]
    given: Mapping[str, str]
    """Options with their values, by flag."""
    waiting: Option | None
    """The option whose value is being typed."""
    word: str
    """What was typed of the word that is completed."""


def answer(shell: str, words: Sequence[str]) -> None:
    """Print what a shell may offer."""
    typed = _words_of_bash() if shell == "bash" else list(words) or [""]
    line = read(typed)
    kind, found = candidates(line)
    out(kind)
    kept = _kept_by_bash(typed[-1]) if shell == "bash" else 0
    for candidate in found:
        text = safe(candidate.text)
        if text.startswith(typed[-1]):
            out(_written(shell, text[kept:], safe(candidate.what)))


def read(words: Sequence[str]) -> Line:
    """Read what was typed; the last word is the one to complete."""
    options = {option.flag: option for option in everywhere()}
    verb: Verb | None = None
    arguments: list[str] = []
    given: dict[str, str] = {}
    waiting: Option | None = None
    for word in words[:-1]:
        if waiting is not None:
            given[waiting.flag], waiting = word, None
        elif word.startswith("-") and word != "-":
            flag, equals, value = word.partition("=")
            option = options.get(flag)
            given[option.flag if option else flag] = value
            waits = option is not None and option.metavar and not option.optional and not equals
            waiting = option if waits else None
        elif verb is None and not arguments and word in VERBS:
            verb = VERBS[word]
            options |= by_flag(verb)
        else:
            arguments.append(word)
    flag, equals, _ = words[-1].partition("=")
    if waiting is None and equals and flag in options:
        waiting = options[flag]
    return Line(verb, tuple(arguments), given, waiting, words[-1])


def candidates(line: Line) -> tuple[str, Iterator[Candidate]]:
    """Return the kind of what may come next, and what that is."""
    if line.waiting is not None:
        flag, equals, _ = line.word.partition("=")
        return _values(line, line.waiting, f"{flag}=" if equals else "")
    if line.word.startswith("-"):
        return "words", _options(line)
    if line.verb is None:
        known = () if line.arguments else VERBS.values()
        return "words", (Candidate(verb.name, verb.what) for verb in known)
    argument = _argument(line.verb, len(line.arguments))
    return ("words", iter(())) if argument is None else _values(line, argument, "")


def _argument(verb: Verb, place: int) -> Argument | None:
    if place < len(verb.arguments):
        return verb.arguments[place]
    return verb.arguments[-1] if verb.arguments and verb.arguments[-1].many else None


def _options(line: Line) -> Iterator[Candidate]:
    """Yield the verb's own options, then what every verb takes; the settings once their name is begun."""
    own = line.verb.options if line.verb else ()
    for option in (*own, *everywhere()):
        offered = option in own or option.flag in _ALWAYS_OFFERED or len(line.word) > len("--")
        if offered and (option.many or option.flag not in line.given):
            yield Candidate(option.flag, option.what)
    yield _HELP if line.verb else _VERSION
    if line.verb is None:
        yield _HELP


def _values(line: Line, wanted: Option | Argument, before: str) -> tuple[str, Iterator[Candidate]]:
    if wanted.metavar in _FILES:
        return _FILES[wanted.metavar], iter(())
    places = (f"{line.verb.name if line.verb else ''}.{wanted.name}", wanted.name, wanted.metavar.strip("[]"))
    choices = next((CHOICES[place] for place in places if place in CHOICES), None)
    if choices is not None:
        return "words", (Candidate(before + name, what) for name, what in choices.items())
    source = next((SOURCES[place] for place in places if place in SOURCES), None)
    if source is None:
        return "words", iter(())
    return "words", (
        Candidate(before + text, what)
        for text, what in source(_house(line, before), line.arguments, line.given)
    )


def _house(line: Line, before: str) -> House:
    """Find the house that the line is about: --data and --config hold while it is typed, too."""
    flags = {"data": line.given["--data"]} if line.given.get("--data") else {}
    try:
        settings = load_settings(flags, file=line.given.get("--config") or None).settings
        return House(Folder(settings.data), line.word.removeprefix(before))
    except CoordError:
        return House(None)


def _words_of_bash() -> list[str]:
    """Split what stands before the cursor as a shell would; a quote that is still open is closed."""
    import shlex

    typed = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
    for closing in ("", "'", '"'):
        try:
            words = shlex.split(typed + closing)
        except ValueError:
            continue
        return words[1:] if words[1:] and not typed[-1:].isspace() else [*words[1:], ""]
    return [""]


def _kept_by_bash(word: str) -> int:
    """Return how much of a word bash leaves as it is: it completes only what stands behind : or =."""
    breaks = os.environ.get("COMP_WORDBREAKS", "")
    return max((word.rfind(mark) + 1 for mark in _KEPT if mark in breaks), default=0)


def _written(shell: str, text: str, what: str) -> str:
    if shell == "bash":
        return text
    if shell == "fish":
        return f"{text}\t{what}"
    return f"{text.replace(':', chr(92) + ':')}:{what}"
