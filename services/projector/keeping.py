"""Seeing to copies of the past: while nobody asks, the log is folded once more, behind, for the copies on the way.

It is time for that when the log has grown by so much that a copy belongs in between, or an hour is over in which
enough came. A house with a short log keeps none: it is folded sooner than a file is opened.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from coord.events.errors import CoordError
from coord.events.questions import CopiesState
from coord.events.streams import EVENTS
from coord.services import clock
from coord.services.folder import Folder
from coord.services.projector.copies import APART_MIN, HOUR_NS, copies_in, policy_of
from coord.services.projector.keeper import Keeper
from coord.services.projector.past import Past
from coord.services.settings import Settings

LOOK_SECONDS: Final = 30.0
LAG_MAX: Final = 1_000
"""With more that is not folded in yet, the present goes first."""

_log: Final = logging.getLogger("coord.projector")


class PastCopies:
    """What sees to them, for one projector."""

    def __init__(
        self, settings: Settings, folder: Folder, keeper: Keeper, past: Past, lag: Callable[[], int]
    ) -> None:
        self._policy = policy_of(settings)
        self._root = folder.path("projection", "past")
        self._keeper = keeper
        self._past = past
        self._lag = lag
        self._next = APART_MIN
        self._reached = 0
        self._hour = 0
        self._fault = ""

    async def keep(self, look_seconds: float = LOOK_SECONDS) -> None:
        """Make copies whenever it is time, until cancelled."""
        while self._policy.bytes_max:
            await asyncio.sleep(look_seconds)
            folded, hour = self._keeper.folded.get(EVENTS.name, 0), clock.now_ns() // HOUR_NS
            is_over = hour != self._hour and folded - self._reached >= APART_MIN
            if self._lag() > LAG_MAX or (folded < self._next and not is_over):
                continue
            try:
                following = await self._past.keep_copies(folded)
                if following:
                    self._next, self._reached, self._hour, self._fault = following, folded, hour, ""
            except CoordError as error:
                self._complain(error.message)

    def state(self) -> CopiesState:
        """Say how many there are, and why there are not more."""
        found = copies_in(self._root)
        return CopiesState(
            copies=len(found),
            bytes=sum(one.size_bytes for one in found),
            bytes_max=self._policy.bytes_max,
            first=found[0].position if found else 0,
            last=found[-1].position if found else 0,
            last_at_ns=found[-1].at_ns if found else None,
            fault=self._fault,
        )

    def _complain(self, message: str) -> None:
        if self._fault != message:
            self._fault = message
            _log.warning("no copy of the past was left: %s", message)
