"""A training run as a trace: one root from its first start to its end, and a span for each of its lives.

A life ends with the run's end, when it is declared lost, or, if it died without a word, when it was last heard before
its next start. A lost run that is heard again lives again. A run that is started again after its end is a new trace,
which links to the one before: a trace has to end some day.

Pure: the run's marks up to a position, and the spans that the mark at that position ends. Marks are the few of a run's
events that begin or end something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from coord.events.envelope import Recorded
from coord.events.run import RunFinished, RunLost, RunStarted
from coord.services.exporter.identity import caused_by, child_of, root_of
from coord.services.exporter.records import Attribute, EndedSpan, Link, SpanName

MARKING: Final = frozenset(("run.started", "run.finished", "run.lost"))
"""Types, without versions, of the events that are marks; so is the first of any type after `run.lost`."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One event of a run that begins or ends something."""

    recorded: Recorded
    heard_before_ns: int
    """When the run was heard right before it; 0: never."""


@dataclass(slots=True)
class _Epoch:
    """A run from a first start to its end."""

    first: Recorded
    root: SpanName
    continues: SpanName | None
    lives: int = 0
    starts: int = 0
    life: Recorded | None = None
    """What the present life began with."""
    start: Recorded | None = None
    """The newest `run.started`."""
    before: SpanName | None = None
    """The life before."""


def spans_of_run(
    marks: Sequence[Mark], position: int, items: Mapping[str, SpanName]
) -> tuple[EndedSpan, ...]:
    """Return the spans that the event at a position ends.

    Args:
        marks: the run's, up to that position.
        position: of the event.
        items: where the roots of the work items are that the run's starts name.
    """
    epoch: _Epoch | None = None
    for mark in marks:
        ended, epoch = _step(mark, epoch, items)
        if mark.recorded.position >= position:
            return tuple(ended) if mark.recorded.position == position else ()
    return ()


def root_at(marks: Sequence[Mark], position: int) -> SpanName | None:
    """Return where the root of a run is that an event at a position belongs to; None before its first start."""
    epoch: _Epoch | None = None
    for mark in marks:
        if mark.recorded.position > position:
            break
        _, epoch = _step(mark, epoch, {})
    return epoch.root if epoch is not None else None


def items_of(marks: Sequence[Mark]) -> set[str]:
    """Name the work items that the starts of a run are for."""
    starts = (mark.recorded.event for mark in marks)
    return {event.work_item for event in starts if isinstance(event, RunStarted) and event.work_item}


def _step(
    mark: Mark, epoch: _Epoch | None, items: Mapping[str, SpanName]
) -> tuple[list[EndedSpan], _Epoch | None]:
    recorded, event = mark.recorded, mark.recorded.event
    if isinstance(event, RunStarted):
        return _start(mark, epoch)
    if epoch is None:
        return [], None
    if isinstance(event, RunLost):
        return _end_life(epoch, recorded, recorded.recorded_at_ns), epoch
    if isinstance(event, RunFinished):
        if epoch.starts == 0:
            return [], epoch
        ended = _end_life(epoch, recorded, recorded.recorded_at_ns)
        ended.append(_whole(epoch, recorded, items))
        epoch.starts = 0
        return ended, epoch
    if epoch.life is None and epoch.starts:
        epoch.life, epoch.lives = recorded, epoch.lives + 1
    return [], epoch


def _start(mark: Mark, epoch: _Epoch | None) -> tuple[list[EndedSpan], _Epoch]:
    recorded = mark.recorded
    ended: list[EndedSpan] = []
    if epoch is not None and epoch.starts:
        ended = _end_life(epoch, recorded, mark.heard_before_ns)
    else:
        root = root_of("run", recorded.site, recorded.entity, recorded.envelope.id)
        epoch = _Epoch(recorded, root, epoch.root if epoch else None)
    epoch.life = epoch.start = recorded
    epoch.lives += 1
    epoch.starts += 1
    return ended, epoch


def _end_life(epoch: _Epoch, recorded: Recorded, ended_at_ns: int) -> list[EndedSpan]:
    began, epoch.life = epoch.life, None
    if began is None or epoch.start is None:
        return []
    at = child_of(epoch.root, "life", began.position)
    links = caused_by(began.envelope.traceparent)
    if epoch.before is not None:
        links = (Link(epoch.before, "retry_of"), *links)
    epoch.before = at
    started: Any = epoch.start.event
    outcome, fault = _outcome(recorded.event)
    told: dict[str, Attribute] = {"coord.run.life": epoch.lives}
    if began is epoch.start and started.resumed_from_step is not None:
        told["coord.run.resumed_from_step"] = started.resumed_from_step
    name = f"life {epoch.lives}"
    return [_span(name, at, epoch, began, recorded, ended_at_ns, outcome, told, links, fault)]


def _whole(epoch: _Epoch, recorded: Recorded, items: Mapping[str, SpanName]) -> EndedSpan:
    started: Any = epoch.first.event
    outcome, fault = _outcome(recorded.event)
    told: dict[str, Attribute] = {
        "coord.run.name": started.name,
        "coord.run.starts": epoch.starts,
        "coord.run.world_size": started.world_size,
    }
    links = caused_by(epoch.first.envelope.traceparent)
    if epoch.continues is not None:
        links = (Link(epoch.continues, "continues"), *links)
    if started.work_item:
        told["cicd.pipeline.run.id"] = started.work_item
        item = items.get(started.work_item)
        links = (*links, Link(item, "work_item")) if item is not None else links
    at_ns = recorded.recorded_at_ns
    name = f"TRAIN {started.name}"
    return _span(name, epoch.root, epoch, epoch.first, recorded, at_ns, outcome, told, links, fault)


def _span(
    name: str, at: SpanName, epoch: _Epoch, began: Recorded, recorded: Recorded, ended_at_ns: int,
    outcome: str, told: dict[str, Attribute], links: tuple[Link, ...], fault: str | None,
) -> EndedSpan:  # fmt: skip
    started: Any = (epoch.start or epoch.first).event
    attributes: dict[str, Attribute] = {
        "coord.run.id": recorded.entity,
        "coord.run.outcome": outcome,
        "coord.event.id": recorded.envelope.id,
        "coord.position": recorded.position,
        **told,
    }
    optional = {
        "host.name": started.node,
        "gen_ai.agent.id": started.agent,
        "coord.run.step": getattr(recorded.event, "step", None),
        "error.type": f"run_{outcome}" if fault is not None else None,
    }
    attributes |= {key: value for key, value in optional.items() if value is not None}
    return EndedSpan(
        name=name,
        kind="server" if at == epoch.root else "internal",
        at=at,
        parent=None if at == epoch.root else epoch.root,
        began_ns=began.recorded_at_ns,
        ended_ns=max(began.recorded_at_ns, ended_at_ns),
        attributes=attributes,
        position=recorded.position,
        links=links,
        fault=fault,
        clamped=ended_at_ns < began.recorded_at_ns,
    )


def _outcome(event: object) -> tuple[str, str | None]:
    """Return how a life ended, and what was wrong with that; None: nothing."""
    if isinstance(event, RunFinished):
        wrong = event.outcome == "failed"
        return event.outcome, (event.reason or "the run failed") if wrong else None
    if isinstance(event, RunLost):
        return "lost", f"nothing was heard of it for {event.silent_seconds:.1f} s"
    return "broken_off", "it ended without a word, and was started again"
