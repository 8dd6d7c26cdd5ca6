"""stdout is data, stderr is talk. What cannot be written any more ends the command quietly.

Colours are for a terminal alone: never in a pipe, nor with NO_COLOR, nor on a dumb one. Five meanings, and
none of them is said by colour only.
"""

import os
import sys
from collections.abc import Callable
from typing import Final

from coord.events.errors import CoordError
from coord.services.cli.safe import safe, safe_json

COLOURS: Final = {"ok": "32", "warn": "33", "bad": "31", "accent": "36", "dim": "2"}
_COLUMNS_MIN: Final = 40
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


def columns() -> int | None:
    """Return the terminal's width; None when stdout is none, and lines may be as long as they are."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    try:
        wide = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 0
        wide = wide or os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        wide = 80
    return min(max(wide or 80, _COLUMNS_MIN), _COLUMNS_MAX)


def painted(text: str, meaning: str) -> str:
    """Colour a text where that is welcome; the text is safe already."""
    code = COLOURS.get(meaning)
    return f"\x1b[{code}m{text}\x1b[0m" if code and _is_colourful() else text


def _is_colourful() -> bool:
    if sys.stdout is None or not sys.stdout.isatty():
        return False
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"


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
