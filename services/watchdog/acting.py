"""Acting: what incidents want is asked of the coordinator, one thing after the other for each alert.

Every command carries a request id derived from what it is about, so asking again is asking once. What gets no
answer, or "unknown", is asked again for as long as it is still wanted; an alert's directive is sent only after
the alert is in the log.
"""

import asyncio
import json
import logging
from typing import Final

from coord.events.commands import Direct, RaiseAlert
from coord.events.errors import CoordError, OutcomeUnknown, UsageError
from coord.events.tokens import command_subject
from coord.services import clock
from coord.services.log import Log
from coord.services.settings import Settings
from coord.services.tasks import end
from coord.services.watchdog.incidents import ACTOR, Incidents, Step

ANSWER_SECONDS: Final = 5.0
AGAIN_SECONDS: Final = 0.05
AGAIN_SECONDS_MAX: Final = 2.0
ALERTS_AT_ONCE: Final = 100
"""More alerts than this wait for their turn."""
_AGAIN: Final = frozenset({"overloaded", "taken"})
"""Refusals that are of the moment."""

_log: Final = logging.getLogger("coord.watchdog")


class Acting:
    """The hands of one watchdog."""

    def __init__(self, log: Log, settings: Settings, incidents: Incidents) -> None:
        self._log = log
        self._pool = settings.pool
        self._incidents = incidents
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, None] = {}

    def look(self) -> None:
        """Begin what is wanted and not begun; never waits.

        What changes while it is seen to is seen to once more: a task may have asked for the last time already.
        """
        self._waiting |= dict.fromkeys(self._incidents.changed())
        ready = [alert_id for alert_id in self._waiting if alert_id not in self._tasks]
        for alert_id in ready[: max(0, ALERTS_AT_ONCE - len(self._tasks))]:
            del self._waiting[alert_id]
            task = asyncio.create_task(self._see_to(alert_id))
            self._tasks[alert_id] = task
            task.add_done_callback(lambda ended, name=alert_id: self._ended(name, ended))  # type: ignore[misc]

    async def close(self) -> None:
        """Leave what is not done: it is wanted again after the next start."""
        await end(*self._tasks.values())

    def _ended(self, alert_id: str, task: "asyncio.Task[None]") -> None:
        self._tasks.pop(alert_id, None)
        if task.cancelled():
            return
        if task.exception() is not None:
            _log.error("what alert %s wants could not be asked for", alert_id, exc_info=task.exception())
        self.look()

    async def _see_to(self, alert_id: str) -> None:
        pause = AGAIN_SECONDS
        while (step := self._incidents.next_step(alert_id)) is not None:
            if await self._ask(alert_id, step):
                self._incidents.done(alert_id, step)
                pause = AGAIN_SECONDS
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, AGAIN_SECONDS_MAX)

    async def _ask(self, alert_id: str, step: Step) -> bool:
        """Send a command; tell whether it has its final answer."""
        verb, about = _name(step)
        command = step.model_copy(update={"request_id": clock.derived_id(f"{verb}/{about}", 0)})
        subject = command_subject(self._pool, ACTOR, verb)
        try:
            body = command.model_dump_json(exclude_none=True).encode()
            reply = json.loads(await self._log.request(subject, body, ANSWER_SECONDS))
        except (OutcomeUnknown, ValueError):
            return False
        except UsageError as error:
            _log.error("%s %s cannot be sent: %s", verb, about, error)
            return True
        except CoordError as error:
            _log.info("%s %s waits: %s", verb, about, error)
            return False
        return _is_final(verb, alert_id, reply)


def _name(step: Step) -> tuple[str, str]:
    if isinstance(step, RaiseAlert):
        return "raise", step.alert_id
    if isinstance(step, Direct):
        return "direct", step.directive_id or ""
    return "resolve", step.alert_id


def _is_final(verb: str, alert_id: str, reply: dict[str, object]) -> bool:
    status, reason = reply.get("status"), reply.get("reason", "")
    if status == "done":
        if not reply.get("already"):
            _log.warning("%s %s: %s", verb, alert_id, reply.get("id"))
        return True
    if status == "unknown" or (status == "refused" and reply.get("code") in _AGAIN):
        _log.info("%s for alert %s again: %s", verb, alert_id, reason)
        return False
    if reply.get("code") != "already_exists":
        _log.error("%s for alert %s: %s: %s", verb, alert_id, status, reason)
    return True
