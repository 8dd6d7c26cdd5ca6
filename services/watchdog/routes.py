"""Routes: telling people of alerts, by a webhook and a command, without ever holding up the watchdog.

One loop reads the events of alerts and directives, one loop a route delivers, each in the order of the log.
A notice that cannot be delivered is tried again, slower and slower, and then given up: counted, and logged.
`watchdog/routed.json` says up to which position each route has told, and how it fares; what was before a route was first set
is not told. Of several watchdogs on one data folder, one holds `watchdog/LOCK` and tells.

A process that is killed between delivering and noting it delivers that one again, with the same position.
"""

import asyncio
import fcntl
import json
import logging
import os
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from coord.events.alert import Severity
from coord.events.errors import CoordError, InvalidEvent
from coord.events.streams import EVENTS
from coord.events.wire import read_event
from coord.services import clock
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings
from coord.services.tasks import run_together
from coord.services.watchdog.beginning import subjects_of
from coord.services.watchdog.delivering import Command, NotDelivered, Route, Webhook
from coord.services.watchdog.notices import Notice, Notices

FOLDER: Final = "watchdog"
ROUTED: Final = "routed.json"
WAITING_MAX: Final = 1_000
"""Notices that wait for one route; the oldest go first, and are counted."""
LOCK_SECONDS: Final = 1.0

_log: Final = logging.getLogger("coord.watchdog")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a route waits, and how often it tries."""

    grace_seconds: float = 1.0
    """Between an alert and telling of it: the directives it leads to are told with it."""
    tries: int = 8
    again_seconds: float = 1.0
    """Before the second try; twice as long before each further one."""
    again_seconds_max: float = 60.0


def routes_of(settings: Settings) -> list[Route]:
    """Return the routes that are set.

    Raises:
        SettingsError: the command cannot be read.
    """
    routes: list[Route] = []
    if settings.alert_webhook:
        routes.append(Webhook(settings.alert_webhook))
    if settings.alert_command:
        routes.append(Command(settings.alert_command))
    return routes


class Routes:
    """All routes of one watchdog."""

    def __init__(
        self,
        log: Log,
        folder: Folder,
        settings: Settings,
        routes: list[Route],
        patience: Patience | None = None,
    ) -> None:
        self._log = log
        self._folder = folder
        self._site = settings.site
        self._notices = Notices(settings.site, cast(Severity, settings.alert_severity))
        self._patience = patience or Patience()
        self._lanes = [_Lane(route) for route in routes]
        self._noted: dict[str, Any] = {}

    async def run(self) -> None:
        """Tell until cancelled; without a route there is nothing to do."""
        if not self._lanes:
            await asyncio.Event().wait()
        descriptor = await self._turn()
        try:
            await self._recall()
            await run_together(self._read(), *(self._deliver_all(lane) for lane in self._lanes))
        finally:
            os.close(descriptor)

    async def _turn(self) -> int:
        """Wait until nobody else tells from this folder; return what holds it."""
        complained = False
        while True:
            try:
                return _held(self._folder.make(FOLDER) / "LOCK")
            except BlockingIOError:
                pass
            except (OSError, CoordError) as error:
                if not complained:
                    _log.error("nobody is told of alerts: %s", error)
                complained = True
            await asyncio.sleep(LOCK_SECONDS)

    async def _recall(self) -> None:
        """Find out where each route stands; one that is new, or of another log, begins at the end."""
        state = await self._log.wait_for_stream(EVENTS.name)
        noted = self._folder.read_json(FOLDER, ROUTED)
        same = isinstance(noted, dict) and noted.get("log") == state.created_at
        self._noted = {"log": state.created_at}
        for lane in self._lanes:
            known = noted.get(lane.route.name) if same and isinstance(noted, dict) else None
            lane.recall(known if isinstance(known, dict) else {"position": state.last})
        await self._note()

    async def _read(self) -> None:
        subjects = subjects_of(self._site, "alert", "directive")
        pulled = self._log.pull(EVENTS.name, 1, wait_seconds=1.0, subjects=subjects)
        async with aclosing(pulled) as batches:  # type: ignore[type-var]
            async for batch in batches:
                for stored in batch:
                    try:
                        notice = self._notices.observe(read_event(stored))
                    except InvalidEvent:
                        continue
                    if notice is not None:
                        for lane in self._lanes:
                            lane.put(notice)

    async def _deliver_all(self, lane: "_Lane") -> None:
        while True:
            notice, heard_at = await lane.next()
            if notice.change != "resolved":
                await asyncio.sleep(max(0.0, heard_at + self._patience.grace_seconds - clock.monotonic()))
            if not self._notices.is_silenced(notice.alert_id, clock.now_ns()):
                await self._deliver(lane, notice)
            lane.position = notice.position
            await self._note()

    async def _deliver(self, lane: "_Lane", notice: Notice) -> None:
        patience, pause = self._patience, self._patience.again_seconds
        for attempt in range(1, patience.tries + 1):
            body = json.dumps(self._notices.show(notice)).encode()
            try:
                await lane.route.deliver(body)
            except NotDelivered as error:
                lane.last_fault = error.message
                lane.failing += 1
                await self._note()
                left = patience.tries - attempt
                _log.warning("%s %s was not told of %s (%d tries left): %s",
                             lane.route.name, lane.route.where, notice.alert_id, left, error.message)  # fmt: skip
                if left:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, patience.again_seconds_max)
            else:
                lane.told += 1
                lane.failing = 0
                return
        lane.failed += 1
        _log.error("%s %s is not told of %s: given up, %d so far",
                   lane.route.name, lane.route.where, notice.alert_id, lane.failed)  # fmt: skip

    async def _note(self) -> None:
        for lane in self._lanes:
            self._noted[lane.route.name] = lane.state()
        try:
            await asyncio.to_thread(self._folder.write_json, dict(self._noted), FOLDER, ROUTED)
        except CoordError as error:
            _log.warning("what was told could not be noted: %s", error)


def _held(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


class _Lane:
    """One route and what waits for it."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.position = 0
        """Up to which all is told, silenced or given up."""
        self.told = self.failed = self.dropped = 0
        self.last_fault = ""
        self.failing = 0
        """Tries that failed since the last one that did not."""
        self._waiting: deque[tuple[Notice, float]] = deque()
        self._news = asyncio.Event()

    def recall(self, noted: dict[str, Any]) -> None:
        """Go on where an earlier process stood."""
        self.position = int(noted.get("position", 0))
        self.told, self.failed, self.dropped = (
            int(noted.get(name, 0)) for name in ("told", "failed", "dropped")
        )
        self.last_fault = str(noted.get("last_fault", ""))
        self.failing = int(noted.get("failing", 0))

    def state(self) -> dict[str, Any]:
        """Return what is noted."""
        return {
            "position": self.position,
            "told": self.told,
            "failed": self.failed,
            "dropped": self.dropped,
            "last_fault": self.last_fault,
            "failing": self.failing,
        }

    def put(self, notice: Notice) -> None:
        """Let a notice wait, unless it was told by an earlier process."""
        if notice.position <= self.position:
            return
        self._waiting.append((notice, clock.monotonic()))
        if len(self._waiting) > WAITING_MAX:
            gone, _ = self._waiting.popleft()
            self.dropped += 1
            _log.error("%s: too much waits; %s is dropped", self.route.name, gone.alert_id)
        self._news.set()

    async def next(self) -> tuple[Notice, float]:
        """Wait for the oldest notice, and when it was heard of."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()
