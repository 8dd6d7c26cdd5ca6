"""A service that does not say that it serves."""

import signal

from coord.services.settings import Settings


def run(settings: Settings) -> None:
    """Do nothing until asked to end."""
    signal.pause()
