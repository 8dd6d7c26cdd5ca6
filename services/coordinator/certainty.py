"""Whether what this coordinator knows may be decided on, or it must look first.

    sure --the election is not certain--> in doubt --key ours, log read to its end--> sure
                                             |--key cannot be asked after, log read--> in doubt, decided once
                                             |--the log cannot be read--> answered "unknown"
                                             `--another holder--> answered "unknown"; it stops leading

A coordinator that stood still does not know what another one decided meanwhile; nor does one that has just taken
over know what its predecessor still appends. What it appends, the log referees; what it refuses, nobody does: a
holder would be told that its claim is over, an agent that there is nothing to do. So whoever is in doubt reads the log
to its end before it decides, as its successor does for as long as an append is tried. Many requests share one look.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from coord.events.errors import CoordError, OutcomeUnknown
from coord.services import clock
from coord.services.coordinator.election import Election
from coord.services.log.appending import APPEND_SECONDS

CONFIRM_SECONDS: Final = 1.0
"""How long the key is waited for: a coordinator serves on while its bucket does not answer."""


class Certainty:
    """What a coordinator asks before it decides. Without an election it is always sure."""

    def __init__(self, read_to_the_end: Callable[[], Awaitable[None]]) -> None:
        self._read_to_the_end = read_to_the_end
        self._election: Election | None = None
        self._in_doubt = False
        self._alone_from = float("-inf")
        self._look: asyncio.Task[float] | None = None

    def rest_on(self, election: Election) -> None:
        """Be as sure as this election is."""
        self._election = election

    def succeed(self) -> None:
        """Be in doubt until what a predecessor began to append has landed, or never will."""
        self._alone_from = clock.monotonic() + APPEND_SECONDS

    def is_sure(self) -> bool:
        """Tell whether it may be decided at once."""
        if self._election is not None:
            self._in_doubt |= clock.monotonic() < self._alone_from or not self._election.is_certain()
        return not self._in_doubt

    async def fault(self) -> CoordError | None:
        """Look, until what is known here is all that is known; return why it cannot be."""
        try:
            await self._be_sure()
        except CoordError as error:
            return error
        return None

    async def _be_sure(self) -> None:
        came = clock.monotonic()
        while not self.is_sure():
            if self._look is None or self._look.done():
                self._look = asyncio.create_task(self._settle())
                self._look.add_done_callback(_hear)
            if await asyncio.shield(self._look) >= came:
                return

    async def _settle(self) -> float:
        """Look once; return when the log's end was asked for."""
        assert self._election is not None
        confirming = asyncio.create_task(self._election.confirm())
        await asyncio.wait([confirming], timeout=CONFIRM_SECONDS)
        ours = confirming.result() if confirming.done() else None
        if ours is False:
            raise OutcomeUnknown("another coordinator leads now.", "Ask again with the same request id.")
        asked = clock.monotonic()
        await self._read_to_the_end()
        if ours:
            self._in_doubt = False
        return asked


def _hear(look: "asyncio.Task[float]") -> None:
    """Whoever waited was told; that nobody waited any more is no fault."""
    if not look.cancelled():
        look.exception()
