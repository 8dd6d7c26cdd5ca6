"""Who was heard when, told as one packed sample every two seconds: what the board shows between an agent's events."""

import asyncio
import logging
from typing import Final

from coord.events.errors import CoordError
from coord.events.samples import AGENTS_MAX, PRESENCE, Presence, PresenceSample
from coord.events.tokens import sample_subject
from coord.services import clock
from coord.services.coordinator.ledger import Ledger
from coord.services.coordinator.timekeeper import Timekeeper
from coord.services.log import Log
from coord.services.settings import Settings

PRESENCE_SECONDS: Final = 2.0

_log = logging.getLogger("coord.coordinator")


async def tell_presence(log: Log, settings: Settings, timekeeper: Timekeeper, ledger: Ledger) -> None:
    """Publish it until cancelled; who was silent for longest is left out first."""
    subject, writer, packs = sample_subject(settings.site, settings.node, PRESENCE), "c-" + clock.new_id(), 0
    while True:
        await asyncio.sleep(PRESENCE_SECONDS)
        agents = _presence(timekeeper.heard(clock.monotonic()), ledger)
        if not agents:
            continue
        packs += 1
        sample = PresenceSample(
            writer=writer, writer_sequence=packs, started_at_ns=clock.now_ns(), agents=agents
        )
        try:
            await log.publish_sample(subject, PRESENCE, sample)
        except CoordError as error:
            _log.info("presence was not published: %s", error.message)


def _presence(heard: dict[str, float], ledger: Ledger) -> tuple[Presence, ...]:
    return tuple(
        Presence(agent=name, incarnation=ledger.agents[name].incarnation, silent_seconds=silent)
        for name, silent in sorted(heard.items(), key=lambda one: one[1])[:AGENTS_MAX]
        if name in ledger.agents
    )
