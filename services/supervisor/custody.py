"""The server in custody: restarted when it died, and when it lives but can no longer write.

After a full disk or one failed fsync a stream stays write-dead until the server is restarted, also when
there is room again; publishers only see time-outs, and only the full /healthz tells. While the disk is full
a restart would help nobody: readers keep what they have until there is room.
"""

import re
from collections.abc import Callable
from typing import Final

from coord.events.errors import CoordError
from coord.services.clock import monotonic
from coord.services.folder import Folder
from coord.services.server.embedded import Address, EmbeddedServer, disk_fault
from coord.services.supervisor.brake import Brake

POLL_SECONDS: Final = 1.0
SICK_POLLS: Final = 3
"""So many bad answers in a row before a restart: one may come of a stream just removed."""

_WRITE_DEAD: Final = "write error"
"""What the server says of a stream that it has given up writing to; no need to ask again."""

_FIGURES: Final = re.compile(r"[0-9]+")


class Custody:
    """Watches an embedded server; call `look` about every POLL_SECONDS."""

    def __init__(self, server: EmbeddedServer, folder: Folder, say: Callable[[str], None]) -> None:
        self._server = server
        self._folder = folder
        self._say = say
        self._brake = Brake()
        self._sick = 0
        self._said = ""
        self._started_at = monotonic()
        self._not_before = 0.0
        self.restarts = 0

    def look(self) -> Address | None:
        """Restart the server when that is due; return its address if it was restarted."""
        reason = self._reason()
        now = monotonic()
        if not reason or now < self._not_before:
            return None
        try:
            address = self._server.restart()
        except CoordError as error:
            self._wait(now)
            self._once(f"the server cannot be restarted: {error.message}", error.hint)
            return None
        self._wait(now)
        self._sick, self._said = 0, ""
        self._started_at = monotonic()
        self.restarts += 1
        self._say(f"server restarted in {self._started_at - now:.2f}s: {reason}")
        return address

    def _reason(self) -> str:
        """Say why the server must be restarted now; empty: it need not."""
        if not self._server.is_running():
            return "its process had ended"
        complaint = self._server.complaint()
        self._sick = self._sick + 1 if complaint else 0
        if not complaint:
            self._said = ""
        if _WRITE_DEAD not in complaint and self._sick < SICK_POLLS:
            return ""
        if fault := disk_fault(self._folder):
            self._once(f"the log cannot be written: {fault}", "The server is restarted when there is room.")
            return ""
        return complaint

    def _wait(self, now: float) -> None:
        self._not_before = now + self._brake.after(now - self._started_at)

    def _once(self, what: str, then: str = "") -> None:
        """Say what stays as it is, once; figures in it may change."""
        kind = _FIGURES.sub("", what)
        if kind != self._said:
            self._said = kind
            self._say(f"{what} {then}".rstrip())
