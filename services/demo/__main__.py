"""The player of a demo that is shown by a dashboard: `python -m coord.services.demo FOLDER`, until stdin ends."""

import sys
from pathlib import Path

from coord.events.errors import CoordError
from coord.services.demo.main import run
from coord.services.demo.story import say


def linger() -> None:
    """Keep the house up for whoever looks at it, until stdin ends."""
    say("\nThe story is over; the house stays up until the dashboard is closed with q.")
    sys.stdin.buffer.read()


if __name__ == "__main__":
    try:
        sys.exit(run(Path(sys.argv[1]), linger))
    except CoordError as error:
        say(f"coord: {error}")
        sys.exit(int(error.exit_code))
