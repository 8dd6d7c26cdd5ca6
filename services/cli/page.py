"""The pages of `coord --help` and `coord VERB --help`, and the reference that tests freeze: made from the table of verbs.

A page is at most 80 columns wide, narrower where the terminal is, and coloured only there.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from textwrap import wrap
from typing import Final

from coord.services.cli import terminal
from coord.services.cli.examples import EXAMPLES, Example
from coord.services.cli.parse import everywhere
from coord.services.cli.surface import EXIT_CODES, VERBS
from coord.services.cli.verb import Option, Verb

Painter = Callable[[str, str], str]

PAGE_COLUMNS: Final = 80
WHAT_COORD_IS: Final = "one immutable log for agents, training runs and machines"
SHOWN_EVERYWHERE: Final = ("--json", "--color", "--data", "--config")
SETTINGS_TOLD: Final = (
    "Every setting that `coord config` lists may be given as a flag, too: --lease-seconds 60."
)
_INDENT: Final = "  "
_NAME_COLUMNS_MAX: Final = 24
_WHAT_COLUMNS_MIN: Final = 16
_USAGE: Final = (
    ("coord COMMAND [ARGUMENTS] [OPTIONS]", ""),
    ("coord COMMAND --help", "one command, with examples"),
    ("coord man", "all of it, as a manual page"),
)
TOUR: Final = (
    "coord up --detach",
    'coord submit "Hash the README"',
    "coord claim --agent ada",
    "coord complete ID --agent ada --result '\"done\"'",
    "coord history ID",
)
_NEXT: Final = (
    ("coord demo", "everything at once, on real work"),
    ("coord doctor", "what is wrong here, and what to do about it"),
    ("coord completion bash", "completion of verbs, options and ids; zsh and fish, too"),
)


def plain(text: str, _meaning: str) -> str:
    """Paint nothing."""
    return text


def front_page(paint: Painter = plain, width: int = PAGE_COLUMNS) -> list[str]:
    """Return the lines of `coord --help`."""
    lines = [*_title("coord", WHAT_COORD_IS, paint, width), "", paint("Usage", "head")]
    lines += rows(_USAGE, paint, width)
    wide = max(len(usage(verb)) for verb in VERBS.values())
    for group in dict.fromkeys(verb.group for verb in VERBS.values()):
        verbs = [(usage(one), one.what) for one in VERBS.values() if one.group == group]
        lines += ["", paint(group, "head"), *rows(verbs, paint, width, wide)]
    lines += [
        "",
        paint("Everywhere", "head"),
        *rows(_everywhere(), paint, width),
        *_prose(SETTINGS_TOLD, width),
    ]
    lines += ["", paint("Exit codes", "head")]
    lines += rows(((str(code), meaning) for code, meaning in EXIT_CODES), paint, width)
    lines += ["", *wrap("Data is printed on stdout, talk on stderr. A first tour:", width), ""]
    lines += [_INDENT + paint(line, "accent") for line in TOUR]
    return [*lines, "", paint("From here", "head"), *rows(_NEXT, paint, width)]


def verb_page(verb: Verb, paint: Painter = plain, width: int = PAGE_COLUMNS) -> list[str]:
    """Return the lines of `coord VERB --help`."""
    taken = {option.flag for option in verb.options}
    lines = [*_title(f"coord {verb.name}", verb.what, paint, width), "", paint("Usage", "head")]
    lines.append(f"{_INDENT}coord {line_of(verb)}")
    for paragraph in filter(None, verb.more.split("\n")):
        lines += ["", *_prose(paragraph, width)]
    sections = (
        ("Arguments", [(argument.metavar, argument.what) for argument in verb.arguments]),
        ("Options", [_told(option) for option in verb.options]),
        ("Everywhere", [row for row in _everywhere() if row[0].split()[0] not in taken]),
    )
    for title, told in sections:
        if told:
            lines += ["", paint(title, "head"), *rows(told, paint, width)]
    lines += _prose(SETTINGS_TOLD, width)
    return [*lines, *_examples(EXAMPLES.get(verb.name, ()), paint, width)]


def rows(pairs: Iterable[tuple[str, str]], paint: Painter, width: int, names: int = 0) -> Iterator[str]:
    """Lay out names with what they mean in two columns; what is long goes on below itself.

    Args:
        pairs: each name with its sentence.
        paint: colours the names.
        width: of the page.
        names: how wide the column of names is at least.
    """
    told = list(pairs)
    wide = min(
        max([names, *(len(name) for name, _ in told if len(name) <= _NAME_COLUMNS_MAX)]), _NAME_COLUMNS_MAX
    )
    indent = " " * (len(_INDENT) + wide + 2)
    for name, what in told:
        head = _INDENT + paint(name, "accent")
        said = wrap(what, max(width - len(indent), _WHAT_COLUMNS_MIN), break_on_hyphens=False)
        if len(name) > wide:
            yield head
            yield from (indent + line for line in said)
        else:
            yield (head + " " * (wide - len(name) + 2) + (said[0] if said else "")).rstrip()
            yield from (indent + line for line in said[1:])


def usage(verb: Verb) -> str:
    """Return a verb with its arguments."""
    return " ".join((verb.name, *(argument.metavar for argument in verb.arguments)))


def line_of(verb: Verb) -> str:
    """Return how a verb's line is written: a command that it is to run stands behind its options."""
    words = usage(verb)
    last = verb.arguments[-1].metavar if verb.arguments else ""
    if "-- " not in last:
        return f"{words} [OPTIONS]"
    return f"{words.removesuffix(last)}[OPTIONS] {last}"


def reference() -> str:
    """Return every verb with its arguments and options: the surface that a test freezes."""
    parts = [
        "\n".join([usage(verb), *(f"    {written(option)}" for option in verb.options)])
        for verb in VERBS.values()
    ]
    common = [f"    {written(option)}" for option in everywhere()]
    return "\n".join([*parts, "everywhere", *common, ""])


def table() -> str:
    """Return the command table of README."""
    lines = [f"| `coord {usage(verb)}` | {verb.what} |" for verb in VERBS.values()]
    return "\n".join(["| command | what it does |", "| --- | --- |", *lines, ""])


def written(option: Option) -> str:
    """Return an option as a line of the reference names it."""
    return f"{option.written} ..." if option.many else option.written


def painter() -> Painter:
    """Return what paints a page on stdout: nothing where colours are not welcome."""
    if not terminal.is_colourful():
        return plain
    return lambda text, meaning: terminal.bold(text) if meaning == "head" else terminal.painted(text, meaning)


def told_everywhere() -> list[Option]:
    """Return the options that every verb takes and every page shows."""
    known = {option.flag: option for option in everywhere()}
    return [known[flag] for flag in SHOWN_EVERYWHERE]


def _title(name: str, what: str, paint: Painter, width: int) -> list[str]:
    first, *rest = wrap(f"{name} - {what}", width)
    return [first.replace(name, paint(name, "accent"), 1), *rest]


def _everywhere() -> list[tuple[str, str]]:
    return [
        *map(_told, told_everywhere()),
        ("-h, --help", "Show this page."),
        ("--version", "Print the version."),
    ]


def _told(option: Option) -> tuple[str, str]:
    return option.written, f"{option.what} [or {option.variable}]" if option.variable else option.what


def _prose(text: str, width: int) -> list[str]:
    return wrap(text, width, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False)


def _examples(examples: Sequence[Example], paint: Painter, width: int) -> Iterator[str]:
    if examples:
        yield ""
        yield paint("Examples", "head")
    for example in examples:
        yield from _prose(example.what, width)
        yield f"{_INDENT * 2}{paint(example.line, 'accent')}"
