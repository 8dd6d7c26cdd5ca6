"""The console script: from a command line to an exit code. Whatever happens becomes a sentence and a code.

Ctrl-C ends with 130 and a reader that has gone with 141, both quietly, as a shell would say it.
The garbage collector rests in a light command, and does not clean up behind it: 10 of a claim's 70 ms.
"""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from coord.services.cli.parse import Parsed

STOPPED: Final = 130
READER_GONE: Final = 141
COMPLETING: Final = "_COORD_COMPLETE"
"""Set by the scripts of `coord completion` to the name of a shell that asks what might come next."""


def main() -> None:
    """Run the command line of this process."""
    gc.disable()
    code = run(sys.argv[1:])
    if not gc.isenabled():
        gc.freeze()
    sys.exit(code)


def run(words: Sequence[str]) -> int:
    """Do what a command line says and return its exit code."""
    try:
        return _guarded(words) if COMPLETING not in os.environ else _completed(words)
    except KeyboardInterrupt as stop:
        if stop.args and sys.stderr is not None:
            print(f"coord: {stop}", file=sys.stderr)
        return STOPPED


def perform(parsed: "Parsed") -> int:
    """Run the function that does a verb; only its module is imported."""
    from importlib import import_module

    from coord.services.cli.call import Call
    from coord.services.cli.surface import HEAVY
    from coord.services.cli.terminal import choose_colour

    choose_colour(parsed.colour)
    module, _, function = parsed.verb.run.partition(":")
    act = getattr(import_module(f"coord.services.cli.{module}"), function)
    if parsed.verb.name in HEAVY:
        gc.enable()
    return int(act(Call(parsed)) or 0)


def _completed(words: Sequence[str]) -> int:
    """Answer a shell that wants to complete a line; nothing is ever said about what goes wrong."""
    from coord.events.errors import CoordError
    from coord.services.cli import completing, terminal

    with suppress(CoordError, OSError, ValueError, LookupError, TypeError, terminal.ReaderGone):
        terminal.prepare()
        completing.answer(os.environ[COMPLETING], words)
        terminal.flush()
    return 0


def _guarded(words: Sequence[str]) -> int:
    from coord.events.errors import CoordError, Exit
    from coord.services.cli import terminal
    from coord.services.cli.call import report
    from coord.services.cli.parse import parse

    terminal.prepare()
    try:
        try:
            parsed = parse(words)
            code = _typed(words) if parsed is None else perform(parsed)
        except CoordError as error:
            code = report(error, as_json="--json" in _before_command(words))
        terminal.flush()
    except terminal.ReaderGone:
        return READER_GONE
    except CoordError as error:
        terminal.talk(f"coord: {error}")
        return int(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the border of the command line: no traceback passes it
        terminal.talk(f"coord: unexpected: {_whereabouts(error)}. This is a fault of coord's own.")
        return int(Exit.UNEXPECTED)
    return code


def _typed(words: Sequence[str]) -> int:
    from coord.services.cli.app import run as run_typer

    return run_typer(words)


def _before_command(words: Sequence[str]) -> Sequence[str]:
    """Return what of a line is coord's own: behind -- stands what it is to run."""
    return words[: words.index("--")] if "--" in words else words


def _whereabouts(error: BaseException) -> str:
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    where = f" ({step.tb_frame.f_code.co_filename}:{step.tb_lineno})" if step is not None else ""
    return f"{type(error).__name__}: {error}{where}"


if __name__ == "__main__":
    main()
