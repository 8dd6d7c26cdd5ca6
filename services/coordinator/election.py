"""Who leads a pool: a key in the bucket `coord`, with a time to live.

    standby --key free, or its holder dead on this machine--> leading --another holder seen--> standby

A leader renews its key, and goes on leading until it *sees* another holder: losing the server, or the
key, stops nobody's work. It reads the key before it writes it: the bucket is in the servers' memory, so that revisions
begin anew when they do, and another's key may bear the one that was ours. What is appended never rests on this: two
leaders at once are safe, because every append names the position it was decided on. A refusal appends nothing, and the log does not referee it; so a
leader also knows whether it is certain to lead alone, and who is not looks before it decides (certainty.py).

    certain   the key was renewed less than its life ago, and neither this process nor its connection to the
              server stood still since
"""

import asyncio
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from coord.events.errors import CoordError
from coord.services import clock
from coord.services.folder import is_alive
from coord.services.log import Log
from coord.services.log.leases import LeaseTaken, create_lease, give_up_lease, read_lease, renew_lease
from coord.services.log.streams import LEASE_KEY_SECONDS
from coord.services.settings import Settings

RENEW_SECONDS: Final = 1.0
WATCH_SECONDS: Final = 0.5
TICK_SECONDS: Final = 0.1
STILL_SECONDS: Final = 0.5
"""From when on this process stood still: the server may have been restarted meanwhile, and the key be gone."""
CERTAIN_SECONDS: Final = LEASE_KEY_SECONDS - 1.0

assert RENEW_SECONDS < CERTAIN_SECONDS < LEASE_KEY_SECONDS
assert TICK_SECONDS < STILL_SECONDS


@dataclass(frozen=True, slots=True)
class Holder:
    """Who leads: enough to tell on the same machine whether it still lives."""

    source: str
    node: str
    boot: str
    pid: int


class Election:
    """One candidate. `win` returns when it leads, `until_lost` when it does no more."""

    def __init__(self, log: Log, settings: Settings, source: str) -> None:
        self._log = log
        self._key = f"leader-{settings.pool}"
        self._me = Holder(source, settings.node, _boot_id(), os.getpid())
        self._revision = 0
        self._writing = asyncio.Lock()
        self._other_source = ""
        self._renewed = self._ticked = float("-inf")
        self._breaks = 0

    async def win(self) -> None:
        """Wait until this candidate leads."""
        while not await self._try():
            await asyncio.sleep(WATCH_SECONDS)

    async def until_lost(self) -> str:
        """Keep leading; return the source of the leader that took over."""
        self._ticked = clock.monotonic()
        due = self._ticked + RENEW_SECONDS
        while not self._other_source:
            await asyncio.sleep(TICK_SECONDS)
            now = clock.monotonic()
            if now - self._ticked >= STILL_SECONDS:
                self._renewed = float("-inf")
            self._ticked = now
            if now >= due or not self.is_certain():
                due = now + RENEW_SECONDS
                await self.confirm()
        return self._other_source

    @property
    def is_lost(self) -> bool:
        """Whether another leader was seen."""
        return bool(self._other_source)

    def is_certain(self) -> bool:
        """Tell whether nobody else can lead now."""
        now = clock.monotonic()
        fresh = now - self._renewed < CERTAIN_SECONDS and now - self._ticked < STILL_SECONDS
        return fresh and self._breaks == self._log.breaks

    async def confirm(self) -> bool | None:
        """Renew the key now: True, it is ours; False, another holds it; None, that cannot be told."""
        async with self._writing:
            began, breaks = clock.monotonic(), self._log.breaks
            try:
                found = await read_lease(self._log, self._key)
                if found is None:
                    return await self._try() or None
                holder = Holder(**json.loads(found[0]))
                if holder != self._me:
                    self._other_source = holder.source
                    return False
                self._revision = await renew_lease(self._log, self._key, self._value(), found[1])
            except CoordError:
                return None
            self._renewed, self._breaks = began, breaks
            return True

    async def resign(self) -> None:
        """Free the key, so that the next leader need not wait for it to run out."""
        await give_up_lease(self._log, self._key, self._revision)

    async def _try(self) -> bool:
        began, breaks = clock.monotonic(), self._log.breaks
        won = await self._take()
        if won:
            self._renewed, self._ticked, self._breaks = began, clock.monotonic(), breaks
        return won

    async def _take(self) -> bool:
        try:
            self._revision = await create_lease(self._log, self._key, self._value())
            return True
        except LeaseTaken:
            pass
        except CoordError:
            return False
        return await self._inherit()

    async def _inherit(self) -> bool:
        """Take over from a holder that died on this machine, without waiting for its key to go."""
        try:
            found = await read_lease(self._log, self._key)
            if found is None:
                return False
            value, revision = found
            if not self._is_dead(Holder(**json.loads(value))):
                return False
            self._revision = await renew_lease(self._log, self._key, self._value(), revision)
            return True
        except (CoordError, ValueError, TypeError):
            return False

    def _is_dead(self, holder: Holder) -> bool:
        if holder == self._me:
            return True
        here = (holder.node, holder.boot) == (self._me.node, self._me.boot)
        return here and not is_alive(holder.pid)

    def _value(self) -> bytes:
        fields: dict[str, Any] = asdict(self._me)
        return json.dumps(fields).encode()


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
