"""The first picture, before Textual is there: something true stands on the screen while the rest is imported.

The connection is made meanwhile, so that Textual's first picture has answers; and keys are kept for it.
"""

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from coord.services import clock
from coord.tui.feed import Feed
from coord.tui.frame import frame
from coord.tui.garbage import look_rarely
from coord.tui.known import Known
from coord.tui.palette import painted
from coord.tui.scene import Link, Past
from coord.tui.session import TEXTUAL, Wanted, first_state, look, past_of
from coord.tui.state import State
from coord.tui.story import Story
from coord.tui.views import VIEWS

_ENTER: Final = "\x1b[?1049h\x1b[?25l\x1b[H"
_LEAVE: Final = "\x1b[?25h\x1b[?1049l"


def run(wanted: Wanted) -> int:
    """Open the dashboard, and return when it is left.

    Raises:
        UsageError: it cannot begin as it is wanted.
        NoServer: it is to begin in the past, and nobody knows that.
    """
    state = first_state(wanted)
    if wanted.at:
        state = replace(state, past=_past(wanted))
    if not sys.stderr.isatty():
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc] # Textual paints on stderr
    feed = Feed(wanted.folder, wanted.actor, wanted.request_seconds)
    with _keys_kept():
        _paint(feed, state, wanted)
        try:
            return _shown(feed, state, wanted)
        finally:
            feed.close()
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()


def _shown(feed: Feed, state: State, wanted: Wanted) -> int:
    feed.start()
    for name, value in TEXTUAL.items():
        os.environ.setdefault(name, value)
    from coord.tui.app import Dashboard

    app = Dashboard(feed, state, Story(Path(wanted.story)) if wanted.story else None)
    look_rarely()
    app.run()
    return app.return_code or 0


@contextmanager
def _keys_kept() -> Iterator[None]:
    """Have keys wait for Textual as they come: neither echoed nor held back until a line is whole. Ctrl-C still ends."""
    try:
        keys = sys.stdin.fileno()
        before = termios.tcgetattr(keys)
    except (OSError, ValueError, termios.error):
        yield
        return
    kept = termios.tcgetattr(keys)
    kept[0] &= ~termios.ICRNL
    kept[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(keys, termios.TCSANOW, kept)
    try:
        yield
    finally:
        termios.tcsetattr(keys, termios.TCSANOW, before)


def _past(wanted: Wanted) -> Past:
    return past_of(wanted.folder, wanted.at, clock.now_ns(), wanted.request_seconds)


def _paint(feed: Feed, state: State, wanted: Wanted) -> None:
    """Paint the picture of what is known before anything was asked."""
    size = os.get_terminal_size(sys.stdout.fileno())
    known = Known(link=Link("connecting", clock.now_ns(), folder=str(wanted.folder.root)))
    scene = look(feed, state, known, clock.now_ns(), clock.monotonic())
    lines = frame(state, scene, VIEWS, max(size.columns, 1), max(size.lines, 1), clock.monotonic()).lines
    sys.stdout.write(_ENTER + "\r\n".join(painted(lines, state.theme)))  # type: ignore[arg-type]
    sys.stdout.flush()
