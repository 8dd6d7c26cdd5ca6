"""The front page of `coord`, and the reference that README prints: both made from the table of verbs."""

from typing import Final

from coord.services.cli.parse import everywhere
from coord.services.cli.surface import EXIT_CODES, VERBS
from coord.services.cli.verb import Option, Verb

_OPENING: Final = """coord - one immutable log for agents, training runs and machines

Usage: coord [--data DIR] COMMAND [ARGUMENTS] [OPTIONS]
       coord COMMAND --help
"""

_CLOSING: Final = """
Everywhere
  --data DIR       the data folder, where everything of one coord lives [or COORD_DATA]
  --config FILE    the settings file; else coord.toml here [or COORD_CONFIG]
  --json           print the answer as JSON
  --version        print the version
  Every setting that `coord config` lists may be given as a flag, too: --lease-seconds 60.

Data is printed on stdout, talk on stderr. A first tour:

  coord up --detach
  coord submit "Hash the README"
  coord claim --agent ada
  coord complete ID --agent ada --result '"done"'
  coord history ID
"""

_VERB_WIDTH: Final = 23


def front_page() -> list[str]:
    """Return the lines of `coord --help`."""
    lines = _OPENING.splitlines()
    group = ""
    for verb in VERBS.values():
        if verb.group != group:
            group = verb.group
            lines += ["", group]
        lines.append(f"  {usage(verb):{_VERB_WIDTH}}{verb.what}")
    lines += [*_CLOSING.splitlines(), "", "Exit codes"]
    return [*lines, *(f"  {code}  {meaning}" for code, meaning in EXIT_CODES)]


def usage(verb: Verb) -> str:
    """Return a verb with its arguments."""
    return " ".join((verb.name, *(argument.metavar for argument in verb.arguments)))


def reference() -> str:
    """Return every verb with its arguments and options: the surface that a test freezes."""
    parts = [
        "\n".join([usage(verb), *(f"    {_written(option)}" for option in verb.options)])
        for verb in VERBS.values()
    ]
    common = [f"    {_written(option)}" for option in everywhere()]
    return "\n".join([*parts, "everywhere", *common, ""])


def table() -> str:
    """Return the command table of README."""
    rows = [f"| `coord {usage(verb)}` | {verb.what} |" for verb in VERBS.values()]
    return "\n".join(["| command | what it does |", "| --- | --- |", *rows, ""])


def _written(option: Option) -> str:
    words = f"{option.flag} {option.metavar}".strip()
    return f"{words} ..." if option.many else words
