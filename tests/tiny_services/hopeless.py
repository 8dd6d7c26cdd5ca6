"""A service that ends before it serves, for a reason that stays."""

from coord.events.errors import NoServer
from coord.services.settings import Settings


def run(settings: Settings) -> None:
    """Refuse."""
    raise NoServer("the server refused the credential.", "Look at it.")
