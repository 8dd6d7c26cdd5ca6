"""One picture, printed: `coord tui --once`. What a view wants was asked once; without a house the lost one is shown."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from coord.events.errors import NoServer
from coord.services import clock
from coord.tui.feed import Feed
from coord.tui.frame import frame
from coord.tui.ink import Line
from coord.tui.session import Wanted, first_state, look, past_of
from coord.tui.views import VIEWS

ANSWERS_SECONDS: Final = 10.0
"""How long answers are waited for, all together."""
_ROUNDS: Final = 4
"""What an answer makes a view ask for is asked as well: the curve of the run it found."""


def once(wanted: Wanted, width: int, height: int, show: Callable[[list[Line], str], None]) -> None:
    """Draw one picture and hand it to `show`, with its theme.

    Raises:
        NoServer: no house runs there; the picture that says so was shown.
        CoordError: the moment cannot be looked at.
    """
    state = first_state(wanted)
    if wanted.at:
        past = past_of(wanted.folder, wanted.at, clock.now_ns(), wanted.request_seconds)
        state = replace(state, past=past)
    feed = Feed(wanted.folder, wanted.actor, wanted.request_seconds)
    feed.start()
    try:
        deadline = clock.monotonic() + ANSWERS_SECONDS
        for _ in range(_ROUNDS):
            scene = look(feed, state, feed.known(), clock.now_ns(), clock.monotonic())
            feed.wait(max(deadline - clock.monotonic(), 0.0))
        known = feed.known()
        scene = look(feed, state, known, clock.now_ns(), clock.monotonic())
        show(frame(state, scene, VIEWS, width, height, clock.monotonic()).lines, state.theme)
    finally:
        feed.close()
    if known.link.state == "lost":
        raise NoServer(known.link.reason)
