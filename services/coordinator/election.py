"""Who leads a pool: a key in the bucket `coord`, with a time to live.

    standby --key free, or its holder dead on this machine--> leading --another holder seen--> standby

A leader renews its key, and goes on leading until it *sees* another holder: losing the server, or the
key, stops nobody's work. Correctness never rests on this. Two leaders at once are safe, because every
append names the position it was decided on; they only get in each other's way.
"""

import asyncio
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from coord.events.errors import CoordError
from coord.services.folder import is_alive
from coord.services.log import Log
from coord.services.log.leases import LeaseTaken, create_lease, give_up_lease, read_lease, renew_lease
from coord.services.settings import Settings

RENEW_SECONDS: Final = 1.0
WATCH_SECONDS: Final = 0.5


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

    async def win(self) -> None:
        """Wait until this candidate leads."""
        while not await self._try():
            await asyncio.sleep(WATCH_SECONDS)

    async def until_lost(self) -> str:
        """Keep leading; return the source of the leader that took over."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                self._revision = await renew_lease(self._log, self._key, self._value(), self._revision)
            except LeaseTaken:
                other = await self._other()
                if other is not None:
                    return other.source
                await self._try()
            except CoordError:
                continue

    async def resign(self) -> None:
        """Free the key, so that the next leader need not wait for it to run out."""
        await give_up_lease(self._log, self._key, self._revision)

    async def _try(self) -> bool:
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

    async def _other(self) -> Holder | None:
        try:
            found = await read_lease(self._log, self._key)
        except CoordError:
            return None
        holder = Holder(**json.loads(found[0])) if found else None
        return holder if holder and holder != self._me else None

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
