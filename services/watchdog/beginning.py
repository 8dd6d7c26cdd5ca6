"""Beginning: folding what the log holds already, so that a watchdog knows what stands before it follows.

    alerts, directives, nodes    all of their events; they are few
    agents, runs                 the newest event of each: who is lost, and which runs run
    a run that runs, or is lost  its events from the first on, or, of a long one, from an hour ago or from
                                 before the first evidence of its alerts that stand (lost: only with such)
    readings                     of the last ten minutes

What is found in this and not over is wanted like anything else; ids made of evidence see to it that what is in
the log already stays as it is.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from coord.events.envelope import Recorded
from coord.events.errors import InvalidEvent
from coord.events.run import RunFinished, RunLost
from coord.events.samples import HARDWARE
from coord.events.streams import EVENTS, SAMPLES
from coord.events.tokens import event_subject
from coord.events.wire import Stored, read_event, read_sample
from coord.services import clock
from coord.services.detectors.silence import RUN_LOST
from coord.services.log import Log
from coord.services.log.looking_back import read_newest, read_present, read_since
from coord.services.watchdog.watch import Watch

READINGS_SECONDS: Final = 600
RUN_EVENTS_MAX: Final = 5_000
"""A run with more events is not folded from its first."""
LONG_RUN_SECONDS: Final = 3_600
BEFORE_EVIDENCE_SECONDS: Final = 600
_NS: Final = 1_000_000_000

_log: Final = logging.getLogger("coord.watchdog")


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to follow on."""

    events: int
    """Position of EVENTS up to which everything is folded."""
    samples: int


def subjects_of(site: str, *aggregates: str) -> tuple[str, ...]:
    """Return the patterns that hold all events of these aggregates."""
    return tuple(event_subject(site, aggregate, "x")[:-1] + "*" for aggregate in aggregates)


def readings_of(site: str) -> tuple[str, ...]:
    """Return the pattern that holds the hardware readings of all nodes."""
    return (f"sample.{site}.*.{HARDWARE}",)


async def begin(log: Log, site: str, watch: Watch) -> Begun:
    """Fold what the log holds; returns where to follow on."""
    events = (await log.wait_for_stream(EVENTS.name)).last
    samples = (await log.wait_for_stream(SAMPLES.name)).last
    began = clock.monotonic()
    async for recorded in _events(
        read_present(log, EVENTS.name, subjects_of(site, "alert", "directive", "node"))
    ):
        watch.event(recorded)
    async for recorded in _events(read_newest(log, EVENTS.name, subjects_of(site, "agent"))):
        watch.event(recorded)
    running = []
    alarmed = {known.entity for _, known in watch.incidents.unclaimed() if known.rule != RUN_LOST}
    async for recorded in _events(read_newest(log, EVENTS.name, subjects_of(site, "run"))):
        if isinstance(recorded.event, RunLost) and recorded.entity not in alarmed:
            watch.event(recorded)
        elif not isinstance(recorded.event, RunFinished):
            running.append(recorded.entity)
    for run in running:
        await _fold_run(log, site, run, watch)
    since_ns = clock.now_ns() - READINGS_SECONDS * _NS
    async for batch in read_since(log, SAMPLES.name, readings_of(site), since_ns):
        for stored in batch:
            take_sample(watch, stored)
    watch.beginning = False
    watch.look_after()
    _log.info(
        "begun at position %d in %.2f s: %d runs, %d nodes, %d incidents",
        events, clock.monotonic() - began, len(running), len(watch.nodes()), len(watch.incidents),
    )  # fmt: skip
    return Begun(events, samples)


def take_event(watch: Watch, stored: Stored) -> Recorded | None:
    """Take in a message of EVENTS; None when it is no event."""
    try:
        recorded = read_event(stored)
    except InvalidEvent:
        return None
    watch.event(recorded)
    return recorded


def take_sample(watch: Watch, stored: Stored) -> str | None:
    """Take in a message of SAMPLES; return its node, None when it is no sample."""
    try:
        recorded = read_sample(stored)
    except InvalidEvent:
        return None
    watch.sample(recorded)
    return recorded.node


async def _fold_run(log: Log, site: str, run: str, watch: Watch) -> None:
    subject = event_subject(site, "run", run)
    if await log.count(subject) <= RUN_EVENTS_MAX:
        batches = read_present(log, EVENTS.name, (subject,))
    else:
        first = await log.read_after(subject, 0)
        if first is not None:
            take_event(watch, first)
        moment_ns = clock.now_ns() - LONG_RUN_SECONDS * _NS
        for _, known in watch.incidents.unclaimed():
            evidence = await log.read_at(known.stream, known.position) if known.entity == run else None
            if evidence is not None:
                moment_ns = min(moment_ns, evidence.recorded_at_ns - BEFORE_EVIDENCE_SECONDS * _NS)
        batches = read_since(log, EVENTS.name, (subject,), moment_ns)
    async for recorded in _events(batches):
        watch.event(recorded)


async def _events(batches: AsyncIterator[list[Stored]]) -> AsyncIterator[Recorded]:
    async for batch in batches:
        for recorded in _readable(batch):
            yield recorded


def _readable(batch: Sequence[Stored]) -> list[Recorded]:
    found = []
    for stored in batch:
        try:
            found.append(read_event(stored))
        except InvalidEvent:
            continue
    return found
