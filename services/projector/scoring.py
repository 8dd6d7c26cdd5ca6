"""The system's score over time: taken once a minute, kept in memory for two days, told when it is asked for."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from coord.events.errors import CoordError
from coord.events.questions import PastScore
from coord.projections.answers import Moment
from coord.projections.answers.gather import gather
from coord.projections.health import score_system
from coord.services.projector.keeper import Keeper

SCORE_SECONDS: Final = 60.0
KEPT_SECONDS: Final = 48 * 3_600
KEPT_MAX: Final = KEPT_SECONDS // int(SCORE_SECONDS)


class Scores:
    """What the system scored, a minute apart."""

    def __init__(self, keeper: Keeper, moment: Callable[[], Moment], seconds: float = SCORE_SECONDS) -> None:
        self._keeper = keeper
        self._moment = moment
        self._seconds = seconds
        self._kept: deque[tuple[int, float]] = deque(maxlen=KEPT_MAX)

    def told(self) -> tuple[PastScore, ...]:
        """Return the scores that are kept, oldest first."""
        return tuple(PastScore(at_ns=at_ns, score=score) for at_ns, score in self._kept)

    async def keep(self) -> None:
        """Take a score now and every minute, until cancelled; while the file cannot be read, none is taken."""
        while True:
            try:
                await self._take()
            except CoordError:
                """The follower tells of what is wrong, and mends it."""
            await asyncio.sleep(self._seconds)

    async def _take(self) -> None:
        moment = self._moment()
        score = await self._keeper.read(lambda reader: score_system(gather(reader, moment)).score)
        self._kept.append((moment.time_ns, score))
