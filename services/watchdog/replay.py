"""Replaying a rule over a run: what it would have found with other settings, beside what was done then.

The run is read from the log itself, whole, so one that ended long ago serves as well, projector or none.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final

from coord.events.alert import AlertRaised, AlertResolved
from coord.events.directive import DirectiveIssued
from coord.events.envelope import Recorded
from coord.events.errors import InvalidEvent, OutcomeUnknown, Refused
from coord.events.streams import EVENTS
from coord.events.tokens import event_subject
from coord.events.wire import read_event
from coord.services.detectors.finding import Finding
from coord.services.detectors.loss import LossSettings, LossWatch
from coord.services.folder import Folder
from coord.services.log import Log
from coord.services.settings import Settings
from coord.services.watchdog.points import Points

RUNS_NAMED: Final = 10
_WAIT_SECONDS: Final = 1.0
_SILENCES_MAX: Final = 10

Tell = Callable[[int, int], object]
"""Hears how many messages were read, of how many."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that was raised about the run, and what came of it."""

    id: str
    rule: str
    severity: str
    summary: str
    position: int
    resolved: bool
    directives: tuple[str, ...]
    """The actions that were asked of the run for it, in their order."""


@dataclass(slots=True)
class Replayed:
    """What the replay found, and what was done then."""

    points: int = 0
    dropped_points: int = 0
    findings: list[Finding] = field(default_factory=list)
    open_at_end: bool = False
    raised: list[Raised] = field(default_factory=list)


def replay(
    settings: Settings, folder: Folder, rule: str, run: str, thresholds: LossSettings, tell: Tell
) -> Replayed:
    """Replay a rule of loss over the points of a run.

    Raises:
        Refused: the log knows no such run.
        NoServer: the log cannot be read.
    """
    return asyncio.run(_replay(settings, folder, rule, run, thresholds, tell))


async def _replay(
    settings: Settings, folder: Folder, rule: str, run: str, thresholds: LossSettings, tell: Tell
) -> Replayed:
    log = await Log.connect(settings, folder, name="coord watchdog replay")
    try:
        subject = event_subject(settings.site, "run", run)
        if not await log.count(subject):
            raise await _unknown(log, settings.site, run)
        replayed, points, watch = Replayed(), Points(), LossWatch(run, thresholds)
        async for recorded in _read(log, subject, tell):
            for point in points.take(recorded):
                replayed.points += 1
                found = watch.observe(point.step, point.values, point.position)
                replayed.findings += [finding for finding in found if finding.rule == rule]
        replayed.dropped_points = points.dropped
        replayed.open_at_end = watch.open_rule == rule
        replayed.raised = await _raised(log, settings.site, run)
        return replayed
    finally:
        await log.close()


async def _read(log: Log, pattern: str, tell: Tell = lambda _read, _of: None) -> AsyncIterator[Recorded]:
    """Read what a subject holds now; what is no event is passed over."""
    left = total = await log.count(pattern)
    silences = 0
    pulled = log.pull(EVENTS.name, 1, wait_seconds=_WAIT_SECONDS, subjects=(pattern,))
    try:
        while left > 0:
            batch = await anext(pulled)
            silences = 0 if batch else silences + 1
            if silences > _SILENCES_MAX:
                raise OutcomeUnknown(f"the log gave {total - left} of {total} messages, and then no more.")
            for stored in batch[:left]:
                try:
                    yield read_event(stored)
                except InvalidEvent:
                    continue
            left -= len(batch)
            tell(total - max(left, 0), total)
    finally:
        await pulled.aclose()  # type: ignore[attr-defined]


async def _raised(log: Log, site: str, run: str) -> list[Raised]:
    asked: dict[str, list[str]] = {}
    async for recorded in _read(log, event_subject(site, "directive", run)):
        event = recorded.event
        if isinstance(event, DirectiveIssued) and event.entity_kind == "run" and event.alert is not None:
            asked.setdefault(event.alert, []).append(event.action)
    alerts: dict[str, tuple[int, AlertRaised]] = {}
    resolved: set[str] = set()
    async for recorded in _read(log, f"ev.{site}.alert.*"):
        event = recorded.event
        if isinstance(event, AlertRaised) and (event.entity_kind, event.entity) == ("run", run):
            alerts.setdefault(recorded.entity, (recorded.position, event))
        elif isinstance(event, AlertResolved):
            resolved.add(recorded.entity)
    return [
        Raised(
            id=id_,
            rule=event.rule,
            severity=event.severity,
            summary=event.summary,
            position=position,
            resolved=id_ in resolved,
            directives=tuple(asked.get(id_, ())),
        )
        for id_, (position, event) in alerts.items()
    ]


async def _unknown(log: Log, site: str, run: str) -> Refused:
    known = [subject.rpartition(".")[2] for subject in await log.subjects(f"ev.{site}.run.*")]
    if not known:
        return Refused(f"there is no run {run}.", "No run was ever begun on this log.")
    more = f" and {len(known) - RUNS_NAMED} more" if len(known) > RUNS_NAMED else ""
    return Refused(f"there is no run {run}.", f"There are {', '.join(sorted(known)[-RUNS_NAMED:])}{more}.")
