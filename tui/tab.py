"""The process behind one tab of a browser: textual-serve speaks with it over its pipes."""

import sys
from dataclasses import replace

from coord.events.errors import CoordError
from coord.services import clock
from coord.tui.app import Dashboard
from coord.tui.feed import Feed
from coord.tui.garbage import look_rarely
from coord.tui.session import first_state, past_of, read


def main(text: str) -> None:
    """Run the dashboard as a tab wants it; a moment that cannot be had is left out, and said."""
    wanted = read(text)
    state = first_state(wanted)
    if wanted.at:
        try:
            past = past_of(wanted.folder, wanted.at, clock.now_ns(), wanted.request_seconds)
            state = replace(state, past=past)
        except CoordError as error:
            state = state.saying(str(error), clock.monotonic())
    feed = Feed(wanted.folder, wanted.actor, wanted.request_seconds)
    feed.start()
    look_rarely()
    try:
        Dashboard(feed, state).run()
    finally:
        feed.close()


if __name__ == "__main__":
    main(sys.argv[1])
