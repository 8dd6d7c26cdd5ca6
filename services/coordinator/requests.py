"""Which requests were answered by which event: the same request again gets the same reply.

Only the position of the decided event is kept; the reply is made again from the log. A request older than
a day, or older than the oldest that fits in memory, is answered "unknown" when its id tells its age
(UUIDv7 does); after that nobody can say any more whether it happened.
"""

from collections import OrderedDict
from typing import Final

from coord.services import clock

KEPT_MS: Final = 24 * 3_600_000
KEPT_MAX: Final = 400_000


class Requests:
    """Request ids and the positions of the events that answered them, oldest first."""

    def __init__(self, kept_max: int = KEPT_MAX) -> None:
        self._positions: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._kept_max = kept_max
        self._forgotten_ms = 0

    def __len__(self) -> int:
        return len(self._positions)

    def remember(self, request_id: str, position: int, at_ms: int) -> None:
        """Note that the event at `position` answered a request at `at_ms`."""
        self._positions[request_id] = (position, at_ms)
        while self._positions and (len(self._positions) > self._kept_max or self._oldest() < at_ms - KEPT_MS):
            _, (_, forgotten_ms) = self._positions.popitem(last=False)
            self._forgotten_ms = max(self._forgotten_ms, forgotten_ms)

    def position_of(self, request_id: str) -> int | None:
        """Return the position of the event that answered a request, if one is remembered."""
        found = self._positions.get(request_id)
        return found[0] if found else None

    def is_too_old(self, request_id: str, now_ms: int) -> bool:
        """Tell whether a request was made so long ago that its answer may have been forgotten."""
        made_ms = clock.id_time_ms(request_id)
        return made_ms is not None and made_ms < max(now_ms - KEPT_MS, self._forgotten_ms)

    def _oldest(self) -> int:
        return next(iter(self._positions.values()))[1]
