"""The verbs man: the manual page, in mdoc(7), made from the table of verbs; deploy/man/coord.1 is what it prints.

On a terminal the page is shown by `man`; without one, by itself as plain pages.
"""

import re
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Final

from coord.services.cli.call import Call
from coord.services.cli.examples import EXAMPLES
from coord.services.cli.page import (
    PAGE_COLUMNS,
    SETTINGS_TOLD,
    TOUR,
    WHAT_COORD_IS,
    front_page,
    painter,
    told_everywhere,
    verb_page,
)
from coord.services.cli.surface import EXIT_CODES, VERBS
from coord.services.cli.terminal import is_terminal, out, page_columns
from coord.services.cli.verb import Option, Verb

_DATED: Final = "November 29, 2026"
"""Of the page's form; a page that names the day it was printed would differ every day."""

_LINE_BYTES_MAX: Final = 78
_SENTENCE_END: Final = re.compile(r"(?<!e\.g\.)(?<=[.!?]) +(?=[A-Z0-9`])")
_ESCAPES: Final = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
_QUOTED: Final = re.compile(r"`([^`]+)`")
_CHARACTERS: Final = re.compile("|".join(map(re.escape, _ESCAPES)))

_DESCRIPTION: Final = (
    "Everything that happens is an event in one log, which is only ever appended to.",
    "Commands are wishes: a coordinator decides them in order, and a refusal says why.",
    "What is shown is folded from the log and can be built anew from it at any time.",
    "Data is printed on stdout, talk on stderr.",
)
_ENVIRONMENT: Final = (
    ("COORD_AGENT", "Who acts, where no --agent says so."),
    ("COORD_CONFIG", "The settings file, where no --config says so."),
    ("COORD_DATA", "The data folder, where no --data says so."),
    ("COORD_INCARNATION", "As which incarnation the agent acts."),
    (
        "COORD_ITEM, COORD_FENCE",
        "In a command that `coord work` or `coord run` started: the item, and its claim.",
    ),
    ("COORD_*", "Any other setting, under its name in capitals."),
    ("NO_COLOR", "Not empty: no colours."),
    ("FORCE_COLOR, CLICOLOR_FORCE", "Not 0: colours in a pipe, too."),
    ("COLUMNS", "How wide pages and tables are."),
)
_FILES: Final = (
    ("coord.toml", "Settings, read from the present folder."),
    ("LOCK", "In the data folder: held by whoever runs the server on it."),
    ("log/", "In the data folder: what each process said."),
    ("nats/", "In the data folder: the log itself."),
    ("projection/", "In the data folder: the tables, which can always be built anew."),
)


def man(call: Call) -> int:
    """Show the manual page on a terminal, or print its source."""
    if call.json or not is_terminal():
        call.show({"name": "coord", "section": 1, "mdoc": mdoc()}, mdoc().splitlines())
        return 0
    code = _shown_by_man(mdoc())
    return _print_pages() if code is None else code


def mdoc() -> str:
    """Return the source of the manual page."""
    return "\n".join([*_head(), *_commands(), *_tail()]) + "\n"


def _head() -> Iterator[str]:
    yield from (f".Dd {_DATED}", ".Dt COORD 1", ".Os", ".Sh NAME", ".Nm coord", f".Nd {_text(WHAT_COORD_IS)}")
    yield from (".Sh SYNOPSIS", ".Nm", ".Ar command", ".Op Ar arguments", ".Op Ar options")
    yield from (".Nm", ".Ar command", ".Fl -help")
    yield from (
        ".Sh DESCRIPTION",
        *_sentences(" ".join(_DESCRIPTION)),
        ".Pp",
        "The options of every command are:",
    )
    yield from _options([*told_everywhere(), Option("--help", "", "Show a page about the command.")])
    yield from (".Pp", *_sentences(SETTINGS_TOLD))


def _commands() -> Iterator[str]:
    yield ".Sh COMMANDS"
    for group in dict.fromkeys(verb.group for verb in VERBS.values()):
        yield f".Ss {_text(group)}"
        yield ".Bl -tag -width Ds"
        for verb in VERBS.values():
            if verb.group == group:
                yield from _verb(verb)
        yield ".El"


def _verb(verb: Verb) -> Iterator[str]:
    shown = ((one, one.metavar.strip("[]").replace("--", r"\-\-")) for one in verb.arguments)
    arguments = (f"Ar {name}" if one.required else f"Op Ar {name}" for one, name in shown)
    yield " ".join((".It Ic", verb.name, *arguments))
    yield from _sentences(verb.what)
    for number, paragraph in enumerate(filter(None, verb.more.split("\n"))):
        yield from ((".Pp",) if number else ())
        yield from _sentences(paragraph)
    if verb.options:
        yield from _options(verb.options)
    if verb.name in EXAMPLES:
        yield ".Bd -literal -offset indent"
        yield from (_text(example.line) for example in EXAMPLES[verb.name])
        yield ".Ed"


def _tail() -> Iterator[str]:
    yield from (".Sh ENVIRONMENT", *_list("Ev", _ENVIRONMENT))
    yield from (".Sh FILES", *_list("Pa", _FILES))
    yield from (
        ".Sh EXIT STATUS",
        *_list("", ((str(code), f"{told.rstrip(' .')}.") for code, told in EXIT_CODES)),
    )
    yield from (".Sh EXAMPLES", "A first tour:", ".Bd -literal -offset indent", *map(_text, TOUR), ".Ed")


def _options(options: Iterable[Option]) -> Iterator[str]:
    yield ".Bl -tag -width Ds -compact"
    for option in options:
        short = f"Fl {option.short[1:]} , " if option.short else ""
        value = f" Ar {_text(option.metavar)}" if option.metavar else ""
        yield f".It {short}Fl -{_text(option.flag[2:])}{value}"
        yield from _sentences(option.what + (f" [or {option.variable}]" if option.variable else ""))
    yield ".El"


def _list(macro: str, pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield ".Bl -tag -width Ds -compact"
    for name, what in pairs:
        yield f".It {f'{macro} ' if macro else ''}{_text(name)}"
        yield from _sentences(what)
    yield ".El"


def _sentences(text: str) -> Iterator[str]:
    """Yield every sentence on lines of its own: mdoc puts the space between them."""
    for sentence in _SENTENCE_END.split(text):
        lines = wrap(_text(sentence), _LINE_BYTES_MAX, break_long_words=False, break_on_hyphens=False)
        yield from (rf"\&{line}" if line.startswith(".") else line for line in lines)


def _text(text: str) -> str:
    r"""Escape a text so that it is shown as it stands, on paper too; `words` are set in quotes."""
    parts = _QUOTED.split(text) if text.count("`") % 2 == 0 else [text]
    told = [_CHARACTERS.sub(lambda found: _ESCAPES[found[0]], part) for part in parts]
    line = "".join(rf"\(oq{part}\(cq" if place % 2 else part for place, part in enumerate(told))
    return "".join(mark if mark.isascii() else rf"\[u{ord(mark):04X}]" for mark in line)


def _shown_by_man(source: str) -> int | None:
    """Show a page with the system's `man`; None where there is none."""
    import shutil
    import subprocess
    import tempfile

    shower = shutil.which("man")
    if shower is None:
        return None
    with tempfile.NamedTemporaryFile("w", prefix="coord-", suffix=".1", encoding="utf-8") as file:
        file.write(source)
        file.flush()
        return subprocess.run([shower, "-l", file.name], check=False).returncode


def _print_pages() -> int:
    width, paint = page_columns(PAGE_COLUMNS), painter()
    for page in (front_page(paint, width), *(verb_page(verb, paint, width) for verb in VERBS.values())):
        for line in page:
            out(line)
        out("")
    return 0
