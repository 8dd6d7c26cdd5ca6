"""How a service tells its supervisor that it serves: one line on the descriptor it was given."""

import os
from typing import Final

READY_VARIABLE: Final = "READY_FD_OF_COORD"
"""Not COORD_*: those are settings."""

READY_LINE: Final = b"ready\n"


def tell_ready() -> None:
    """Say once that this service serves; does nothing when nobody supervises it."""
    descriptor = os.environ.pop(READY_VARIABLE, "")
    if not descriptor.isdecimal():
        return
    try:
        os.write(int(descriptor), READY_LINE)
        os.close(int(descriptor))
    except OSError:
        return
