"""When Python looks for garbage while somebody watches: rarely, as a look through everything holds up a key.

Answers and events go by themselves when the next ones come; only what refers to itself waits for a look.
"""

import gc
from typing import Final

_NEW_OBJECTS: Final = 700
_NEW_LOOKS: Final = 10
"""Python's own: what is new is looked through often, and each time in a millisecond or two."""
LOOKS: Final = 1_000
"""After so many looks at what is rather new, everything is looked through: once in many minutes, not seconds."""


def look_rarely() -> None:
    """Set that for this process; what is there by now stays, and is not looked at again."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _NEW_LOOKS, LOOKS)
