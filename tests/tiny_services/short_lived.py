"""A service that serves and ends at once, for a reason."""

from coord.services.ready import tell_ready
from coord.services.settings import Settings


def run(settings: Settings) -> None:
    """Serve, and fail."""
    tell_ready()
    raise RuntimeError("the moon is full")
