"""A service that serves and does not end when it is asked to."""

import signal

from coord.services.ready import tell_ready
from coord.services.settings import Settings


def run(settings: Settings) -> None:
    """Serve for ever."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tell_ready()
    while True:
        signal.pause()
