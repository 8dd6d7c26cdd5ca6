"""Commands that wait: asked again when an hour is over, or when the coordinator went away meanwhile.

asked --done--> the reply     --not yet, time left--> asked again     --not yet, time over--> exit code 3
      `--unknown, time left--> asked again under the same request id: what was won is not lost
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from coord.events.errors import NothingThere, OutcomeUnknown
from coord.services import clock
from coord.services.cli.call import Call, note
from coord.services.client import Reply

ROUND_SECONDS: Final = 3_600.0
"""The longest that one request waits."""
_PAUSE_SECONDS: Final = 0.2
UNKNOWNS_MAX: Final = 300
"""So many unknown outcomes in a row, a minute of them at least, are no coordinator that comes back."""


def told_in_time(
    call: Call, verb: str, fields: Mapping[str, Any], seconds: float | None, gone: str = ""
) -> Reply:
    """Send a command that waits, until it is done or so many seconds are over; None: for ever.

    Args:
        call: the verb's.
        verb: the command's.
        fields: the command's, without `wait_seconds`.
        seconds: how long.
        gone: what is said to somebody who stops waiting; nothing may be said.

    Raises:
        NothingThere: the time is over.
        CoordError: as of any command.
        KeyboardInterrupt: they stopped.
    """
    until = None if seconds is None else clock.monotonic() + seconds
    request_id, given, unknowns = call.request_id(), call.text("request_id") is not None, 0
    while True:
        left = ROUND_SECONDS if until is None else max(until - clock.monotonic(), 0.0)
        wait_seconds = round(min(left, ROUND_SECONDS), 3)
        over = left <= ROUND_SECONDS and until is not None
        try:
            return call.tell(
                verb, request_id, {**fields, "wait_seconds": wait_seconds}, wait_seconds=wait_seconds
            )
        except NothingThere:
            if over:
                raise
            request_id, unknowns = request_id if given else clock.new_id(), 0
        except OutcomeUnknown as error:
            unknowns += 1
            if unknowns > UNKNOWNS_MAX or (until is not None and clock.monotonic() >= until):
                raise
            if unknowns == 1:
                note(f"{error.message} Asking again under the same request id.")
            time.sleep(_PAUSE_SECONDS)
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(*filter(None, (gone,))) from stop
