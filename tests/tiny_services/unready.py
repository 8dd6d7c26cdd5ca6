"""A service that ends before it serves, for a reason that may pass."""

from coord.services.settings import Settings


def run(settings: Settings) -> None:
    """Fail."""
    raise RuntimeError("the moon is \x1b[31mfull")
