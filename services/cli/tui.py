"""The verb of the dashboard: the live one, one printed picture, or served to a browser."""

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from coord.events.errors import UsageError, visible
from coord.services.cli import terminal
from coord.services.cli.call import Call, user_name
from coord.services.cli.terminal import out
from coord.services.cli.values import as_whole

if TYPE_CHECKING:
    from coord.tui.ink import Line
    from coord.tui.session import Wanted

COLUMNS_MIN: Final = 40
ROWS_MIN: Final = 8
COLUMNS_MAX: Final = 1_000
ROWS_MAX: Final = 500
_SIZE: Final = re.compile(r"([0-9]{1,4})x([0-9]{1,4})")
_USUAL_SIZE: Final = (120, 40)


def tui(call: Call) -> int:
    """Open the dashboard, or print one picture of it."""
    call.only_this_house()
    wanted = _wanted(call)
    if call.on("once"):
        return _print_once(call, wanted)
    if call.text("size") is not None:
        raise UsageError("--size is for --once: a terminal and a browser say themselves how large they are.")
    if call.on("web"):
        return _serve(call, wanted)
    for option in ("port", "bind", "public_url"):
        if call.text(option) is not None:
            raise UsageError(f"--{option.replace('_', '-')} is for --web.")
    if not (sys.stdout is not None and sys.stdout.isatty() and sys.stdin is not None and sys.stdin.isatty()):
        raise UsageError("the dashboard needs a terminal.", "In a pipe: coord tui --once.")
    from coord.tui.opening import run

    return run(wanted)


def _wanted(call: Call) -> "Wanted":
    from coord.tui.session import Wanted

    return Wanted(
        folder=call.folder,
        actor=user_name(),
        request_seconds=call.settings.request_seconds,
        view=call.text("view") or "overview",
        filter=call.text("filter") or "",
        chosen=call.text("chosen") or "",
        at=call.text("at") or "",
        theme=call.text("theme") or "",
        ascii=call.on("ascii"),
        story=call.text("story") or "",
    )


def _serve(call: Call, wanted: "Wanted") -> int:
    try:
        from coord.tui.web import PORT, serve
    except ImportError as error:
        raise UsageError(
            "coord tui --web needs textual-serve, which is not installed.", "pip install 'coord[web]'"
        ) from error
    port = as_whole(call.text("port") or str(PORT), "--port", 1, 65_535)
    bind, public_url = call.text("bind") or "127.0.0.1", call.text("public_url") or ""
    return serve(wanted._replace(browser=True), bind, port, public_url, _tell_address)


def _tell_address(address: str) -> None:
    out(address)
    terminal.flush()


def _print_once(call: Call, wanted: "Wanted") -> int:
    from coord.tui.once import once

    width, height = _size(call.text("size"))
    once(wanted, width, height, _print)
    return 0


def _size(text: str | None) -> tuple[int, int]:
    if text is None:
        return _measured()
    match = _SIZE.fullmatch(text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (1 <= size[0] <= COLUMNS_MAX and 1 <= size[1] <= ROWS_MAX):
        raise UsageError(
            f"--size is '{visible(text, 64)}'; it must be columns x rows, such as 120x40,"
            f" up to {COLUMNS_MAX}x{ROWS_MAX}."
        )
    return _large_enough(size, f"--size is {text}")


def _large_enough(size: tuple[int, int], told: str) -> tuple[int, int]:
    if size[0] < COLUMNS_MIN or size[1] < ROWS_MIN:
        raise UsageError(f"{told}; a picture needs at least {COLUMNS_MIN}x{ROWS_MIN}.")
    return size


def _measured() -> tuple[int, int]:
    """Return the size of the terminal, the line for the next prompt left out; in a pipe the usual one."""
    import os

    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return _USUAL_SIZE
    if not (size.columns and size.lines):
        return _USUAL_SIZE
    there = (size.columns, max(size.lines - 1, 1))
    return _large_enough(there, f"this terminal has room for {there[0]}x{there[1]}")


def _print(lines: "Sequence[Line]", theme: str) -> None:
    """Print a picture: with colours where they are welcome, plain elsewhere."""
    from coord.tui.ink import plain
    from coord.tui.palette import painted

    if terminal.is_colourful():
        for text in painted(lines, theme):  # type: ignore[arg-type]
            out(text)
    else:
        for line in lines:
            out(plain(line))
    terminal.flush()
