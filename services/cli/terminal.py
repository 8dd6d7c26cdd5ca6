"""stdout is data, stderr is talk. What cannot be written any more ends the command quietly.

Five meanings have a colour, and none of them is said by colour only. Whether there is any is decided by, first
one wins: --color always or never; NO_COLOR; FORCE_COLOR or CLICOLOR_FORCE; else a terminal that is not dumb.

    stdout is                  colours    a table fits the width
    a terminal                 yes        yes
    a pipe                     no         no: what a program reads is never cut
    a pipe, FORCE_COLOR        yes        no
    a pipe, --color always     yes        where COLUMNS says how wide it is: `watch --color coord board --color always`
"""

import os
import sys
from collections.abc import Callable
from typing import Final, TextIO

from coord.events.errors import CoordError, UsageError, visible
from coord.services.cli.safe import safe, safe_json

COLOURS: Final = {"ok": "32", "warn": "33", "bad": "31", "accent": "36", "dim": "2"}
WHEN: Final = ("auto", "always", "never")
_chosen = "auto"
_COLUMNS_MIN: Final = 40
_COLUMNS_USUAL: Final = 80
_COLUMNS_DRAWN: Final = 100
_LINES_DRAWN: Final = 30
_COLUMNS_MAX: Final = 1_000


class ReaderGone(Exception):
    """Whoever read our output has gone."""


def out(line: str) -> None:
    """Write one line of data; it is safe already."""
    if sys.stdout is not None:
        _guarded(lambda: print(line))


def out_json(value: object) -> None:
    """Write one line of JSON, at once: somebody may be waiting for it."""
    out(safe_json(value))
    flush()


def talk(line: object) -> None:
    """Say something about the work, made safe here, after the data that was before it."""
    flush()
    if sys.stderr is not None:
        try:
            print(safe(line), file=sys.stderr, flush=True)
        except OSError:
            sys.stderr = None


def flush() -> None:
    """Hand on what was written.

    Raises:
        ReaderGone: nobody reads.
        CoordError: it cannot be written, e.g. to a full disk.
    """
    if sys.stdout is not None:
        _guarded(sys.stdout.flush)


def prepare() -> None:
    """Make sure that no character can fail to be written."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def choose_colour(when: str | None) -> None:
    """Do as --color says; None: as the environment and the terminal say.

    Raises:
        UsageError: it says nothing that is known.
    """
    global _chosen
    if when is not None and when not in WHEN:
        raise UsageError(f"--color is '{visible(when, 64)}'; it must be one of {', '.join(WHEN)}.")
    _chosen = when or "auto"


def is_terminal() -> bool:
    """Tell whether stdout is one."""
    return sys.stdout is not None and sys.stdout.isatty()


def columns() -> int | None:
    """Return the width that lines must fit; None when they may be as long as they are."""
    if sys.stdout is None:
        return None
    if not sys.stdout.isatty():
        return _within(_told_columns()) if _told_columns() and _chosen == "always" else None
    return _within(_told_columns() or _measured(sys.stdout))


def screen() -> tuple[int, int]:
    """Return columns and lines of what is drawn on: the terminal, or what COLUMNS and LINES say."""
    told = os.environ.get("LINES", "")
    high = int(told) if told.isascii() and told.isdigit() and len(told) < 5 else 0
    try:
        wide, tall = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        wide, tall = _COLUMNS_DRAWN, _LINES_DRAWN
    return _within(_told_columns() or wide), max(high or tall, 1)


def page_columns(most: int) -> int:
    """Return how wide a page of prose is: as the terminal is, or COLUMNS says, and never wider than `most`."""
    stream = sys.stdout
    wide = _told_columns() or (_measured(stream) if stream is not None and stream.isatty() else most)
    return min(_within(wide), most)


def painted(text: str, meaning: str) -> str:
    """Colour a text where that is welcome; the text is safe already."""
    code = COLOURS.get(meaning)
    return f"\x1b[{code}m{text}\x1b[0m" if code and is_colourful() else text


def bold(text: str) -> str:
    """Make a text stand out where colours are welcome; it is safe already."""
    return f"\x1b[1m{text}\x1b[0m" if text and is_colourful() else text


def is_colourful() -> bool:
    """Tell whether colours are welcome on stdout."""
    if sys.stdout is None or _chosen != "auto":
        return sys.stdout is not None and _chosen == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _told_columns() -> int:
    """Return what COLUMNS says, 0 for nothing or nonsense."""
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0


def _measured(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _COLUMNS_USUAL
    except (OSError, ValueError):
        return _COLUMNS_USUAL


def _within(wide: int) -> int:
    return min(max(wide, _COLUMNS_MIN), _COLUMNS_MAX)


def _guarded(write: Callable[[], object]) -> None:
    try:
        write()
    except BrokenPipeError as error:
        _abandon()
        raise ReaderGone from error
    except OSError as error:
        _abandon()
        raise CoordError(f"the output cannot be written: {error.strerror}.") from error


def _abandon() -> None:
    """Let what is still buffered fall, so that nothing fails again on the way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
