"""Declaring who is lost: nodes that send no readings, runs that say nothing; agents are the coordinator's.

Silence is measured on this process's monotonic clock from what it heard itself; after a start, and after the
log or this process was away, everybody's time runs in full. A fact is appended behind the position at which
its subject ended as far as is known here: whoever spoke meanwhile makes the append fail, and is not lost.
"""

import asyncio
import logging
from typing import Final

from coord.events.catalog import kind_of
from coord.events.envelope import Envelope
from coord.events.errors import Conflict, CoordError, Refused
from coord.events.model import Event
from coord.events.node import NodeLost, NodeReturned
from coord.events.run import RunLost
from coord.events.samples import HARDWARE
from coord.events.streams import EVENTS, SAMPLES
from coord.events.tokens import event_subject, sample_subject
from coord.services import clock
from coord.services.detectors.silence import Silence
from coord.services.log import Append, Log
from coord.services.log.looking_back import newest
from coord.services.settings import Settings
from coord.services.watchdog.incidents import ACTOR
from coord.services.watchdog.watch import Watch

LOOK_SECONDS: Final = 0.5
AWAY_SECONDS: Final = 3.0
"""Looks further apart than this: the log, or this process, was away."""
INTERVALS_MIN: Final = 3
"""A node may miss so many of its own intervals."""
_PACK_SECONDS: Final = 1.0

_log: Final = logging.getLogger("coord.watchdog")


class Declaring:
    """Who was heard when, and what is said about who was not."""

    def __init__(self, log: Log, settings: Settings, watch: Watch) -> None:
        self._log = log
        self._settings = settings
        self._watch = watch
        self._runs = Silence()
        self._nodes = Silence()
        self._newest: dict[str, int] = {}
        """Position of the last reading, by node."""
        self._returned: dict[str, int] = {}
        """When a lost node was heard again, by the broker's clock."""
        self._looked_at = clock.monotonic()

    def begin(self) -> None:
        """Let everybody's time begin now."""
        for story in self._watch.stories():
            self.heard_run(story.run)
        for name in self._watch.nodes():
            node = self._watch.node(name)
            if node is not None and node.lost_ns is None:
                self._nodes.hear(name, self._allowed(name), clock.monotonic())

    def heard_run(self, name: str) -> None:
        """A run spoke, or was spoken to. One that is over or paused has nothing to say."""
        story = self._watch.run(name)
        if story is None or story.status != "running" or story.is_paused():
            self._runs.forget(name)
        else:
            self._runs.hear(name, self._settings.run_silence_seconds, clock.monotonic())

    def heard_node(self, name: str, position: int, at_ns: int) -> None:
        """A node sent readings."""
        self._newest[name] = position
        node = self._watch.node(name)
        if node is not None and node.lost_ns is not None and at_ns > node.lost_ns:
            self._returned[name] = at_ns
        self._nodes.hear(name, self._allowed(name), clock.monotonic())

    async def run(self) -> None:
        """Look after silence until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self._log.stream_state(EVENTS.name)
                now = clock.monotonic()
                if now - self._looked_at > AWAY_SECONDS:
                    _log.info(
                        "nothing could be heard for %.1f s: every silence begins anew", now - self._looked_at
                    )
                    self._runs.begin_anew(now)
                    self._nodes.begin_anew(now)
                self._looked_at = now
                await self._look(now)
            except CoordError as error:
                _log.info("silence could not be looked after: %s", error)

    async def _look(self, now: float) -> None:
        for name, silent_seconds in self._runs.overdue(now):
            await self._lose_run(name, silent_seconds)
        for name, silent_seconds in self._nodes.overdue(now):
            await self._lose_node(name, silent_seconds)
        for name, at_ns in list(self._returned.items()):
            await self._return_node(name, at_ns)

    async def _lose_run(self, name: str, silent_seconds: float) -> None:
        story = self._watch.run(name)
        if story is None or story.status != "running" or not story.position:
            self._runs.forget(name)
            return
        if await self._append("run", name, story.position, RunLost(silent_seconds=silent_seconds)):
            self._runs.forget(name)
        else:
            self.heard_run(name)

    async def _lose_node(self, name: str, silent_seconds: float) -> None:
        node = self._watch.node(name)
        last = await newest(self._log, SAMPLES.name, sample_subject(self._settings.site, name, HARDWARE))
        if node is None or node.lost_ns is not None:
            self._nodes.forget(name)
        elif last is not None and last.position > self._newest.get(name, last.position):
            self._nodes.hear(name, self._allowed(name), clock.monotonic())
        elif await self._append("node", name, node.position, NodeLost(silent_seconds=silent_seconds)):
            self._nodes.forget(name)
        else:
            self._nodes.hear(name, self._allowed(name), clock.monotonic())

    async def _return_node(self, name: str, at_ns: int) -> None:
        node = self._watch.node(name)
        if node is not None and node.lost_ns is not None and at_ns > node.lost_ns:
            lost_seconds = (at_ns - node.lost_ns) / 1e9
            await self._append("node", name, node.position, NodeReturned(lost_seconds=lost_seconds))
        self._returned.pop(name, None)

    async def _append(self, aggregate: str, name: str, position: int, event: Event) -> bool:
        """Append a fact behind what is known; tell whether it stands. Two watchdogs write the same event."""
        kind = kind_of(event)
        envelope = Envelope(
            id=clock.derived_id(f"{kind.name}/{name}/{position}", 0),
            type=kind.type,
            source=f"/watchdog/{self._settings.pool}",
            time=clock.rfc3339(clock.now_ns()),
            actor=ACTOR,
        )
        subject = event_subject(self._settings.site, aggregate, name)
        try:
            await self._log.append([Append(subject, position, envelope, event)])
        except Conflict:
            return False
        except Refused as error:
            _log.info("%s of %s: %s", kind.name, name, error)
            return False
        _log.warning("%s: %s", kind.name, name)
        return True

    def _allowed(self, name: str) -> float:
        node = self._watch.node(name)
        interval = max(_PACK_SECONDS, node.sample_seconds if node else 0.0)
        return max(self._settings.node_silence_seconds, INTERVALS_MIN * interval)
